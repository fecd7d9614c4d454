"""URDU: clips of Urdu talk shows in four emotions (Latif et al., 2018)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from kerasser.corpora.base import VALENCE, Corpus, Tally, Utterance, received
from kerasser.corpora.files import wav_files
from kerasser.util.errors import InputError

NAME = "urdu"

_EMOTIONS = {"Angry": "anger", "Happy": "happiness", "Neutral": "neutral", "Sad": "sadness"}
# M1 and F1 are two people.
_FILE = re.compile(r"S(?P<speaker>[MF][0-9]+)_F[0-9]+_(?P<letter>[A-Z])[0-9]+")


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the files of the four emotions' folders.

    Args:
        root: The folder that holds `Angry`, `Happy`, `Neutral` and `Sad`.
        valence: From emotion to "negative" or "positive"; other emotions are skipped and counted.

    Returns:
        The corpus, with a remark when most speakers speak in one emotion only; speakers are sex and number.

    Raises:
        InputError: A folder or its files are absent, or a file's letter is not that of its folder.
    """
    root = Path(root)
    absent = [folder for folder in _EMOTIONS if not (root / folder).is_dir()]
    if absent:
        raise InputError(f"{root}: expected the folders {', '.join(_EMOTIONS)}. Received: {received(root)}")
    tally = Tally(valence)
    files = tally.matching((path for folder in _EMOTIONS for path in wav_files(root / folder)), _FILE)
    for path, match in files:
        folder = path.parent.name
        if match["letter"] != folder[0]:
            raise InputError(f"{path}: expected the letter {folder[0]} of its folder. Received: {match['letter']!r}")
        name = f"{folder}/{path.stem}"
        speaker = match["speaker"]
        sex = {"F": "female", "M": "male"}[speaker[0]]
        tally.add(id=name, path=f"{folder}/{path.name}", speaker=speaker, emotion=_EMOTIONS[folder], sex=sex)
    if not files:
        raise InputError(f"{root}: expected files S<M|F><speaker>_F<file>_<A|H|N|S><number>.wav. Received: none")
    return tally.corpus(NAME, root, remarks=_remarks(tally.kept))


def _remarks(utterances: Iterable[Utterance]) -> list[str]:
    """Warns when the voice all but tells the emotion."""
    emotions = defaultdict(set)
    for utterance in utterances:
        emotions[utterance.speaker].add(utterance.emotion)
    single = sum(len(spoken) == 1 for spoken in emotions.values())
    if 2 * single <= len(emotions):
        return []
    return [
        f"{single} of {len(emotions)} speakers speak in one emotion only: "
        "a speaker-independent split is badly unbalanced, so read its figures with care"
    ]
