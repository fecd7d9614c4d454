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
from typing import Any

import numpy as np
import pandas as pd

from kerasser.evaluation.alarms import (
    Alarm,
    black_box_beats_white_box,
    huge_budget_survived,
    search_no_better,
    zero_gradients,
)
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.metrics import is_correct

OBLIVIOUS, GREY_BOX, WHITE_BOX, UNSEEN = "oblivious", "grey-box", "white-box", "unseen environment"
ADAPTIVE_RANDOM, ADAPTIVE = "adaptive, random search", "adaptive, Bayesian search"
#: Ways in which a search asked its questions, in `search.csv`.
BAYESIAN, EXTREME = "bayesian", "extreme"
#: A budget that should leave nothing of the speech.
EXTREME_SNR_DB = -20.0

Budget = tuple[str, float]


@dataclass(frozen=True)
class Attacks:
    """What a system answered to attackers who know more than the paper's.

    All tables have `id`, `seed` (of training), `budget` and `target`.

    Attributes:
        draws: Random draws, N for each environment: `noise`, `draw`, `correct`.
        search: Questions of the searches: `method`, `query` (1, 2, …), `correct`, `snr_db` and `clipped`, the share
            of samples beyond full scale.
        white_box: `label`, `predicted`, `gradient_norm`, `radius`.
        unseen: Environment → answers to its draws by the system that was trained without it; as `draws`.
    """

    draws: pd.DataFrame
    search: pd.DataFrame | None = None
    white_box: pd.DataFrame | None = None
    unseen: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def rows(systems: Mapping[str, tuple[Scorer, Attacks]], budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """Returns the error of every system under every threat model.

    Args:
        systems: Defence → its scorer, and what attackers got out of it.
        budgets: The budgets that were searched.

    Returns:
        Rows with `defence`, `epsilon` or `snr_db_target`, `threat`, `queries` allowed and `queries_mean` asked for an
        utterance, `radius` of the white box in deviations, `error`, `interval` and `attack_success_rate`.
    """
    found = []
    left_out = any(attacks.unseen for _, attacks in systems.values())
    for budget in budgets:
        for defence, (scorer, attacks) in systems.items():
            for threat, correct, facts in _answers(scorer, attacks, budget, left_out):
                found.append(
                    {
                        "defence": defence,
                        **amount(budget),
                        "threat": threat,
                        **{"queries": 0, "queries_mean": 0.0, "radius": None, **facts},
                        **scorer.error(correct),
                        "attack_success_rate": success_rate(scorer, correct),
                    }
                )
    return found


def _answers(
    scorer: Scorer, attacks: Attacks, budget: Budget, left_out: bool
) -> Iterable[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yields each threat model, the answers under it, `[seeds, utterances]` in [0, 1], and its facts."""
    draws = scorer.table(_at(attacks.draws, budget), ["draw", "noise"], "correct")
    oblivious = draws.mean(axis=2)
    yield OBLIVIOUS, oblivious, {}
    if attacks.search is not None:
        search = _at(attacks.search, budget)
        if GREY_BOX in set(search["method"]):
            transferred = search[search["method"] == GREY_BOX]
            yield GREY_BOX, scorer.table(transferred, ["query"], "correct")[:, :, 0], {}
    first = _first_wrong(draws)
    yield ADAPTIVE_RANDOM, draws.min(axis=2), {"queries": draws.shape[2], "queries_mean": float(first.mean())}
    if attacks.search is not None:
        answers = asked(scorer, search)
        facts = {"queries": draws.shape[2], "queries_mean": float(_first_wrong(answers).mean())}
        yield ADAPTIVE, answers.min(axis=2), facts
    if attacks.white_box is not None:
        table = _at(attacks.white_box, budget)
        right = is_correct(table["label"].to_numpy(), table["predicted"].to_numpy())
        correct = scorer.table(table.assign(run=0, correct=right), ["run"], "correct")[:, :, 0]
        yield WHITE_BOX, correct, {"radius": float(table["radius"].median())}
    if attacks.unseen:
        each = [
            scorer.table(_under(_at(table, budget), noise), ["draw", "noise"], "correct").mean(axis=2)
            for noise, table in sorted(attacks.unseen.items())
        ]
        yield UNSEEN, np.mean(each, axis=0), {}
    elif left_out:
        # What trains on none of the noise meets all of it unheard.
        yield UNSEEN, oblivious, {}


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


def search_curve(systems: Mapping[str, tuple[Scorer, Attacks]], budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """Returns the attack success rate of both searches after 1, 2, … N queries: how efficient they are.

    Returns:
        Rows with `defence`, the budget, `queries`, and `random` and `bayesian`, in percent of the utterances that are
        right when clean.
    """
    found = []
    for budget in budgets:
        for defence, (scorer, attacks) in systems.items():
            if attacks.search is None:
                continue
            answers = {
                "random": scorer.table(_at(attacks.draws, budget), ["draw", "noise"], "correct"),
                "bayesian": asked(scorer, _at(attacks.search, budget)),
            }
            for queries in range(1, answers["random"].shape[2] + 1):
                rates = {
                    name: success_rate(scorer, correct[:, :, :queries].min(axis=2)) for name, correct in answers.items()
                }
                found.append({"defence": defence, **amount(budget), "queries": queries, **rates})
    return found


def unseen_matrix(systems: Mapping[str, tuple[Scorer, Attacks]], budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """Returns the error by noise that trained and noise that tests.

    Returns:
        Rows with `defence`, the budget, `trained_without` ("" where nothing was left out), `noise`, `error` and
        `interval`.
    """
    found = []
    for budget in budgets:
        for defence, (scorer, attacks) in systems.items():
            if not attacks.unseen:
                continue
            for without, table in [("", attacks.draws), *sorted(attacks.unseen.items())]:
                at_budget = _at(table, budget)
                for noise in sorted(at_budget["noise"].unique()):
                    correct = scorer.table(_under(at_budget, noise), ["draw", "noise"], "correct").mean(axis=2)
                    row = {"defence": defence, **amount(budget), "trained_without": without, "noise": noise}
                    found.append({**row, **scorer.error(correct)})
    return found


def alarms(
    systems: Mapping[str, tuple[Scorer, Attacks]], budgets: Sequence[Budget], measured: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Alarm]]:
    """Returns signs that a figure under attack means nothing: the defence, and what rang.

    Args:
        systems: As for `rows`.
        budgets: As for `rows`.
        measured: What `rows` returned for them.
    """
    rung: list[tuple[str, Alarm | None]] = []
    for defence, (scorer, attacks) in systems.items():
        chance = 100.0 - 100.0 / scorer.classes
        for budget in budgets:
            mine = {
                row["threat"]: row
                for row in measured
                if row["defence"] == defence and amount(budget).items() <= row.items()
            }
            # The white box may move within what the random draws move; the Bayesian search goes on to other pieces.
            errors = [mine[name]["error"] for name in (ADAPTIVE_RANDOM, WHITE_BOX) if name in mine]
            if len(errors) == 2 and None not in errors:
                rung.append((defence, black_box_beats_white_box(*errors)))
            if ADAPTIVE in mine and mine[ADAPTIVE]["queries"] > 1:
                drawn, searched = (mine[name]["attack_success_rate"] for name in (ADAPTIVE_RANDOM, ADAPTIVE))
                if drawn is not None and searched is not None:
                    rung.append((defence, search_no_better(drawn, searched, mine[ADAPTIVE]["queries"])))
        if attacks.white_box is not None:
            # One gradient an utterance and seed: they are those of clean speech, the same at every budget.
            once = attacks.white_box.drop_duplicates(["id", "seed"])
            rung.append((defence, zero_gradients(once["gradient_norm"].to_numpy())))
        if attacks.search is not None:
            drowned = attacks.search[attacks.search["method"] == EXTREME]
            error = scorer.error(scorer.table(drowned, ["query"], "correct")[:, :, 0])["error"]
            if error is not None:
                budget_name = f"{EXTREME_SNR_DB:g} dB SNR".replace("-", "−")
                alarm = huge_budget_survived(
                    error,
                    chance=chance,
                    budget=budget_name,
                    snr_db=_median(drowned["snr_db"]),
                    clipped_share=float(drowned["clipped"].mean()),
                )
                rung.append((defence, alarm))
    return [(defence, alarm) for defence, alarm in rung if alarm is not None]


def success_rate(scorer: Scorer, correct: np.ndarray) -> float | None:
    """Returns the share of utterances right when clean that an attack turns wrong, in percent; None if none is right.

    Args:
        scorer: Knows the answers to clean speech.
        correct: `[seeds, utterances]`, in [0, 1].
    """
    right = scorer.clean_correct
    return float(100.0 * np.mean(1.0 - correct[right])) if right.any() else None


def amount(budget: Budget) -> dict[str, float]:
    """Returns a budget as reports name it."""
    return {"epsilon" if budget[0] == "epsilon" else "snr_db_target": budget[1]}


def budget_of(row: Mapping[str, Any]) -> Budget:
    """Returns the budget of a report's row: the way back from `amount`."""
    return ("epsilon", row["epsilon"]) if "epsilon" in row else ("snr_db", row["snr_db_target"])


def _median(values: pd.Series) -> float | None:
    """Returns the median; None where there is nothing but gaps."""
    return None if values.isna().all() else float(values.median())


def _at(table: pd.DataFrame, budget: Budget) -> pd.DataFrame:
    return table[(table["budget"] == budget[0]) & (table["target"] == budget[1])]


def _under(table: pd.DataFrame, noise: str) -> pd.DataFrame:
    return table[table["noise"] == noise]
