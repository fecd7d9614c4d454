"""Adaptive, Bayesian search: as many questions as the random search, each chosen by what was answered before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasser.attack.budget import Budget
from kerasser.attack.search import Query, bayesian_search
from kerasser.evaluation.alarms import Alarm, search_no_better
from kerasser.threats import adaptive_random
from kerasser.threats.base import Answer, Target, TestUtterance, Threat, ask, facts_of

if TYPE_CHECKING:
    import pandas as pd

    from kerasser.evaluation.results import ThreatRow

NAME = "adaptive, Bayesian search"


@dataclass(frozen=True)
class Settings:
    """The search through the model that is judged."""

    wanted: bool = True
    """Let an attacker search, with as many queries as there are random draws."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst piece found; of the undefended classifier, the hardest of all the questions it may be asked.

    An attacker's own copy of it costs no query that anybody would see, so all are spent there.
    """
    for utterance in utterances:
        for budget in utterance.budgets:
            found = bayesian_search(
                utterance.noise,
                utterance.speech.clean.size,
                partial(ask, target, utterance, budget=budget),
                utterance.queries,
                utterance.seeds(budget),
                stop=not target.undefended,
            )
            yield _answer(utterance, budget, found)


def _answer(utterance: TestUtterance, budget: Budget, found: Sequence[Query]) -> Answer:
    wrong = [number for number, query in enumerate(found, 1) if not query.correct]
    hardest = min(found, key=lambda query: query.margin)
    first = wrong[0] if wrong else None
    return Answer(
        utterance.id, budget, float(not wrong), first or len(found), utterance.queries, first, facts_of(hardest)
    )


def alarms(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where the search succeeds no more often than as many random draws."""
    found = []
    random = {row.budget: row.attack_success_rate for row in rows if row.threat == adaptive_random.NAME}
    for row in rows:
        if row.threat == NAME and row.queries > 1:
            drawn, searched = random.get(row.budget), row.attack_success_rate
            if drawn is not None and searched is not None:
                found.append(search_no_better(drawn, searched, row.queries))
    return found


THREAT = Threat(
    NAME,
    "the same number of queries, chosen by what was answered before",
    30,
    "answers",
    Settings,
    lambda settings: settings.wanted,
    run,
    alarms,
    signs=("a search finds more than random draws",),
    searches=True,
)
