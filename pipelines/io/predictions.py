"""Tables of answers, as a component wrote them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

#: The columns that hold text, whatever they look like.
TEXT = ("id", "speaker", "emotion", "noise", "budget")


def read(path: Path) -> pd.DataFrame:
    """Reads `predictions.csv` or `perception.csv`, in which a speaker, or an environment, may well be called "NA"."""
    return pd.read_csv(path, dtype={name: str for name in TEXT}, keep_default_na=False, na_values=[""])
