"""What a front end is, and the names of the eGeMAPSv02 features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np

from kerasser.audio import FULL_SCALE, SAMPLE_RATE_HZ, SHORTEST_S
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: The descriptors under opensmile's names and in its order (Eyben et al. 2016).
EGEMAPS_NAMES = (
    "Loudness_sma3",
    "alphaRatio_sma3",
    "hammarbergIndex_sma3",
    "slope0-500_sma3",
    "slope500-1500_sma3",
    "spectralFlux_sma3",
    "mfcc1_sma3",
    "mfcc2_sma3",
    "mfcc3_sma3",
    "mfcc4_sma3",
    "F0semitoneFrom27.5Hz_sma3nz",
    "jitterLocal_sma3nz",
    "shimmerLocaldB_sma3nz",
    "HNRdBACF_sma3nz",
    "logRelF0-H1-H2_sma3nz",
    "logRelF0-H1-A3_sma3nz",
    "F1frequency_sma3nz",
    "F1bandwidth_sma3nz",
    "F1amplitudeLogRelF0_sma3nz",
    "F2frequency_sma3nz",
    "F2bandwidth_sma3nz",
    "F2amplitudeLogRelF0_sma3nz",
    "F3frequency_sma3nz",
    "F3bandwidth_sma3nz",
    "F3amplitudeLogRelF0_sma3nz",
)


Facts = TypeVar("Facts")
#: How many functionals eGeMAPSv02 has.
FUNCTIONALS = 88


#: Waveforms that are described at once, by a front end that can.
BATCH = 16


class FrontEnd(Protocol):
    """Turns a waveform into feature frames.

    One that has `batch(waveforms, names)` as well is given several at once, and returns a list.

    Attributes:
        name: Its own name.
        names: One name a feature, in order.
        frame_rate_hz: Frames a second.
    """

    name: str
    names: tuple[str, ...]
    frame_rate_hz: float

    def __call__(self, waveform: Array, name: str = "waveform") -> Array:
        """Returns float32 `[frames, len(names)]`; `name` is what an error calls the waveform."""
        ...


def described(front_end: FrontEnd, examples: Iterable[tuple[Array, Facts]], name: str) -> Iterator[tuple[Array, Facts]]:
    """Yields the features of waveforms, several at once where the front end can, with what is known of each.

    Args:
        front_end: Extracts the features.
        examples: Waveforms, float32 `[samples]`, 16 kHz, and what is known of each.
        name: What an error calls them.
    """
    waiting = iter(examples)
    while group := list(islice(waiting, BATCH)):
        found = at_once(front_end, [waveform for waveform, _ in group], [name] * len(group))
        yield from zip(found, (facts for _, facts in group), strict=True)


def at_once(front_end: FrontEnd, waveforms: Sequence[Array], names: Sequence[str]) -> list[Array]:
    """Returns the features of several waveforms, described together where the front end can; see `FrontEnd`."""
    if (batch := getattr(front_end, "batch", None)) is None:
        return [front_end(waveform, name) for waveform, name in zip(waveforms, names, strict=True)]
    found: list[Array] = batch(waveforms, names)
    return found


def usable(waveform: Array, name: str) -> Array:
    """Returns a waveform as it is, once opensmile can describe it.

    Raises:
        InputError: If it is not one-dimensional, too short, not finite or beyond full scale, where opensmile would
            wrap it around.
    """
    if waveform.ndim != 1:
        raise InputError(f"{name}: expected mono, shape [samples]. Received: shape {list(waveform.shape)}")
    if waveform.size < SHORTEST_S * SAMPLE_RATE_HZ:
        length = waveform.size / SAMPLE_RATE_HZ
        raise InputError(f"{name}: expected at least {SHORTEST_S} s of audio. Received: {length:.3f} s")
    if not np.isfinite(waveform).all():
        raise InputError(f"{name}: expected finite samples. Received: NaN or infinity")
    if waveform.min() < -1.0 or waveform.max() > FULL_SCALE:
        peak = waveform[np.argmax(np.abs(waveform))]
        raise InputError(f"{name}: expected samples in [-1, 1 - 2**-15]; clip them first. Received: {peak:.6g}")
    return waveform
