"""Where figures come from: the command, what went in, the models, the versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import Model
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import count, label, name, share
from kerasser.report.section import Section

# A hash is told apart by fewer digits than it has.
_DIGITS = 16


def blocks(report: Report) -> Sequence[Block]:
    """Returns what is known; what a report does not tell is left out."""
    return [*_command(report.command), _facts(report), *_inputs(report.inputs), *_models(report.models)]


def _command(command: str) -> list[Block]:
    if not command:
        return []
    return [
        text(
            "Words in capitals stand for the folders or files of whoever runs it; settings that are not named have "
            "their defaults, and `report.json` holds all of them."
        ),
        text(*("    " + line for line in command.splitlines())),
    ]


def _facts(report: Report) -> Block:
    settings = report.settings
    seeds = {"training": report.training_seeds}
    seeds |= {"draws of noise": [settings["attack"]["seed"]], "folds": [settings["data"]["seed"]]}
    skipped = ", ".join(f"{number} × {name(reason)}" for reason, number in report.skipped.items())
    return text(
        "- Seeds: " + "; ".join(f"{what} {', '.join(map(str, each))}" for what, each in seeds.items() if each) + ".",
        f"- Tested: {count(report.clean.n, 'utterance')} of {count(len(report.test_speakers), 'speaker')}: "
        f"{', '.join(map(name, report.test_speakers))}.",
        *_heard(report),
        f"- Left out of the corpus: {skipped or 'nothing'}.",
        *_features(settings),
        "- Versions: " + ", ".join(f"{package} {version}" for package, version in report.versions.items()) + ".",
    )


def _features(settings: Mapping[str, Any]) -> list[str]:
    """Says what took the features; a victim of somebody else's takes its own."""
    front_end = settings.get("features", {}).get("front_end")
    return [f"- Features: taken by the front end {name(front_end)}."] if front_end else []


def _heard(report: Report) -> list[str]:
    """Says which noise the defences heard, if any."""
    if not isinstance(report, ReproductionReport) or report.training_noise is None:
        return []
    return [f"- Noise that trains the defences: {name(report.training_noise)}."]


def _inputs(inputs: Mapping[str, str]) -> list[Block]:
    if not inputs:
        return []
    rows = [[name(kind), f"`{digest}`"] for kind, digest in inputs.items()]
    return [text("What went in, by its content:"), Table(["input", "SHA-256"], rows)]


def _models(models: Sequence[Model]) -> list[Block]:
    if not models:
        return []
    return [
        text(
            "Every model; the development UA chose its epoch. Hashes begin the SHA-256 of classifier and generator; "
            "`report.json` holds the rest."
        ),
        Table(
            ["defence", "fold", "seed", "classifier", "dev UA (%)", "generator", "SHA-256"],
            [_model(each) for each in models],
        ),
    ]


def _model(model: Model) -> list[str]:
    facts = model.facts
    generator = facts.get("generator")
    hashes = [digest for part in (facts, generator or {}) if (digest := part.get("sha256"))]
    return [
        label(model.defence) + share(model.percent),
        name(model.fold),
        str(model.seed),
        _classifier(facts),
        f"{facts['dev_ua']:.1f}" if facts.get("dev_ua") is not None else "–",
        _generator(generator),
        " ".join(f"`{digest[:_DIGITS]}`" for digest in hashes) or "–",
    ]


def _classifier(facts: Mapping[str, Any]) -> str:
    if not {"layers", "units"} <= facts.keys():
        return "–"
    return f"{facts['layers']} × {facts['units']} LSTM units"


def _generator(facts: Mapping[str, Any] | None) -> str:
    if not facts:
        return "–"
    network = facts.get("build", facts)
    if not {"units", "bottleneck"} <= network.keys():
        return "yes"
    return f"{network['units']} – {network['bottleneck']} – {network['units']} units"


TITLE = "How to make this again"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 130, blocks)
