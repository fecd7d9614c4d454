"""How audible an attack is beside what it does: the measures of `kerasser.attack.audibility` for each condition."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kerasser.attack.budget import Budget
from kerasser.evaluation.results import ANY, Figure1Row, PerceptionRow, Quartiles


def beside(figure1: Sequence[Figure1Row], adversarial: pd.DataFrame, measured: pd.DataFrame) -> list[PerceptionRow]:
    """Returns the measures of every environment and budget, beside its errors.

    Args:
        figure1: Rows of `kerasser.evaluation.curve.figure1`.
        adversarial: The answers to attacked speech: their `snr_db` is known for every draw.
        measured: One row an utterance, environment and budget that was measured: `noise`, `budget`, `target`,
            `segmental_snr_db`, `stoi`, `pesq`, NaN where there is none. May be empty.

    Returns:
        One row for each of figure 1.
    """
    # Trainings of several seeds were attacked with the same waveforms.
    draws = adversarial.drop_duplicates(["id", "noise", "budget", "target", "draw"])
    return [_row(row, _under(draws, row), _under(measured, row)) for row in figure1]


def _row(row: Figure1Row, draws: pd.DataFrame, measured: pd.DataFrame) -> PerceptionRow:
    return PerceptionRow(
        row.noise,
        row.budget,
        snr_db=Quartiles.of(draws["snr_db"]),
        segmental_snr_db=Quartiles.of(measured["segmental_snr_db"]),
        stoi=Quartiles.of(measured["stoi"]),
        pesq=Quartiles.of(measured["pesq"]),
        score=row.score,
        error_worst_of=row.error_worst_of,
    )


def under(table: pd.DataFrame, budget: Budget) -> pd.DataFrame:
    """Returns the lines of one budget, of all environments."""
    return table[(table["budget"] == budget.kind) & (table["target"] == budget.value)]


def _under(table: pd.DataFrame, row: Figure1Row) -> pd.DataFrame:
    """Returns the lines of a row's condition."""
    mine = under(table, row.budget)
    return mine if row.noise == ANY else mine[mine["noise"] == row.noise]
