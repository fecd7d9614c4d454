"""FAU-AIBO: children talking to a robot dog, as in the Interspeech 2009 Emotion Challenge (Schuller et al., 2009)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from kerasser.corpora.base import Corpus, Tally, received, text_lines
from kerasser.corpora.files import Files
from kerasser.corpora.left_out import MISSING, NO_VALENCE
from kerasser.util.errors import InputError

NAME = "fau-aibo"

#: Table 1 of the paper, by the challenge's two classes: the five classes do not decide the two, for the
#: rest class R has chunks of both.
TABLE_1: Mapping[str, str] = {"idle": "positive", "negative": "negative"}

#: Chunks of each school in the challenge.
CHALLENGE: Mapping[str, int] = {"Ohm": 9959, "Mont": 8257}

_TWO = {"IDL": "idle", "NEG": "negative"}
_FIVE = {"A": "anger", "E": "emphatic", "N": "neutral", "P": "positive", "R": "rest"}
_SPLIT = {"Ohm": "train", "Mont": "test"}
_CHUNK = re.compile(r"(?P<speaker>(?P<school>Ohm|Mont)_[0-9]+)_[0-9]+_[0-9]+")
_LINE = re.compile(rf"(?P<id>{_CHUNK.pattern})\s+(?P<label>\S+)\s+(?P<confidence>[0-9.eE+-]+)")
_LABELS = "chunk_labels_{}cl_corpus.txt"


def read(root: Path, valence: Mapping[str, str] = TABLE_1) -> Corpus:
    """Reads the chunks that the two-class label file lists.

    Args:
        root: The folder that holds `wav`, with the label files anywhere below it.
        valence: From "idle" and "negative", the two classes of the challenge, to "negative" or "positive".

    Returns:
        The corpus; emotions are the five classes where their file is there, else the two; school Ohm is the
        train split, school Mont the test split.

    Raises:
        InputError: The folder has another layout, a label line cannot be read, or the map knows neither class.
    """
    root = Path(root)
    if valence.keys().isdisjoint(TABLE_1):
        raise InputError(f"valence: expected the classes 'idle' and 'negative' of {NAME}. Received: {sorted(valence)}")
    two = _find(root, _LABELS.format(2))
    if two is None or not (root / "wav").is_dir():
        raise InputError(f"{root}: expected wav/*.wav and {_LABELS.format(2)} below it. Received: {received(root)}")
    five = _find(root, _LABELS.format(5))
    finer = {chunk["id"]: chunk["label"] for chunk in _chunks(five)} if five else {}
    tally, recordings = Tally(valence), Files(root)
    for chunk in _chunks(two):
        _add(recordings, chunk, finer.get(chunk["id"]), valence, tally)
    found = Counter(utterance.speaker.split("_")[0] for utterance in tally.kept)
    remarks = [
        f"the challenge has {count} chunks of school {school}, this tree has {found[school]}"
        for school, count in CHALLENGE.items()
        if found[school] != count
    ]
    return tally.corpus(NAME, root, remarks=remarks)


def _find(root: Path, name: str) -> Path | None:
    """Returns the label file of that name; trees keep it in different folders, some in two."""
    paths = sorted(root.rglob(name))
    if len({path.read_bytes() for path in paths}) > 1:
        raise InputError(f"{root}: expected one {name}. Received: {len(paths)} that differ, such as {paths[0]}")
    return paths[0] if paths else None


def _chunks(path: Path) -> Iterator[re.Match[str]]:
    """Yields the label lines of a file: `id class confidence`."""
    for number, line in text_lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(f"{path}, line {number}: expected '<chunk id> <class> <confidence>'. Received: {line!r}")
        yield match


def _add(recordings: Files, chunk: re.Match[str], finer: str | None, valence: Mapping[str, str], tally: Tally) -> None:
    """Adds one chunk, or counts why not."""
    named = f"wav/{chunk['id']}.wav"
    path = recordings.find(named)
    label = _TWO.get(chunk["label"])
    if label is None:
        tally.skip(f"unknown label {chunk['label']}")
    elif finer is not None and finer not in _FIVE:
        tally.skip(f"unknown label {finer}")
    elif label not in valence:
        tally.skip(f"{NO_VALENCE}{label}")
    elif path is None:
        tally.skip(MISSING, named)
    else:
        tally.add(
            id=chunk["id"],
            path=path,
            speaker=chunk["speaker"],
            emotion=label if finer is None else _FIVE[finer],
            valence=valence[label],
            split=_SPLIT[chunk["school"]],
        )
