"""Grey box: the attacker has the undefended classifier, searches on it, and sends what it finds through the defence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kerasser.attack.search import Query
from kerasser.threats.adaptive_bayesian import facts_of
from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "grey-box"


@dataclass(frozen=True)
class Settings:
    """The transfer from the undefended classifier."""

    wanted: bool = True
    """Let an attacker transfer what a search through the undefended classifier found."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the answer to the piece that was hardest for the undefended classifier."""
    for utterance in utterances:
        for budget in utterance.budgets:
            drawn = utterance.hardest[budget]
            margin = target.margin(utterance, utterance.speech.under(drawn, budget).waveform)
            yield Answer(utterance.id, budget, float(margin >= 0), facts=facts_of(Query(drawn, margin)))


THREAT = Threat(
    NAME,
    "the attacker has the undefended classifier, searches on it with all queries, and sends the piece it finds hardest "
    "through the defence, once",
    10,
    "undefended",
    Settings,
    lambda settings: settings.wanted,
    run,
    searches=True,
)
