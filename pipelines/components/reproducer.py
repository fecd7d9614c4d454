"""Reproducer: the paper's figures 1 to 3 and tables 2 and 3, from every model's answers over all folds and seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kerasser.corpora import CLASSES
from kerasser.evaluation import comparison
from kerasser.evaluation.alarms import duplicated
from kerasser.evaluation.comparison import Comparison, System
from kerasser.evaluation.curve import Scorer, figure1
from kerasser.report import figures, html, reproduction, tables
from pipelines.artifacts import Artifact
from pipelines.component import Component, ComponentSpec, Executor, several
from pipelines.components import breakdowns, types, utterances
from pipelines.components.reporter import remarks, versions


class ReproducerSpec(ComponentSpec):
    """Inputs: evaluations, what each is of, what they stand on, how audible the attack is. Output: the report.

    `systems` holds one `{"defence", "percent", "fold", "seed"}` for each evaluation.
    """

    PARAMETERS = {"systems": list, "replicates": int, "confidence": float, "settings": dict}
    INPUTS = {"utterances": types.UTTERANCES, "noise": types.NOISE}
    LISTS = {"evaluations": types.EVALUATION, "perception": types.PERCEPTION}
    OUTPUTS = {"report": types.REPORT}


class ReproducerExecutor(Executor):
    """Joins the answers of all folds and seeds, and writes what people read."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `report.json`, `report.md`, `report.html`, and each figure and table as CSV and PNG."""
        directory = outputs["report"]
        directory.mkdir(parents=True, exist_ok=True)
        corpus = utterances.facts(inputs["utterances"])
        evaluations = list(zip(parameters["systems"], several(inputs, "evaluations"), strict=True))
        metrics = [json.loads((artifact.uri / "metrics.json").read_text()) for _, artifact in evaluations]
        answers = _answers(evaluations)
        systems = _systems(answers, parameters["replicates"], parameters["confidence"])
        compared = Comparison(systems)
        undefended = next(system for system in systems if system.defence == comparison.NONE)
        clean = undefended.scorer.clean()
        shown = figure1(undefended.scorer, undefended.adversarial)
        speakers = sorted({speaker for each in metrics for speaker in each["test_speakers"]})
        report = {
            "corpus": corpus["name"],
            "synthetic": corpus["synthetic"],
            "noise_synthetic": json.loads((inputs["noise"].uri / "bank.json").read_text())["synthetic"],
            "folds": list(dict.fromkeys(system["fold"] for system in parameters["systems"])),
            "seeds": list(dict.fromkeys(system["seed"] for system in parameters["systems"])),
            "versions": versions(),
            "classes": list(CLASSES),
            "test_speakers": speakers,
            "clean": clean,
            "clean_defended": compared.clean(),
            "figure1": shown,
            "perception": breakdowns.perception(several(inputs, "perception"), shown, undefended.adversarial),
            "figure2": compared.figure2(),
            "table2": compared.table2(),
            "table3": compared.table3(),
            "figure3": compared.figure3(),
            "ordering": compared.ordering(),
            "differences": compared.differences(),
            "threats": compared.threats(),
            "label_survival": breakdowns.label_survival(
                [(*system, table) for system, table in answers.items()],
                utterances.sexes(inputs["utterances"]),
                CLASSES,
                parameters["replicates"],
                parameters["confidence"],
            ),
            "alarms": [*compared.alarms(), *_alarms(inputs["utterances"], parameters["systems"], metrics)],
            "remarks": remarks(corpus, speakers, clean),
            "skipped": corpus["skipped"],
            "models": [
                {**system, **measured["model"]} for system, measured in zip(parameters["systems"], metrics, strict=True)
            ],
            "settings": parameters["settings"],
        }
        (directory / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
        text = reproduction.markdown(report)
        (directory / "report.md").write_text(text, encoding="utf-8")
        for name in ("figure1", "figure2", "table2", "table3", "figure3", "differences", "threats"):
            if report[name]:
                tables.write(directory / f"{name}.csv", report[name])
        breakdowns.write(directory, report)
        kind = "synthetic speech" if corpus["synthetic"] else "recorded speech"
        title = f"{corpus['name']} ({kind}), {reproduction.scope(report)}"
        figures.figure1(directory / "figure1.png", clean, report["figure1"], title)
        if report["figure2"]:
            figures.figure2(directory / "figure2.png", clean, report["figure2"], title)
        figures.figure3(directory / "figure3.png", clean, report["figure3"], title)
        (directory / "report.html").write_text(html.page(text, directory, title), encoding="utf-8")
        return {"report": {"corpus": corpus["name"], "folds": report["folds"], "seeds": report["seeds"]}}


def _alarms(
    table: Artifact, systems: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns what rang for single models, and whether test recordings lie among the others under another name."""
    rung = [
        {"defence": system["defence"], **alarm}
        for system, measured in zip(systems, metrics, strict=True)
        for alarm in measured["alarms"]
    ]
    content = utterances.content(table)
    for tested in {tuple(measured["test_speakers"]): None for measured in metrics}:
        parts = [[digest for speaker, digest in content if (speaker in tested) == part] for part in (False, True)]
        if found := duplicated(*parts):
            rung.append({"defence": "", "name": found.name, "message": found.message})
    return rung


def _answers(
    evaluations: Sequence[tuple[Mapping[str, Any], Artifact]],
) -> dict[tuple[str, float], pd.DataFrame]:
    """Returns the answers of each defence and share of adversarial examples, those of all folds and seeds joined."""
    answers: dict[tuple[str, float], list[pd.DataFrame]] = {}
    for system, artifact in evaluations:
        table = breakdowns.read(artifact.uri / "predictions.csv")
        answers.setdefault((system["defence"], system["percent"]), []).append(table.assign(seed=system["seed"]))
    return {system: pd.concat(parts) for system, parts in answers.items()}


def _systems(answers: Mapping[tuple[str, float], pd.DataFrame], replicates: int, confidence: float) -> list[System]:
    """Returns each defence with what it answered."""
    systems = []
    for (defence, percent), table in answers.items():
        clean = table[table["noise"].isna()]
        # The same seed for all, so that they share their resamples and their differences are paired.
        scorer = Scorer(clean, CLASSES, replicates=replicates, confidence=confidence, seed=0)
        systems.append(System(defence, percent, scorer, table[table["noise"].notna()]))
    return systems


class Reproducer(Component):
    """Writes the report of a reproduction."""

    SPEC = ReproducerSpec
    EXECUTOR = ReproducerExecutor
