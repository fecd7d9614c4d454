"""Reproducer: the paper's figures 1 to 3 and tables 2 and 3, from every model's answers over all folds and seeds."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kerasser.attack.budget import Budget
from kerasser.corpora import CLASSES
from kerasser.defences import gan
from kerasser.evaluation import alarms as signs
from kerasser.evaluation import comparison
from kerasser.evaluation.alarms import seen_in_training
from kerasser.evaluation.channels import ChannelAnswers
from kerasser.evaluation.comparison import Comparison, SystemAnswers
from kerasser.evaluation.conversion import from_json
from kerasser.evaluation.curve import Scorer, budgets_missed, figure1
from kerasser.evaluation.metrics import is_correct
from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import Alarm, Model, SoundExample
from kerasser.report import publication
from kerasser.report.sounds import FOLDER
from kerasser.threats import scoring
from kerasser.util import progress
from pipelines.components import attacker, listening_gen, noise_gen
from pipelines.components.reporter import hashes, remarks, versions
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.engine.hashes import digest, tree
from pipelines.engine.source_hash import members
from pipelines.io import attack_sounds, banks, breakdowns, copies, predictions, types, utterances


class ReproducerSpec(ComponentSpec):
    """Inputs: evaluations, what each is of, what they stand on, how audible the attack is. Output: the report.

    `systems` holds one `{"defence", "percent", "fold", "seed"}` for each evaluation; `attacks_of` one with `threat` and
    `without`, the environment that the system was trained without, for each of `attacks`; `drawn_of` the same without
    `threat` for each of `drawn`, the answers to random draws. `budgets` are what these attackers used, `[kind, value]`.
    """

    PARAMETERS = {
        "systems": list,
        "attacks_of": list,
        "drawn_of": list,
        "budgets": list,
        "replicates": int,
        "confidence": float,
        "command": str,
        "settings": dict,
    }
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    INPUTS = {"utterances": types.UTTERANCES, "noise": types.NOISE}
    LISTS = {
        "training_noise": types.NOISE,
        "evaluations": types.EVALUATION,
        "perception": types.PERCEPTION,
        "sounds": types.SOUNDS,
        "attacks": types.ANSWERS,
        "drawn": types.EVALUATION,
    }
    OUTPUTS = {"report": types.REPORT}


class ReproducerExecutor(Executor):
    """Joins the answers of all folds and seeds, and writes what people read."""

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
        """Writes `report.json`, `report.md`, `report.html`, and each figure and table as CSV, SVG and PNG."""
        directory = outputs["report"]
        directory.mkdir(parents=True, exist_ok=True)
        corpus, bank = utterances.facts(inputs["utterances"]), noise_gen.facts(inputs["noise"])
        evaluations = list(zip(parameters["systems"], several(inputs, "evaluations"), strict=True))
        metrics = [json.loads((artifact.uri / "metrics.json").read_text()) for _, artifact in evaluations]
        answers = _answers(evaluations)
        systems = _systems(answers, parameters["replicates"], parameters["confidence"])
        compared = Comparison(systems)
        attacked = _attacks(inputs, parameters["attacks_of"], compared)
        measured = scoring.rows(attacked)
        draws = _draws(inputs, parameters["drawn_of"])
        budgets = [Budget(kind, value) for kind, value in parameters["budgets"]]
        undefended = compared.system(comparison.NONE)
        drawn = figure1(undefended.scorer, undefended.adversarial, quiet=parameters.get("quiet"))
        speakers = sorted({speaker for each in metrics for speaker in each["test_speakers"]})
        clean = undefended.scorer.clean()
        parts: dict[str, Callable[[], Any]] = {
            "clean_defended": compared.clean,
            "perception": lambda: breakdowns.perception(several(inputs, "perception"), drawn, undefended.adversarial),
            "channels": lambda: breakdowns.channels(several(inputs, "perception"), _transmitted(evaluations, compared)),
            "figure2": compared.figure2,
            "table2": compared.table2,
            "table3": compared.table3,
            "figure3": compared.figure3,
            "ordering": compared.ordering,
            "differences": compared.differences,
            "threats": lambda: scoring.reported(measured),
            "search_curve": lambda: scoring.search_curve(attacked),
            "many_queries": lambda: scoring.by_queries(attacked) or None,
            "unseen": lambda: scoring.unseen_matrix(compared.scorers, draws, budgets),
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
        rung = (_rung(defence, alarm) for defence, alarm in scoring.alarms(attacked, measured))
        # The sound is the same for every system.
        missed = (_rung("", alarm) for alarm in budgets_missed(drawn))
        made["alarms"] += [*missed, *rung, *_alarms(inputs, parameters["systems"], metrics)]
        if all(alarm.name != "duplicated" for alarm in made["alarms"]) and (
            found := copies.anywhere(inputs["utterances"])
        ):
            made["alarms"].append(_rung("", found))
        report = ReproductionReport(
            corpus=corpus["name"],
            synthetic=corpus["synthetic"],
            noise_synthetic=bank["synthetic"],
            folds=list(dict.fromkeys(system["fold"] for system in parameters["systems"])),
            seeds=list(dict.fromkeys(system["seed"] for system in parameters["systems"])),
            versions=versions(),
            classes=CLASSES,
            test_speakers=speakers,
            clean=clean,
            figure1=drawn,
            remarks=[*remarks(corpus, speakers, clean.score), *bank.get("remarks", ())],
            unheard=bank.get("unheard"),
            skipped=corpus["skipped"],
            models=[
                Model(**_about(system), facts=measured["model"])
                for system, measured in zip(parameters["systems"], metrics, strict=True)
            ],
            sounds=from_json(list[SoundExample], _sounds(inputs, parameters, directory), "sounds.json"),
            command=parameters["command"],
            inputs={
                **hashes({"utterances": inputs["utterances"]}),
                **_training_noise(several(inputs, "training_noise")),
                **hashes({"noise that tests": inputs["noise"]}),
            },
            training_noise=_heard(metrics),
            settings=parameters["settings"],
            **made,
        )
        publication.write(report, directory)
        return {"report": {"corpus": corpus["name"], "folds": list(report.folds), "seeds": list(report.seeds)}}


def _sounds(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any], directory: Path) -> list[dict[str, Any]]:
    """Copies what there is to listen to beside the report: under random draws, and what attackers made of their own."""
    found = listening_gen.copy(several(inputs, "sounds"), directory)
    if not several(inputs, "sounds"):
        return found
    first = parameters["systems"][0]
    heard = [(system["fold"], system["seed"], system["defence"]) for system in parameters["attacks_of"]]
    for number, (system, artifact) in enumerate(zip(heard, several(inputs, "attacks"), strict=True)):
        if system[:2] == (first["fold"], first["seed"]) and system[2] in (comparison.NONE, gan.NAME):
            example = attack_sounds.copy(artifact.uri, f"attack-{number}", directory / FOLDER)
            found += [example] if example else []
    return found


def _training_noise(noise: Sequence[Artifact]) -> dict[str, str]:
    """Returns the content hash of the recorded noise that trains, and one for all that was made."""
    made = [each.content_hash for each in noise if banks.made([each])]
    recorded = [each.content_hash for each in noise if each.content_hash not in made]
    found = {"noise that trains": recorded[0]} if recorded else {}
    return found | ({"made noise that trains": digest(made)} if made else {})


def _heard(metrics: Sequence[Mapping[str, Any]]) -> str | None:
    """Says which noise the defences heard; None where they heard none."""
    noises = {name for each in metrics for name in each["trained_noises"]}
    made = banks.joined(each["model"].get("made_noise") for each in metrics)
    return banks.told(banks.heard(noises, made)) or None


def _about(system: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what tells a system from the others."""
    return {name: system[name] for name in ("defence", "percent", "fold", "seed")}


def _rung(defence: str, alarm: signs.Alarm) -> Alarm:
    return Alarm(defence=defence, name=alarm.name, message=alarm.message)


def _alarms(
    inputs: Mapping[str, Artifact], systems: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]
) -> list[Alarm]:
    """Returns what rang for single models, and whether test recordings lie among the others under another name."""
    trained = [noise_gen.stretches(each, with_twins=True) for each in several(inputs, "training_noise")]
    noises = [dict(ChainMap(*trained)), noise_gen.stretches(inputs["noise"])]
    rung = [
        from_json(Alarm, {"defence": system["defence"], **alarm}, "metrics.json: alarms")
        for system, measured in zip(systems, metrics, strict=True)
        for alarm in measured["alarms"]
    ]
    for system, measured in zip(systems, metrics, strict=True):
        if seen := seen_in_training(measured["trained_speakers"], measured["test_speakers"], *noises):
            rung.append(_rung(system["defence"], seen))
    for tested in {tuple(measured["test_speakers"]): None for measured in metrics}:
        if found := copies.parted(inputs["utterances"], tested):
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


def _transmitted(
    evaluations: Sequence[tuple[Mapping[str, Any], Artifact]], compared: Comparison
) -> list[ChannelAnswers]:
    """Returns what each system that is compared answered behind channels; none where speech passed none."""
    found: dict[tuple[str, float], list[pd.DataFrame]] = {}
    for system, artifact in evaluations:
        if (table := predictions.read_channels(artifact.uri)) is not None:
            mine = found.setdefault((system["defence"], system["percent"]), [])
            mine.append(table.assign(seed=system["seed"]))
    systems = [compared.system(name) for name in compared.names] if found else []
    return [
        ChannelAnswers(
            each.defence, each.scorer, each.adversarial, pd.concat(found[each.defence, each.percent], ignore_index=True)
        )
        for each in systems
    ]


def _systems(
    answers: Mapping[tuple[str, float], pd.DataFrame], replicates: int, confidence: float
) -> list[SystemAnswers]:
    """Returns each defence with what it answered."""
    systems = []
    for (defence, percent), table in answers.items():
        clean = table[table["noise"].isna()]
        # The same seed for all, so that they share their resamples and their differences are paired.
        scorer = Scorer(clean, CLASSES, replicates=replicates, confidence=confidence, seed=0)
        systems.append(SystemAnswers(defence, percent, scorer, table[table["noise"].notna()]))
    return systems


def _attacks(
    inputs: Mapping[str, Artifact], of: Sequence[Mapping[str, Any]], compared: Comparison
) -> dict[str, tuple[Scorer, dict[str, pd.DataFrame]]]:
    """Returns for each system what every threat model got out of it, over all folds and seeds."""
    tables: dict[str, dict[str, list[pd.DataFrame]]] = {name: {} for name in compared.names}
    for system, artifact in zip(of, several(inputs, "attacks"), strict=True):
        table = attacker.read(artifact).assign(seed=system["seed"], without=system["without"])
        tables[system["defence"]].setdefault(system["threat"], []).append(table)
    return {
        name: (compared.scorers[name], {threat: pd.concat(parts) for threat, parts in found.items()})
        for name, found in tables.items()
    }


def _draws(inputs: Mapping[str, Artifact], of: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, pd.DataFrame]]:
    """Returns each defence's answers to random draws, by the environment that it was trained without, "" for none.

    Raises:
        AssertionError: If a system has met the environment that it was to be trained without.
    """
    found: dict[str, dict[str, list[pd.DataFrame]]] = {}
    for system, artifact in zip(of, several(inputs, "drawn"), strict=True):
        if system["without"] in json.loads((artifact.uri / "metrics.json").read_text())["trained_noises"]:
            raise AssertionError(f"{system['defence']} was to be trained without {system['without']}, and met it")
        table = breakdowns.read(artifact.uri / "predictions.csv")
        mine = found.setdefault(system["defence"], {}).setdefault(system["without"], [])
        mine.append(_correct(table[table["noise"].notna()]).assign(seed=system["seed"]))
    return {defence: {without: pd.concat(parts) for without, parts in each.items()} for defence, each in found.items()}


def _correct(answers: pd.DataFrame) -> pd.DataFrame:
    return answers.assign(correct=is_correct(answers["label"].to_numpy(), answers["predicted"].to_numpy()))


class Reproducer(Component):
    """Writes the report of a reproduction."""

    SPEC = ReproducerSpec
    EXECUTOR = ReproducerExecutor
