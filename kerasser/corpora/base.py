"""What a corpus is: labelled utterances, and folds that share no speaker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from kerasser.corpora import labels, left_out
from kerasser.corpora.left_out import NO_VALENCE
from kerasser.util.errors import InputError

CLASSES = ("negative", "positive")
SEXES = ("female", "male")
#: How they may be written, in any case; w is German.
SEX_WORDS = {"f": "female", "m": "male", "w": "female", **{sex: sex for sex in SEXES}}

#: Table 1 of the paper, and the same rule for the emotions of the open corpora. An emotion that is
#: absent here (surprise has no clear sign) is skipped and counted.
VALENCE: Mapping[str, str] = {
    "happiness": "positive",
    "excitement": "positive",
    "neutral": "positive",
    "calm": "positive",
    "anger": "negative",
    "sadness": "negative",
    "fear": "negative",
    "disgust": "negative",
    "boredom": "negative",
}


def checked_valence(valence: Mapping[Any, str]) -> dict[str, str]:
    """Returns a map from emotion to valence, once it has no other.

    Args:
        valence: Emotions may be numbers, as some corpora label them; classes may be in any case.

    Raises:
        InputError: If a valence is neither negative nor positive.
    """
    checked = {}
    for emotion, name in valence.items():
        known = labels.known_as(str(name), CLASSES)
        if known is None:
            raise InputError(f"valence: expected only {' or '.join(CLASSES)}. Received: {name!r} for {emotion}")
        checked[str(emotion)] = known
    return checked


def named(valence: Mapping[Any, str] | None) -> dict[str, str] | None:
    """Returns a map from emotion to valence with every emotion as a word, be it a number; None for None."""
    return None if valence is None else {str(emotion): name for emotion, name in valence.items()}


def with_emotions(valence: Mapping[str, str], emotions: Iterable[str]) -> dict[str, str]:
    """Returns a map from emotion to valence with further emotions in it, whose valence is ""; no synonyms of others."""
    further = (labels.STANDARD.get(labels.folded(each), each) for each in emotions)
    return {**{each: "" for each in further if labels.known_as(each, valence) is None}, **valence}


@dataclass(frozen=True)
class Utterance:
    """One labelled stretch of speech.

    Attributes:
        id: Unique in its corpus.
        path: The audio file, relative to the corpus root, with forward slashes.
        speaker: Who speaks; unique in the corpus, so that splitting by it leaks nobody.
        emotion: The corpus' own label under its standard English name.
        valence: "positive" or "negative"; "" where it has none and only its emotion is asked for.
        session: Recording session, where the corpus has any; folds never cut one in two.
        split: "train", "dev" or "test" where the corpus prescribes it.
        start_s: Where the utterance begins in the file, in seconds.
        end_s: Where it ends, in seconds; None is the end of the file.
        sex: "female" or "male", the speaker's, where it is known.
    """

    id: str
    path: str
    speaker: str
    emotion: str
    valence: str
    session: str | None = None
    split: str | None = None
    start_s: float = 0.0
    end_s: float | None = None
    sex: str | None = None


@dataclass(frozen=True)
class Corpus:
    """Utterances read from one tree, and what was left out on the way.

    Attributes:
        name: The reader's name, such as "emodb".
        root: The folder that `Utterance.path` is relative to.
        utterances: Sorted by id.
        skipped: How many utterances were left out, by reason.
        remarks: What a user must know before trusting a figure, in plain sentences.
        synthetic: True when no human spoke.
        examples: One of those that were left out, by reason, where its name helps.
        read_as: How many labels were read under another name than was written: "Angry as anger".
    """

    name: str
    root: Path
    utterances: tuple[Utterance, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    synthetic: bool = False
    examples: Mapping[str, str] = field(default_factory=dict)
    read_as: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.utterances:
            told = left_out.sentences(self.skipped, 0, examples=self.examples, names=VALENCE)
            raise InputError(
                f"{self.root}: expected a {self.name} corpus with labelled audio. "
                f"Received: no usable utterance (skipped: {dict(self.skipped) or 'none'}){'; '.join(['', *told])}"
            )
        ids = Counter(utterance.id for utterance in self.utterances)
        twice = [key for key, count in ids.items() if count > 1]
        if twice:
            raise InputError(f"{self.root}: expected unique utterance ids. Received: {twice[0]!r} twice")
        sexes: dict[str, str] = {}
        for utterance in self.utterances:
            if utterance.sex and sexes.setdefault(utterance.speaker, utterance.sex) != utterance.sex:
                raise InputError(
                    f"{self.root}: expected one sex for speaker {utterance.speaker!r}. Received: {' and '.join(SEXES)}"
                )


class Tally:
    """Utterances kept and left out while a tree is read."""

    def __init__(self, valence: Mapping[str, str]) -> None:
        self._valence = valence
        self.kept: list[Utterance] = []
        self.skipped: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self._read_as: Counter[str] = Counter()
        self._known: dict[str, str | None] = {}

    def skip(self, reason: str, example: str = "") -> None:
        """Counts one utterance that is left out.

        Args:
            reason: Why.
            example: What tells it; the first of a reason is kept.
        """
        self.skipped[reason] += 1
        if example:
            self.examples.setdefault(reason, example)

    def matching(self, paths: Iterable[Path], pattern: re.Pattern[str]) -> list[tuple[Path, re.Match[str]]]:
        """Returns the files whose stem has a form, sorted, with what it says; counts the others as skipped."""
        found = []
        # macOS leaves a "._" twin beside each file it copies.
        for path in sorted(path for path in paths if not path.name.startswith("._")):
            match = pattern.fullmatch(path.stem)
            if match is None:
                self.skip("file name of another form")
            else:
                found.append((path, match))
        return found

    def add(
        self, *, id: str, path: str, speaker: str, emotion: str, valence: str | None = None, **fields: object
    ) -> None:
        """Keeps one utterance whose valence is given or known to the map, be it "", else counts it as skipped.

        An emotion that the map has under another spelling, such as Angry for anger, gets the map's name.
        """
        if emotion not in self._known:
            self._known[emotion] = labels.known_as(emotion, self._valence)
        name = self._known[emotion]
        if name is not None and name != emotion:
            self._read_as[f"{emotion} as {name}"] += 1
            emotion = name
        valence = valence or self._valence.get(emotion)
        if valence is None:
            self.skip(f"{NO_VALENCE}{emotion}")
            return
        self.kept.append(Utterance(id=id, path=path, speaker=speaker, emotion=emotion, valence=valence, **fields))  # type: ignore[arg-type]

    def corpus(self, name: str, root: Path, *, remarks: Iterable[str] = (), synthetic: bool = False) -> Corpus:
        """Returns what was kept, sorted by id."""
        utterances = tuple(sorted(self.kept, key=lambda utterance: utterance.id))
        return Corpus(
            name,
            root,
            utterances,
            dict(sorted(self.skipped.items())),
            tuple(remarks),
            synthetic,
            examples=self.examples,
            read_as=dict(sorted(self._read_as.items())),
        )


def received(path: Path) -> str:
    """Says in a few words what is found at a path, for the end of an error message."""
    if not path.exists():
        return "no such file or folder"
    if not path.is_dir():
        return "a file"
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        return "an empty folder"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"a folder with {', '.join(map(repr, names[:3]))}{more}"


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the number and the text of every line that is not blank, whatever its line ending.

    What the readers look for is ASCII; raters' comments are in any encoding, so no byte is refused.
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.strip()


def inner_path(text: str, where: str) -> str:
    """Returns a path that a data file names, once it is sure to stay below the corpus root.

    Args:
        text: The path as written.
        where: File and row, for the error message.

    Returns:
        The path with forward slashes, without "./" and doubled slashes.

    Raises:
        InputError: The path is absolute, climbs with "..", or has backslashes or control characters.
    """
    path, windows = PurePosixPath(text), PureWindowsPath(text)
    # An anchor is a leading slash or a drive: Windows' rules know both.
    outside = windows.anchor or ".." in windows.parts
    if outside or "\\" in text or not text.isprintable() or not path.parts:
        raise InputError(
            f"{where}: expected a path below the corpus folder, with forward slashes and no '..'. Received: {text!r}"
        )
    return path.as_posix()


def segment_id(path: str, start_s: float, end_s: float | None) -> str:
    """Returns the path, with "#start-end" in seconds appended when only a part of the file is meant."""
    if start_s == 0 and end_s is None:
        return path
    return f"{path}#{start_s}-{'' if end_s is None else end_s}"
