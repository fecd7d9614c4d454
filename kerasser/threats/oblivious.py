"""Oblivious: one random piece of noise, no query; the paper's attack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "oblivious"


@dataclass(frozen=True)
class Settings:
    """Nothing can be set: it is always tried."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the mean over the random pieces of all environments."""
    for utterance in utterances:
        for budget in utterance.budgets:
            yield Answer(utterance.id, budget, float(np.mean(list(target.drawn(utterance, budget).values()))))


THREAT = Threat(
    NAME, "one random piece of noise; the paper's attack", 0, "answers", Settings, lambda settings: True, run
)
