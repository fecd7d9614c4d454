"""The error of every system under every threat model, how efficient the searches are, and what makes that worthless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from kerasser import threats
from kerasser.attack.budget import Budget
from kerasser.defences import NONE
from kerasser.evaluation.alarms import Alarm
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import QueriesRow, Score, SearchCurveRow, ThreatRow, UnseenRow
from kerasser.threats import adaptive_bayesian, adaptive_random, many_queries
from kerasser.threats.base import Answer

#: Threat model → a table of answers as of `table`, with `seed` and, of systems that were trained
#: without an environment, `without`.
Answers = Mapping[str, pd.DataFrame]


def table(answers: Iterable[Answer]) -> pd.DataFrame:
    """Returns answers as a table, a row each: `id`, `budget` and `target`, the figures, and a column a fact."""
    rows = [
        {
            "id": each.utterance,
            "budget": each.budget.kind,
            "target": each.budget.value,
            "correct": each.correct,
            "queries": each.queries,
            "allowed": each.allowed,
            "first_wrong": each.first_wrong,
            **each.facts,
        }
        for each in answers
    ]
    return pd.DataFrame(rows).astype({"first_wrong": "Int64"})


def rows(systems: Mapping[str, tuple[Scorer, Answers]]) -> list[ThreatRow]:
    """Returns the error of every system under every threat model, budget by budget.

    Args:
        systems: Defence → its scorer, and what attackers got out of it.
    """
    found = []
    for budget in _budgets(systems):
        for defence, (scorer, answers) in systems.items():
            for name in threats.known():
                if name in answers and not (part := at(answers[name], budget)).empty:
                    found.append(_row(defence, budget, name, scorer, part))
    return found


def _row(defence: str, budget: Budget, threat: str, scorer: Scorer, answers: pd.DataFrame) -> ThreatRow:
    tested = scorer.utterances
    scorer = scorer.over(answers["id"].unique())

    def share(column: str) -> np.ndarray:
        # A system that was trained without each environment in turn has an answer for each.
        return scorer.table(answers.assign(without=_without(answers)), ["without"], column).mean(axis=2)

    correct = share("correct")
    allowed = int(answers["allowed"].max())
    return ThreatRow(
        defence=defence,
        budget=budget,
        threat=threat,
        queries=allowed,
        queries_mean=float(answers["queries"].mean()) if allowed else 0.0,
        radius=float(answers["radius"].median()) if "radius" in answers else None,
        score=scorer.error(correct),
        attack_success_rate=scorer.success_rate(correct),
        utterances=scorer.utterances if scorer.utterances < tested else None,
        graph_error=scorer.error(share("graph_correct")).error if "graph_correct" in answers else None,
        drawn_error=scorer.error(share("drawn_correct")).error if "drawn_correct" in answers else None,
        snr_db_median=_median(answers["snr_db"]) if "graph_correct" in answers else None,
    )


def _median(values: pd.Series) -> float | None:
    return None if values.isna().all() else float(values.median())


def _without(answers: pd.DataFrame) -> pd.Series | str:
    return answers["without"].fillna("") if "without" in answers else ""


def _budgets(systems: Mapping[str, tuple[Scorer, Answers]]) -> list[Budget]:
    """Returns the budgets of all answers, in the order in which they were given."""
    tables = [table[["budget", "target"]] for _, answers in systems.values() for table in answers.values()]
    pairs = pd.concat(tables).drop_duplicates() if tables else pd.DataFrame()
    return [Budget(str(kind), float(target)) for kind, target in pairs.itertuples(index=False)]


def reported(measured: Sequence[ThreatRow]) -> list[ThreatRow]:
    """Returns the rows that a report prints: not those of questions that are asked for an alarm alone."""
    return [row for row in measured if threats.get(row.threat).reported]


def search_curve(systems: Mapping[str, tuple[Scorer, Answers]]) -> list[SearchCurveRow]:
    """Returns the attack success rate of both searches after 1, 2, … N queries: how efficient they are.

    Args:
        systems: As for `rows`.
    """
    found = []
    for budget in _budgets(systems):
        for defence, (scorer, answers) in systems.items():
            if adaptive_bayesian.NAME not in answers or adaptive_random.NAME not in answers:
                continue
            first = {
                name: _first_wrong(scorer, at(answers[threat], budget))
                for name, threat in (("random", adaptive_random.NAME), ("bayesian", adaptive_bayesian.NAME))
                if not at(answers[threat], budget).empty
            }
            if len(first) < 2:
                continue
            for queries in range(1, int(at(answers[adaptive_random.NAME], budget)["allowed"].max()) + 1):
                rates = {name: scorer.success_rate((each > queries).astype(float)) for name, each in first.items()}
                found.append(SearchCurveRow(defence, budget, queries, rates["random"], rates["bayesian"]))
    return found


def by_queries(systems: Mapping[str, tuple[Scorer, Answers]]) -> list[QueriesRow]:
    """Returns the error after 1, 2, … N queries of the search through all recordings, with the recovered share.

    Args:
        systems: As for `rows`.
    """
    found = []
    for budget in _budgets(systems):
        parts = {
            defence: (scorer, at(answers[many_queries.NAME], budget))
            for defence, (scorer, answers) in systems.items()
            if many_queries.NAME in answers
        }
        first = {name: _first_wrong(scorer, part) for name, (scorer, part) in parts.items() if not part.empty}
        for defence, mine in first.items():
            scorer, part = parts[defence]
            for queries in range(1, int(part["allowed"].max()) + 1):
                correct, share = (mine > queries).astype(float), Score(None, None)
                if defence != NONE and NONE in first:
                    share = systems[NONE][0].recovered((first[NONE] > queries).astype(float), correct)
                rate = scorer.success_rate(correct)
                figures = scorer.error(correct), rate, share.error, share.interval
                found.append(QueriesRow(defence, budget, queries, *figures))
    return found


def _first_wrong(scorer: Scorer, answers: pd.DataFrame) -> np.ndarray:
    """Returns the number of the first question that was answered wrongly, infinite where none was."""
    filled = answers.assign(first=answers["first_wrong"].astype(float).fillna(np.inf), run=0)
    return scorer.table(filled, ["run"], "first")[:, :, 0]


def unseen_matrix(
    scorers: Mapping[str, Scorer], draws: Mapping[str, Mapping[str, pd.DataFrame]], budgets: Sequence[Budget]
) -> list[UnseenRow]:
    """Returns the error by noise that trained and noise that tests, of the defences that noise was kept from.

    Args:
        scorers: Defence → its scorer.
        draws: Defence → environment that it was trained without, "" for none → answers to random draws, with `noise`,
            `draw` and `correct`.
        budgets: How much noise.
    """
    return [
        UnseenRow(defence, budget, without, noise, scorers[defence].error(_of_noise(scorers[defence], part, noise)))
        for budget in budgets
        for defence, tables in draws.items()
        if len(tables) > 1
        for without, table in sorted(tables.items())
        for part in [at(table, budget)]
        for noise in sorted(part["noise"].unique())
    ]


def _of_noise(scorer: Scorer, answers: pd.DataFrame, noise: str) -> np.ndarray:
    return scorer.table(answers[answers["noise"] == noise], ["draw", "noise"], "correct").mean(axis=2)


def alarms(systems: Mapping[str, tuple[Scorer, Answers]], measured: Sequence[ThreatRow]) -> Iterator[tuple[str, Alarm]]:
    """Yields signs that a figure under attack means nothing: the defence, and what rang.

    Args:
        systems: As for `rows`.
        measured: What `rows` returned for them.
    """
    for defence, (scorer, answers) in systems.items():
        mine = [row for row in measured if row.defence == defence]
        for name, threat in threats.known().items():
            if name in answers:
                found = threat.alarms(mine, answers[name], 100.0 - 100.0 / scorer.classes)
                yield from ((defence, alarm) for alarm in found if alarm is not None)


def at(answers: pd.DataFrame, budget: Budget) -> pd.DataFrame:
    """Returns the answers at one budget."""
    return answers[(answers["budget"] == budget.kind) & (answers["target"] == budget.value)]
