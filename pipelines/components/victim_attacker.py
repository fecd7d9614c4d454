"""VictimAttacker: what somebody's recogniser answers on clean and on attacked speech, and the errors."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser import audio, progress
from kerasser.attack import adapters
from kerasser.attack.generation import Plan, attacks
from kerasser.attack.perturbation import Add, Budget, Draw, budgets, segment
from kerasser.attack.perturbation import attack as perturb_to
from kerasser.attack.search import bayesian_search
from kerasser.attack.victims import Cached, Counted, Victim
from kerasser.corpora import CLASSES
from kerasser.corpora.base import Utterance
from kerasser.errors import InputError
from kerasser.evaluation import threats
from kerasser.evaluation.alarms import not_repeatable
from kerasser.evaluation.comparison import NONE
from kerasser.evaluation.curve import Scorer, figure1
from kerasser.noise.estimation import reference_noise
from kerasser.serving import perturbation
from pipelines.artifacts import Artifact
from pipelines.component import Component, ComponentSpec, Executor
from pipelines.components import noise_gen, shards, types, utterances
from pipelines.components.folds import read_fold

_ANSWERS = "answers.jsonl"
_WAY = ("noise", "budget", "target", "draw", "epsilon", "snr_db", "reference_variance", "reference_snr_db")


class VictimAttackerSpec(ComponentSpec):
    """Inputs: utterances, folds, a bank of noise, the perturbation. Output: answers and figures.

    `victim` is what the report says of it; `target` is how it is reached. `fold` restricts the attack to its test
    speakers. At the budgets of `search_epsilons` and `search_snrs_db` a search asks as often as random draws do,
    `search_draws` for each environment.
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
        "estimator": str,
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

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the victim's files, or with the module of a function."""
        return parameters["target"].fingerprint()

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `predictions.csv`, a row a query, and `metrics.json`; answers of an earlier run are kept.

        Raises:
            AssertionError: If the noise is not that of the test stretch.
        """
        directory = outputs["evaluation"]
        classes = parameters["victim"]["classes"]
        everything = utterances.read(inputs["utterances"])
        if parameters["fold"] is not None:
            tested = read_fold(inputs["folds"], parameters["fold"]).test
            everything = [item for item in everything if item[0].speaker in tested]
        items, skipped = labelled(everything, classes)
        answers = directory / _ANSWERS
        victim = adapters.victim(parameters["target"], parameters["workers"])
        add = perturbation.load(inputs["perturbation"].uri / "saved_model")
        plan, wider = _plans(inputs["noise"], parameters)
        attack = _Attack(victim, plan, wider, add, classes, parameters["batch_size"])
        queries = _ask(attack, items, answers, parameters["limit"], parameters["quiet"])
        found = {line["id"]: line for line in _lines(answers)}
        lines = [found[utterance.id] for utterance, _ in sorted(items, key=lambda item: item[0].id)]
        table = pd.DataFrame([row for line in lines for row in line["rows"]]).astype({"snr_db": float})
        clean, adversarial = table[table["noise"] == ""], table[table["noise"] != ""]
        table.astype({"draw": "Int64"}).to_csv(directory / "predictions.csv", index=False, lineterminator="\n")
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
            "clean": scorer.clean(),
            "figure1": figure1(scorer, adversarial),
            "test_speakers": sorted({utterance.speaker for utterance, _ in items}),
            "skipped": skipped,
            **_threats(lines, scorer, parameters),
        }
        metrics["alarms"] = [*_alarms(clean, lines, classes), *metrics["alarms"]]
        (directory / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
        answers.unlink()
        return {"evaluation": {"victim": parameters["victim"]["name"], "error": metrics["clean"]["error"]}}


def truth(utterance: Utterance, classes: Sequence[str]) -> str:
    """Returns what a victim of these classes should answer: the valence if it knows no other, else the emotion."""
    return utterance.valence if set(classes) <= set(CLASSES) else utterance.emotion


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
            f"Received: {', '.join(classes)}"
        )
    return known, {f"{name} is none of the victim's classes": count for name, count in sorted(others.items())}


class _Attack:
    """Asks about one utterance after another.

    Args:
        victim: Who is asked.
        plan: The conditions.
        wider: Random pieces that a search is compared with, at its budgets; none where nothing is searched.
        add: What adds noise.
        classes: The victim's class names.
        batch_size: Waveforms in a question.
    """

    def __init__(
        self, victim: Victim, plan: Plan, wider: Plan | None, add: Add, classes: Sequence[str], batch_size: int
    ) -> None:
        self._victim, self._plan, self._wider, self._add = victim, plan, wider, add
        self._classes, self._batch_size = list(classes), batch_size

    @property
    def size(self) -> int:
        """Conditions of an utterance."""
        return self._plan.size

    def __call__(self, utterance: Utterance, waveform: np.ndarray, limit: int | None, before: int) -> dict[str, Any]:
        """Returns the answers to one utterance, how many queries they took, and that to the clean one asked again.

        Args:
            utterance: Who speaks, and what.
            waveform: float32 `[samples]`, 16 kHz.
            limit: Most queries in all; None sets no limit.
            before: Queries that other utterances took.

        Raises:
            UnfinishedError: If the limit is reached, or the victim cannot answer now.
        """
        # Caches of one utterance each: how many queries it takes does not depend on what came before a kill.
        counted = Counted(self._victim, limit, before)
        cached = Cached(counted)
        clean = audio.clip(waveform)[0]
        try:
            rows = self._answers(cached, utterance, self._conditions(utterance, waveform))
            again = counted([clean], audio.SAMPLE_RATE_HZ)[0]
            drawn = (
                self._answers(cached, utterance, attacks(waveform, utterance.id, self._wider, self._add))
                if self._wider
                else []
            )
            searched = self._search(cached, utterance, clean, self._wider) if self._wider else []
        except InputError as error:
            raise type(error)(f"{utterance.id}: {error}") from error
        queries = counted.queries - before
        return {
            **{"id": utterance.id, "queries": queries, "again": again.tolist(), "rows": rows},
            **{"drawn": drawn, "searched": searched},
        }

    def _answers(
        self, victim: Victim, utterance: Utterance, conditions: Iterator[tuple[np.ndarray, dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Returns a row for each waveform."""
        rows: list[dict[str, Any]] = []
        while batch := list(islice(conditions, self._batch_size)):
            answers = victim([attacked for attacked, _ in batch], audio.SAMPLE_RATE_HZ)
            rows += [self._row(utterance, answer, facts) for answer, (_, facts) in zip(answers, batch, strict=True)]
        return rows

    def _search(self, victim: Victim, utterance: Utterance, clean: np.ndarray, plan: Plan) -> list[dict[str, Any]]:
        """Returns a row for each question of a search through the victim."""
        reference = reference_noise(clean, estimator=plan.estimator)  # type: ignore[arg-type]
        label = self._classes.index(truth(utterance, self._classes))
        waveforms = {(place, each.name): each.waveform for place, found in plan.noise.items() for each in found}
        rows = []
        for budget in plan.budgets:

            def ask(drawn: Draw, budget: Budget = budget) -> float:
                piece = segment(waveforms[drawn.environment, drawn.recording], drawn.offset, clean.size)
                made = perturb_to(clean, piece, reference.mean, reference.variance, budget, self._add)
                return margin(victim([made.waveform], audio.SAMPLE_RATE_HZ)[0], label)

            seed = (plan.seed, utterance.id, plan.stretch, budget.kind, budget.value)
            queries = plan.draws * len(plan.noise)
            for number, query in enumerate(bayesian_search(plan.noise, clean.size, ask, queries, seed), 1):
                where = {"id": utterance.id, "budget": budget.kind, "target": budget.value, "method": threats.BAYESIAN}
                rows.append({**where, "query": number, "correct": query.margin >= 0})
        return rows

    def _conditions(self, utterance: Utterance, waveform: np.ndarray) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
        bounded, clipped = audio.clip(waveform)
        yield bounded, {"noise": "", "clipped": clipped, "samples": waveform.size}
        yield from attacks(waveform, utterance.id, self._plan, self._add)

    def _row(self, utterance: Utterance, answer: np.ndarray, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Returns who spoke, what was done to it, the truth and the answer; columns as those of Evaluator."""
        label = self._classes.index(truth(utterance, self._classes))
        return {
            **{name: getattr(utterance, name) for name in ("id", "speaker", "emotion")},
            "label": label,
            "predicted": int(np.argmax(answer)),
            **{f"p_{name}": float(share) for name, share in zip(self._classes, answer, strict=True)},
            "margin": margin(answer, label),
            "cross_entropy": float(-_logarithms(answer)[label]),
            **{name: facts.get(name) for name in _WAY},
            "clipped": facts["clipped"],
            "samples": facts["samples"],
        }


def margin(answer: np.ndarray, label: int) -> float:
    """Returns the logarithm of the truth's probability less that of the likeliest other class: logits, but for a shift.

    Args:
        answer: Probabilities `[classes]`.
        label: The truth.
    """
    logs = _logarithms(answer)
    return float(logs[label] - np.delete(logs, label).max())


def _logarithms(answer: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(answer, np.finfo(np.float32).tiny))


def _threats(lines: Sequence[Mapping[str, Any]], scorer: Scorer, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the errors under the threat models that a black box can be put to, and what rang."""
    if not parameters["search_draws"]:
        return {"alarms": []}
    drawn = pd.DataFrame([row for line in lines for row in line["drawn"]])
    drawn = drawn.assign(correct=drawn["predicted"] == drawn["label"])
    searched = pd.DataFrame([row for line in lines for row in line["searched"]])
    systems = {NONE: (scorer, threats.Attacks(drawn, searched.assign(seed=0)))}
    budgets = [
        *(("epsilon", float(epsilon)) for epsilon in parameters["search_epsilons"]),
        *(("snr_db", float(snr_db)) for snr_db in parameters["search_snrs_db"]),
    ]
    measured = threats.rows(systems, budgets)
    rung = threats.alarms(systems, budgets, measured)
    return {
        "threats": measured,
        "search_curve": threats.search_curve(systems, budgets),
        "alarms": [{"name": each.name, "message": each.message} for _, each in rung],
    }


def _plans(noise: Artifact, parameters: Mapping[str, Any]) -> tuple[Plan, Plan | None]:
    """Returns every condition, and the random pieces that a search is compared with."""
    stretch, _, bank = noise_gen.load(noise)
    if stretch != "test":
        raise AssertionError(f"the victim would be attacked with the {stretch} stretch of the noise")

    def plan(epsilons: Sequence[float], snrs_db: Sequence[float], draws: int) -> Plan:
        return Plan(
            bank, stretch, budgets(epsilons, snrs_db), draws, parameters["estimator"], parameters["attack_seed"]
        )

    searched = parameters["search_epsilons"], parameters["search_snrs_db"], parameters["search_draws"]
    wider = plan(*searched) if parameters["search_draws"] else None
    return plan(parameters["epsilons"], parameters["snrs_db"], parameters["draws"]), wider


def _ask(attack: _Attack, items: Sequence[shards.Item], answers: Path, limit: int | None, quiet: bool) -> int:
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
