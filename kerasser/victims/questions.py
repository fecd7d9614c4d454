"""What a victim is asked about one utterance: as it is, under every condition, and by a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack import perturbation
from kerasser.attack.budget import Budget
from kerasser.attack.draws import Draw, Seeds
from kerasser.attack.generation import DECIBEL_DIGITS, Plan, Speech, attacks
from kerasser.attack.perturbation import Add
from kerasser.attack.search import Ask, Query, bayesian_search, one_draw
from kerasser.corpora import CLASSES
from kerasser.corpora.base import Utterance
from kerasser.evaluation.threats import BAYESIAN, EXTREME, EXTREME_SNR_DB
from kerasser.util.errors import InputError
from kerasser.victims.base import Cached, Counted, Victim

_FACTS = ("noise", "budget", "target", "draw", "epsilon", "snr_db", "reference_variance", "reference_snr_db")


class Questions:
    """Asks a victim about one utterance after another.

    Args:
        victim: Who is asked.
        plan: The conditions.
        wider: Random pieces that a search is compared with, at its budgets; none where nothing is searched.
        add: What adds noise.
        batch_size: Waveforms in a question.
    """

    def __init__(
        self, victim: Victim, plan: Plan, wider: Plan | None, add: Add = perturbation.add, batch_size: int = 32
    ) -> None:
        self._victim, self._plan, self._wider, self._add = victim, plan, wider, add
        self._classes, self._batch_size = list(victim.classes), batch_size

    @property
    def size(self) -> int:
        """Conditions of an utterance."""
        return self._plan.size

    def __call__(self, utterance: Utterance, waveform: np.ndarray, limit: int | None, before: int) -> dict[str, Any]:
        """Returns what was answered, all of it plain enough for JSON.

        Args:
            utterance: Who speaks, and what.
            waveform: float32 `[samples]`, 16 kHz.
            limit: Most queries in all; None sets no limit.
            before: Queries that other utterances took.

        Returns:
            `id`; `queries`, how many this utterance took; `again`, the answer to it as it is when asked a second time;
            `rows`, an answer each to it as it is and under each condition; `drawn`, the same for the wider plan;
            `searched`, the questions of the searches.

        Raises:
            UnfinishedError: If the limit is reached, or the victim cannot answer now.
        """
        # Caches of one utterance each: how many queries it takes does not depend on what came before a kill.
        counted = Counted(self._victim, limit, before)
        cached = Cached(counted)
        bounded, clipped = audio.clip(waveform)
        as_it_is = {"noise": "", "clipped": clipped, "samples": waveform.size}
        drawn, searched = list[dict[str, Any]](), list[dict[str, Any]]()
        try:
            attacked = attacks(waveform, utterance.id, self._plan, self._add)
            rows = self._answers(cached, utterance, chain([(bounded, as_it_is)], attacked))
            again = counted([bounded], audio.SAMPLE_RATE_HZ)[0]
            if self._wider:
                drawn = self._answers(cached, utterance, attacks(waveform, utterance.id, self._wider, self._add))
                searched = self._search(cached, utterance, waveform, self._wider)
        except InputError as error:
            raise type(error)(f"{utterance.id}: {error}") from error
        return {
            **{"id": utterance.id, "queries": counted.queries - before, "again": again.tolist()},
            **{"rows": rows, "drawn": drawn, "searched": searched},
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

    def _search(self, victim: Victim, utterance: Utterance, waveform: np.ndarray, plan: Plan) -> list[dict[str, Any]]:
        """Returns a row for each question of a search through the victim, and one where the speech is drowned."""
        speech = Speech(waveform, plan.noise, plan.estimator, self._add, plan.speech_level)
        label = self._classes.index(truth(utterance, self._classes))
        samples, queries = speech.clean.size, plan.draws * len(plan.noise)

        def asking(budget: Budget) -> Ask:
            def ask(drawn: Draw) -> Query:
                made = speech.under(drawn, budget)
                answer = victim([made.waveform], audio.SAMPLE_RATE_HZ)[0]
                right = bool(np.argmax(answer) == label)
                return Query(drawn, margin(answer, label), right, made.snr_db, made.clipped / samples)

            return ask

        rows = []
        for budget in plan.budgets:
            seeds = Seeds(plan.seed, utterance.id, plan.noise_split, budget)
            found = bayesian_search(plan.noise, samples, asking(budget), queries, seeds)
            rows += [_question(utterance, budget, BAYESIAN, number, query) for number, query in enumerate(found, 1)]
        budget = Budget("snr_db", EXTREME_SNR_DB)
        drowned = one_draw(
            plan.noise, samples, asking(budget), Seeds(plan.seed, utterance.id, plan.noise_split, budget)
        )
        return [*rows, _question(utterance, budget, EXTREME, 1, drowned)]

    def _row(self, utterance: Utterance, answer: np.ndarray, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Returns who spoke, what was done to it, the truth and the answer."""
        label = self._classes.index(truth(utterance, self._classes))
        return {
            **{name: getattr(utterance, name) for name in ("id", "speaker", "emotion")},
            "label": label,
            "predicted": int(np.argmax(answer)),
            **{f"p_{name}": float(share) for name, share in zip(self._classes, answer, strict=True)},
            "margin": margin(answer, label),
            "cross_entropy": float(-_logarithms(answer)[label]),
            **{name: facts.get(name) for name in _FACTS},
            "clipped": facts["clipped"],
            "samples": facts["samples"],
        }


def answered(query: Query) -> dict[str, Any]:
    """Returns what came of a question, as a row of a table: whether it is right, and how much noise was in it."""
    # JSON knows no infinity: null says that nothing was added.
    snr_db = round(query.snr_db, DECIBEL_DIGITS) if np.isfinite(query.snr_db) else None
    return {"correct": query.correct, "snr_db": snr_db, "clipped": query.clipped}


def truth(utterance: Utterance, classes: Sequence[str]) -> str:
    """Returns what a victim of these classes should answer: the valence if it knows no other, else the emotion."""
    return utterance.valence if set(classes) <= set(CLASSES) else utterance.emotion


def margin(answer: np.ndarray, label: int) -> float:
    """Returns the logarithm of the truth's probability less that of the likeliest other class: logits, but for a shift.

    Args:
        answer: Probabilities `[classes]`.
        label: The truth.
    """
    logs = _logarithms(answer)
    return float(logs[label] - np.delete(logs, label).max())


def _question(utterance: Utterance, budget: Budget, method: str, number: int, query: Query) -> dict[str, Any]:
    where = {"id": utterance.id, "budget": budget.kind, "target": budget.value}
    return {**where, "method": method, "query": number, **answered(query)}


def _logarithms(answer: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(answer, np.finfo(np.float32).tiny))
