"""White box on the waveform: projected gradient descent on the sound that is added, through front end and model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jsonargparse.typing import NonNegativeInt, PositiveInt

from kerasser.evaluation.alarms import Alarm, black_box_beats_white_box
from kerasser.threats import sound
from kerasser.threats.base import Answer, Target, TestUtterance, Threat
from kerasser.util import progress

if TYPE_CHECKING:
    import pandas as pd

    from kerasser.evaluation.results import ThreatRow

NAME = "white-box (waveform)"


@dataclass(frozen=True)
class Settings:
    """Projected gradient descent on the waveform; it costs minutes a system."""

    wanted: bool = False
    """Follow the gradients to the sound itself."""
    steps: PositiveInt = 30
    """Steps of projected gradient descent on the waveform."""
    restarts: PositiveInt = 1
    """Its runs, each from another beginning."""
    shifts: PositiveInt = 1
    """Versions of the sound, each some samples later, over which gradients are averaged; 1 takes it as it is."""
    utterances: NonNegativeInt = 16
    """Most test utterances of a fold that are attacked; 0 takes all."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst sound of the budget's power; judged with 16 bits by the system's own front end.

    Raises:
        ValueError: If nobody sees the inside of the system.
    """
    yield from attacked(target, list(utterances), settings, None)


def attacked(
    target: Target, utterances: Sequence[TestUtterance], settings: Any, full_scale_db: float | None
) -> Iterator[Answer]:
    """Yields what descent finds, below the masking threshold where a playback level is given.

    Args:
        target: The system.
        utterances: All; some are attacked.
        settings: Of this threat model or the inaudible one.
        full_scale_db: Level at which a sine of full scale is played, in dB SPL; None bounds the power alone.

    Raises:
        ValueError: If nobody sees the inside of the system.
    """
    # TensorFlow is loaded by those who have gradients to follow.
    from kerasser.attack import masking
    from kerasser.attack.waveform_gradients import WaveformDescent, through_features

    system = sound.inside(target)
    descent = WaveformDescent(
        through_features(system.logits, system.enhance),
        steps=settings.steps,
        restarts=settings.restarts,
        shifts=settings.shifts,
    )
    parts = list(sound.by_budget(sound.chosen(utterances, settings.utterances), "descent"))
    for budget, group, seed in progress.steps(parts, len(parts), "batches", "gradients to the sound"):
        speech, lengths = sound.padded([each.speech.clean for each in group])
        labels = np.array([each.label for each in group])
        rooms = [each.speech.room(budget) for each in group]
        power = np.array([mean**2 + variance for mean, variance in rooms])
        limit = None
        if full_scale_db is not None:
            # Thresholds of the padding are those in quiet.
            limit = np.stack([masking.threshold(row, full_scale_db) for row in speech])
        runs = descent(speech, lengths, labels, power, limit, seed)
        for number, utterance in enumerate(group):
            clean = utterance.speech.clean
            attempts = [
                (
                    clean + found.added[number, : clean.size],
                    float(found.margin[number]),
                    float(found.gradient_norm[number]),
                )
                for found in runs
            ]
            yield sound.answered(target, utterance, budget, attempts)


def alarms(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where random draws do more harm to the same utterances, or where there is no gradient to follow."""
    found: list[Alarm | None] = [
        black_box_beats_white_box(row.drawn_error, row.score.error)
        for row in rows
        if row.threat == NAME and row.drawn_error is not None and row.score.error is not None
    ]
    return [*found, *sound.no_gradients(rows, answers, chance)]


THREAT = Threat(
    NAME,
    "projected gradient descent on the sound that is added, through the features and the whole model, with as much "
    "power as that budget's noise has; what it finds is a sound of 16 bits, judged through the system's own front end",
    41,
    "gradients",
    Settings,
    lambda settings: settings.wanted,
    run,
    alarms,
    signs=("no black box beats the white box on the waveform", "gradients reach the sound"),
    whole=True,
)
