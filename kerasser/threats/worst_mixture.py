"""Worst mixture: noise of the adversary's own, mixed and equalised from real recordings along the gradient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveInt

from kerasser.attack.budget import Budget
from kerasser.attack.search import Query
from kerasser.threats import sound
from kerasser.threats.base import Answer, Target, TestUtterance, Threat, ask
from kerasser.util import progress

NAME = "worst mixture"


@dataclass(frozen=True)
class Settings:
    """Mixtures of real noise along the gradient; they cost minutes a system."""

    wanted: bool = False
    """Mix the worst noise out of the random draws."""
    pieces: PositiveInt = 8
    """Pieces in a mixture: those of the random draws that are hardest alone."""
    room_db: NonNegativeFloat = 6.0
    """Largest gain of the equaliser in an octave, in dB, up or down; 0 leaves the sound of the recordings as it is."""
    steps: PositiveInt = 20
    """Steps of descent on weights and equaliser."""
    shifts: PositiveInt = 1
    """Versions of the sound, each some samples later, over which gradients are averaged; 1 takes it as it is."""
    utterances: NonNegativeInt = 16
    """Most test utterances of a fold that are attacked; 0 takes all."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst of all random draws and of the mixtures of those that are hardest.

    Raises:
        ValueError: If nobody sees the inside of the system.
    """
    # TensorFlow is loaded by those who have gradients to follow.
    from kerasser.attack.mixture import WorstMixture
    from kerasser.attack.waveform_gradients import through_features

    system = sound.inside(target)
    mixing = WorstMixture(
        through_features(system.logits, system.enhance),
        steps=settings.steps,
        room_db=settings.room_db,
        shifts=settings.shifts,
    )
    parts = list(sound.by_budget(sound.chosen(list(utterances), settings.utterances), "mixture"))
    for budget, group, seed in progress.steps(parts, len(parts), "batches", "mixtures"):
        hardest = [_hardest(target, each, budget, settings.pieces) for each in group]
        speech, lengths = sound.padded([each.speech.clean for each in group])
        # A draw that is there twice weighs more, and changes nothing else.
        pieces = np.zeros((len(group), max(map(len, hardest)), speech.shape[1]), np.float32)
        for row, utterance, queries in zip(pieces, group, hardest, strict=True):
            for place, piece in enumerate(row):
                query = queries[min(place, len(queries) - 1)]
                piece[: utterance.speech.clean.size] = utterance.speech.piece(query.draw)
        rooms = np.array([each.speech.room(budget) for each in group])
        labels = np.array([each.label for each in group])
        runs = mixing(speech, lengths, labels, pieces, rooms[:, 0], rooms[:, 1], seed)
        for number, (utterance, queries) in enumerate(zip(group, hardest, strict=True)):
            yield _answer(target, utterance, budget, queries, runs, number)


def _hardest(target: Target, utterance: TestUtterance, budget: Budget, count: int) -> list[Query]:
    """Returns the random draws that are hardest, the hardest first."""
    keys = sorted(target.drawn(utterance, budget))
    drawn = (utterance.random_draw(budget, environment, number) for number, environment in keys)
    asked = [ask(target, utterance, each, budget) for each in drawn]
    return sorted(asked, key=lambda query: query.margin)[:count]


def _answer(
    target: Target, utterance: TestUtterance, budget: Budget, queries: Sequence[Query], runs: Sequence[Any], number: int
) -> Answer:
    size, speech = utterance.speech.clean.size, utterance.speech
    alone = speech.under(queries[0].draw, budget).waveform
    attempts = [(alone, float("inf"), float(runs[0].gradient_norm[number]))]
    for found in runs:
        made = speech.amid(found.noise[number, :size], budget).waveform
        attempts.append((made, float(found.margin[number]), float(found.gradient_norm[number])))

    def recipe(attempt: int) -> dict[str, Any]:
        weights = runs[attempt - 1].weights[number] if attempt else np.eye(1, len(queries))[0]
        gains = runs[attempt - 1].gains_db[number] if attempt else np.zeros(7)
        places = [[query.draw.environment, query.draw.recording, query.draw.offset] for query in queries]
        parts = [
            [*place, round(float(weight), 4)] for place, weight in zip(places, weights[: len(places)], strict=True)
        ]
        return {"mixture": json.dumps(parts), "gains_db": json.dumps([round(float(gain), 2) for gain in gains])}

    answer = sound.answered(target, utterance, budget, attempts, recipe)
    # It begins where the draws end: whatever one of them does, it does.
    return answer if answer.facts["drawn_correct"] else replace(answer, correct=0.0)


THREAT = Threat(
    NAME,
    "the random draws that are hardest, weighed, added up and equalised along the gradient with that budget's power: "
    "noise of the adversary's own, out of real recordings; never weaker than any of the draws",
    43,
    "gradients",
    Settings,
    lambda settings: settings.wanted,
    run,
    sound.no_gradients,
    signs=("gradients reach the sound",),
    whole=True,
)
