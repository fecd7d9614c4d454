"""GanTrainer: the generator that cleans features for a classifier that stays as it is (paper, section 5.3)."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.features import records
from kerasser.models.gan import SpeechGAN, build_discriminator, build_generator, cleaner
from kerasser.models.layers import FrameNormalization
from kerasser.serving import export, warmup
from kerasser.training.batches import PairedBatches, batches
from kerasser.training.gan import CleanedDevelopment, GanTraining, fit_gan
from kerasser.util import progress
from kerasser.util.errors import InputError
from pipelines.components import trainer
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import banks, keys, log_examples, shards, types, utterances
from pipelines.io.folds import read_fold


class GanTrainerSpec(ComponentSpec):
    """Inputs: the classifier, clean and adversarial examples, folds; the same of other corpora. Output: the generator.

    Adversarial examples are one artifact or several that hold some of the speakers each. `noise` are the banks that
    they were made with: a few are to be heard in the log, and who speaks in made noise must not test. Event files go
    to `logdir`, or into the artifact.

    Of the other corpora, the training speakers of the folds named by `other_fold_names` are heard. Environments in
    `without` are heard of none.
    """

    PARAMETERS = {
        "fold": str,
        "other_fold_names": list,
        "generator_network": dict,
        "discriminator_network": dict,
        "training": dict,
        "batch_size": int,
        "clean_share": float,
        "without": list,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool, "logdir": str}
    INPUTS = {
        "model": types.MODEL,
        "utterances": types.UTTERANCES,
        "clean": types.EXAMPLES,
        "folds": types.FOLDS,
    }
    LISTS = {
        "noise": types.NOISE,
        "adversarial": types.EXAMPLES,
        "other_utterances": types.UTTERANCES,
        "other_clean": types.EXAMPLES,
        "other_adversarial": types.EXAMPLES,
        "other_folds": types.FOLDS,
    }
    OUTPUTS = {"generator": types.GENERATOR}


class GanTrainerExecutor(Executor):
    """Trains generator and discriminator on training speakers; development speakers say when to stop."""

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the fold and what it trains and steers with, whose recordings it tests, and the other corpora's train.

        Recorded noise is for the log alone; of made noise it counts how it was made.
        """
        fold = read_fold(inputs["folds"], parameters["fold"])
        found = keys.of_speakers(
            keys.without(inputs, "folds", "utterances", *GanTrainerSpec.LISTS), (*fold.train, *fold.dev)
        )
        own = {name: artifact for name, artifact in inputs.items() if name.startswith("adversarial.")}
        found |= keys.of_speakers(own, (*fold.train, *fold.dev))
        found |= {"fold": keys.of_fold(fold), "utterances": utterances.digest(inputs["utterances"], fold.test)}
        found |= keys.of_made_noise(several(inputs, "noise"))
        for number, (artifact, name) in enumerate(
            zip(several(inputs, "other_folds"), parameters["other_fold_names"], strict=True)
        ):
            other = read_fold(artifact, name)
            parts = ("other_utterances", "other_clean", "other_adversarial")
            found |= keys.of_speakers({f"{part}.{number}": inputs[f"{part}.{number}"] for part in parts}, other.train)
            found[f"other_folds.{number}"] = keys.of_fold(other)
            found[f"other_name.{number}"] = utterances.facts(inputs[f"other_utterances.{number}"])["name"]
        return found

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the generator, its history and logs, the whole GAN, and the defended classifier.

        They are `weights.npz`, `generator.json`, `history.csv`, `logs/`, `model.keras` and `saved_model/`.

        Raises:
            InputError: If another corpus holds the same recordings as the test speakers'.
            AssertionError: If anything that belongs to the test would be trained on.
        """
        directory, fold = outputs["generator"], read_fold(inputs["folds"], parameters["fold"])
        others = [
            read_fold(artifact, name)
            for artifact, name in zip(several(inputs, "other_folds"), parameters["other_fold_names"], strict=True)
        ]
        refuse_leak(inputs, fold, others)
        clean = [inputs["clean"], *several(inputs, "other_clean")]
        adversarial = [several(inputs, "adversarial"), *([each] for each in several(inputs, "other_adversarial"))]
        names = shards.features(clean[0].uri)
        keras.utils.set_random_seed(parameters["seed"])
        reading = progress.bar(3, "steps", "reading examples", quiet=parameters["quiet"])
        pairs = PairedBatches(
            [
                (shards.files(one.uri, each.train), shards.files([place.uri for place in two], each.train))
                for one, two, each in zip(clean, adversarial, [fold, *others], strict=True)
            ],
            len(names),
            batch_size=parameters["batch_size"],
            seed=parameters["seed"],
            clean_share=parameters["clean_share"],
            without=parameters["without"],
        )
        reading.update()
        for speakers, each, one, two in zip(pairs.speakers, [fold, *others], clean, adversarial, strict=True):
            trainer.refuse_leak(speakers, each.train, one, *two)
        places = [[clean[0].uri], [each.uri for each in adversarial[0]]]
        dev_files = [path for each in places for path in shards.files(each, fold.dev)]
        contexts, without = records.contexts(dev_files), parameters["without"]
        dev = batches(dev_files, len(names), batch_size=64, without=without)
        # In the order of the batches.
        examples = [each for each in contexts if each.provenance["noise"] not in without]
        classifier = trainer.load(inputs["model"])
        before = digest(classifier)
        gan = build(len(names), parameters["generator_network"], parameters["discriminator_network"])
        gan.normalization.adapt(*pairs.frame_statistics())
        reading.update()
        identity = 100.0 - _uar(gan, classifier, dev)
        reading.close()
        share = json.loads((inputs["model"].uri / "model.json").read_text())["share"]
        work_dir = directory / "work"
        work_dir.mkdir(parents=True, exist_ok=True)
        history = fit_gan(
            gan,
            classifier,
            pairs,
            dev,
            GanTraining(**parameters["training"]),
            work_dir=work_dir,
            log_dir=Path(parameters["logdir"] or directory / "logs"),
            examples=examples,
            contents=log_examples.contents(
                "A generator that cleans eGeMAPS features of noisy speech for a classifier that stays as it is.",
                {**{name: parameters[name] for name in GanTrainerSpec.PARAMETERS}, "classifier_share": share},
                fold,
                inputs["utterances"],
                dev_files,
                contexts,
                names,
                several(inputs, "noise"),
                [utterances.facts(artifact)["name"] for artifact in several(inputs, "other_utterances")],
            ),
            quiet=parameters["quiet"],
        )
        saving = progress.bar(3, "steps", "saving", quiet=parameters["quiet"])
        if digest(classifier) != before:
            raise AssertionError("the classifier's weights changed while the generator was trained for it")
        made = banks.made(several(inputs, "noise"))
        facts = {
            "build": {"features": len(names), **parameters["generator_network"]},
            "fold": fold.to_dict(),
            "noises": sorted(pairs.noises),
            **({"made_noise": made} if made else {}),
            "classifier": before,
            "weights": digest(cleaner(gan.normalization, gan.generator)),
            "dev_error_undefended": identity,
            "dev_error": 100.0 - _uar(gan, classifier, dev),
            "epochs": {
                phase: sum(row["phase"] == phase for row in history)
                for phase in dict.fromkeys(r["phase"] for r in history)
            },
        }
        saving.update()
        _save(directory, gan, history, facts)
        saving.update()
        export_saved_model(directory / "saved_model", gan.normalization, gan.generator, classifier)
        saving.close()
        shutil.rmtree(work_dir)
        return {"generator": {"fold": fold.name, "dev_error": facts["dev_error"]}}


def refuse_leak(inputs: Mapping[str, Artifact], fold: Fold, others: Sequence[Fold]) -> None:
    """Refuses other corpora that hold the test speakers' recordings, their voices, and a classifier of another fold.

    Raises:
        InputError: If the same recording is tested here and trained on there.
        AssertionError: If the classifier knows the test speakers, or they speak in made noise.
    """
    banks.refuse_voices(fold.test, several(inputs, "noise"), several(inputs, "adversarial"))
    trainer.refuse_known(json.loads((inputs["model"].uri / "model.json").read_text())["fold"], fold.test)
    tested = _recordings(inputs["utterances"], fold.test)
    attacked = several(inputs, "other_adversarial")
    for artifact, other, examples in zip(several(inputs, "other_utterances"), others, attacked, strict=True):
        trained = {*other.train, *examples.properties.get("voices", ())}
        shared = tested.keys() & _recordings(artifact, trained).keys()
        if shared:
            raise InputError(
                "defences.gan.corpora: expected corpora that share no recording with the test speakers. "
                f"Received: {tested[min(shared)]} in both"
            )


def _recordings(artifact: Artifact, speakers: Collection[str]) -> dict[str, str]:
    """Returns SHA-256 → path of the files in which some speakers speak."""
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        return {row["sha256"]: row["path"] for row in csv.DictReader(file) if row["speaker"] in speakers}


def build(features: int, generator: Mapping[str, Any], discriminator: Mapping[str, Any]) -> SpeechGAN:
    """Returns an untrained GAN on raw features."""
    normalization = FrameNormalization(generator["clip_value"], name="normalization")
    normalization.build((None, None, features), (None,))
    return SpeechGAN(
        normalization,
        build_generator(features=features, **generator),
        build_discriminator(features=features, **discriminator),
        generator["frames_per_step"],
    )


def digest(model: keras.Model) -> str:
    """Returns a SHA-256 of all weights, in hexadecimal."""
    hashed = hashlib.sha256()
    for weight in model.get_weights():
        hashed.update(np.ascontiguousarray(weight).tobytes())
    return hashed.hexdigest()


def _uar(gan: SpeechGAN, classifier: keras.Model, dev: Any) -> float:
    return CleanedDevelopment(cleaner(gan.normalization, gan.generator), classifier, dev).measure()


def _save(directory: Path, gan: SpeechGAN, history: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    np.savez(directory / "weights.npz", *gan.normalization.get_weights(), *gan.generator.get_weights())
    (directory / "generator.json").write_text(json.dumps(facts, indent=1))
    columns = list(dict.fromkeys(name for row in history for name in row))
    with (directory / "history.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(history)
    gan.save(directory / "model.keras")


def export_saved_model(
    directory: Path, normalization: FrameNormalization, generator: keras.Model, classifier: keras.Model
) -> None:
    """Writes C(G(x)) as a SavedModel, with the answers that these very networks give to its warm-up records."""
    cleaning = cleaner(normalization, generator)
    export.write(directory, classifier, CLASSES, cleaning)
    statistics = normalization.mean.numpy(), normalization.variance.numpy()
    warmup.write(directory, warmup.of_models(classifier, CLASSES, cleaning, *statistics))


def load_parts(artifact: Artifact) -> tuple[FrameNormalization, keras.Model]:
    """Returns the normalisation and the generator, from the part of the artifact that its hash covers."""
    build_arguments = json.loads((artifact.uri / "generator.json").read_text())["build"]
    generator = build_generator(**build_arguments)
    normalization = FrameNormalization(build_arguments["clip_value"], name="normalization")
    normalization.build((None, None, build_arguments["features"]), (None,))
    with np.load(artifact.uri / "weights.npz", allow_pickle=False) as saved:
        weights = [saved[name] for name in saved.files]
    normalization.set_weights(weights[:2])
    generator.set_weights(weights[2:])
    return normalization, generator


def load(artifact: Artifact) -> keras.Model:
    """Returns the generator on raw features, from the part of the artifact that its hash covers."""
    return cleaner(*load_parts(artifact))


class GanTrainer(Component):
    """Trains the GAN."""

    SPEC = GanTrainerSpec
    EXECUTOR = GanTrainerExecutor
