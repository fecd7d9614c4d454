"""What anybody's recogniser is asked about an utterance: as it is, under every condition, by every threat model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack import perturbation
from kerasser.attack.budget import Budget
from kerasser.attack.generation import Plan, Speech, attacks
from kerasser.attack.perturbation import Add
from kerasser.attack.transmissions import ChannelPlan, transmissions
from kerasser.corpora import labels
from kerasser.corpora.base import Utterance
from kerasser.threats.base import Answer, TestUtterance, Threat
from kerasser.threats.targets import RecogniserTarget, logarithms, margin
from kerasser.util.errors import InputError
from kerasser.victims.base import Cached, Counted, Victim

_FACTS = (
    *("noise", "budget", "target", "draw", "epsilon", "snr_db"),
    *("reference_variance", "reference_snr_db", "pause_variance"),
)


class RecogniserAttack:
    """Asks a victim about one utterance after another.

    Args:
        victim: Who is asked.
        plan: The conditions.
        wider: Random pieces that a search is compared with, at its budgets; None puts it to no threat model.
        models: The threat models, each with its settings.
        add: What adds noise.
        batch_size: Waveforms in a question.
        passed: The channels, if there are any.
    """

    def __init__(
        self,
        victim: Victim,
        plan: Plan,
        wider: Plan | None,
        models: Sequence[tuple[Threat, Any]],
        add: Add = perturbation.add,
        batch_size: int = 32,
        passed: ChannelPlan | None = None,
    ) -> None:
        self._victim, self._plan, self._wider, self._add = victim, plan, wider, add
        self._models, self._passed = models if wider else (), passed
        self._classes, self._batch_size = list(victim.classes), batch_size

    @property
    def size(self) -> int:
        """Conditions of an utterance."""
        return self._plan.size + (self._passed.size if self._passed else 0)

    def __call__(self, utterance: Utterance, waveform: np.ndarray, limit: int | None, before: int) -> dict[str, Any]:
        """Returns what was answered, all of it plain enough for JSON.

        Args:
            utterance: Who speaks, and what.
            waveform: float32 `[samples]`, 16 kHz.
            limit: Most queries in all; None sets no limit.
            before: Queries that other utterances took.

        Returns:
            `id`; `queries`, how many this utterance took; `again`, the answer to it as it is when asked a second time;
            `rows`, an answer each to it as it is and under each condition; `channels`, the same behind each channel;
            `threats`, by name, what each threat model got out of it.

        Raises:
            UnfinishedError: If the limit is reached, or the victim cannot answer now.
        """
        # Caches of one utterance each: how many queries it takes does not depend on what came before a kill.
        counted = Counted(self._victim, limit, before)
        cached = Cached(counted)
        bounded, clipped = audio.clip(waveform)
        as_it_is = {"noise": "", "clipped": clipped, "samples": waveform.size}
        try:
            attacked = attacks(waveform, utterance.id, self._plan, self._add)
            rows = self._answers(cached, utterance, chain([(bounded, as_it_is)], attacked))
            passed = transmissions(waveform, utterance.id, self._passed) if self._passed else iter(())
            transmitted = self._answers(cached, utterance, passed)
            again = counted([bounded], audio.SAMPLE_RATE_HZ)[0]
            found = self._threats(cached, utterance, waveform)
        except InputError as error:
            raise type(error)(f"{utterance.id}: {error}") from error
        return {
            **{"id": utterance.id, "queries": counted.queries - before, "again": again.tolist()},
            **{"rows": rows, "channels": transmitted, "threats": found},
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

    def _threats(self, victim: Victim, utterance: Utterance, waveform: np.ndarray) -> dict[str, list[dict[str, Any]]]:
        """Returns what each threat model gets out of the victim."""
        plan = self._wider
        if plan is None:
            return {}
        attacked = TestUtterance(
            id=utterance.id,
            speaker=utterance.speaker,
            label=self._classes.index(truth(utterance, self._classes)),
            load=lambda: Speech(waveform, plan.noise, plan.estimator, self._add, plan.speech_level),
            noise=plan.noise,
            budgets=plan.budgets,
            draws=plan.draws,
            seed=plan.seed,
        )
        target = RecogniserTarget(victim, self._batch_size)
        return {
            threat.name: [asdict(each) for each in threat.run(target, [attacked], settings)]
            for threat, settings in self._models
        }

    def _row(self, utterance: Utterance, answer: np.ndarray, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Returns who spoke, what was done to it, the truth and the answer."""
        label = self._classes.index(truth(utterance, self._classes))
        return {
            **{name: getattr(utterance, name) for name in ("id", "speaker", "emotion")},
            "label": label,
            "predicted": int(np.argmax(answer)),
            **{f"p_{name}": float(share) for name, share in zip(self._classes, answer, strict=True)},
            "margin": margin(answer, label),
            "cross_entropy": float(-logarithms(answer)[label]),
            **{name: facts.get(name) for name in _FACTS},
            "clipped": facts["clipped"],
            "samples": facts["samples"],
        }


def answer_of(row: Mapping[str, Any]) -> Answer:
    """Returns an answer of a threat model from what `RecogniserAttack` returned for it."""
    return Answer(**{**row, "budget": Budget(**row["budget"])})


def truth(utterance: Utterance, classes: Sequence[str]) -> str:
    """Returns what a victim of these classes should answer: the valence if it knows no other, else the emotion.

    It comes under the victim's own name, "angry" for anger; an emotion that it has no class for under the corpus'.
    """
    name = utterance.valence if labels.valences(classes) else utterance.emotion
    return labels.known_as(name, classes) or name
