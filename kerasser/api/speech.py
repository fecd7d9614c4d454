"""Labelled speech for an attack: a corpus on disk, arrays in memory, or the synthetic demo."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasser import audio, corpora
from kerasser.audio import AudioFile
from kerasser.corpora import usable
from kerasser.corpora.base import CLASSES, VALENCE, Corpus, Utterance, checked_valence
from kerasser.util.errors import InputError


@dataclass(frozen=True, eq=False)
class Speech:
    """Labelled utterances, in files that are read when they are needed, or in memory.

    Attributes:
        name: What it is called: a reader's name, or "memory".
        utterances: Who speaks, and what; each with an id of its own.
        sources: A file, or float32 `[samples]` at 16 kHz, for each utterance.
        skipped: How many utterances were left out, by reason.
        remarks: What to know before trusting a figure, in plain sentences.
        synthetic: True where no human spoke.
        indexed: True where labels are places among a victim's classes, which are not known yet.
    """

    name: str
    utterances: tuple[Utterance, ...] = field(repr=False)
    sources: tuple[AudioFile | np.ndarray, ...] = field(repr=False)
    skipped: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    synthetic: bool = False
    indexed: bool = False

    def __len__(self) -> int:
        return len(self.utterances)

    def __str__(self) -> str:
        """Says how much there is of what."""
        speakers = len({each.speaker for each in self.utterances})
        counts = Counter(each.emotion for each in self.utterances)
        listed = ", ".join(f"{emotion} {count}" for emotion, count in sorted(counts.items()))
        return f"{self.name}: {len(self)} utterances of {speakers} speakers ({listed or 'none'})"

    __repr__ = __str__

    @classmethod
    def from_arrays(
        cls,
        waveforms: Sequence[ArrayLike],
        sample_rate_hz: int | Sequence[int],
        labels: Sequence[str] | Sequence[int] | np.ndarray,
        speakers: Sequence[Any] | None = None,
        ids: Sequence[str] | None = None,
        *,
        valence: Mapping[str, str] = VALENCE,
        name: str = "memory",
    ) -> Speech:
        """Takes speech in memory.

        Args:
            waveforms: `[samples]` each, floats in [−1, 1] or integers; see `kerasser.audio.from_array`.
            sample_rate_hz: One rate for all, or one for each; whatever is not 16 kHz is resampled.
            labels: Class names, or places among the victim's classes, from 0 on.
            speakers: Who speaks; intervals resample whole speakers. None takes every utterance for another's.
            ids: A name for each, all different; takes part in the seed of its noise. None counts.
            valence: From label to "negative" or "positive", for a victim that knows these two.
            name: What errors and figures call it.

        Raises:
            InputError: If lengths differ, a waveform cannot be used, or ids are not unique.

        Examples:
            >>> import kerasser
            >>> import numpy as np
            >>> waveforms = np.random.default_rng(0).normal(scale=0.1, size=(4, 8000))
            >>> kerasser.Speech.from_arrays(waveforms, 8000, ["anger", "neutral"] * 2, speakers=["a", "a", "b", "b"])
            memory: 4 utterances of 2 speakers (anger 2, neutral 2)
        """
        count = len(waveforms)
        rates = [sample_rate_hz] * count if isinstance(sample_rate_hz, int | np.integer) else list(sample_rate_hz)
        width = len(str(max(count - 1, 0)))
        named = [f"{number:0{width}d}" for number in range(count)] if ids is None else [str(each) for each in ids]
        spoken = named if speakers is None else [str(each) for each in speakers]
        for what, given in (("sample_rate_hz", rates), ("labels", labels), ("speakers", spoken), ("ids", named)):
            if len(given) != count:
                raise InputError(f"{what}: expected one for each of {count} waveforms. Received: {len(given)}")
        if not count:
            raise InputError("waveforms: expected some. Received: none")
        if twice := [each for each, times in Counter(named).items() if times > 1]:
            raise InputError(f"ids: expected each once. Received: {twice[0]!r} more than once")
        indexed, words = _words(labels)
        sources = tuple(
            audio.from_array(waveform, rate, f"waveform {id}")
            for waveform, rate, id in zip(waveforms, rates, named, strict=True)
        )
        utterances = tuple(
            Utterance(id, "", speaker, word, word if word in CLASSES else checked_valence(valence).get(word, ""))
            for id, speaker, word in zip(named, spoken, words, strict=True)
        )
        remark = "speakers are not known: intervals resample utterances, and are too narrow where one spoke several"
        return cls(name, utterances, sources, remarks=() if speakers is not None else (remark,), indexed=indexed)

    def waveforms(self) -> Iterator[np.ndarray]:
        """Yields each utterance, float32 `[samples]` at 16 kHz, in order; not yet clipped.

        Raises:
            InputError: If a file cannot be decoded.
        """
        files = [each for each in self.sources if isinstance(each, AudioFile)]
        decoded = audio.waveforms(files)
        for source in self.sources:
            yield next(decoded) if isinstance(source, AudioFile) else source

    def select(self, indices: Sequence[int]) -> Speech:
        """Returns some of the utterances, in this order."""
        return replace(
            self,
            utterances=tuple(self.utterances[index] for index in indices),
            sources=tuple(self.sources[index] for index in indices),
        )

    def spread(self, limit: int, seed: int = 0) -> Speech:
        """Returns so many utterances, spread evenly over emotions, and within each over speakers.

        Args:
            limit: Most utterances.
            seed: Which of those that are alike; the same seed takes the same.

        Raises:
            InputError: If the limit is below 1.
        """
        if limit < 1:
            raise InputError(f"limit: expected at least 1. Received: {limit}")
        return self.select(sorted(_spread(self.utterances, limit, seed)))

    def named(self, classes: Sequence[str]) -> Speech:
        """Returns the same with class names for labels that are places among the classes.

        Raises:
            InputError: If there is no such place.
        """
        if not self.indexed:
            return self
        wrong = sorted({int(each.emotion) for each in self.utterances} - set(range(len(classes))))
        if wrong:
            raise InputError(
                f"labels: expected 0 to {len(classes) - 1}, for {', '.join(classes)}. Received: {wrong[0]}"
            )
        words = [classes[int(each.emotion)] for each in self.utterances]
        utterances = tuple(
            replace(each, emotion=word, valence=word if word in CLASSES else VALENCE.get(word, ""))
            for each, word in zip(self.utterances, words, strict=True)
        )
        return replace(self, utterances=utterances, indexed=False)


def load_corpus(
    name: str,
    root: Path | str | None = None,
    limit: int | None = None,
    valence: Mapping[str, str] | None = None,
    emotions: Sequence[str] = (),
    seed: int = 0,
    *,
    skip_unusable: bool = False,
) -> Speech:
    """Loads a corpus in its original layout, or makes the synthetic demo; every audio header is checked.

    Args:
        name: "demo", "emodb", "ravdess", "urdu", "iemocap", "fau-aibo", "manifest" or "audformat".
        root: Its folder; for "manifest", the CSV file; none for "demo".
        limit: Most utterances, spread over emotions and speakers; None takes all.
        valence: From emotion to "negative" or "positive"; None is the reader's own map.
        emotions: Kept even if they have no valence, for a victim that knows them.
        seed: Which utterances a limit keeps, and the voices of the demo.
        skip_unusable: Skip and count audio that cannot be used; every file is decoded to know.

    Raises:
        InputError: If there is no such corpus, or a file of it cannot be used.

    Examples:
        >>> import kerasser
        >>> kerasser.load_corpus("demo", limit=8)
        demo: 8 utterances of 8 speakers (anger 2, happiness 2, neutral 2, sadness 2)
    """
    if name == "demo":
        return _demo(root, limit, valence, emotions, seed)
    if root is None:
        raise InputError(f"root: expected the place of {name}. Received: none")
    corpus = corpora.read(name, Path(root), valence, emotions)
    corpus, files = usable.probed(corpus, skip=skip_unusable, quiet=True)
    if skip_unusable:
        corpus, files = usable.heard(corpus, files, quiet=True)
    speech = replace(_speech(corpus), sources=tuple(files))
    return speech if limit is None else speech.spread(limit, seed)


def _demo(
    root: Path | str | None,
    limit: int | None,
    valence: Mapping[str, str] | None,
    emotions: Sequence[str],
    seed: int,
) -> Speech:
    """Makes the demo's utterances, those that are wanted alone."""
    from kerasser.demo import corpus as demo

    if root is not None:
        raise InputError(f"root: expected none for the demo, which is made on the spot. Received: {root}")
    mapped = VALENCE if valence is None else checked_valence(valence)
    speech = _speech(demo.listed(corpora.with_emotions(mapped, emotions)))
    speech = speech if limit is None else speech.spread(limit, seed)
    takes = {take.id: take for take in demo.takes()}
    made = (audio.from_array(demo.samples(takes[each.id], seed), audio.SAMPLE_RATE_HZ) for each in speech.utterances)
    return replace(speech, sources=tuple(made))


def _speech(corpus: Corpus) -> Speech:
    """Returns a corpus without its sound."""
    sources = tuple(np.zeros(0, np.float32) for _ in corpus.utterances)
    return Speech(corpus.name, corpus.utterances, sources, corpus.skipped, corpus.remarks, corpus.synthetic)


def _words(labels: Sequence[Any] | np.ndarray) -> tuple[bool, list[str]]:
    """Returns whether labels are places, and the labels as words."""
    if all(isinstance(label, int | np.integer) and not isinstance(label, bool) for label in labels):
        return True, [str(int(label)) for label in labels]
    if all(isinstance(label, str) for label in labels):
        return False, [str(label) for label in labels]
    odd = next(label for label in labels if not isinstance(label, str))
    raise InputError(f"labels: expected names, or whole numbers from 0 on, for all. Received: {odd!r}")


def _spread(utterances: Sequence[Utterance], limit: int, seed: int) -> list[int]:
    """Returns the places of utterances: always one of the rarest emotion so far, of the rarest speaker in it."""
    waiting: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index in np.random.default_rng(seed).permutation(len(utterances)):
        waiting[utterances[index].emotion][utterances[index].speaker].append(int(index))
    emotions, speakers, pairs = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    chosen = list[int]()
    while waiting and len(chosen) < limit:
        # Of those that are alike, the first that the permutation met.
        emotion = min(waiting, key=lambda each: emotions[each])
        mine = waiting[emotion]
        speaker = min(mine, key=lambda each: (pairs[emotion, each], speakers[each]))  # noqa: B023
        chosen.append(mine[speaker].pop())
        emotions[emotion] += 1
        speakers[speaker] += 1
        pairs[emotion, speaker] += 1
        if not mine[speaker]:
            del mine[speaker]
        if not mine:
            del waiting[emotion]
    return chosen
