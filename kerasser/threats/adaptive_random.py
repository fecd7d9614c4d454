"""Adaptive, random search: random pieces tried through the very model that is judged, until one succeeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "adaptive, random search"


@dataclass(frozen=True)
class Settings:
    """Nothing can be set: it is always tried."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst of the random pieces, one of each environment in turn."""
    for utterance in utterances:
        for budget in utterance.budgets:
            answers = target.drawn(utterance, budget)
            right = [answers[key] for key in sorted(answers)]
            first = right.index(False) + 1 if False in right else None
            yield Answer(utterance.id, budget, float(all(right)), first or len(right), len(right), first)


THREAT = Threat(
    NAME,
    "random pieces tried through the very model that is judged, wrong if any succeeds",
    20,
    "answers",
    Settings,
    lambda settings: True,
    run,
)
