"""Many queries: random pieces of all recordings in turn, counted until one turns the answer wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from jsonargparse.typing import PositiveInt

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "many queries"


@dataclass(frozen=True)
class Settings:
    """The error against the number of queries."""

    counts: list[PositiveInt] = field(default_factory=list)
    """Numbers of queries after which the error is told, at threats.snrs_db; as many are made as the largest; none."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst of as many random pieces as the largest count: environments in turn, and recordings in each.

    The first that succeeds tells the worst of every smaller number too.
    """
    most = max(settings.counts)
    for utterance in utterances:
        draws = -(-most // len(utterance.noise))
        # Of the same speech, which is read once somebody asks for it.
        searched = replace(utterance, draws=draws, in_turn=True, load=partial(getattr, utterance, "speech"))
        for budget in utterance.budgets:
            if budget.kind == "snr_db":
                answers = target.drawn(searched, budget)
                right = [answers[key] for key in sorted(answers)[:most]]
                first = right.index(False) + 1 if False in right else None
                yield Answer(utterance.id, budget, float(first is None), first or most, most, first)


THREAT = Threat(
    NAME,
    "random pieces of all recordings in turn, tried through the very model that is judged",
    25,
    "answers",
    Settings,
    lambda settings: bool(settings.counts),
    run,
    reported=False,
    in_turn=True,
)
