"""What can be attacked: anything that answers speech with probabilities of classes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ, clip
from kerasser.features.opensmile import Egemaps, Functionals
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError, UnfinishedError
from kerasser.util.parallel import ordered_map

#: What a recogniser may hear: the waveform, its eGeMAPSv02 low-level descriptors, or their 88 functionals.
INPUTS = ("waveform", "frames", "functionals")
_SUM_TOLERANCE = 1e-3
# Rounding of a softmax in float32.
_ROUNDING = 1e-6


class Victim(Protocol):
    """Whatever answers speech.

    Attributes:
        classes: The names of the classes, in the order of the columns.
    """

    classes: tuple[str, ...]

    def __call__(self, waveforms: Sequence[Array], sample_rate_hz: int) -> Array:
        """Answers for waveforms, float32 `[samples]` each in [−1, 1 − 2⁻¹⁵], of any lengths.

        Returns:
            Probabilities, float `[batch, classes]`; an answer depends on its own waveform alone.
        """
        ...


#: From what is heard, `[samples]`, `[frames, 25]` or `[88]` each, to probabilities.
Ask = Callable[[Sequence[Array]], object]


class Recogniser:
    """A victim that hears waveforms, frames or functionals, and whose answers are checked.

    Args:
        name: What an error calls it.
        input: One of `INPUTS`.
        classes: Class names, in the order of its answers.
        ask: Answers for what it hears.
        workers: Threads that extract features; 0 takes every core.

    Attributes:
        single_output: Whether the last answers were one number each, the probability of the second of two classes.

    Raises:
        InputError: If the input is none of them, or the classes are not two names or more, each once.
    """

    def __init__(self, name: str, input: str, classes: Sequence[str], ask: Ask, workers: int = 0) -> None:
        if input not in INPUTS:
            raise InputError(f"victim.input: expected one of {', '.join(INPUTS)}. Received: {input!r}")
        self.name, self.classes = name, tuple(classes)
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise InputError(
                "victim.classes: expected two names or more, each once; one (sigmoid) output is the probability of the "
                f"second of two. Received: {list(self.classes)}"
            )
        self._ask, self._workers = ask, workers
        self.single_output = False
        self._front_end = {"waveform": lambda: None, "frames": Egemaps, "functionals": Functionals}[input]()

    def __call__(self, waveforms: Sequence[Array], sample_rate_hz: int) -> Array:
        """Answers for waveforms; see `Victim`.

        Raises:
            InputError: If the rate is another than 16 kHz, a waveform cannot be described, or the answer is none.
        """
        if sample_rate_hz != SAMPLE_RATE_HZ:
            raise InputError(f"{self.name}: expected speech at {SAMPLE_RATE_HZ} Hz. Received: {sample_rate_hz} Hz")
        if not len(waveforms):
            return np.zeros((0, len(self.classes)))
        # opensmile wraps around what lies beyond full scale.
        heard: Sequence[Array] = [clip(waveform)[0] for waveform in waveforms]
        if self._front_end is not None:
            heard = list(ordered_map(self._front_end, heard, self._workers))
        answer = self._ask(heard)
        found = checked(answer, len(waveforms), self.classes, self.name)
        self.single_output = np.asarray(answer).shape != found.shape
        return found

    def one_output(self) -> str:
        """Says how a single output is taken."""
        return (
            f"{self.name} has one output: it is taken for the probability of {self.classes[1]!r}, the second of "
            "victim.classes; the other order turns it round"
        )


def of_both(answer: Array, batch: int, classes: Sequence[str]) -> Array | None:
    """Returns the probabilities of two classes from those of the second, as one sigmoid output gives them.

    Args:
        answer: What a victim answered.
        batch: How many waveforms it was asked about.
        classes: Its class names.

    Returns:
        float64 `[batch, 2]`; None for any other answer than `[batch, 1]` or `[batch]` on two classes.
    """
    if len(classes) != 2 or answer.shape not in ((batch, 1), (batch,)):
        return None
    second = answer.reshape(batch)
    both: Array = np.stack([1.0 - second, second], axis=1)
    return both


def checked(answer: object, batch: int, classes: Sequence[str], name: str) -> Array:
    """Returns probabilities, float64 `[batch, classes]`, once they are some; one output is that of the second of two.

    Args:
        answer: What a victim answered.
        batch: How many waveforms it was asked about.
        classes: Its class names.
        name: What an error calls it.

    Raises:
        InputError: If the answer has another shape, is not finite, lies outside of [0, 1], or a row does not sum to 1
            within 0.001.
    """
    wanted = f"{name}: expected probabilities [{batch}, {len(classes)}], a column for each of {', '.join(classes)}"
    try:
        found = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{wanted}. Received: {type(answer).__name__} that is no array of numbers") from None
    both = of_both(found, batch, classes)
    if both is not None:
        wanted = f"{name}: expected one output, the probability of {classes[1]}, the second of two classes"
        found = both
    if found.shape != (batch, len(classes)):
        one = found.shape in ((batch, 1), (batch,))
        cure = "; one (sigmoid) output answers for two classes, the probability of the second" if one else ""
        raise InputError(f"{wanted}{cure}. Received: shape {list(found.shape)}")
    if not np.isfinite(found).all():
        raise InputError(f"{wanted}. Received: NaN or infinity")
    if found.min() < -_ROUNDING or found.max() > 1 + _ROUNDING:
        # Of a single output, the column that it gave.
        given = found if both is None else found[:, 1]
        worst = given.flat[np.argmax(np.abs(given - 0.5))]
        raise InputError(f"{wanted}, in [0, 1]. Received: {worst:.6g}; are these logits?")
    sums = found.sum(axis=1)
    if (worst := np.max(np.abs(sums - 1))) > _SUM_TOLERANCE:
        off = sums[np.argmax(np.abs(sums - 1))]
        raise InputError(f"{wanted}, rows that sum to 1 within {_SUM_TOLERANCE}. Received: a sum of {off:.6g}")
    return found


class Counted:
    """A victim whose queries are counted, a query being one waveform.

    Args:
        victim: Who answers.
        limit: Most queries; None sets no limit.
        queries: How many it was asked before.

    Attributes:
        queries: How many it was asked.
    """

    def __init__(self, victim: Victim, limit: int | None = None, queries: int = 0) -> None:
        self.classes, self.queries = victim.classes, queries
        self._victim, self._limit = victim, limit

    def __call__(self, waveforms: Sequence[Array], sample_rate_hz: int) -> Array:
        """Answers for waveforms; see `Victim`.

        Raises:
            UnfinishedError: If these would be more than the limit; then none of them is asked.
        """
        if self._limit is not None and self.queries + len(waveforms) > self._limit:
            raise UnfinishedError(
                f"victim.limit: expected no more than {self._limit} queries. "
                f"Received: {len(waveforms)} after {self.queries}; a higher limit goes on from here"
            )
        self.queries += len(waveforms)
        return self._victim(waveforms, sample_rate_hz)


class Cached:
    """A victim that is asked once about each waveform; answers stay in memory, by the SHA-256 of its bytes."""

    def __init__(self, victim: Victim) -> None:
        self.classes = victim.classes
        self._victim = victim
        self._answers: dict[tuple[int, bytes], Array] = {}

    def __call__(self, waveforms: Sequence[Array], sample_rate_hz: int) -> Array:
        """Answers for waveforms; see `Victim`."""
        keys = [(sample_rate_hz, hashlib.sha256(each.tobytes()).digest()) for each in waveforms]
        new = {key: waveform for key, waveform in zip(keys, waveforms, strict=True) if key not in self._answers}
        if new:
            answers = self._victim(list(new.values()), sample_rate_hz)
            self._answers.update(zip(new, answers, strict=True))
        return np.array([self._answers[key] for key in keys]).reshape(len(keys), len(self.classes))


def describe(error: BaseException) -> str:
    """Returns an exception's type and the beginning of its message, in one line."""
    line = " ".join(str(error).split())
    return f"{type(error).__name__}: {line if len(line) <= 300 else line[:299] + '…'}"
