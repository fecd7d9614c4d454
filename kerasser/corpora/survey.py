"""A survey of a corpus before anything is made of it: who speaks, how much, how loud, and what stands in the way."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerasser.audio import AudioError, AudioFile, Limits, decode
from kerasser.corpora import usable
from kerasser.corpora.base import Corpus, Utterance
from kerasser.corpora.folds import Fold, folds
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: Frames whose levels tell a noise floor, in seconds, and the share of them that lies below it, in percent.
FRAME_S, FLOOR_PERCENT = 0.02, 10.0
#: Digital silence, and whatever is as quiet, in dB of full scale.
QUIETEST_DBFS = -120.0
_QUARTILES = (25, 50, 75)
_BEGINNING_S = 0.1


@dataclass(frozen=True)
class Level:
    """How loud an utterance is.

    Attributes:
        level_dbfs: RMS without its mean, in dB of full scale.
        floor_dbfs: Level below which a tenth of its frames of 20 ms lie.
    """

    level_dbfs: float
    floor_dbfs: float


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        corpus: Its utterances that can be used, and what was left out.
        files: Their audio, by header.
        levels: Of some of them, spread evenly.
        copies: Pairs of utterances of different speakers with the same samples.
        folds: As training would have them.
        no_folds: Why there are none, "" where there are some.
        by_sound: Whether copies are those of a part or at another level too.
    """

    corpus: Corpus
    files: tuple[AudioFile, ...]
    levels: tuple[Level, ...]
    copies: tuple[tuple[Utterance, Utterance], ...]
    folds: tuple[Fold, ...]
    no_folds: str = ""
    by_sound: bool = False

    @property
    def durations_s(self) -> Array:
        """Length of each utterance, in seconds."""
        return np.array([file.duration_s for file in self.files])

    @property
    def emotions(self) -> dict[str, Counter[str]]:
        """Utterances of each class by emotion, the most frequent emotion first; the class is "" where it has none."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for utterance in self.corpus.utterances:
            found[utterance.emotion][utterance.valence] += 1
        return dict(sorted(found.items(), key=lambda item: (-item[1].total(), item[0])))

    @property
    def speakers(self) -> dict[str, Counter[str]]:
        """Utterances of each emotion by speaker, sorted."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for utterance in self.corpus.utterances:
            found[utterance.speaker][utterance.emotion] += 1
        return dict(sorted(found.items()))

    @property
    def sexes(self) -> Counter[str]:
        """Speakers by sex, "" where it is not known."""
        return Counter({each.speaker: each.sex or "" for each in self.corpus.utterances}.values())

    def facts(self) -> dict[str, Any]:
        """Returns all of it as plain JSON types."""
        return {
            "corpus": self.corpus.name,
            "synthetic": self.corpus.synthetic,
            "utterances": len(self.files),
            "seconds": round(float(self.durations_s.sum()), 3),
            "emotions": {name: dict(counts) for name, counts in self.emotions.items()},
            "speakers": {name: dict(counts) for name, counts in self.speakers.items()},
            "sexes": dict(self.sexes),
            "sample_rates_hz": dict(Counter(file.sample_rate_hz for file in self.files)),
            "encodings": dict(Counter(file.encoding for file in self.files)),
            "channels": dict(Counter(file.channels for file in self.files)),
            "duration_s": quartiles(self.durations_s),
            "measured": len(self.levels),
            "level_dbfs": quartiles([each.level_dbfs for each in self.levels]),
            "floor_dbfs": quartiles([each.floor_dbfs for each in self.levels]),
            "skipped": dict(self.corpus.skipped),
            "read_as": dict(self.corpus.read_as),
            "remarks": list(self.corpus.remarks),
            "copies_by_sound": self.by_sound,
            "copies": [[one.id, other.id] for one, other in self.copies],
            "folds": [fold.to_dict() for fold in self.folds],
            "no_folds": self.no_folds,
        }


def survey(
    corpus: Corpus,
    limits: Limits | None = None,
    *,
    measured: int = 200,
    fold_count: int = 5,
    dev_share: float = 0.25,
    seed: int = 0,
) -> Survey:
    """Reads every header, and the sound of what has to be heard.

    Args:
        corpus: As its reader has it.
        limits: What a header may claim.
        measured: Most utterances whose level is measured, spread evenly.
        fold_count: See `kerasser.corpora.folds`.
        dev_share: See there.
        seed: See there.

    Raises:
        InputError: If no audio can be used.
    """
    corpus, found = usable.probed(corpus, limits, skip=True, quiet=True)
    files = tuple(found)
    try:
        valued = tuple(each for each in corpus.utterances if each.valence)
        parted = folds(replace(corpus, utterances=valued), count=fold_count, dev_share=dev_share, seed=seed)
        why = ""
    except InputError as error:
        parted, why = (), str(error).removeprefix(f"{corpus.root}: ")
    wanted = np.unique(np.linspace(0, len(files) - 1, min(measured, len(files))).round().astype(int))
    levels = tuple(each for place in wanted if (each := level(*samples(files[place]))) is not None)
    return Survey(corpus, files, levels, copies(corpus.utterances, files), parted, why)


def samples(file: AudioFile) -> tuple[Array, int]:
    """Returns the wanted part of a file as mono, float32 at its own rate, and the rate; empty if it cannot be used."""
    try:
        return decode(file), file.sample_rate_hz
    except AudioError:
        return np.zeros(0, np.float32), file.sample_rate_hz


def level(waveform: Array, sample_rate_hz: int) -> Level | None:
    """Measures how loud an utterance is, and how loud its quietest tenth.

    Args:
        waveform: float `[samples]`, in [−1, 1].
        sample_rate_hz: Its sampling rate.

    Returns:
        The level; None for what is not finite or shorter than a frame.
    """
    size = round(FRAME_S * sample_rate_hz)
    if waveform.size < size or not np.isfinite(waveform).all():
        return None
    sound = waveform.astype(np.float64) - waveform.mean(dtype=np.float64)
    frames = np.square(sound[: sound.size // size * size]).reshape(-1, size).mean(axis=1)
    return Level(_dbfs(np.mean(np.square(sound))), _dbfs(np.percentile(frames, FLOOR_PERCENT)))


def copies(utterances: Sequence[Utterance], files: Sequence[AudioFile]) -> tuple[tuple[Utterance, Utterance], ...]:
    """Returns the pairs of utterances of different speakers that hold the same samples, whatever their files are.

    Only those of one length and rate are read, so that it costs little. Parts and copies at another level are found by
    `kerasser.corpora.duplicates`.

    Args:
        utterances: All of a corpus.
        files: Their audio.
    """
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, file in enumerate(files):
        start, end = file.bounds
        alike[end - start, file.sample_rate_hz].append(number)
    found = []
    for numbers in alike.values():
        if len({utterances[number].speaker for number in numbers}) < 2:
            continue
        # Most differ in their first samples.
        for likely in _same(numbers, files, _BEGINNING_S) if len(numbers) > 1 else ():
            for first, *others in _same(likely, files):
                found += [(first, other) for other in others if utterances[other].speaker != utterances[first].speaker]
    return tuple((utterances[first], utterances[other]) for first, other in sorted(found))


def _same(numbers: Sequence[int], files: Sequence[AudioFile], first_s: float | None = None) -> list[list[int]]:
    """Returns the groups of files, of two or more, that hold the same samples, perhaps in their first seconds alone."""
    sounds: dict[bytes, list[int]] = defaultdict(list)
    for number in numbers:
        file = files[number]
        if first_s is not None:
            file = replace(file, end_s=min(file.start_s + first_s, file.bounds[1] / file.sample_rate_hz))
        waveform = samples(file)[0]
        # Digital silence is nobody's recording; a recording may begin with it.
        if waveform.size and (first_s is not None or np.ptp(waveform) > 0):
            sounds[hashlib.sha256(waveform.tobytes()).digest()].append(number)
    return [group for group in sounds.values() if len(group) > 1]


def quartiles(values: Iterable[float]) -> list[float]:
    """Returns the quartiles, rounded to a thousandth; none of nothing."""
    found = list(values)
    return [round(float(each), 3) for each in np.percentile(found, _QUARTILES)] if found else []


def _dbfs(power: float) -> float:
    return max(QUIETEST_DBFS, float(10 * np.log10(max(power, 1e-30))))
