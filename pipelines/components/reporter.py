"""Reporter: `report.json`, `report.md`, `report.html`, and figure 1 as CSV, SVG and PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser import __version__, resampling
from kerasser.evaluation.comparison import NONE
from kerasser.evaluation.conversion import from_json, to_json
from kerasser.evaluation.curve import budgets_missed, not_growing
from kerasser.evaluation.report import Report
from kerasser.evaluation.results import Clean, Figure1Row, Score
from kerasser.report import publication
from kerasser.report.summary import few_speakers
from pipelines.components import listening_gen
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.engine.hashes import tree
from pipelines.engine.source_hash import members, package_versions
from pipelines.io import breakdowns, types, utterances

_PACKAGES = ("tensorflow", resampling.package(), "keras", "numpy", "scipy", "opensmile", "soundfile")


class ReporterSpec(ComponentSpec):
    """Inputs: an evaluation, of ours or anybody's, what it stands on, how audible it is and sounds. Output: the report.

    `command` makes the report again.
    """

    PARAMETERS = {"seed": int, "command": str, "settings": dict}
    INPUTS = {
        "evaluation": types.EVALUATION,
        "utterances": types.UTTERANCES,
        "noise": types.NOISE,
    }
    LISTS = {"perception": types.PERCEPTION, "sounds": types.SOUNDS}
    OUTPUTS = {"report": types.REPORT}


class ReporterExecutor(Executor):
    """Writes what people read, from figures that are all there already."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds all that a report may be made of: sections, defences and threat models."""
        registries = ("kerasser.report.sections", "kerasser.defences", "kerasser.threats")
        return [cls.__module__, *(name for registry in registries for name in members(registry))]

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the templates of the page."""
        return tree(Path(publication.__file__).parent / "templates")

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `report.json`, `report.md`, `report.html`, figure 1, the tables as CSV, and the sounds."""
        directory = outputs["report"]
        directory.mkdir(parents=True, exist_ok=True)
        corpus = utterances.facts(inputs["utterances"])
        bank = json.loads((inputs["noise"].uri / "bank.json").read_text())
        metrics = json.loads((inputs["evaluation"].uri / "metrics.json").read_text())
        answers = breakdowns.read(inputs["evaluation"].uri / "predictions.csv")
        options = parameters["settings"]["evaluation"]
        chance = 100.0 - 100.0 / len(metrics["classes"])
        corpus["skipped"] = {**corpus["skipped"], **metrics.get("skipped", {})}
        clean = from_json(Clean, metrics["clean"], "metrics.json: clean")
        figure1 = from_json(list[Figure1Row], metrics["figure1"], "metrics.json: figure1")
        perception = breakdowns.perception(several(inputs, "perception"), figure1, answers[answers["noise"].notna()])
        survival = breakdowns.label_survival(
            [(NONE, 0.0, answers)],
            utterances.sexes(inputs["utterances"]),
            metrics["classes"],
            options["replicates"],
            options["confidence"],
        )
        found = [*not_growing(figure1, chance), *budgets_missed(figure1)]
        rung = [{"name": each.name, "message": each.message} for each in found]
        report = Report.from_json(
            {
                "corpus": corpus["name"],
                "synthetic": corpus["synthetic"],
                "noise_synthetic": bank["synthetic"],
                "seed": parameters["seed"],
                "versions": versions(),
                **metrics,
                "perception": to_json(perception),
                "label_survival": to_json(survival),
                "chance": chance,
                "alarms": [*rung, *metrics["alarms"]],
                "remarks": [*remarks(corpus, metrics["test_speakers"], clean.score), *bank.get("remarks", ())],
                "skipped": corpus["skipped"],
                "sounds": listening_gen.copy(several(inputs, "sounds"), directory),
                "command": parameters["command"],
                "inputs": hashes({"utterances": inputs["utterances"], "noise that tests": inputs["noise"]}),
                "models": _models(metrics, parameters["seed"]),
                "settings": parameters["settings"],
            }
        )
        publication.write(report, directory)
        return {"report": {"corpus": corpus["name"], "fold": metrics["fold"]}}


def hashes(artifacts: Mapping[str, Artifact]) -> dict[str, str]:
    """Returns the content hash of each artifact, under what a reader calls it."""
    return {name: artifact.content_hash for name, artifact in artifacts.items()}


def _models(metrics: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """Returns what was trained; a victim of somebody else's tells nothing of that."""
    if "model" not in metrics:
        return []
    return [{"defence": NONE, "percent": 0.0, "fold": metrics["fold"], "seed": seed, **metrics["model"]}]


def versions() -> dict[str, str]:
    """Returns our own version and those of the packages that change numbers."""
    return {"kerasser": __version__, **package_versions(_PACKAGES)}


def remarks(corpus: Mapping[str, Any], speakers: Sequence[str], clean: Score) -> list[str]:
    """Returns what a reader must know before trusting the figures.

    Args:
        corpus: Facts of the corpus, from `utterances.facts`.
        speakers: Everyone who is tested.
        clean: The score on clean speech.
    """
    found = list(corpus["remarks"])
    if corpus["skipped"]:
        counts = ", ".join(f"{count} × {reason}" for reason, count in corpus["skipped"].items())
        found.append(f"Utterances left out: {counts}.")
    if few := few_speakers(speakers):
        found.append(few)
    if clean.error is None:
        found.append("A class has no test utterance: the error is undefined.")
    elif clean.interval is None:
        found.append("A class has a single test speaker: there is no interval.")
    return found


class Reporter(Component):
    """Writes the report."""

    SPEC = ReporterSpec
    EXECUTOR = ReporterExecutor
