"""Tables in CSV with declared types: what a column holds does not depend on what its cells look like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

#: How a number that is none is written: by pandas an empty field, by others a word.
_GAPS = ("", "nan", "NaN")


def read(path: Path, types: Mapping[str, type]) -> pd.DataFrame:
    """Reads a table.

    Args:
        path: The file.
        types: Column → str, int, float or bool. An empty field and NaN are NaN in a float, and text in a string: a
            speaker, or an environment, may well be called "NA". Columns that are not named keep what pandas finds.

    Raises:
        ValueError: If a cell is not of the type of its column.
    """
    gaps = {name: list(_GAPS) for name, kind in types.items() if kind is float}
    return pd.read_csv(path, dtype=dict(types), keep_default_na=False, na_values=gaps)
