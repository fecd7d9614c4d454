"""How audible an attack is beside what it does: the measures of `kerasser.attack.audibility` for each condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kerasser.evaluation.statistics import quartiles

MEASURED = ("segmental_snr_db", "stoi", "pesq")


def beside(
    figure1: Sequence[Mapping[str, Any]], adversarial: pd.DataFrame, measured: pd.DataFrame
) -> list[dict[str, Any]]:
    """Returns the measures of every environment and budget, beside its errors.

    Args:
        figure1: Rows of `kerasser.evaluation.curve.figure1`.
        adversarial: The answers to attacked speech: their `snr_db` is known for every draw.
        measured: One row an utterance, environment and budget that was measured: `noise`, `budget`, `target`,
            `segmental_snr_db`, `stoi`, `pesq`, NaN where there is none. May be empty.

    Returns:
        One row for each of figure 1, with the quartiles of `snr_db`, `segmental_snr_db`, `stoi` and `pesq` — None where
        there is no value — and figure 1's `error`, `interval` and `error_worst_of`.
    """
    rows = []
    # Trainings of several seeds were attacked with the same waveforms.
    draws = adversarial.drop_duplicates(["id", "noise", "budget", "target", "draw"])
    for row in figure1:
        amount = {name: row[name] for name in ("epsilon", "snr_db_target") if name in row}
        (target,) = amount.values()
        kind = "epsilon" if "epsilon" in row else "snr_db"
        mine, heard = (
            table[
                (table["budget"] == kind)
                & (table["target"] == target)
                & ((table["noise"] == row["noise"]) | (row["noise"] == "any"))
            ]
            for table in (draws, measured)
        )
        rows.append(
            {
                "noise": row["noise"],
                **amount,
                "snr_db": quartiles(mine["snr_db"]),
                **{name: quartiles(heard[name]) for name in MEASURED},
                **{name: row[name] for name in ("error", "interval", "error_worst_of")},
            }
        )
    return rows
