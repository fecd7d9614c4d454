"""VictimAttacker: what somebody's recogniser answers on clean and on attacked speech, and the errors."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser import audio, threats
from kerasser.attack import perturbation_graph
from kerasser.attack.budget import budgets
from kerasser.attack.generation import Plan
from kerasser.corpora import left_out
from kerasser.evaluation.alarms import not_repeatable
from kerasser.evaluation.comparison import NONE
from kerasser.evaluation.conversion import to_json
from kerasser.evaluation.curve import Scorer, figure1
from kerasser.threats import scoring
from kerasser.threats.recogniser import RecogniserAttack, answer_of, truth
from kerasser.util import progress
from kerasser.util.errors import InputError
from kerasser.victims import adapters
from pipelines.components import noise_gen
from pipelines.components.channel_gen import channel_modules, channel_plan, outside
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.engine.run_log import current
from pipelines.io import predictions, shards, types, utterances
from pipelines.io.folds import read_fold

_ANSWERS = "answers.jsonl"


class VictimAttackerSpec(ComponentSpec):
    """Inputs: utterances, folds, a bank of noise, the perturbation. Output: answers and figures.

    `victim` is what the report says of it; `target` is how it is reached. `fold` restricts the attack to its test
    speakers. At the budgets of `search_epsilons` and `search_snrs_db` a search asks as often as random draws do,
    `search_draws` for each environment. `threats` are the settings of the threat models by name. `channels` are pairs
    of a name and a level that speech passes as well; `rooms_dir` is a folder of measured room responses.
    """

    PARAMETERS = {
        "victim": dict,
        "fold": str | None,
        "epsilons": list,
        "snrs_db": list,
        "draws": int,
        "search_epsilons": list,
        "search_snrs_db": list,
        "search_draws": int,
        "threats": dict,
        "channels": list,
        "rooms_dir": str,
        "estimator": str,
        "speech_level": str,
        "attack_seed": int,
        "replicates": int,
        "confidence": float,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {
        "target": adapters.Target,
        "limit": int | None,
        "batch_size": int,
        "workers": int,
        "quiet": bool,
    }
    INPUTS = {
        "utterances": types.UTTERANCES,
        "folds": types.FOLDS,
        "noise": types.NOISE,
        "perturbation": types.PERTURBATION,
    }
    OUTPUTS = {"evaluation": types.EVALUATION}


class VictimAttackerExecutor(Executor):
    """Asks the victim about every utterance as it is and under every condition."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the modules of the threat models that are tried."""
        tried = [each for name, each in threats.known().items() if name in parameters["threats"]]
        own = [cls.__module__, *channel_modules(parameters)]
        return [*own, *(each.run.__module__ for each in tried), *(each.settings.__module__ for each in tried)]

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the victim's files, or with the module of a function, and with what the channels use."""
        return parameters["target"].fingerprint() + outside(parameters)

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `predictions.csv`, a row a query, and `metrics.json`; answers of an earlier run are kept.

        Raises:
            AssertionError: If the noise is not that of the test stretch.
        """
        directory = outputs["evaluation"]
        classes = parameters["victim"]["classes"]
        items, skipped = labelled(heard(inputs["utterances"], inputs["folds"], parameters["fold"]), classes)
        answers = directory / _ANSWERS
        victim = adapters.victim(parameters["target"], parameters["workers"])
        # What was loaded, whatever happens to its files afterwards.
        self.seen = self.fingerprint(parameters)
        add = perturbation_graph.load(inputs["perturbation"].uri / "saved_model")
        plan, wider = _plans(inputs["noise"], parameters)
        passed = channel_plan(parameters, parameters["draws"], parameters["attack_seed"])
        models = [
            (each, each.settings(**parameters["threats"][name]))
            for name, each in threats.known().items()
            if name in parameters["threats"]
        ]
        attack = RecogniserAttack(victim, plan, wider, models, add, parameters["batch_size"], passed)
        queries = _ask(attack, items, answers, parameters["limit"], parameters["quiet"])
        if victim.single_output:
            # Whichever way round, a figure comes of it.
            current().warn(victim.one_output())
        found = {line["id"]: line for line in _lines(answers)}
        lines = [found[utterance.id] for utterance, _ in sorted(items, key=lambda item: item[0].id)]
        table = pd.DataFrame([row for line in lines for row in line["rows"]]).astype({"snr_db": float})
        clean, adversarial = table[table["noise"] == ""], table[table["noise"] != ""]
        table.astype({"draw": "Int64"}).to_csv(directory / "predictions.csv", index=False, lineterminator="\n")
        if passed.size:
            transmitted = pd.DataFrame([row for line in lines for row in line["channels"]]).astype({"snr_db": float})
            predictions.write_channels(directory, transmitted)
        scorer = Scorer(
            clean,
            classes,
            replicates=parameters["replicates"],
            confidence=parameters["confidence"],
            seed=parameters["seed"],
        )
        metrics: dict[str, Any] = {
            "victim": {**parameters["victim"], "queries": queries},
            "fold": parameters["fold"],
            "classes": classes,
            "clean": to_json(scorer.clean()),
            "figure1": to_json(figure1(scorer, adversarial)),
            "test_speakers": sorted({utterance.speaker for utterance, _ in items}),
            "skipped": skipped,
            **_threats(lines, scorer, parameters["threats"] if wider else ()),
        }
        metrics["alarms"] = [*_alarms(clean, lines, classes), *metrics["alarms"]]
        (directory / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
        answers.unlink()
        return {"evaluation": {"victim": parameters["victim"]["name"], "error": metrics["clean"]["error"]}}


def heard(table: Artifact, folds: Artifact, fold: str | None) -> list[shards.Item]:
    """Returns the utterances that a victim may be asked about: those of a fold's test speakers, or all for None."""
    everything = utterances.read(table)
    if fold is None:
        return everything
    tested = read_fold(folds, fold).test
    return [item for item in everything if item[0].speaker in tested]


def labelled(items: Sequence[shards.Item], classes: Sequence[str]) -> tuple[list[shards.Item], dict[str, int]]:
    """Returns the utterances that a victim of these classes can answer, and how many others there are, by reason.

    Raises:
        InputError: If there is none.
    """
    known = [item for item in items if truth(item[0], classes) in classes]
    others = Counter(truth(item[0], classes) for item in items if truth(item[0], classes) not in classes)
    if not known:
        raise InputError(
            f"victim.classes: expected some that the corpus has: {', '.join(sorted(others))}. "
            f"Received: {left_out.beside(classes, others)}"
        )
    return known, {f"{name}{left_out.NO_CLASS}": count for name, count in sorted(others.items())}


def _threats(lines: Sequence[Mapping[str, Any]], scorer: Scorer, names: Iterable[str]) -> dict[str, Any]:
    """Returns the errors under the threat models that the victim was put to, and what rang."""
    answers = {
        name: scoring.table(answer_of(row) for line in lines for row in line["threats"][name]).assign(seed=0)
        for name in names
    }
    if not answers:
        return {"alarms": []}
    systems = {NONE: (scorer, answers)}
    measured = scoring.rows(systems)
    return {
        "threats": to_json(scoring.reported(measured)),
        "search_curve": to_json(scoring.search_curve(systems)),
        **({"many_queries": to_json(counted)} if (counted := scoring.by_queries(systems)) else {}),
        "alarms": [{"name": each.name, "message": each.message} for _, each in scoring.alarms(systems, measured)],
    }


def _plans(noise: Artifact, parameters: Mapping[str, Any]) -> tuple[Plan, Plan | None]:
    """Returns every condition, and the random pieces that a search is compared with."""
    noise_split, _, bank = noise_gen.load(noise)
    if noise_split != "test":
        raise AssertionError(f"the victim would be attacked with the {noise_split} stretch of the noise")

    def plan(epsilons: Sequence[float], snrs_db: Sequence[float], draws: int) -> Plan:
        return Plan(
            bank,
            noise_split,
            budgets(epsilons, snrs_db),
            draws,
            parameters["estimator"],
            parameters["attack_seed"],
            speech_level=parameters["speech_level"],
        )

    searched = parameters["search_epsilons"], parameters["search_snrs_db"], parameters["search_draws"]
    wider = plan(*searched) if parameters["search_draws"] else None
    return plan(parameters["epsilons"], parameters["snrs_db"], parameters["draws"]), wider


def _ask(attack: RecogniserAttack, items: Sequence[shards.Item], answers: Path, limit: int | None, quiet: bool) -> int:
    """Asks about every utterance that has no answers yet, and keeps them one by one; returns the queries of all."""
    known = _lines(answers)
    # A line that a kill has cut short is written anew.
    answers.write_text("".join(json.dumps(line) + "\n" for line in known), encoding="utf-8")
    before = queries = sum(line["queries"] for line in known)
    done = {line["id"] for line in known}
    missing = [item for item in items if item[0].id not in done]
    seconds, left = (sum(file.duration_s for _, file in part) for part in (items, missing))
    start, heard_s = time.monotonic(), 0.0
    with (
        answers.open("a", encoding="utf-8") as file,
        progress.bar(
            seconds, "s", f"attack, {attack.size} conditions each", quiet=quiet, initial=seconds - left
        ) as bar,
    ):
        for (utterance, source), waveform in zip(
            missing, audio.waveforms([source for _, source in missing]), strict=True
        ):
            line = attack(utterance, waveform, limit, queries)
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
            queries += line["queries"]
            heard_s += line["queries"] * source.duration_s
            bar.update(source.duration_s)
    took_s = time.monotonic() - start
    if not quiet:
        print(
            f"{queries - before} queries in {took_s:.1f} s: {heard_s / max(took_s, 1e-9):.1f} s of audio a second",
            file=sys.stderr,
        )
    return queries


def _lines(answers: Path) -> list[dict[str, Any]]:
    """Returns what is known of the utterances that were finished before."""
    if not answers.exists():
        return []
    whole = answers.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _alarms(clean: pd.DataFrame, lines: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[dict[str, str]]:
    """Returns whether the victim answers the same speech differently when it is asked again."""
    first = clean[[f"p_{name}" for name in classes]].to_numpy()
    found = not_repeatable(first, np.array([line["again"] for line in lines]))
    return [{"name": found.name, "message": found.message}] if found else []


class VictimAttacker(Component):
    """Measures a recogniser that it was not there to train."""

    SPEC = VictimAttackerSpec
    EXECUTOR = VictimAttackerExecutor
