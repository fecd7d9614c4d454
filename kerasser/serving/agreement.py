"""Whether a model says of sound what it says of opensmile's frames of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasser.features.base import FrontEnd
from kerasser.serving import sound
from kerasser.serving.client import AUDIO, DEFENDED, Answer, Model


@dataclass(frozen=True)
class Difference:
    """An utterance that is answered in two ways.

    Attributes:
        path: Its file.
        on_frames: What was said of its frames.
        on_sound: What was said of its sound.
    """

    path: Path
    on_frames: Answer
    on_sound: Answer

    @property
    def margins(self) -> tuple[float, float]:
        """By how much the label of each answer, on frames and on sound, leads the next class, in probability."""
        frames, heard = (sorted(each.probabilities.values()) for each in (self.on_frames, self.on_sound))
        return frames[-1] - frames[-2], heard[-1] - heard[-2]


@dataclass(frozen=True)
class Agreement:
    """How many answers are equal.

    Attributes:
        utterances: How many were asked about.
        different: Those whose labels differ.
        largest: The largest difference between two probabilities of a class, over all utterances.
    """

    utterances: int
    different: tuple[Difference, ...]
    largest: float

    @property
    def share(self) -> float:
        """The share of equal labels, in percent."""
        return 100.0 * (1.0 - len(self.different) / self.utterances)


def agreement(
    paths: Sequence[Path],
    model: Model,
    front_end: FrontEnd,
    on_frames: str = DEFENDED,
    on_sound: str = AUDIO,
    batch_size: int = 16,
) -> Agreement:
    """Asks a model about files in two ways and compares.

    Args:
        paths: Sound files, at least one.
        model: Who is asked.
        front_end: Takes the frames.
        on_frames: The signature that is asked about them.
        on_sound: The signature that is asked about the sound.
        batch_size: Utterances in a request.

    Raises:
        InputError: If a file cannot be used, or in the words of whoever refuses.
    """
    different, largest = [], 0.0
    for start in range(0, len(paths), batch_size):
        heard = list(sound.waveforms(paths[start : start + batch_size]))
        frames = [front_end(waveform, str(path)) for path, waveform in heard if not isinstance(waveform, str)]
        waveforms = [waveform for _, waveform in heard if not isinstance(waveform, str)]
        answers = zip(model.answer(frames, on_frames), model.listen(waveforms, on_sound), strict=True)
        for (path, _), (one, other) in zip(heard, answers, strict=True):
            gaps = [abs(one.probabilities[name] - other.probabilities[name]) for name in one.probabilities]
            largest = max(largest, *gaps)
            if one.label != other.label:
                different.append(Difference(path, one, other))
    return Agreement(len(paths), tuple(different), largest)
