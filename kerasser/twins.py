"""Twins: sound that two recordings share, whatever its level and however it was coded, and where in each it lies.

Recordings are laid end to end and cut into blocks; every block meets every other by FFT. Spectra are whitened (Knapp
and Carter, "The generalized correlation method for estimation of time delay", 1976), so that a hum or a loud event that
many recordings have makes no peak; only the same waveform does. What stands out is then looked at in windows of half a
second, since a shared piece is a small part of a long recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage, signal

from kerasser import landmarks
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

# Sound is compared up to 2 kHz: lossy coders keep that best, and it costs a quarter.
_DECIMATION = 4
_RATE_HZ = SAMPLE_RATE_HZ // _DECIMATION
# A block of 66 s. Longer ones cost less a second of sound, but a shared second is a smaller part of them.
_BLOCK = 2**18
# Chance makes peaks of √(2 ln n) = 5.2 standard deviations in the n = 2¹⁹ lags of two blocks. A shared second of
# identical sound makes one of 4000/512 = 7.8, so that this is where it starts to be found; two make 15.
_PEAK = 7.0
_PEAKS = 8
# Windows of half a second hold 2000 samples: two sounds that are not the same correlate by 1/√2000 = 0.02, voices of
# one pitch by 0.3. Copies by lossy coders keep 0.9, resampled ones that fall between two samples 0.6.
_WINDOW = _RATE_HZ // 2
_HOP = _WINDOW // 8
_ALIKE = 0.5
#: Shortest shared sound that is told, in seconds.
SHORTEST_S = 0.75
# Width of the bands that whiten a block.
_BAND_HZ = 8
_HELD = 2.0
_SMOOTH_HZ = 40
_LEVEL_S = 0.1


@dataclass(frozen=True)
class Twin:
    """Sound that lies in two recordings.

    Attributes:
        first: The recording with the lower number.
        second: The other, or the same where a recording repeats itself.
        first_start: Where the sound begins in the first, in samples at 16 kHz.
        second_start: Where it begins in the second.
        samples: How long it is, at 16 kHz.
        correlation: Median normalised correlation of its windows of half a second, in [−1, 1].
    """

    first: int
    second: int
    first_start: int
    second_start: int
    samples: int
    correlation: float


def find(waveforms: Iterable[Array], groups: Sequence[str] | None = None) -> list[Twin]:
    """Compares all recordings with each other.

    Cost grows with the square of their length together: a second for ten minutes, half a minute for an hour.

    Args:
        waveforms: float `[samples]`, 16 kHz mono, one a recording; read once, in order.
        groups: A name for each recording; those of one name are not compared. None compares all, and each with itself.

    Returns:
        The twins, by first and second recording.
    """
    sounds = [_reduced(waveform) for waveform in waveforms]
    blocks = _blocks(sounds)
    spectra = [_spectrum(np.concatenate([_levelled(sounds[n])[part] for n, part in block]), _BLOCK) for block in blocks]
    found: dict[tuple[int, int], list[Twin]] = {}
    for one in range(len(blocks)):
        for other in range(one, len(blocks)):
            for lag in _lags(spectra[one], spectra[other], one == other):
                for first, second, shift in _pairs(blocks[one], blocks[other], lag):
                    apart = groups is None or groups[first] != groups[second]
                    if apart and not _known(found.get((first, second), ()), shift):
                        twins = _confirm(first, second, sounds[first], sounds[second], shift)
                        found.setdefault((first, second), []).extend(twins)
    return [twin for pair in sorted(found) for twin in sorted(found[pair], key=lambda twin: twin.first_start)]


def find_among_many(waveforms: Iterable[Array], groups: Sequence[str] | None = None) -> list[Twin]:
    """Compares those of many short recordings that have landmarks in common; cost grows with their number.

    It finds less than `find`: half a second of sound has few landmarks, and stationary noise has hardly any.

    Args:
        waveforms: float `[samples]`, 16 kHz mono, one a recording; read once, in order.
        groups: A name for each recording; those of one name are not compared. None compares all.

    Returns:
        The twins, by first and second recording.
    """
    sounds = [_reduced(waveform) for waveform in waveforms]
    found = []
    for first, second in landmarks.candidates(sounds, groups):
        one, other = sounds[first], sounds[second]
        size = 2 ** int(np.ceil(np.log2(max(one.size, other.size))))
        mine: list[Twin] = []
        for lag in _lags(_spectrum(_levelled(one), size), _spectrum(_levelled(other), size)):
            if not _known(mine, lag):
                mine += _confirm(first, second, one, other, lag)
        found += sorted(mine, key=lambda twin: twin.first_start)
    return found


Block = list[tuple[int, slice]]


def _reduced(waveform: Array) -> Array:
    """Returns a waveform at 4 kHz without what lies below 60 Hz, float32."""
    if waveform.size < 64:
        return np.zeros(0, np.float32)
    low = signal.resample_poly(np.asarray(waveform, np.float32), 1, _DECIMATION)
    high = signal.butter(2, 60, "highpass", fs=_RATE_HZ, output="sos")
    result: Array = signal.sosfilt(high, low).astype(np.float32)
    return result


def _levelled(sound: Array) -> Array:
    """Returns a sound at one level throughout: a door that slams would else outweigh minutes."""
    if not sound.size:
        return sound
    size = min(round(_LEVEL_S * _RATE_HZ), sound.size)
    level = np.sqrt(np.maximum(ndimage.uniform_filter1d(np.square(sound), size, mode="nearest"), 0))
    # Digital silence stays silent.
    result: Array = sound / np.maximum(level, 1e-5)
    return result


def _blocks(sounds: Sequence[Array]) -> list[Block]:
    """Lays the sounds end to end and cuts them into blocks of one length; a block knows its parts."""
    blocks: list[Block] = [[]]
    room = _BLOCK
    for number, sound in enumerate(sounds):
        start = 0
        while start < sound.size:
            end = min(sound.size, start + room)
            blocks[-1].append((number, slice(start, end)))
            room -= end - start
            start = end
            if not room:
                blocks.append([])
                room = _BLOCK
    return [block for block in blocks if block]


def _spectrum(block: Array, size: int) -> Array:
    """Returns a block's whitened spectrum, with room for every lag; the squares of its magnitudes have a mean of 1."""
    spectrum = fft.rfft(block, 2 * size)
    magnitude = np.abs(spectrum)
    # Whitened in bands, for with unit magnitude in every bin a block would be like itself at no lag but 0. What stands
    # out of its band, as a hum does, is held.
    band = ndimage.uniform_filter1d(magnitude, round(_BAND_HZ * 2 * size / _RATE_HZ) + 1, mode="nearest")
    gain = 1 / np.maximum(band, 1e-20) / np.maximum(magnitude / np.maximum(band, 1e-20) / _HELD, 1)
    white = np.where(band > 0, spectrum * gain, 0)
    return (white / max(float(np.sqrt(np.mean(np.square(np.abs(white))))), 1e-20)).astype(np.complex64)


def _lags(one: Array, other: Array, same: bool = False) -> list[int]:
    """Returns the lags at which two blocks agree more than chance lets them: `other[t]` is `one[t + lag]`."""
    # With magnitudes of 1, independent phases leave 1/√(2·block) in every lag.
    length = one.size - 1
    size = np.abs(fft.irfft(one * np.conj(other), 2 * length)) * np.float32(np.sqrt(2 * length))
    if same:
        # A block is like itself, and each lag of it is there twice.
        size[: _RATE_HZ // 4] = 0
        size[length:] = 0
    found: list[int] = []
    while len(found) < _PEAKS and size.max() > _PEAK:
        peak = int(np.argmax(size))
        found.append(peak if peak < length else peak - 2 * length)
        size[max(0, peak - 8) : peak + 9] = 0
    return found


def _pairs(one: Block, other: Block, lag: int) -> list[tuple[int, int, int]]:
    """Returns the recordings that a lag between blocks lays over each other, the lower number first, and their lag."""
    found = []
    place = 0
    for second, there in other:
        at = 0
        for first, here in one:
            overlap = min(at + here.stop - here.start, place + lag + there.stop - there.start) - max(at, place + lag)
            if overlap >= round(SHORTEST_S / 4 * _RATE_HZ):
                # Sample `there.start` of the second lies on block sample `place + lag` of the first's block.
                shift = place + lag - at + here.start - there.start
                turned = first > second or (first == second and shift < 0)
                pair = (second, first, -shift) if turned else (first, second, shift)
                # At no lag a recording is like itself.
                if first != second or abs(shift) >= SHORTEST_S * _RATE_HZ:
                    found.append(pair)
            at += here.stop - here.start
        place += there.stop - there.start
    return found


def _known(twins: Sequence[Twin], shift: int) -> bool:
    return any(abs(twin.first_start - twin.second_start - shift * _DECIMATION) <= 2 * _DECIMATION for twin in twins)


def _confirm(first: int, second: int, one: Array, other: Array, shift: int) -> list[Twin]:
    """Looks at two recordings window by window, at one lag: `other[t]` is `one[t + shift]`."""
    start, end = max(0, shift), min(one.size, other.size + shift)
    if end - start < _WINDOW:
        return []
    here, there = _whitened(one[start:end], other[start - shift : end - shift])
    alike = _windowed(here, there)
    runs, count = ndimage.label(alike > _ALIKE)
    found = []
    for run in range(1, count + 1):
        (places,) = np.nonzero(runs == run)
        begin, stop = int(places[0]) * _HOP, int(places[-1]) * _HOP + _WINDOW
        # A window that is but half in the shared sound passes; what is at the very end of the overlap is shared.
        if stop - begin >= SHORTEST_S * _RATE_HZ:
            found.append(
                Twin(
                    first,
                    second,
                    (start + begin) * _DECIMATION,
                    (start + begin - shift) * _DECIMATION,
                    (stop - begin) * _DECIMATION,
                    float(np.median(alike[places])),
                )
            )
    return found


def _whitened(one: Array, other: Array) -> tuple[Array, Array]:
    """Filters two sounds alike, so that on average over both their spectra are flat: the same sound stays the same."""
    size = min(2 ** int(np.log2(_RATE_HZ / _SMOOTH_HZ * 8)), one.size)
    powers = [signal.welch(each, _RATE_HZ, nperseg=size)[1] for each in (one, other)]
    mean = np.sqrt(np.maximum(powers[0], 0) * np.maximum(powers[1], 0))
    gain = 1 / np.sqrt(np.maximum(mean, 1e-4 * mean.max() + 1e-20))
    length = fft.next_fast_len(one.size + size, real=True)
    whole = np.interp(np.linspace(0, 1, length // 2 + 1), np.linspace(0, 1, gain.size), gain)
    made = [fft.irfft(fft.rfft(each, length) * whole, length)[: one.size] for each in (one, other)]
    return made[0], made[1]


def _windowed(one: Array, other: Array) -> Array:
    """Returns the magnitude of the normalised correlation in windows of half a second, `[windows]`."""
    sums = [np.cumsum(np.concatenate([[0.0], product])) for product in (one * other, one**2, other**2)]
    starts = np.arange(0, one.size - _WINDOW + 1, _HOP)
    both, first, second = (total[starts + _WINDOW] - total[starts] for total in sums)
    # Silence on either side is like nothing.
    result: Array = np.abs(both) / np.sqrt(np.maximum(first * second, 1e-12 * sums[1][-1] * sums[2][-1] + 1e-30))
    return result
