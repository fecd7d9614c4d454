"""Tables of answers, as a component wrote them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

#: The columns that hold text, whatever they look like.
TEXT = ("id", "speaker", "emotion", "noise", "budget", "channel")
#: File of the answers behind channels.
CHANNELS = "channels.csv"
# Of answers: what channels have not.
_OF_NOISE = ["noise", "epsilon", "reference_variance", "reference_snr_db", "pause_variance"]


def read(path: Path) -> pd.DataFrame:
    """Reads a table of answers or measures, in which a speaker, or an environment, may well be called "NA"."""
    return pd.read_csv(path, dtype={name: str for name in TEXT}, keep_default_na=False, na_values=[""])


def write_channels(directory: Path, answers: pd.DataFrame) -> None:
    """Writes the answers behind channels beside those under noise, with the channel and its level in two columns."""
    table = answers.rename(columns={"budget": "channel", "target": "level"}).drop(columns=_OF_NOISE, errors="ignore")
    table.to_csv(directory / CHANNELS, index=False, lineterminator="\n")


def read_channels(directory: Path) -> pd.DataFrame | None:
    """Returns the answers behind channels, by the columns of those under noise; None where speech passed none."""
    if not (directory / CHANNELS).exists():
        return None
    table = read(directory / CHANNELS)
    return table.assign(noise=table["channel"], budget=table["channel"], target=table["level"])
