"""RAVDESS: 24 actors, two sentences, eight emotions; the speech part (Livingstone and Russo, 2018)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kerasser.corpora.base import VALENCE, Corpus, Tally, received
from kerasser.corpora.files import wav_files
from kerasser.util.errors import InputError

NAME = "ravdess"

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_FILE = re.compile(r"(?P<kind>[0-9]{2}-[0-9]{2})-(?P<label>[0-9]{2})(?:-[0-9]{2}){3}-(?P<actor>[0-9]{2})")
_SPEECH = "03-01"


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the files of the actors' folders, whose names are the labels.

    Two takes of Actor_07 hold the same audio under two names. Both are kept, as the original has them: they share
    their speaker, so that no fold parts them.

    Args:
        root: The folder that holds `Actor_01` to `Actor_24`, or some of them.
        valence: From emotion to "negative" or "positive"; other emotions are skipped and counted.

    Returns:
        The corpus; speakers are the folders' names.

    Raises:
        InputError: There is no file named like `03-01-05-01-02-01-12.wav`, or one lies in another actor's folder.
    """
    root = Path(root)
    tally = Tally(valence)
    files = tally.matching(wav_files(root, "Actor_[0-9][0-9]/*"), _FILE)
    for path, match in files:
        _add(path, match, tally)
    if not files:
        raise InputError(
            f"{root}: expected Actor_<01..24>/03-01-<emotion>-<intensity>-<statement>-<repetition>-<actor>.wav. "
            f"Received: {received(root)}"
        )
    return tally.corpus(NAME, root)


def _add(path: Path, match: re.Match[str], tally: Tally) -> None:
    """Adds one file, or counts why not."""
    speaker = path.parent.name
    if speaker != f"Actor_{match['actor']}":
        raise InputError(f"{path}: expected a file of {speaker}. Received: a name that ends in {match['actor']!r}")
    emotion = _EMOTIONS.get(match["label"])
    if match["kind"] != _SPEECH:
        tally.skip("not audio-only speech")
    elif emotion is None:
        tally.skip(f"unknown label {match['label']}")
    else:
        # Actors with odd numbers are men.
        sex = "male" if int(match["actor"]) % 2 else "female"
        tally.add(id=path.stem, path=f"{speaker}/{path.name}", speaker=speaker, emotion=emotion, sex=sex)
