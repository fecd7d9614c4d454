"""Exporter: what is served, with a card that says what it is and how it was measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.evaluation.conversion import from_json
from kerasser.evaluation.results import Clean
from kerasser.serving import export, listening, warmup, warmup_sound
from pipelines.components import gan_trainer, noise_gen, reporter
from pipelines.components.trainer import load
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import banks, types, utterances
from pipelines.io.own_models import CARD

#: Folders of an export, each a SavedModel.
DEFENDED, PERTURBATION = "defended", "perturbation"


class ExporterSpec(ComponentSpec):
    """Inputs: classifier, generator or none, how they were measured and on what, the perturbation. Output: the export.

    `defence` is the name of the defence; "none" for the undefended classifier.
    """

    PARAMETERS = {"defence": str, "seed": int}
    INPUTS = {
        "model": types.MODEL,
        "undefended": types.EVALUATION,
        "defended": types.EVALUATION,
        "utterances": types.UTTERANCES,
        "noise": types.NOISE,
        "training_noise": types.NOISE,
        "perturbation": types.PERTURBATION,
    }
    LISTS = {"generator": types.GENERATOR}
    OUTPUTS = {"export": types.EXPORT}


class ExporterExecutor(Executor):
    """Puts SavedModels and cards together."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Writes `defended/` and `perturbation/`, each with its `assets.extra/model_card.json`."""
        directory = outputs["export"]
        shutil.rmtree(directory, ignore_errors=True)
        served = (several(inputs, "generator") or [inputs["model"]])[0]
        _write(served.uri / "saved_model", directory / DEFENDED, inputs)
        shutil.copytree(inputs["perturbation"].uri / "saved_model", directory / PERTURBATION)
        (directory / DEFENDED / CARD).write_text(json.dumps(card(inputs, parameters), indent=1))
        shutil.copy(inputs["perturbation"].uri / "model_card.json", directory / PERTURBATION / CARD)
        return None


def _write(trained: Path, directory: Path, inputs: Mapping[str, Artifact]) -> None:
    """Writes the SavedModel that was trained, and where its front end is known to the graph, one that takes sound too.

    Whoever trains does without: it would make every training longer, and newer with every change of the graph.
    """
    facts = json.loads((inputs["model"].uri / "model.json").read_text())
    if facts["front_end"] not in listening.FRONT_ENDS:
        shutil.copytree(trained, directory)
        return
    classifier = load(inputs["model"])
    generators = [gan_trainer.load(artifact) for artifact in several(inputs, "generator")]
    cleaner = generators[0] if generators else None
    export.write(directory, classifier, facts["classes"], cleaner, inputs=listening.INPUTS)
    # The answers of the process that trained it, and those of the same networks to sound.
    heard = warmup_sound.of_sound(classifier, facts["classes"], cleaner)
    warmup.write(directory, chain(warmup.read(trained), heard))


def card(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what an operator, and the next pusher, must know of a defended classifier."""
    model = json.loads((inputs["model"].uri / "model.json").read_text())
    generator = None
    for artifact in several(inputs, "generator"):
        generator = json.loads((artifact.uri / "generator.json").read_text())
    metrics = {name: json.loads((inputs[name].uri / "metrics.json").read_text()) for name in ("defended", "undefended")}
    corpus = utterances.facts(inputs["utterances"])
    bank, trained = (noise_gen.facts(inputs[name]) for name in ("noise", "training_noise"))
    clean = from_json(Clean, metrics["defended"]["clean"], "metrics.json: clean")
    return {
        "what": "speech emotion from raw eGeMAPS frames: an LSTM classifier"
        + (" behind a generator that cleans them" if generator else ""),
        "defence": parameters["defence"],
        "classes": model["classes"],
        "features": model["features"],
        "front_end": model["front_end"],
        "frame_rate_hz": model["frame_rate_hz"],
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "corpus": corpus["name"],
        "synthetic": corpus["synthetic"],
        "noise_synthetic": bank["synthetic"],
        "noise": {
            "trained": _recordings(trained, metrics["defended"]["trained_noises"]),
            "tested": _recordings(bank, sorted({row["environment"] for row in bank["recordings"]})),
        },
        # What the defence heard; `noise_synthetic` is of what tests it.
        "training_noise": _training_noise([model, *([generator] if generator else [])]),
        "fold": model["fold"]["name"],
        # Whoever attacks it must not take them for test speakers.
        "trained_speakers": sorted([*model["fold"]["train"], *model["fold"]["dev"]]),
        "seed": parameters["seed"],
        "versions": reporter.versions(),
        "weights_sha256": {
            "classifier": gan_trainer.digest(load(inputs["model"])),
            **({"generator": generator["weights"]} if generator else {}),
        },
        "training": {
            "classifier": {
                **model["build"],
                **{name: model[name] for name in ("share", "consistency", "dev_ua") if name in model},
            },
            **({"generator": _cleaning(generator)} if generator else {}),
        },
        "evaluation": {
            "measured_on": {
                "utterances": inputs["utterances"].content_hash,
                "noise": inputs["noise"].content_hash,
                "fold": model["fold"]["name"],
            },
            **{name: {"clean": figures["clean"], "attacked": figures["figure1"]} for name, figures in metrics.items()},
        },
        "remarks": reporter.remarks(corpus, metrics["defended"]["test_speakers"], clean.score),
    }


def _recordings(bank: Mapping[str, Any], environments: Sequence[str]) -> dict[str, list[str]]:
    """Returns environment → names of its recordings in a bank, of those that it holds."""
    found: dict[str, set[str]] = {}
    for row in bank["recordings"]:
        if row["environment"] in environments:
            found.setdefault(row["environment"], set()).add(row["source"])
    return {environment: sorted(names) for environment, names in sorted(found.items())}


def _training_noise(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns which noise anything of a system heard, recorded and made; empty where it heard none."""
    noises = {name for each in parts for name in each["noises"]}
    return banks.heard(noises, banks.joined(each.get("made_noise") for each in parts))


def _cleaning(generator: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a generator is and what its training reached."""
    return {
        **generator["build"],
        **{name: generator[name] for name in ("dev_error", "dev_error_undefended", "epochs")},
    }


class Exporter(Component):
    """Makes what is served."""

    SPEC = ExporterSpec
    EXECUTOR = ExporterExecutor
