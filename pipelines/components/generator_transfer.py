"""GeneratorTransfer: a generator that was trained for one classifier, before another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from kerasser.models.gan import cleaner
from kerasser.training.batches import batches
from kerasser.training.gan import CleanedDevelopment
from pipelines.components import gan_trainer, trainer
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import keys, shards, types
from pipelines.io.folds import read_fold


class GeneratorTransferSpec(ComponentSpec):
    """Inputs: the generator, the other classifier, development speech and folds. Output: the generator for that one.

    Environments in `without` are not heard.
    """

    PARAMETERS = {"fold": str, "without": list}
    RUNTIME_PARAMETERS = {"quiet": bool}
    INPUTS = {
        "trained": types.GENERATOR,
        "model": types.MODEL,
        "clean": types.EXAMPLES,
        "folds": types.FOLDS,
    }
    LISTS = {"adversarial": types.EXAMPLES}
    OUTPUTS = {"generator": types.GENERATOR}


class GeneratorTransferExecutor(Executor):
    """Trains nothing: measures what the classifier makes of cleaned development speech, and exports both together."""

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the fold and what its development speakers say."""
        fold = read_fold(inputs["folds"], parameters["fold"])
        return {**keys.of_speakers(keys.without(inputs, "folds"), fold.dev), "fold": keys.of_fold(fold)}

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `weights.npz`, `generator.json`, `history.csv` and `saved_model/`, as the GAN's training does.

        Raises:
            AssertionError: If generator and classifier were made with other speakers.
        """
        directory, trained = outputs["generator"], inputs["trained"]
        fold = read_fold(inputs["folds"], parameters["fold"])
        facts = json.loads((trained.uri / "generator.json").read_text())
        for known in (facts["fold"], json.loads((inputs["model"].uri / "model.json").read_text())["fold"]):
            trainer.refuse_known(known, fold.test)
        attacked = several(inputs, "adversarial")
        trainer.refuse_leak((), (), inputs["clean"], *attacked)
        places = [[inputs["clean"].uri], [each.uri for each in attacked]]
        dev = batches(
            [path for each in places for path in shards.files(each, fold.dev)],
            len(shards.features(inputs["clean"].uri)),
            batch_size=64,
            without=parameters["without"],
        )
        normalization, generator = gan_trainer.load_parts(trained)
        classifier, cleaning = trainer.load(inputs["model"]), cleaner(normalization, generator)
        facts |= {
            "trained_for": facts["classifier"],
            "classifier": gan_trainer.digest(classifier),
            "dev_error_undefended": 100.0 - CleanedDevelopment(_untouched(cleaning), classifier, dev).measure(),
            "dev_error": 100.0 - CleanedDevelopment(cleaning, classifier, dev).measure(),
        }
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("weights.npz", "history.csv"):
            shutil.copyfile(trained.uri / name, directory / name)
        (directory / "generator.json").write_text(json.dumps(facts, indent=1))
        gan_trainer.export_saved_model(directory / "saved_model", normalization, generator, classifier)
        return {"generator": {"fold": fold.name, "dev_error": facts["dev_error"]}}


def _untouched(cleaning: keras.Model) -> keras.Model:
    """Returns what leaves frames as they are, with the inputs of a generator."""
    return keras.Model(cleaning.input, keras.layers.Identity()(cleaning.input["features"]))


class GeneratorTransfer(Component):
    """Puts a trained generator before another classifier."""

    SPEC = GeneratorTransferSpec
    EXECUTOR = GeneratorTransferExecutor
