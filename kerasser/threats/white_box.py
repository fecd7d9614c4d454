"""White box: projected gradient descent on the features, through the whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jsonargparse.typing import NonNegativeInt, PositiveInt

from kerasser.attack.budget import Budget
from kerasser.evaluation.alarms import Alarm, black_box_beats_white_box, zero_gradients
from kerasser.evaluation.metrics import is_correct
from kerasser.threats import adaptive_random
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
    """Yields the worst point of the box in which each feature of each frame moves as far as any random draw moves it.

    Raises:
        ValueError: If nobody sees the inside of the system, or an utterance has no frames or no draws.
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
        boxes = {}
        for each in everyone:
            noisy = list(each.noisy_frames(budget)) if each.noisy_frames else []
            if not noisy:
                raise ValueError(f"{each.id}: expected random draws at {budget}, which say how far it may move")
            moved = [change(frames[each.id], one, inside.mean, inside.deviation, inside.clip_value) for one in noisy]
            boxes[each.id] = np.max(moved, axis=0)
        for group in progress.steps(groups, len(groups), "batches", f"gradient descent, {budget}"):
            yield from _attacked(attack, group, frames, boxes, budget)


def _attacked(
    attack: Any,
    group: Sequence[TestUtterance],
    frames: Mapping[str, np.ndarray],
    boxes: Mapping[str, np.ndarray],
    budget: Budget,
) -> Iterator[Answer]:
    lengths = np.array([len(frames[each.id]) for each in group], np.int32)
    features, radius = np.zeros((2, len(group), lengths.max(), frames[group[0].id].shape[1]), np.float32)
    for place, (each, length) in enumerate(zip(group, lengths, strict=True)):
        features[place, :length], radius[place, :length] = frames[each.id], boxes[each.id]
    labels = np.array([each.label for each in group])
    found = attack(features, lengths, labels, radius, group[0].seed)
    right = is_correct(labels, found.predicted)
    for number, utterance in enumerate(group):
        facts = {
            # One figure for a report: the box has a side for each feature of each frame.
            "radius": float(np.sqrt(np.mean(np.square(boxes[utterance.id], dtype=np.float64)))),
            "margin": float(found.margin[number]),
            "gradient_norm": float(found.gradient_norm[number]),
        }
        yield Answer(utterance.id, budget, float(right[number]), facts=facts)


def alarms(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where a black box does more harm, or where there is no gradient to follow."""
    # The box holds what the random draws move; the Bayesian search goes on to other pieces.
    random = {row.budget: row.score.error for row in rows if row.threat == adaptive_random.NAME}
    found: list[Alarm | None] = []
    for row in rows:
        drawn = random.get(row.budget)
        if row.threat == NAME and drawn is not None and row.score.error is not None:
            found.append(black_box_beats_white_box(drawn, row.score.error))
    # One gradient an utterance and seed: they are those of clean speech, the same at every budget.
    once = answers.drop_duplicates(["id", "seed"])
    found.append(zero_gradients(once["gradient_norm"].to_numpy()))
    return found


THREAT = Threat(
    NAME,
    "projected gradient descent on the features through the whole model, in the box in which each feature of each "
    "frame moves as far as any of that budget's random draws moves it; it holds them all, and no sound does what it "
    "may, so it bounds them",
    40,
    "gradients",
    Settings,
    lambda settings: settings.steps > 0,
    run,
    alarms,
    signs=("no black box beats the white box", "gradients are there"),
    whole=True,
    title="white-box (features)",
)
