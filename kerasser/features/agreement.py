"""How far one front end's descriptors are from another's, and whether that is close enough to take its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasser.features.base import EGEMAPS_NAMES
from kerasser.util.arrays import Array

#: What a formant's level is in frames without voice, dB.
_UNVOICED_DB = -201.0
_F0 = EGEMAPS_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")


@dataclass(frozen=True)
class Bar:
    """What is asked of a descriptor.

    Attributes:
        correlation: At least so much over all frames.
        relative: Frames agree that differ by no more than this share of the reference,
        absolute: or by no more than this.
        share: At least so many of the frames agree.
        frames: Which frames those are: "all", those "voiced" in the reference, or voiced in "both".
        median: The median relative difference of frames that are 0 in neither, at most.
        mask: The value that marks frames without voice, which must agree; None where there is none.
    """

    correlation: float
    relative: float
    absolute: float
    share: float
    frames: str = "all"
    median: float = np.inf
    mask: float | None = None


#: In at least so many frames the same ones must be without voice.
MASK_SHARE = 0.999
_FREQUENCY = Bar(0.99, 0.01, 0.0, 0.96, median=2e-4)
_BANDWIDTH = Bar(0.98, 0.01, 0.0, 0.95, median=3e-4)
_LEVEL = Bar(0.999, 0.0, 0.01, 0.99, mask=_UNVOICED_DB)
_LOUD = Bar(0.99999, 1e-3, 0.0, 0.999)
_DECIBEL = Bar(0.99999, 1e-3, 1e-3, 0.999)
_SLOPE = Bar(0.99999, 1e-3, 1e-5, 0.999)
_PERIOD = Bar(0.999, 1e-3, 0.0, 0.995, "voiced", mask=0.0)
_HARMONIC = Bar(0.9999, 0.0, 0.01, 0.998, mask=0.0)
#: One a descriptor, in order.
BARS = (
    *(_LOUD, _DECIBEL, _DECIBEL, _SLOPE, _SLOPE, _LOUD, _DECIBEL, _DECIBEL, _DECIBEL, _DECIBEL),
    Bar(0.0, 1e-3, 0.0, 0.998, "both", mask=0.0),
    *(_PERIOD, _PERIOD, _HARMONIC, _HARMONIC),
    Bar(0.999, 0.0, 0.01, 0.99, mask=0.0),
    *(_FREQUENCY, _BANDWIDTH, _LEVEL) * 3,
)


@dataclass(frozen=True)
class Agreement:
    """How a descriptor agrees over many frames.

    Attributes:
        name: The descriptor.
        correlation: Over all frames.
        median: Relative difference where neither is 0; NaN where there is no such frame.
        within: Share of the frames that agree, as `Bar` says which are asked and what that means.
        mask: Share of the frames in which both or neither are without voice; None where nothing marks that.
        holds: Whether the bar is reached.
    """

    name: str
    correlation: float
    median: float
    within: float
    mask: float | None
    holds: bool


def agreements(found: Array, reference: Array, bars: Sequence[Bar] = BARS) -> list[Agreement]:
    """Compares descriptors.

    Args:
        found: Of the front end in question, `[frames, 25]`.
        reference: Of the other, for the same frames.
        bars: What is asked of each.

    Returns:
        One a descriptor.
    """
    voiced = {"voiced": reference[:, _F0] != 0}
    voiced |= {"all": np.ones(len(reference), bool), "both": voiced["voiced"] & (found[:, _F0] != 0)}
    columns = zip(EGEMAPS_NAMES, found.T.astype(np.float64), reference.T.astype(np.float64), bars, strict=True)
    return [_agreement(name, ours, theirs, bar, voiced[bar.frames]) for name, ours, theirs, bar in columns]


def _agreement(name: str, found: Array, reference: Array, bar: Bar, asked: Array) -> Agreement:
    difference = np.abs(found - reference)
    there = (found != 0) & (reference != 0)
    median = float(np.median(difference[there] / np.abs(reference[there]))) if there.any() else np.nan
    agree = (difference <= bar.relative * np.abs(reference)) | (difference <= bar.absolute)
    within = float(agree[asked].mean()) if asked.any() else 1.0
    mask = None if bar.mask is None else float(((found == bar.mask) == (reference == bar.mask)).mean())
    correlation = _correlation(found, reference)
    holds = correlation >= bar.correlation and within >= bar.share and (mask is None or mask >= MASK_SHARE)
    return Agreement(name, correlation, median, within, mask, holds and not median > bar.median)


def _correlation(first: Array, second: Array) -> float:
    first, second = first - first.mean(), second - second.mean()
    spread = np.sqrt((first**2).sum() * (second**2).sum())
    # Two constants agree if they are the same one.
    return float((first * second).sum() / spread) if spread > 0 else float(np.allclose(first, second))
