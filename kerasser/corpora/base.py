"""What a corpus is: labelled utterances, and folds that share no speaker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kerasser.errors import InputError

CLASSES = ("negative", "positive")

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


@dataclass(frozen=True)
class Utterance:
    """One labelled stretch of speech.

    Attributes:
        id: Unique in its corpus.
        path: The audio file, relative to the corpus root, with forward slashes.
        speaker: Who speaks; unique in the corpus, so that splitting by it leaks nobody.
        emotion: The corpus' own label under its standard English name.
        valence: "positive" or "negative".
        session: Recording session, where the corpus has any; folds never cut one in two.
        split: "train", "dev" or "test" where the corpus prescribes it.
        start_s: Where the utterance begins in the file, in seconds.
        end_s: Where it ends, in seconds; None is the end of the file.
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
    """

    name: str
    root: Path
    utterances: tuple[Utterance, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    synthetic: bool = False

    def __post_init__(self) -> None:
        if not self.utterances:
            raise InputError(
                f"{self.root}: expected a {self.name} corpus with labelled audio. "
                f"Received: no usable utterance (skipped: {dict(self.skipped) or 'none'})"
            )
        ids = Counter(utterance.id for utterance in self.utterances)
        twice = [key for key, count in ids.items() if count > 1]
        if twice:
            raise InputError(f"{self.root}: expected unique utterance ids. Received: {twice[0]!r} twice")


class Tally:
    """Utterances kept and left out while a tree is read."""

    def __init__(self, valence: Mapping[str, str]) -> None:
        self._valence = valence
        self.kept: list[Utterance] = []
        self.skipped: Counter[str] = Counter()

    def skip(self, reason: str) -> None:
        """Counts one utterance that is left out."""
        self.skipped[reason] += 1

    def add(self, *, id: str, path: str, speaker: str, emotion: str, **fields: object) -> None:
        """Keeps one utterance if the valence map knows its emotion, else counts it as skipped."""
        valence = self._valence.get(emotion)
        if valence is None:
            self.skip(f"no valence for {emotion}")
            return
        self.kept.append(Utterance(id=id, path=path, speaker=speaker, emotion=emotion, valence=valence, **fields))  # type: ignore[arg-type]

    def corpus(self, name: str, root: Path, *, remarks: Iterable[str] = (), synthetic: bool = False) -> Corpus:
        """Returns what was kept, sorted by id."""
        utterances = tuple(sorted(self.kept, key=lambda utterance: utterance.id))
        return Corpus(name, root, utterances, dict(sorted(self.skipped.items())), tuple(remarks), synthetic)
