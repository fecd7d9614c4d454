"""IEMOCAP: five sessions of a man and a woman, improvised and scripted (Busso et al., 2008)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kerasser.corpora.base import Corpus, Tally, received, text_lines
from kerasser.corpora.files import Files
from kerasser.corpora.labels import standard
from kerasser.corpora.left_out import MISSING
from kerasser.util.errors import InputError

NAME = "iemocap"

#: Table 1 of the paper. Fear and disgust are left out although other corpora have a sign for them.
TABLE_1: Mapping[str, str] = {
    "happiness": "positive",
    "excitement": "positive",
    "neutral": "positive",
    "anger": "negative",
    "sadness": "negative",
}

#: Turns of each emotion in the full release.
FULL_RELEASE: Mapping[str, int] = {
    "neutral": 1708,
    "anger": 1103,
    "sadness": 1084,
    "excitement": 1041,
    "happiness": 595,
    "frustration": 1849,
    "surprise": 107,
    "fear": 40,
    "other": 3,
    "disgust": 2,
    "unknown": 2507,
}

_EMOTIONS = {
    "neu": "neutral",
    "ang": "anger",
    "sad": "sadness",
    "exc": "excitement",
    "hap": "happiness",
    "fru": "frustration",
    "sur": "surprise",
    "fea": "fear",
    "oth": "other",
    "dis": "disgust",
    "xxx": "unknown",
}

# The sex is the letter before the last three digits: the F or M after the session only says who wore the markers.
_TURN = r"(?P<turn>(?P<dialog>Ses0(?P<session>[1-5])[FM]_[A-Za-z0-9_]+)_(?P<sex>[FM])[0-9X]{2}[0-9])"
_LINE = re.compile(rf"\[[^]\t]*\]\t{_TURN}\t(?P<label>[A-Za-z]+)\t\[[^]\t]*\]")
_LAYOUT = "Session1 to Session5, each with dialog/EmoEvaluation/*.txt and sentences/wav"


def read(root: Path, valence: Mapping[str, str] = TABLE_1) -> Corpus:
    """Reads the labelled turns of the sessions below a folder.

    Args:
        root: The folder that holds `Session1` to `Session5`, or some of them.
        valence: From emotion to "negative" or "positive"; other emotions are skipped and counted.

    Returns:
        The corpus; speakers are `Ses01F` to `Ses05M`, sessions `Ses01` to `Ses05`.

    Raises:
        InputError: The folder has another layout, or a label line cannot be read.
    """
    root = Path(root)
    sessions = [number for number in range(1, 6) if (root / f"Session{number}").is_dir()]
    if not sessions:
        raise InputError(f"{root}: expected {_LAYOUT}. Received: {received(root)}")
    tally, files = Tally(valence), Files(root)
    for number in sessions:
        _read_session(root, number, files, tally)
    expected = sum(FULL_RELEASE.get(standard(emotion), 0) for emotion in valence)
    remarks = []
    if len(sessions) == 5 and len(tally.kept) != expected:
        remarks.append(f"the full release has {expected} utterances in these classes, this tree has {len(tally.kept)}")
    return tally.corpus(NAME, root, remarks=remarks)


def _read_session(root: Path, number: int, recordings: Files, tally: Tally) -> None:
    """Reads the label files of one session."""
    folder = root / f"Session{number}" / "dialog" / "EmoEvaluation"
    # The wildcard takes hidden files too, and some releases carry a "._" twin of every label file.
    files = sorted(path for path in folder.glob("*.txt") if not path.name.startswith("._"))
    if not files:
        raise InputError(f"{folder}: expected label files *.txt. Received: {received(folder)}")
    for path in files:
        for line_number, line in text_lines(path):
            if line.startswith("[") and not line.startswith("[START_TIME"):
                _read_turn(recordings, number, line, f"{path}, line {line_number}", tally)


def _read_turn(recordings: Files, number: int, line: str, where: str, tally: Tally) -> None:
    """Reads one label line: `[start - end] turn label [valence, activation, dominance]`, between tabs."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise InputError(
            f"{where}: expected four fields between tabs: [times], turn, label, [V, A, D]. Received: {line!r}"
        )
    if int(match["session"]) != number:
        raise InputError(f"{where}: expected a turn of session {number}. Received: {match['turn']!r}")
    emotion = _EMOTIONS.get(match["label"])
    named = f"Session{number}/sentences/wav/{match['dialog']}/{match['turn']}.wav"
    path = recordings.find(named)
    if emotion is None:
        tally.skip(f"unknown label {match['label']}")
    elif path is None:
        tally.skip(MISSING, named)
    else:
        session = f"Ses0{number}"
        tally.add(
            id=match["turn"],
            path=path,
            speaker=session + match["sex"],
            emotion=emotion,
            session=session,
            sex={"F": "female", "M": "male"}[match["sex"]],
        )
