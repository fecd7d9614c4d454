"""Tables of answers, as a component wrote them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

#: The columns that hold text, whatever they look like.
TEXT = ("id", "speaker", "emotion", "noise", "budget", "channel")
#: File of the answers behind channels.
CHANNELS = "channels.csv"


def read(path: Path) -> pd.DataFrame:
    """Reads a table of answers or measures, in which a speaker, or an environment, may well be called "NA"."""
    return pd.read_csv(path, dtype={name: str for name in TEXT}, keep_default_na=False, na_values=[""])


def write_channels(directory: Path, answers: pd.DataFrame) -> None:
    """Writes the answers behind channels beside those under noise, with the channel and its level in two columns."""
    table = answers.assign(channel=answers["budget"], level=answers["target"])
    table.to_csv(directory / CHANNELS, index=False, lineterminator="\n")


def read_channels(directory: Path) -> pd.DataFrame | None:
    """Returns the answers behind channels; None where speech passed none."""
    place = directory / CHANNELS
    return read(place) if place.exists() else None
