"""Trainer: the classifier on the fold's training speakers, steered by its development speakers."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.data import TrainingBatches, batches
from kerasser.models import classifier
from kerasser.training import fit
from pipelines.artifacts import Artifact
from pipelines.component import Component, ComponentSpec, Executor
from pipelines.components import shards, types
from pipelines.components.folds import read_fold


class TrainerSpec(ComponentSpec):
    """Inputs: clean examples and folds. Output: the model."""

    PARAMETERS = {
        "fold": str,
        "layers": list,
        "classifier": dict,
        "training": dict,
        "batch_size": int,
        "balance_classes": bool,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool}
    INPUTS = {"examples": types.EXAMPLES, "folds": types.FOLDS}
    OUTPUTS = {"model": types.MODEL}


class TrainerExecutor(Executor):
    """Trains one classifier for each number of layers and keeps the best on the development speakers."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `weights.npz`, `model.json`, `history.csv`, `saved_model/`, `model.keras` and `logs/`."""
        directory, fold = outputs["model"], read_fold(inputs["folds"], parameters["fold"])
        examples = inputs["examples"].uri
        names = shards.features(examples)
        dimension = len(names)
        dev_files = shards.files(examples, fold.dev)
        train = TrainingBatches(
            shards.files(examples, fold.train),
            dimension,
            batch_size=parameters["batch_size"],
            seed=parameters["seed"],
            balance_classes=parameters["balance_classes"],
        )
        refuse_leak(train, fold, inputs["examples"])
        dev = batches(dev_files, dimension, batch_size=64)
        statistics = train.frame_statistics()
        candidates = []
        for layers in parameters["layers"]:
            keras.utils.set_random_seed(parameters["seed"])
            model = classifier.build(features=dimension, layers=layers, **parameters["classifier"])
            model.get_layer("normalization").adapt(*statistics)
            work_dir = directory / "work" / f"layers-{layers}"
            work_dir.mkdir(parents=True, exist_ok=True)
            history = fit(
                model,
                train,
                dev,
                work_dir=work_dir,
                log_dir=directory / "logs" / f"layers-{layers}",
                quiet=parameters["quiet"],
                **parameters["training"],
            )
            candidates.append((max(row["val_uar"] for row in history), -layers, model, history))
        # Of two that are as good, the one with fewer layers.
        dev_ua, layers, model, history = max(candidates, key=lambda candidate: candidate[:2])
        facts = {
            "classes": list(CLASSES),
            "features": names,
            "build": {"features": dimension, "layers": -layers, **parameters["classifier"]},
            "fold": fold.to_dict(),
            "dev_ua": dev_ua,
            "search": [{"layers": -number, "dev_ua": ua, "epochs": len(rows)} for ua, number, _, rows in candidates],
        }
        _save(directory, model, history, facts)
        shutil.rmtree(directory / "work")
        return {"model": {"fold": fold.name, "layers": -layers, "dev_ua": dev_ua, "epochs": len(history)}}


def refuse_leak(train: TrainingBatches, fold: Fold, examples: Artifact) -> None:
    """Refuses to train on a speaker of another part, or on the noise that tests.

    Raises:
        AssertionError: If anything that will be trained on belongs to the test.
    """
    strangers = train.speakers - set(fold.train)
    if strangers:
        raise AssertionError(f"speakers outside the training part would be trained on: {sorted(strangers)}")
    if examples.properties["noise"] == "test":
        raise AssertionError("examples made with the test stretch of the noise would be trained on")


def _save(directory: Path, model: keras.Model, history: list[dict[str, float]], facts: Mapping[str, Any]) -> None:
    np.savez(directory / "weights.npz", *model.get_weights())
    (directory / "model.json").write_text(json.dumps(facts, indent=1))
    with (directory / "history.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
    model.save(directory / "model.keras")
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        lambda features, lengths: model({"features": features, "lengths": lengths}, training=False),
        [
            tf.TensorSpec((None, None, facts["build"]["features"]), tf.float32, name="features"),
            tf.TensorSpec((None,), tf.int32, name="lengths"),
        ],
    )
    archive.write_out(directory / "saved_model", verbose=False)


def load(artifact: Artifact) -> keras.Model:
    """Returns the trained classifier, from the part of the artifact that its hash covers."""
    model = classifier.build(**json.loads((artifact.uri / "model.json").read_text())["build"])
    with np.load(artifact.uri / "weights.npz", allow_pickle=False) as weights:
        model.set_weights([weights[name] for name in weights.files])
    return model


class Trainer(Component):
    """Trains the classifier."""

    SPEC = TrainerSpec
    EXECUTOR = TrainerExecutor
