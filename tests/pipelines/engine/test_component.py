"""What a specification, a component and a cache key's parameters accept and refuse."""

import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from pipelines.engine.artifacts import ArtifactType
from pipelines.engine.component import Channel, Component, ComponentSpec, Executor, canonical, several

EXAMPLES, MODEL = ArtifactType("Examples"), ArtifactType("Model")


class Nothing(Executor):
    def do(self, inputs, outputs, parameters):
        return None


class GenSpec(ComponentSpec):
    PARAMETERS = {"rate": float, "names": list[str], "limit": int | None, "mode": Literal["a", "b"], "extra": Any}
    RUNTIME_PARAMETERS = {"workers": int}
    OUTPUTS = {"examples": EXAMPLES, "model": MODEL}


class Gen(Component):
    SPEC, EXECUTOR = GenSpec, Nothing


class TrainerSpec(ComponentSpec):
    PARAMETERS = {"layers": int}
    INPUTS = {"examples": EXAMPLES}
    OUTPUTS = {"model": MODEL}


class Trainer(Component):
    SPEC, EXECUTOR = TrainerSpec, Nothing


GOOD = {"rate": 0.5, "names": ["x"], "mode": "a", "extra": 0, "workers": 1}


def test_wiring_reads_like_tfx():
    gen = Gen(**GOOD)
    trainer = Trainer(examples=gen.outputs["examples"], layers=2)
    assert trainer.inputs["examples"].component is gen
    assert trainer.inputs["examples"].type == EXAMPLES
    assert trainer.outputs["model"].output == "model"
    assert isinstance(trainer.outputs["model"], Channel)
    assert dict(trainer.parameters) == {"layers": 2}


def test_id_is_the_class_name_unless_given():
    assert Gen(**GOOD).id == "Gen"
    assert Gen(**GOOD, id="CleanGen").id == "CleanGen"


def test_runtime_parameters_reach_the_executor_but_not_the_key():
    gen = Gen(**GOOD)
    assert gen.parameters["workers"] == 1
    assert "workers" not in gen.key_parameters


def test_a_parameter_that_may_be_none_may_be_left_out():
    assert Gen(**GOOD).parameters["limit"] is None
    assert Gen(**GOOD, limit=3).parameters["limit"] == 3


def test_an_integer_for_a_float_is_the_same_parameter():
    one, other = Gen(**{**GOOD, "rate": 2}), Gen(**{**GOOD, "rate": 2.0})
    assert json.dumps(one.key_parameters) == json.dumps(other.key_parameters)


def test_a_list_that_changes_later_does_not_change_the_key():
    names = ["x"]
    gen = Gen(**{**GOOD, "names": names})
    names.append("y")
    assert gen.key_parameters["names"] == ["x"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 2}, "Trainer: .*missing 'examples'"),
        ({"layers": 2, "examples": None, "depth": 1}, "Trainer: expected .*examples, layers.*unknown 'depth'"),
        ({"layers": 2, "examples": "somewhere"}, "Trainer.examples: expected a channel .*Received: 'somewhere'"),
        ({"layers": 2, "examples": Gen(**GOOD).outputs["model"]}, "Trainer.examples: .*Examples.*Received: .*'Model'"),
        ({"layers": 2.5, "examples": Gen(**GOOD).outputs["examples"]}, "Trainer.layers: expected int. Received: 2.5"),
        ({"layers": True, "examples": Gen(**GOOD).outputs["examples"]}, "Trainer.layers: expected int. Received: True"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        Trainer(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate", "fast"), ("names", "x"), ("limit", 1.0), ("mode", "c"), ("workers", None)],
)
def test_wrong_types_are_named(name, value):
    with pytest.raises(TypeError, match=rf"Gen\.{name}: expected .*Received: {value!r}"):
        Gen(**{**GOOD, name: value})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"PARAMETERS": {"a": int}, "INPUTS": {"a": MODEL}}, r"INPUTS\['a'\].*in PARAMETERS too"),
        ({"PARAMETERS": {"a": int}, "RUNTIME_PARAMETERS": {"a": int}}, r"RUNTIME_PARAMETERS\['a'\].*in PARAMETERS too"),
        ({"PARAMETERS": {"model": int}}, r"OUTPUTS\['model'\].*in PARAMETERS too"),
        ({"PARAMETERS": {"a": 3}}, r"PARAMETERS\['a'\]: expected a type. Received: 3"),
        ({"PARAMETERS": {"a": MODEL}}, r"PARAMETERS\['a'\]: expected a type"),
        ({"INPUTS": {"a": str}}, r"INPUTS\['a'\]: expected an ArtifactType. Received: <class 'str'>"),
        ({"OUTPUTS": {"a": "Model"}}, r"OUTPUTS\['a'\]: expected an ArtifactType"),
        ({"OUTPUTS": {}}, "OUTPUTS: expected at least one"),
        ({"PARAMETERS": {"id": str}}, r"PARAMETERS\['id'\].*own id"),
        ({"PARAMETERS": {"two words": str}}, "expected an identifier"),
    ],
)
def test_a_wrong_specification_fails_when_the_class_is_made(attributes, message):
    with pytest.raises(TypeError, match=message):
        type("BadSpec", (ComponentSpec,), {"OUTPUTS": {"model": MODEL}, **attributes})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"EXECUTOR": Nothing}, "Bad.SPEC: expected a subclass of ComponentSpec. Received: None"),
        ({"SPEC": TrainerSpec, "EXECUTOR": Nothing()}, "Bad.EXECUTOR: expected a subclass of Executor"),
    ],
)
def test_a_component_needs_both_halves(attributes, message):
    with pytest.raises(TypeError, match=message):
        type("Bad", (Component,), attributes)


class Colour(enum.Enum):
    RED = 1


class Word(enum.StrEnum):
    RED = "red"


@dataclass
class Point:
    x: float
    tags: tuple


@dataclass
class Spot:
    x: float
    tags: tuple


def test_canonical_is_json_and_orders_nothing_by_chance():
    value = {"b": Path("x/y"), "a": Colour.RED, "c": Point(0.1, ("t",)), "d": [None, True, 1, np.int64(2)]}
    again = dict(reversed(value.items()))
    text = json.dumps(canonical(value), sort_keys=True)
    assert text == json.dumps(canonical(again), sort_keys=True)
    assert json.loads(text)["b"] == "x/y"
    assert "0.1" in text


def test_canonical_tells_apart_what_differs():
    values = [
        *(0.1 + 0.2, 0.3, 1, 1.0, True, "1", None, "None", [], {}, ""),
        *(float("inf"), float("-inf"), "inf", Colour.RED, Word.RED, "red", Point(1.0, ()), Spot(1.0, ())),
    ]
    assert len({json.dumps(canonical(value)) for value in values}) == len(values)


@pytest.mark.parametrize("value", [{1, 2}, object(), {1: 2}, b"bytes", int])
def test_what_has_no_stable_form_is_refused_with_its_name(value):
    with pytest.raises(ValueError, match=rf"Gen\.extra\['deep'\].*Received: {type(value).__name__}"):
        Gen(**{**GOOD, "extra": {"deep": value}})


class JoinSpec(ComponentSpec):
    INPUTS = {"examples": EXAMPLES}
    LISTS = {"models": MODEL}
    OUTPUTS = {"model": MODEL}


class Join(Component):
    SPEC, EXECUTOR = JoinSpec, Nothing


def test_a_list_of_channels_reaches_the_executor_in_order():
    gens = [Gen(**GOOD, id=f"gen{number}") for number in range(12)]
    join = Join(examples=gens[0].outputs["examples"], models=[gen.outputs["model"] for gen in gens])
    assert [channel.component for channel in several(join.inputs, "models")] == gens
    assert several(Join(examples=gens[0].outputs["examples"], models=[]).inputs, "models") == []


def test_a_list_holds_channels_of_its_type_alone():
    gen = Gen(**GOOD)
    with pytest.raises(TypeError, match="models.1"):
        Join(examples=gen.outputs["examples"], models=[gen.outputs["model"], gen.outputs["examples"]])
    with pytest.raises(TypeError, match="missing 'models'"):
        Join(examples=gen.outputs["examples"])
