"""ChannelGen: test utterances of a fold behind the channels that real speech passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.attack import channels
from kerasser.attack.budget import Budget
from kerasser.attack.channels import Options
from kerasser.attack.transmissions import ChannelPlan, transmitted_examples
from pipelines.components.feature_gen import chosen_front_end, front_end_modules
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import keys, shards, types, utterances
from pipelines.io.folds import read_fold


class ChannelGenSpec(ComponentSpec):
    """Inputs: utterances, folds. Output: examples.

    `channels` are pairs of a name and a level. `rooms_dir` is a folder of measured room responses, "" for made ones.
    `enhance` is the gain with which speech is enhanced before its features are taken; "" for none.
    """

    PARAMETERS = {
        "fold": str,
        "channels": list,
        "rooms_dir": str,
        "draws": int,
        "front_end": str,
        "enhance": str,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}
    OUTPUTS = {"examples": types.EXAMPLES}


class ChannelGenExecutor(Executor):
    """Sends each test utterance through every channel at every level."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the modules of the channels and of the front end."""
        return [cls.__module__, *channel_modules(parameters), *front_end_modules(parameters)]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes of utterances and folds no more than who is tested."""
        return keys.of_speakers(keys.without(inputs, "folds"), _tested(inputs, parameters))

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with what channels use beside our code: packages, and measured responses."""
        return outside(parameters)

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the shards that are missing."""
        chosen, plan = _tested(inputs, parameters), channel_plan(parameters, parameters["draws"], parameters["seed"])
        front_end = chosen_front_end(parameters["front_end"], parameters["enhance"])
        self.seen = outside(parameters)
        written = shards.write(
            outputs["examples"],
            [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in chosen],
            lambda waveform, utterance, name: transmitted_examples(waveform, utterance.id, plan, front_end, name),
            front_end,
            per_shard=16,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            bar_title=f"channels, {plan.size} each",
            each=plan.size,
        )
        return {"examples": {**written, "noise": "test"}}


def channel_plan(parameters: Mapping[str, Any], draws: int, seed: int) -> ChannelPlan:
    """Returns which channels the utterances pass: those of `channels`, with `rooms_dir`."""
    budgets = [Budget(name, float(level)) for name, level in parameters["channels"]]
    return ChannelPlan(budgets, draws, seed, Options(parameters["rooms_dir"]))


def channel_modules(parameters: Mapping[str, Any]) -> list[str]:
    """Returns the modules of the channels that some parameters name."""
    return channels.modules(_names(parameters))


def outside(parameters: Mapping[str, Any]) -> str:
    """Returns what the channels use beside our code, as a hash; "" of none."""
    options = Options(parameters["rooms_dir"])
    found = [[name, channels.get(name).outside(options)] for name in dict.fromkeys(_names(parameters))]
    return hashes.digest(found) if any(state for _, state in found) else ""


def _names(parameters: Mapping[str, Any]) -> Iterable[str]:
    return [name for name, _ in parameters["channels"]]


def _tested(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(read_fold(inputs["folds"], parameters["fold"]).test)


class ChannelGen(Component):
    """Sends test speech through channels."""

    SPEC = ChannelGenSpec
    EXECUTOR = ChannelGenExecutor
