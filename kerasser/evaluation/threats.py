"""Threat models: the error of each system by what its attacker knows and may do.

- oblivious: one random piece of noise, the paper's attack; no query.
- grey-box: the attacker has the undefended classifier, searches on it, and sends what it finds hardest to the defence.
- adaptive: the attacker queries the very model that is judged; the best of N queries at the same budget, by random
  draws or by a Bayesian search.
- white-box: gradients of the whole model, on its features: no noise can do that, so it bounds the others.
- unseen environment: one random piece of a kind of noise that the defence never heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kerasser.attack.budget import SNR, Budget
from kerasser.evaluation.alarms import (
    Alarm,
    black_box_beats_white_box,
    huge_budget_survived,
    search_no_better,
    zero_gradients,
)
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import SearchCurveRow, ThreatRow, UnseenRow

OBLIVIOUS, GREY_BOX, WHITE_BOX, UNSEEN = "oblivious", "grey-box", "white-box", "unseen environment"
ADAPTIVE_RANDOM, ADAPTIVE = "adaptive, random search", "adaptive, Bayesian search"
#: Ways in which a search asked its questions, in `search.csv`.
BAYESIAN, EXTREME = "bayesian", "extreme"
#: A budget that should leave nothing of the speech.
EXTREME_SNR_DB = -20.0

Systems = Mapping[str, tuple[Scorer, "Attacks"]]


@dataclass(frozen=True)
class Attacks:
    """What a system answered to attackers who know more than the paper's.

    All tables have `id`, `seed` (of training), `budget` and `target`.

    Attributes:
        draws: Random draws, N for each environment: `noise`, `draw`, `correct`.
        search: Questions of the searches: `method`, `query` (1, 2, …), `correct`.
        white_box: `margin`, `gradient_norm`, `radius`.
        unseen: Environment → answers to its draws by the system that was trained without it; as `draws`.
    """

    draws: pd.DataFrame
    search: pd.DataFrame | None = None
    white_box: pd.DataFrame | None = None
    unseen: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class _Attack:
    """The answers under one threat model, `[seeds, utterances]` in [0, 1], and what it took."""

    threat: str
    correct: np.ndarray
    queries: int = 0
    queries_mean: float = 0.0
    radius: float | None = None


def rows(systems: Systems, budgets: Sequence[Budget]) -> list[ThreatRow]:
    """Returns the error of every system under every threat model.

    Args:
        systems: Defence → its scorer, and what attackers got out of it.
        budgets: The budgets that were searched.
    """
    left_out = any(attacks.unseen for _, attacks in systems.values())
    return [
        ThreatRow(
            defence,
            budget,
            each.threat,
            each.queries,
            each.queries_mean,
            each.radius,
            scorer.error(each.correct),
            scorer.success_rate(each.correct),
        )
        for budget in budgets
        for defence, (scorer, attacks) in systems.items()
        for each in _answers(scorer, attacks, budget, left_out)
    ]


def _answers(scorer: Scorer, attacks: Attacks, budget: Budget, left_out: bool) -> Iterable[_Attack]:
    """Yields each threat model that a system was put to at a budget."""
    draws = scorer.table(_at(attacks.draws, budget), ["draw", "noise"], "correct")
    oblivious = draws.mean(axis=2)
    yield _Attack(OBLIVIOUS, oblivious)
    if attacks.search is not None:
        search = _at(attacks.search, budget)
        if GREY_BOX in set(search["method"]):
            transferred = search[search["method"] == GREY_BOX]
            yield _Attack(GREY_BOX, scorer.table(transferred, ["query"], "correct")[:, :, 0])
    queries = draws.shape[2]
    yield _Attack(ADAPTIVE_RANDOM, draws.min(axis=2), queries, float(_first_wrong(draws).mean()))
    if attacks.search is not None:
        answers = asked(scorer, search)
        yield _Attack(ADAPTIVE, answers.min(axis=2), queries, float(_first_wrong(answers).mean()))
    if attacks.white_box is not None:
        table = _at(attacks.white_box, budget)
        correct = scorer.table(table.assign(run=0, correct=table["margin"] >= 0), ["run"], "correct")[:, :, 0]
        yield _Attack(WHITE_BOX, correct, radius=float(table["radius"].median()))
    if attacks.unseen:
        each = [
            scorer.table(_under(_at(table, budget), noise), ["draw", "noise"], "correct").mean(axis=2)
            for noise, table in sorted(attacks.unseen.items())
        ]
        yield _Attack(UNSEEN, np.mean(each, axis=0))
    elif left_out:
        # What trains on none of the noise meets all of it unheard.
        yield _Attack(UNSEEN, oblivious)


def asked(scorer: Scorer, search: pd.DataFrame) -> np.ndarray:
    """Returns float `[seeds, utterances, queries]` of the Bayesian search: right, 1, until the question that succeeded.

    Args:
        scorer: Knows the utterances.
        search: Questions at one budget. After a success none was needed, and all that follow count as wrong.
    """
    table = search[search["method"] == BAYESIAN]
    wanted = scorer.table(table, ["query"], "correct", gaps=True)
    return np.minimum.accumulate(np.where(np.isnan(wanted), 0.0, wanted), axis=2)


def _first_wrong(correct: np.ndarray) -> np.ndarray:
    """Returns how many questions an attacker asked who stops at a success: `[seeds, utterances]`."""
    wrong = correct == 0
    return np.where(wrong.any(axis=2), wrong.argmax(axis=2) + 1, correct.shape[2])


def search_curve(systems: Systems, budgets: Sequence[Budget]) -> list[SearchCurveRow]:
    """Returns the attack success rate of both searches after 1, 2, … N queries: how efficient they are."""
    return [
        row
        for budget in budgets
        for defence, (scorer, attacks) in systems.items()
        if attacks.search is not None
        for row in _curve(defence, scorer, attacks.draws, attacks.search, budget)
    ]


def _curve(
    defence: str, scorer: Scorer, draws: pd.DataFrame, search: pd.DataFrame, budget: Budget
) -> Iterable[SearchCurveRow]:
    drawn = scorer.table(_at(draws, budget), ["draw", "noise"], "correct")
    searched = asked(scorer, _at(search, budget))
    for queries in range(1, drawn.shape[2] + 1):
        rates = (scorer.success_rate(each[:, :, :queries].min(axis=2)) for each in (drawn, searched))
        yield SearchCurveRow(defence, budget, queries, *rates)


def unseen_matrix(systems: Systems, budgets: Sequence[Budget]) -> list[UnseenRow]:
    """Returns the error by noise that trained and noise that tests, of the systems that noise was kept from."""
    found = []
    for budget in budgets:
        for defence, (scorer, attacks) in systems.items():
            if not attacks.unseen:
                continue
            for without, table in [("", attacks.draws), *sorted(attacks.unseen.items())]:
                at_budget = _at(table, budget)
                for noise in sorted(at_budget["noise"].unique()):
                    correct = scorer.table(_under(at_budget, noise), ["draw", "noise"], "correct").mean(axis=2)
                    found.append(UnseenRow(defence, budget, without, noise, scorer.error(correct)))
    return found


def alarms(systems: Systems, budgets: Sequence[Budget], measured: Sequence[ThreatRow]) -> list[tuple[str, Alarm]]:
    """Returns signs that a figure under attack means nothing: the defence, and what rang.

    Args:
        systems: As for `rows`.
        budgets: As for `rows`.
        measured: What `rows` returned for them.
    """
    rung: list[tuple[str, Alarm | None]] = []
    for defence, (scorer, attacks) in systems.items():
        for budget in budgets:
            mine = {row.threat: row for row in measured if (row.defence, row.budget) == (defence, budget)}
            rung += [(defence, _beaten(mine)), (defence, _no_better(mine))]
        if attacks.white_box is not None:
            # One gradient an utterance and seed: they are those of clean speech, the same at every budget.
            once = attacks.white_box.drop_duplicates(["id", "seed"])
            rung.append((defence, zero_gradients(once["gradient_norm"].to_numpy())))
        if attacks.search is not None:
            rung.append((defence, _survived(scorer, attacks.search)))
    return [(defence, alarm) for defence, alarm in rung if alarm is not None]


def _beaten(mine: Mapping[str, ThreatRow]) -> Alarm | None:
    """Rings where a black box beats the white box, of one system's rows at one budget."""
    errors = [mine[name].score.error for name in (ADAPTIVE, ADAPTIVE_RANDOM) if name in mine]
    known = [error for error in errors if error is not None]
    white_box = mine[WHITE_BOX].score.error if WHITE_BOX in mine else None
    if white_box is None or len(known) < len(errors):
        return None
    return black_box_beats_white_box(max(known), white_box)


def _no_better(mine: Mapping[str, ThreatRow]) -> Alarm | None:
    """Rings where a search finds no more than random draws, of one system's rows at one budget."""
    if ADAPTIVE not in mine or mine[ADAPTIVE].queries < 2:
        return None
    drawn, searched = (mine[name].attack_success_rate for name in (ADAPTIVE_RANDOM, ADAPTIVE))
    if drawn is None or searched is None:
        return None
    return search_no_better(drawn, searched, mine[ADAPTIVE].queries)


def _survived(scorer: Scorer, search: pd.DataFrame) -> Alarm | None:
    """Rings where drowned speech is still recognised."""
    drowned = search[search["method"] == EXTREME]
    error = scorer.error(scorer.table(drowned, ["query"], "correct")[:, :, 0]).error
    if error is None:
        return None
    return huge_budget_survived(error, chance=100.0 - 100.0 / scorer.classes, budget=f"{SNR(EXTREME_SNR_DB)} SNR")


def _at(table: pd.DataFrame, budget: Budget) -> pd.DataFrame:
    return table[(table["budget"] == budget.kind) & (table["target"] == budget.value)]


def _under(table: pd.DataFrame, noise: str) -> pd.DataFrame:
    return table[table["noise"] == noise]
