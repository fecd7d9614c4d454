"""Unseen environment: one random piece of a kind of noise that the defence was trained without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "unseen environment"


@dataclass(frozen=True)
class Settings:
    """Training without each environment."""

    wanted: bool = True
    """Train the defences once more without each environment, and attack them with it."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the mean over the random pieces of the environment that was left out.

    What trains on no environment meets them all unseen: the mean is then over all.
    """
    for utterance in utterances:
        for budget in utterance.budgets:
            answers = target.drawn(utterance, budget)
            unseen = [right for (_, noise), right in answers.items() if noise == target.without or not target.without]
            yield Answer(utterance.id, budget, float(np.mean(unseen)))


THREAT = Threat(
    NAME,
    "one random piece of an environment that the defence was trained without",
    50,
    "retraining",
    Settings,
    lambda settings: settings.wanted,
    run,
)
