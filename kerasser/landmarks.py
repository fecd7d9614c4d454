"""Landmarks: which of thousands of recordings may share sound, at a cost that grows with their length alone.

Peaks of the spectrogram stay where they are whatever the level and the coder (Wang, "An industrial-strength audio
search algorithm", 2003). Three that follow each other make a key; recordings that have keys in common, at one lag, are
candidates for a closer look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage, signal

# At 4 kHz: windows of 128 ms, every 16 ms, so that a peak moves little where a cut falls between two frames.
_WINDOW = 512
_HOP = 64
# A peak is the greatest within 40 ms and 40 Hz: some 20 a second of speech.
_AROUND = (11, 5)
# A peak makes keys with pairs of the next ones.
_NEXT = 4
_LONGEST = 64
# A key that is found more often tells nothing.
_COMMONEST = 50
# Chance gives two recordings a key or two in common, seldom at one lag.
_VOTES = 3


def candidates(sounds: Sequence[np.ndarray], groups: Sequence[str] | None = None) -> list[tuple[int, int]]:
    """Returns the pairs of recordings that may share sound.

    Args:
        sounds: float `[samples]`, 4 kHz.
        groups: A name for each recording; those of one name are not compared. None compares all.
    """
    keys, owners, times = [], [], []
    for number, sound in enumerate(sounds):
        mine, when = _keys(sound)
        keys.append(mine)
        owners.append(np.full(mine.size, number, np.int64))
        times.append(when)
    key, owner, time = (np.concatenate(each) if each else np.zeros(0, np.int64) for each in (keys, owners, times))
    order = np.argsort(key, kind="stable")
    key, owner, time = key[order], owner[order], time[order]
    group = np.unique(np.asarray(groups), return_inverse=True)[1] if groups is not None else np.arange(len(sounds))
    votes: list[np.ndarray] = []
    # Keys that are equal lie side by side: each meets the next, the one after the next, and so on.
    for step in range(1, _COMMONEST):
        (same,) = np.nonzero(key[step:] == key[:-step])
        if not same.size:
            break
        one, other = owner[same], owner[same + step]
        apart = group[one] != group[other]
        first, second = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
        lag = np.where(one < other, 1, -1)[apart] * (time[same + step] - time[same])[apart]
        votes.append(np.stack([first, second, lag]))
    return sorted(set(_agreeing(np.concatenate(votes, axis=1)))) if votes else []


def _agreeing(votes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields the pairs with enough votes for a lag or the next one: a lag falls between frames."""
    for shift in (0, 1):
        rounded = votes // np.array([[1], [1], [2]]) if not shift else (votes + [[0], [0], [1]]) // [[1], [1], [2]]
        found, counts = np.unique(rounded, axis=1, return_counts=True)
        for first, second, _ in found[:, counts >= _VOTES].T:
            yield int(first), int(second)


def _keys(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the keys of a sound and the frames at which they begin."""
    if sound.size < _WINDOW:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, _, spectrum = signal.stft(sound, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, boundary=None, padded=False)
    power = np.log(np.abs(spectrum) + 1e-7)
    greatest = (power == ndimage.maximum_filter(power, _AROUND)) & (power > np.median(power) + 1)
    frames, bins = np.nonzero(greatest.T)
    # Two bins are one: a peak between them goes to either.
    bins = bins // 2
    keys, times = [], []
    for near in range(1, _NEXT):
        for far in range(near + 1, _NEXT + 1):
            start = frames[: max(0, frames.size - far)]
            to_near, to_far = frames[near : near + start.size] - start, frames[far:] - start
            kept = (to_far < _LONGEST) & (to_near > 0)
            code = bins[: start.size]
            for part, size in ((bins[near : near + start.size], 256), (bins[far:], 256), (to_near, 64), (to_far, 64)):
                code = code * size + part
            keys.append(code[kept])
            times.append(start[kept])
    return np.concatenate(keys), np.concatenate(times)
