"""Grey box: the attacker has the undefended classifier, searches on it, and sends what it finds through the defence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kerasser.threats.base import Answer, Target, TestUtterance, Threat, ask, facts_of

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
            query = ask(target, utterance, utterance.hardest[budget], budget)
            yield Answer(utterance.id, budget, float(query.correct), facts=facts_of(query))


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
