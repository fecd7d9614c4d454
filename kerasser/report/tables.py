"""Rows of a report as flat CSV tables."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.evaluation.conversion import to_json


def write(path: Path, rows: Sequence[Any]) -> None:
    """Writes one line a row and one column a figure, whatever is nested in it.

    `{"interval": {"gan": [1, 2]}}` becomes the columns `interval_gan_low` and `interval_gan_high`.

    Args:
        path: The file.
        rows: Of `kerasser.evaluation.results`, or mappings.
    """
    flat = [_flat(to_json(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(flat)


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Names nested values by their way; an interval, or its absence, gives two columns."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}_")
        elif isinstance(value, list | tuple) or (value is None and "interval" in f"{prefix}{name}"):
            low, high = value or (None, None)
            found |= {f"{prefix}{name}_low": low, f"{prefix}{name}_high": high}
        else:
            found[f"{prefix}{name}"] = value
    return found
