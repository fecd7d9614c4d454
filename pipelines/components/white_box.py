"""WhiteBox: projected gradient descent on the features of test speech, through the generator and the classifier."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser.attack.budget import Budget, budgets
from kerasser.attack.white_box import ProjectedGradientDescent, change, logits_of
from kerasser.features import records
from kerasser.util import progress
from kerasser.util.errors import InputError
from pipelines.components import gan_trainer
from pipelines.components.evaluator import refuse_leak
from pipelines.components.trainer import load
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import csv_tables, shards, types
from pipelines.io.folds import read_fold

_BATCH = 32
_COLUMNS = {
    **dict.fromkeys(("id", "speaker", "budget"), str),
    **dict.fromkeys(("label", "predicted"), int),
    **dict.fromkeys(("target", "radius", "margin", "gradient_norm"), float),
}


class WhiteBoxSpec(ComponentSpec):
    """Inputs: model, a generator or none, folds, and the examples that the black box was measured on. Output: answers.

    At each budget, each feature of each frame may move as far as any of that budget's draws moves it.
    """

    PARAMETERS = {"fold": str, "epsilons": list, "snrs_db": list, "steps": int, "restarts": int, "seed": int}
    RUNTIME_PARAMETERS = {"quiet": bool}
    INPUTS = {"model": types.MODEL, "clean": types.EXAMPLES, "adversarial": types.EXAMPLES, "folds": types.FOLDS}
    LISTS = {"generator": types.GENERATOR}
    OUTPUTS = {"white_box": types.WHITE_BOX}


class WhiteBoxExecutor(Executor):
    """Attacks the clean features of the test speakers at every budget."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `white_box.csv`, a row an utterance and budget."""
        fold = read_fold(inputs["folds"], parameters["fold"])
        generators = several(inputs, "generator")
        refuse_leak(json.loads((inputs["model"].uri / "model.json").read_text())["fold"], fold)
        for generator in generators:
            refuse_leak(json.loads((generator.uri / "generator.json").read_text())["fold"], fold)
        classifier = load(inputs["model"])
        normalization = classifier.get_layer("normalization")
        mean, deviation = normalization.mean.numpy(), np.sqrt(normalization.variance.numpy())
        dimension = len(shards.features(inputs["clean"].uri))
        clean = _examples(inputs["clean"], fold.test, dimension)
        amounts = budgets(parameters["epsilons"], parameters["snrs_db"])

        def moved(example: Mapping[str, Any]) -> np.ndarray:
            before = clean[example["id"]]["features"]
            return change(before, example["features"], mean, deviation, normalization.clip_value)

        boxes = _boxes(inputs["adversarial"], fold.test, clean, moved, amounts)
        attack = ProjectedGradientDescent(
            logits_of(classifier, gan_trainer.load(generators[0]) if generators else None),
            deviation,
            steps=parameters["steps"],
            restarts=parameters["restarts"],
        )
        # Of like length together: less padding.
        ordered = sorted(clean.values(), key=lambda example: (len(example["features"]), example["id"]))
        groups = [ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH)]
        rows = []
        total, quiet = len(amounts) * len(ordered), parameters["quiet"]
        with progress.bar(total, "utterance", "gradient descent", quiet=quiet) as bar:
            for budget in amounts:
                for group in groups:
                    rows += _attacked(attack, group, budget, boxes[budget], parameters["seed"])
                    bar.update(len(group))
        table = pd.DataFrame(rows).sort_values(["budget", "target", "id"])
        table.to_csv(outputs["white_box"] / "white_box.csv", index=False, lineterminator="\n")
        return {"white_box": {"steps": parameters["steps"], "restarts": parameters["restarts"]}}


def _attacked(
    attack: ProjectedGradientDescent,
    group: list[dict[str, Any]],
    budget: Budget,
    boxes: Mapping[bytes, np.ndarray],
    seed: int,
) -> list[dict[str, Any]]:
    lengths = np.array([len(example["features"]) for example in group], np.int32)
    features, radius = np.zeros((2, len(group), lengths.max(), group[0]["features"].shape[1]), np.float32)
    for place, (example, length) in enumerate(zip(group, lengths, strict=True)):
        features[place, :length], radius[place, :length] = example["features"], boxes[example["id"]]
    labels = np.array([example["label"] for example in group])
    found = attack(features, lengths, labels, radius, seed)
    return [
        {
            **{name: example[name].decode() for name in ("id", "speaker")},
            "label": int(example["label"]),
            "budget": budget.kind,
            "target": budget.value,
            # One figure for a report: the box has a side for each feature of each frame.
            "radius": float(np.sqrt(np.mean(np.square(boxes[example["id"]], dtype=np.float64)))),
            "margin": float(found.margin[number]),
            "predicted": int(found.predicted[number]),
            "gradient_norm": float(found.gradient_norm[number]),
        }
        for number, example in enumerate(group)
    ]


def _examples(artifact: Artifact, speakers: tuple[str, ...], dimension: int) -> dict[bytes, dict[str, Any]]:
    """Returns the clean examples of some speakers by id."""
    return {
        example["id"]: example
        for example in records.dataset(shards.files(artifact.uri, speakers), dimension).as_numpy_iterator()
    }


def _boxes(
    adversarial: Artifact,
    speakers: tuple[str, ...],
    ids: Iterable[bytes],
    moved: Callable[[Mapping[str, Any]], np.ndarray],
    amounts: Sequence[Budget],
) -> dict[Budget, dict[bytes, np.ndarray]]:
    """Returns for each budget and utterance how far its draws move each feature of each frame at most.

    Raises:
        InputError: If there is an utterance without a draw at a budget: nothing then says how far it may move.
    """
    boxes: dict[Budget, dict[bytes, np.ndarray]] = {budget: {} for budget in amounts}
    dimension = len(shards.features(adversarial.uri))
    for example in records.dataset(shards.files(adversarial.uri, speakers), dimension).as_numpy_iterator():
        facts = json.loads(example["provenance"])
        mine = boxes.get(Budget(facts["budget"], float(facts["target"])))
        if mine is not None:
            known, name = moved(example), example["id"]
            mine[name] = np.maximum(mine[name], known) if name in mine else known
    for budget, mine in boxes.items():
        if missing := set(ids) - set(mine):
            raise InputError(
                f"threats: expected a budget of the attack, since the white box moves as far as its draws. "
                f"Received: {budget}, with no draw for {len(missing)} utterances"
            )
    return boxes


def read(artifact: Artifact) -> pd.DataFrame:
    """Returns what came of each utterance at each budget."""
    return csv_tables.read(artifact.uri / "white_box.csv", _COLUMNS)


class WhiteBox(Component):
    """Attacks a model by its gradients."""

    SPEC = WhiteBoxSpec
    EXECUTOR = WhiteBoxExecutor
