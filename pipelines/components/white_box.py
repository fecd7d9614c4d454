"""WhiteBox: projected gradient descent on the features of test speech, through the generator and the classifier."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser.attack.budget import budgets
from kerasser.attack.white_box import ProjectedGradientDescent, change, logits_of
from kerasser.features import records
from kerasser.util import progress
from pipelines.components import gan_trainer
from pipelines.components.evaluator import refuse_leak
from pipelines.components.trainer import load
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import shards, types
from pipelines.io.folds import read_fold

_BATCH = 32


class WhiteBoxSpec(ComponentSpec):
    """Inputs: model, a generator or none, folds, and the examples that the black box was measured on. Output: answers.

    At each budget, features may move as far as that budget's noise moves them, root mean square.
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
        deviation = np.sqrt(normalization.variance.numpy())
        dimension = len(shards.features(inputs["clean"].uri))
        clean = _examples(inputs["clean"], fold.test, dimension)
        amounts = [astuple(each) for each in budgets(parameters["epsilons"], parameters["snrs_db"])]
        radii = _radii(inputs["adversarial"], fold.test, clean, deviation, normalization.clip_value, amounts)
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
            for budget, radius in radii.items():
                for group in groups:
                    rows += _attacked(attack, group, budget, radius, parameters["seed"])
                    bar.update(len(group))
        table = pd.DataFrame(rows).sort_values(["budget", "target", "id"])
        table.to_csv(outputs["white_box"] / "white_box.csv", index=False, lineterminator="\n")
        return {"white_box": {"steps": parameters["steps"], "restarts": parameters["restarts"]}}


def _attacked(
    attack: ProjectedGradientDescent, group: list[dict[str, Any]], budget: tuple[str, float], radius: float, seed: int
) -> list[dict[str, Any]]:
    lengths = np.array([len(example["features"]) for example in group], np.int32)
    features = np.zeros((len(group), lengths.max(), group[0]["features"].shape[1]), np.float32)
    for row, example in zip(features, group, strict=True):
        row[: len(example["features"])] = example["features"]
    labels = np.array([example["label"] for example in group])
    found = attack(features, lengths, labels, radius, seed)
    return [
        {
            **{name: example[name].decode() for name in ("id", "speaker")},
            "label": int(example["label"]),
            "budget": budget[0],
            "target": budget[1],
            "radius": radius,
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


def _radii(
    adversarial: Artifact,
    speakers: tuple[str, ...],
    clean: Mapping[bytes, Mapping[str, Any]],
    deviation: np.ndarray,
    clip_value: float,
    budgets: list[tuple[str, float]],
) -> dict[tuple[str, float], float]:
    """Returns for each budget how far its noise moves the features: the median over utterances and draws."""
    changes: dict[tuple[str, float], list[float]] = {budget: [] for budget in budgets}
    files = shards.files(adversarial.uri, speakers)
    for example in records.dataset(files, len(deviation)).as_numpy_iterator():
        facts = json.loads(example["provenance"])
        budget = (facts["budget"], float(facts["target"]))
        if budget in changes:
            moved = change(clean[example["id"]]["features"], example["features"], deviation, clip_value)
            changes[budget].append(moved)
    return {budget: float(np.median(values)) for budget, values in changes.items()}


def read(artifact: Artifact) -> pd.DataFrame:
    """Returns what came of each utterance at each budget."""
    return pd.read_csv(artifact.uri / "white_box.csv", dtype={"id": str, "speaker": str}, keep_default_na=False)


class WhiteBox(Component):
    """Attacks a model by its gradients."""

    SPEC = WhiteBoxSpec
    EXECUTOR = WhiteBoxExecutor
