"""EMO-DB: ten actors, ten German sentences (Burkhardt et al., 2005)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kerasser.corpora.base import VALENCE, Corpus, Tally, received
from kerasser.corpora.files import wav_files
from kerasser.util.errors import InputError

NAME = "emodb"

_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
#: The published list of speakers.
_SEXES = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}
_FILE = re.compile(r"(?P<speaker>[0-9]{2})[ab][0-9]{2}(?P<label>[A-Z])[a-z]")


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the files of the flat folder `wav`, whose names are the labels.

    Args:
        root: The folder that holds `wav`.
        valence: From emotion to "negative" or "positive"; other emotions are skipped and counted.

    Returns:
        The corpus; speakers are the two digits that file names begin with.

    Raises:
        InputError: There is no file named like `03a01Wa.wav`.
    """
    root = Path(root)
    tally = Tally(valence)
    files = tally.matching(wav_files(root / "wav"), _FILE)
    for path, match in files:
        emotion = _EMOTIONS.get(match["label"])
        if emotion is None:
            tally.skip(f"unknown label {match['label']}")
        else:
            speaker = match["speaker"]
            tally.add(id=path.stem, path=f"wav/{path.name}", speaker=speaker, emotion=emotion, sex=_SEXES.get(speaker))
    if not files:
        raise InputError(f"{root}: expected wav/<speaker><text><emotion><version>.wav. Received: {received(root)}")
    return tally.corpus(NAME, root)
