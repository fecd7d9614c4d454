"""Trainer: the classifier on the fold's training speakers, steered by its development speakers."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.features import records
from kerasser.models import classifier
from kerasser.serving import export, warmup
from kerasser.training import rules
from kerasser.training.batches import TrainingBatches, batches
from kerasser.training.classifier import fit
from kerasser.training.consistency import Consistency
from kerasser.training.development import DevelopmentSpeech, condition, one_each
from kerasser.training.tensorboard.pages import LogContents, LogWriter, asking
from kerasser.training.versions import VersionBatches, development
from kerasser.util import progress
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import banks, keys, log_examples, shards, types
from pipelines.io.folds import read_fold


class TrainerSpec(ComponentSpec):
    """Inputs: utterances, examples, folds; for adversarial training the same utterances under noise. Output: the model.

    Examples, and those under noise, are one artifact or several that hold some of the speakers each.
    `share` of the utterances, in [0, 1], is replaced by their adversarial versions. With `consistency`, `{"versions",
    "weight", "worst"}` instead of {}, each utterance comes clean and in so many adversarial versions, which are to be
    answered alike; `share` is 0 then. Environments in `without` are not heard, as if nobody knew of them. `noise` are
    the banks that adversarial versions were made with: a few of them are to be heard in the log, and who speaks in made
    noise must not test. Event files go to `logdir`, or into the artifact.
    """

    PARAMETERS = {
        "fold": str,
        "layers": list,
        "classifier": dict,
        "training": dict,
        "batch_size": int,
        "balance_classes": bool,
        "share": float,
        "consistency": dict,
        "without": list,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool, "logdir": str}
    INPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}
    LISTS = {"examples": types.EXAMPLES, "adversarial": types.EXAMPLES, "noise": types.NOISE}
    OUTPUTS = {"model": types.MODEL}


class TrainerExecutor(Executor):
    """Trains one classifier for each number of layers and keeps the best on the development speakers."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the module of the learning-rate rule."""
        rule = rules.known().get(parameters["training"].get("rule", rules.DEFAULT))
        return [cls.__module__, *([rule.__name__] if rule else [])]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the fold and what it trains and steers with, and of made noise how it was made.

        Utterances and recorded noise are for the log alone.
        """
        fold = read_fold(inputs["folds"], parameters["fold"])
        read = keys.without(inputs, "folds", "utterances", "noise")
        found = {**keys.of_speakers(read, (*fold.train, *fold.dev)), "fold": keys.of_fold(fold)}
        return found | keys.of_made_noise(several(inputs, "noise"))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `weights.npz`, `model.json`, `history.csv`, `saved_model/`, `model.keras` and `logs/`."""
        directory, fold = outputs["model"], read_fold(inputs["folds"], parameters["fold"])
        examples = [each.uri for each in several(inputs, "examples")]
        names = shards.features(examples[0])
        dimension = len(names)
        reading = progress.bar(2, "steps", "reading examples", quiet=parameters["quiet"])
        train = _training_batches(inputs, fold, dimension, parameters)
        reading.update()
        attacked = several(inputs, "adversarial")
        refuse_leak(train.speakers, fold.train, *several(inputs, "examples"), *attacked)
        banks.refuse_voices(fold.test, several(inputs, "noise"), attacked)
        made = banks.made(several(inputs, "noise"))
        dev = _development_batches(inputs, fold, dimension, parameters)
        contents, heard = _logged(inputs, fold, names, parameters)
        log_dir = Path(parameters["logdir"] or directory / "logs")
        statistics = train.frame_statistics()
        reading.close()
        terms = {name: value for name, value in parameters["consistency"].items() if name != "versions"}
        consistency = Consistency(**terms) if terms else None
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
                consistency=consistency,
                work_dir=work_dir,
                log_dir=log_dir / f"layers-{layers}",
                log_writer=_log_writer(contents, heard, model, layers),
                quiet=parameters["quiet"],
                **parameters["training"],
            )
            candidates.append((max(row["val_uar"] for row in history), -layers, model, history))
        # Of two that are as good, the one with fewer layers.
        dev_ua, layers, model, history = max(candidates, key=lambda candidate: candidate[:2])
        facts = {
            "classes": list(CLASSES),
            "features": names,
            **shards.front_end(examples[0]),
            "build": {"features": dimension, "layers": -layers, **parameters["classifier"]},
            "fold": fold.to_dict(),
            "share": parameters["share"],
            **({"consistency": parameters["consistency"]} if consistency else {}),
            "noises": sorted(train.noises),
            **({"made_noise": made} if made else {}),
            "dev_ua": dev_ua,
            "search": [{"layers": -number, "dev_ua": ua, "epochs": len(rows)} for ua, number, _, rows in candidates],
        }
        _save(directory, model, history, facts, parameters["quiet"])
        shutil.rmtree(directory / "work")
        return {"model": {"fold": fold.name, "layers": -layers, "dev_ua": dev_ua, "epochs": len(history)}}


def _training_batches(
    inputs: Mapping[str, Artifact], fold: Fold, dimension: int, parameters: Mapping[str, Any]
) -> TrainingBatches | VersionBatches:
    """Returns what is trained on: one version of each utterance, or several together."""
    clean, attacked = _files(inputs, fold.train)
    if bool(attacked) != bool(parameters["share"] > 0 or parameters["consistency"]):
        raise ValueError("expected adversarial examples if, and only if, a share of them is wanted")
    options = {name: parameters[name] for name in ("batch_size", "balance_classes", "without", "seed")}
    if parameters["consistency"]:
        return VersionBatches(clean, attacked, dimension, versions=parameters["consistency"]["versions"], **options)
    return TrainingBatches(clean, dimension, adversarial=attacked, share=parameters["share"], **options)


def _development_batches(
    inputs: Mapping[str, Artifact], fold: Fold, dimension: int, parameters: Mapping[str, Any]
) -> tf.data.Dataset:
    """Returns what steers, mixed as the training is."""
    clean, attacked = _files(inputs, fold.dev)
    if parameters["consistency"]:
        return development(clean, attacked, dimension, batch_size=64, without=parameters["without"])
    mixed = {name: parameters[name] for name in ("share", "seed", "without")}
    return batches(clean, dimension, batch_size=64, adversarial=attacked, **mixed)


def _files(inputs: Mapping[str, Artifact], speakers: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Returns the files of some speakers' clean speech, and of the adversarial, none where there is none."""
    places = [[each.uri for each in several(inputs, name)] for name in ("examples", "adversarial")]
    clean, attacked = (shards.files(each, speakers) if each else [] for each in places)
    return clean, attacked


def _logged(
    inputs: Mapping[str, Artifact], fold: Fold, names: Sequence[str], parameters: Mapping[str, Any]
) -> tuple[LogContents, DevelopmentSpeech]:
    """Returns what the log shows, and development speech under every noise that the training knows."""
    places = ([each.uri for each in several(inputs, name)] for name in ("examples", "adversarial"))
    files = [path for each in places if each for path in shards.files(each, fold.dev)]
    contexts = records.contexts(files)
    settings = {name: parameters[name] for name in TrainerSpec.PARAMETERS if name != "layers"}
    # TensorBoard takes trainings of the same settings for one.
    settings["speech"] = ", ".join(sorted({condition(context) for context in contexts}))
    what = "An LSTM classifier of positive and negative emotions on eGeMAPS features, a victim to measure noise with."
    contents = log_examples.contents(
        what, settings, fold, inputs["utterances"], files, contexts, names, several(inputs, "noise")
    )
    return contents, DevelopmentSpeech(records.read(files, len(names), one_each(contexts)))


def _log_writer(contents: LogContents, heard: DevelopmentSpeech, model: keras.Model, layers: int) -> LogWriter:
    contents = replace(contents, settings={**contents.settings, "layers": layers})
    ask = asking(model, len(contents.descriptors))
    return LogWriter(
        contents, model.get_layer("normalization"), lambda: heard.answers(lambda batch: ask(batch)["logits"])
    )


def refuse_leak(speakers: Iterable[str], train: Iterable[str], *examples: Artifact) -> None:
    """Refuses to train on a speaker of another part, or on the noise that tests.

    Args:
        speakers: Whose speech was read.
        train: The fold's training speakers.
        examples: Where it was read from.

    Raises:
        AssertionError: If anything that will be trained on belongs to the test.
    """
    strangers = set(speakers) - set(train)
    if strangers:
        raise AssertionError(f"speakers outside the training part would be trained on: {sorted(strangers)}")
    if any(place.properties["noise"] == "test" for place in examples):
        raise AssertionError("examples made with the test stretch of the noise would be trained on")


def refuse_known(trained: Mapping[str, Any], tested: Iterable[str]) -> None:
    """Refuses to test speakers that a model was made with.

    Args:
        trained: `train` and `dev`, the speakers the model was made with.
        tested: Who is to be tested.

    Raises:
        AssertionError: If any of them was there in training.
    """
    known = set(tested) & {*trained["train"], *trained["dev"]}
    if known:
        raise AssertionError(f"the model would be measured on speakers it was made with: {sorted(known)}")


def _save(
    directory: Path, model: keras.Model, history: list[dict[str, float]], facts: Mapping[str, Any], quiet: bool
) -> None:
    np.savez(directory / "weights.npz", *model.get_weights())
    (directory / "model.json").write_text(json.dumps(facts, indent=1))
    with (directory / "history.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(history[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history)
    with progress.bar(2, "models", "saving", quiet=quiet) as bar:
        model.save(directory / "model.keras")
        bar.update()
        export.write(directory / "saved_model", model, CLASSES)
        normalization = model.get_layer("normalization")
        statistics = normalization.mean.numpy(), normalization.variance.numpy()
        warmup.write(directory / "saved_model", warmup.of_models(model, CLASSES, None, *statistics))


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
