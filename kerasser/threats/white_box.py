"""White box: projected gradient descent on the features, through the whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jsonargparse.typing import NonNegativeInt, PositiveInt

from kerasser.attack.budget import Budget
from kerasser.evaluation.alarms import Alarm, black_box_beats_white_box, zero_gradients
from kerasser.threats import adaptive_bayesian, adaptive_random
from kerasser.threats.base import Answer, Target, TestUtterance, Threat
from kerasser.util import progress

if TYPE_CHECKING:
    import pandas as pd

    from kerasser.evaluation.results import ThreatRow

NAME = "white-box"
_BATCH = 32


@dataclass(frozen=True)
class Settings:
    """Projected gradient descent on the features."""

    steps: NonNegativeInt = 20
    """Steps of projected gradient descent on the features; 0 leaves it out."""
    restarts: PositiveInt = 3
    """Its runs, each from another beginning."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst point of the ball whose radius is how far the budget's noise moves the features.

    Raises:
        ValueError: If nobody sees the inside of the system, or an utterance has no frames.
    """
    # TensorFlow is loaded by those who have gradients to follow.
    from kerasser.attack.white_box import ProjectedGradientDescent, change

    inside, everyone = target.gradients, list(utterances)
    if inside is None or any(each.frames is None or each.noisy_frames is None for each in everyone):
        raise ValueError("expected a system with gradients, and utterances with frames. Received: others")
    attack = ProjectedGradientDescent(inside.logits, inside.deviation, steps=settings.steps, restarts=settings.restarts)
    frames = {each.id: each.frames() for each in everyone if each.frames}
    # Of like length together: less padding.
    ordered = sorted(everyone, key=lambda each: (len(frames[each.id]), each.id))
    groups = [ordered[start : start + _BATCH] for start in range(0, len(ordered), _BATCH)]
    for budget in everyone[0].budgets if everyone else ():
        changes = [
            change(frames[each.id], noisy, inside.deviation, inside.clip_value)
            for each in everyone
            if each.noisy_frames
            for noisy in each.noisy_frames(budget)
        ]
        radius = float(np.median(changes))
        for group in progress.steps(groups, len(groups), "batches", f"gradient descent, {budget}"):
            yield from _attacked(attack, group, [frames[each.id] for each in group], budget, radius)


def _attacked(
    attack: Any, group: Sequence[TestUtterance], frames: Sequence[np.ndarray], budget: Budget, radius: float
) -> Iterator[Answer]:
    lengths = np.array([len(each) for each in frames], np.int32)
    features = np.zeros((len(group), lengths.max(), frames[0].shape[1]), np.float32)
    for row, each in zip(features, frames, strict=True):
        row[: len(each)] = each
    found = attack(features, lengths, np.array([each.label for each in group]), radius, group[0].seed)
    for number, utterance in enumerate(group):
        margin = float(found.margin[number])
        facts = {"radius": radius, "margin": margin, "gradient_norm": float(found.gradient_norm[number])}
        yield Answer(utterance.id, budget, float(margin >= 0), facts=facts)


def alarms(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where a black box does more harm, or where there is no gradient to follow."""
    found: list[Alarm | None] = []
    for row in rows:
        if row.threat == NAME:
            black = (adaptive_bayesian.NAME, adaptive_random.NAME)
            tried = [each.score.error for each in rows if each.threat in black and each.budget == row.budget]
            known = [error for error in tried if error is not None]
            if known and len(known) == len(tried) and row.score.error is not None:
                found.append(black_box_beats_white_box(max(known), row.score.error))
    # One gradient an utterance and seed: they are those of clean speech, the same at every budget.
    once = answers.drop_duplicates(["id", "seed"])
    found.append(zero_gradients(once["gradient_norm"].to_numpy()))
    return found


THREAT = Threat(
    NAME,
    "projected gradient descent on the features through the whole model, in the L∞ ball whose radius is the root mean "
    "square by which that budget's noise moves the features; no sound does that, so it bounds the others",
    40,
    "gradients",
    Settings,
    lambda settings: settings.steps > 0,
    run,
    alarms,
    signs=("no black box beats the white box", "gradients are there"),
    whole=True,
)
