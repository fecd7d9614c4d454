"""Reproducer: the paper's figures 1 to 3 and tables 2 and 3, from every model's answers over all folds and seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kerasser.corpora import CLASSES
from kerasser.evaluation import comparison, threats
from kerasser.evaluation.alarms import Alarm, duplicated, seen_in_training
from kerasser.evaluation.comparison import Comparison, System
from kerasser.evaluation.curve import Scorer, figure1
from kerasser.evaluation.threats import Attacks
from kerasser.report import document, figures, html, reproduction, tables
from kerasser.util import progress
from pipelines.components import listening_gen, noise_gen, searcher, white_box
from pipelines.components.reporter import hashes, remarks, versions
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import breakdowns, types, utterances

_TABLES = ("figure1", "figure2", "table2", "table3", "figure3", "differences", "threats", "search_curve", "unseen")


class ReproducerSpec(ComponentSpec):
    """Inputs: evaluations, what each is of, what they stand on, how audible the attack is. Output: the report.

    `systems` holds one `{"defence", "percent", "fold", "seed"}` for each evaluation; `threatened` one without `percent`
    for each pool, search and white box, where there are any; `unseen_systems` one with `without`, the environment that
    the system never heard, for each of `unseen`. `budgets` are what these attackers used, `[kind, value]`.
    """

    PARAMETERS = {
        "systems": list,
        "threatened": list,
        "unseen_systems": list,
        "budgets": list,
        "replicates": int,
        "confidence": float,
        "command": str,
        "settings": dict,
    }
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    INPUTS = {"utterances": types.UTTERANCES, "noise": types.NOISE, "training_noise": types.NOISE}
    LISTS = {
        "evaluations": types.EVALUATION,
        "perception": types.PERCEPTION,
        "sounds": types.SOUNDS,
        "pools": types.EVALUATION,
        "searches": types.SEARCH,
        "white_boxes": types.WHITE_BOX,
        "unseen": types.EVALUATION,
    }
    OUTPUTS = {"report": types.REPORT}


class ReproducerExecutor(Executor):
    """Joins the answers of all folds and seeds, and writes what people read."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `report.json`, `report.md`, `report.html`, and each figure and table as CSV, SVG and PNG."""
        directory = outputs["report"]
        directory.mkdir(parents=True, exist_ok=True)
        corpus, bank = utterances.facts(inputs["utterances"]), noise_gen.facts(inputs["noise"])
        evaluations = list(zip(parameters["systems"], several(inputs, "evaluations"), strict=True))
        metrics = [json.loads((artifact.uri / "metrics.json").read_text()) for _, artifact in evaluations]
        answers = _answers(evaluations)
        systems = _systems(answers, parameters["replicates"], parameters["confidence"])
        compared = Comparison(systems)
        attacked = _attacks(inputs, parameters, compared)
        budgets = [(kind, value) for kind, value in parameters["budgets"]]
        undefended = next(system for system in systems if system.defence == comparison.NONE)
        clean = undefended.scorer.clean()
        drawn = figure1(undefended.scorer, undefended.adversarial, quiet=parameters.get("quiet"))
        speakers = sorted({speaker for each in metrics for speaker in each["test_speakers"]})
        parts: dict[str, Callable[[], Any]] = {
            "clean_defended": compared.clean,
            "perception": lambda: breakdowns.perception(several(inputs, "perception"), drawn, undefended.adversarial),
            "figure2": compared.figure2,
            "table2": compared.table2,
            "table3": compared.table3,
            "figure3": compared.figure3,
            "ordering": compared.ordering,
            "differences": compared.differences,
            "threats": lambda: threats.rows(attacked, budgets),
            "search_curve": lambda: threats.search_curve(attacked, budgets),
            "unseen": lambda: threats.unseen_matrix(attacked, budgets),
            "label_survival": lambda: breakdowns.label_survival(
                [(*system, table) for system, table in answers.items()],
                utterances.sexes(inputs["utterances"]),
                CLASSES,
                parameters["replicates"],
                parameters["confidence"],
            ),
            "alarms": compared.alarms,
        }
        shown = progress.steps(parts.items(), len(parts), "tables", "comparison", quiet=parameters.get("quiet"))
        made = {name: make() for name, make in shown}
        report = {
            "corpus": corpus["name"],
            "synthetic": corpus["synthetic"],
            "noise_synthetic": bank["synthetic"],
            "folds": list(dict.fromkeys(system["fold"] for system in parameters["systems"])),
            "seeds": list(dict.fromkeys(system["seed"] for system in parameters["systems"])),
            "versions": versions(),
            "classes": list(CLASSES),
            "test_speakers": speakers,
            "clean": clean,
            "figure1": drawn,
            **made,
            "alarms": [
                *made["alarms"],
                *(_rung(defence, alarm) for defence, alarm in threats.alarms(attacked, budgets, made["threats"])),
                *_alarms(inputs, parameters["systems"], metrics),
            ],
            "remarks": [*remarks(corpus, speakers, clean), *bank.get("remarks", ())],
            "skipped": corpus["skipped"],
            "models": [
                {**system, **measured["model"]} for system, measured in zip(parameters["systems"], metrics, strict=True)
            ],
            "sounds": listening_gen.copy(several(inputs, "sounds"), directory),
            "command": parameters["command"],
            "inputs": hashes(
                {
                    "utterances": inputs["utterances"],
                    "noise that trains": inputs["training_noise"],
                    "noise that tests": inputs["noise"],
                }
            ),
            "settings": parameters["settings"],
        }
        (directory / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
        said = reproduction.reproduction(report)
        (directory / "report.md").write_text(document.markdown(said), encoding="utf-8")
        for name in _TABLES:
            if report[name]:
                tables.write(directory / f"{name}.csv", report[name])
        breakdowns.write(directory, report)
        kind = "synthetic speech" if corpus["synthetic"] else "recorded speech"
        title = f"{corpus['name']} ({kind}), {reproduction.scope(report)}"
        figures.figure1(directory / "figure1.png", clean, report["figure1"], title)
        if report["figure2"]:
            figures.figure2(directory / "figure2.png", clean, report["figure2"], title)
        figures.figure3(directory / "figure3.png", clean, report["figure3"], title)
        figures.figure4(directory / "figure4.png", clean, report["threats"], title)
        (directory / "report.html").write_text(html.page(said, directory, title), encoding="utf-8")
        return {"report": {"corpus": corpus["name"], "folds": report["folds"], "seeds": report["seeds"]}}


def _rung(defence: str, alarm: Alarm) -> dict[str, Any]:
    return {"defence": defence, "name": alarm.name, "message": alarm.message}


def _alarms(
    inputs: Mapping[str, Artifact], systems: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns what rang for single models, and whether test recordings lie among the others under another name."""
    noises = [noise_gen.stretches(inputs["training_noise"], with_twins=True), noise_gen.stretches(inputs["noise"])]
    rung = [
        {"defence": system["defence"], **alarm}
        for system, measured in zip(systems, metrics, strict=True)
        for alarm in measured["alarms"]
    ]
    for system, measured in zip(systems, metrics, strict=True):
        if seen := seen_in_training(measured["trained_speakers"], measured["test_speakers"], *noises):
            rung.append(_rung(system["defence"], seen))
    content = utterances.content(inputs["utterances"])
    for tested in {tuple(measured["test_speakers"]): None for measured in metrics}:
        parts = [[digest for speaker, digest in content if (speaker in tested) == part] for part in (False, True)]
        if found := duplicated(*parts, sharing=utterances.shared(inputs["utterances"], tested)):
            rung.append(_rung("", found))
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


def _attacks(
    inputs: Mapping[str, Artifact], parameters: Mapping[str, Any], compared: Comparison
) -> dict[str, tuple[Scorer, Attacks]]:
    """Returns for each system what attackers who know more got out of it, over all folds and seeds.

    Raises:
        AssertionError: If a system has heard the environment that it was to be trained without.
    """
    threatened, left_out = parameters["threatened"], parameters["unseen_systems"]
    pools = _joined(threatened, [_drawn(artifact) for artifact in several(inputs, "pools")])
    searches = _joined(threatened, [searcher.read(artifact) for artifact in several(inputs, "searches")])
    white_boxes = _joined(threatened, [white_box.read(artifact) for artifact in several(inputs, "white_boxes")])
    for system, artifact in zip(left_out, several(inputs, "unseen"), strict=True):
        if system["without"] in json.loads((artifact.uri / "metrics.json").read_text())["trained_noises"]:
            raise AssertionError(f"{system['defence']} was to be trained without {system['without']}, and heard it")
    unseen = _joined(left_out, [_drawn(artifact) for artifact in several(inputs, "unseen")])
    return {
        name: (
            compared.system(name).scorer,
            Attacks(
                draws=pools[name, ""] if pools else _correct(compared.system(name).adversarial),
                search=searches.get((name, "")),
                white_box=white_boxes.get((name, "")),
                unseen={without: table for (defence, without), table in unseen.items() if defence == name},
            ),
        )
        for name in compared.names
    }


def _joined(
    systems: Sequence[Mapping[str, Any]], tables: Sequence[pd.DataFrame]
) -> dict[tuple[str, str], pd.DataFrame]:
    """Returns each system's answers over all folds and seeds, by defence and the environment it never heard."""
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for system, table in zip(systems if tables else (), tables, strict=True):
        key = system["defence"], system.get("without", "")
        found.setdefault(key, []).append(table.assign(seed=system["seed"]))
    return {key: pd.concat(parts) for key, parts in found.items()}


def _drawn(artifact: Artifact) -> pd.DataFrame:
    """Returns the answers to attacked speech, with `correct`."""
    table = breakdowns.read(artifact.uri / "predictions.csv")
    return _correct(table[table["noise"].notna()])


def _correct(answers: pd.DataFrame) -> pd.DataFrame:
    return answers.assign(correct=answers["predicted"] == answers["label"])


class Reproducer(Component):
    """Writes the report of a reproduction."""

    SPEC = ReproducerSpec
    EXECUTOR = ReproducerExecutor
