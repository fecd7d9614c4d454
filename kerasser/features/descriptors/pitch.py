"""The fundamental frequency: sub-harmonic summation over an octave-scaled spectrum, then a Viterbi search.

Reference: D. J. Hermes, "Measurement of pitch by subharmonic summation", JASA 83, 1988, with the parameters of
eGeMAPSv02 (Eyben et al., IEEE Transactions on Affective Computing 7(2), 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import tensorflow as tf
from scipy.interpolate import CubicSpline

from kerasser.features.descriptors import packing, peaks, viterbi
from kerasser.util.arrays import Array

BINS = 513
BIN_HZ = 15.625

LOWEST_HZ = 55.0
HIGHEST_HZ = 1000.0

#: Frames whose windowed root mean square is not above this are unvoiced, whatever the search says.
GATE = 0.001

_OCTAVES = np.log2(8000.0 / 25.0)
_SUB_HARMONICS = 15
_DECAY = 0.85
# What a weight may be of the greatest in its column to be left out: a tenth of float32's rounding.
_NEGLIGIBLE = 1e-8


@cache
def octave_matrix() -> Array:
    """Returns the matrix that smooths a spectrum, resamples it to 513 points from 25 to 8000 Hz and weights those.

    Returns:
        float32 `[513, 513]`, to be multiplied from the right. Negative results count as 0.
    """
    smooth = np.zeros((BINS, BINS))
    k = np.arange(BINS - 1)
    smooth[k, k], smooth[k + 1, k] = 0.5, 0.25
    smooth[k[:-1], k[1:]] = 0.25
    smooth[-1, -1] = 1.0
    octave = np.log2(BIN_HZ * np.arange(1, BINS))
    octave = np.concatenate([[2 * octave[0] - octave[1]], octave])
    # A spline is linear in the values that it goes through.
    spline = CubicSpline(octave, np.eye(BINS), bc_type="natural")
    resample = spline(np.linspace(np.log2(25.0), np.log2(8000.0), BINS)).T
    per_octave = BINS / _OCTAVES
    start = per_octave * np.log2(1.3) - 1
    weight = 0.5 + np.arctan(3 * (np.arange(BINS) + 1 - start) / per_octave) / np.pi
    matrix: Array = (smooth @ resample * weight).astype(np.float32)
    return matrix


@cache
def sub_harmonic_matrix() -> Array:
    """Returns the matrix that sums the octave-scaled spectrum over sub-harmonics, float32 `[513, 513]`."""
    matrix = np.zeros((BINS, BINS), np.float32)
    for h in range(1, _SUB_HARMONICS + 1):
        shift = int(np.float32(BINS / _OCTAVES) * np.log2(h))
        j = np.arange(BINS - shift)
        matrix[j + shift, j] += _DECAY ** (h - 1) / _SUB_HARMONICS
    return matrix


def enhanced(magnitude: tf.Tensor) -> tf.Tensor:
    """Sets to 0 what lies between two maxima and at least three bins from both.

    Args:
        magnitude: float32 `[frames, 513]`.

    Returns:
        float32 `[frames, 513]`.
    """
    ends = tf.ones_like(magnitude[:, :1], tf.bool)
    rises = tf.concat([ends, magnitude[:, 1:] > magnitude[:, :-1]], 1)
    falls = tf.concat([magnitude[:, :-1] >= magnitude[:, 1:], ends], 1)
    # The last bin has to be above the one before it, which "rises" holds already; the first above the one after it.
    first = magnitude[:, :1] > magnitude[:, 1:2]
    maximum = tf.concat([first, rises[:, 1:] & falls[:, 1:]], 1)
    padded = tf.pad(maximum, [[0, 0], [2, 2]])
    near = padded[:, :-4] | padded[:, 1:-3] | maximum | padded[:, 3:-1] | padded[:, 4:]
    index = tf.range(BINS)
    lowest = tf.reduce_min(tf.where(maximum, index, BINS), 1, keepdims=True)
    highest = tf.reduce_max(tf.where(maximum, index, -1), 1, keepdims=True)
    return tf.where(near | (index < lowest) | (index > highest), magnitude, 0.0)


def sub_harmonic_sum(magnitude: tf.Tensor) -> tf.Tensor:
    """Returns the sum over sub-harmonics at 513 frequencies from 25 to 8000 Hz.

    Args:
        magnitude: float32 `[frames, 513]`.

    Returns:
        float32 `[frames, 513]`.
    """
    octave = tf.nn.relu(_product(enhanced(magnitude), *_octave_blocks()))
    return _product(octave, *_sub_harmonic_blocks())


def _blocks(matrix: Array, edges: Sequence[int]) -> list[tuple[int, int, Array]]:
    """Cuts a matrix into blocks of columns, each without the rows at its ends that hold nothing of note there."""
    blocks = []
    for start, stop in pairwise(edges):
        columns = np.abs(matrix[:, start:stop])
        rows = np.flatnonzero((columns > _NEGLIGIBLE * columns.max(0)).any(1))
        first, last = int(rows[0]), int(rows[-1]) + 1
        blocks.append((first, last, matrix[first:last, start:stop]))
    return blocks


@cache
def _octave_blocks() -> list[tuple[int, int, Array]]:
    return _blocks(octave_matrix(), (0, 192, 320, 416, BINS))


@cache
def _sub_harmonic_blocks() -> list[tuple[int, int, Array]]:
    return _blocks(sub_harmonic_matrix(), (0, 128, 256, 384, BINS))


def _product(values: tf.Tensor, *blocks: tuple[int, int, Array]) -> tf.Tensor:
    """Returns the product with a matrix in blocks: a quarter or a half of what the whole matrix takes."""
    return tf.concat([tf.matmul(values[:, first:last], matrix) for first, last, matrix in blocks], 1)


def candidates(summed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the six candidates of each frame, the one of the highest score first.

    Differentiable for fixed peaks, through the parabola that refines them.

    Args:
        summed: The sum over sub-harmonics, float32 `[frames, 513]`.

    Returns:
        Frequency in Hz and voicing, float32 `[frames, 6]`; 0 for no candidate.
    """
    peak = peaks.maxima(summed, edges=False)
    height, index = tf.math.top_k(tf.where(peak, tf.stop_gradient(summed), -1.0), viterbi.PLACES)
    exists = height > 0.0
    index = tf.where(exists, index, 1)
    offset, score = peaks.parabola(*peaks.around(summed, index))
    octave = (tf.cast(index, summed.dtype) + offset) * np.float32(_OCTAVES / (BINS - 1))
    frequency = 25.0 * tf.exp(octave * np.float32(np.log(2.0)))
    mean = tf.reduce_mean(summed, 1, keepdims=True)
    above = score > mean
    voicing = tf.where(above, 1.0 - mean / tf.where(above, score, 1.0), 0.0)
    order = _order(exists & (frequency >= LOWEST_HZ) & (frequency <= HIGHEST_HZ), score)
    return tf.reduce_sum(frequency[:, None] * order, -1), tf.reduce_sum(voicing[:, None] * order, -1)


def _order(keep: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
    """Returns which peak goes to which place, 0 or 1, `[frames, place, peak]`.

    Those kept move up; then the one of the highest score changes places with the first.
    """
    keep, score = tf.stop_gradient(tf.cast(keep, score.dtype)), tf.stop_gradient(score)
    place = tf.cumsum(keep, 1) - 1.0
    best = tf.argmax(keep * score, 1, tf.int32)[:, None]
    best_place = tf.gather(place, best, batch_dims=1)
    chosen = tf.cast(tf.range(viterbi.PLACES) == best, score.dtype)
    # The first kept goes where the best was, the best to place 0.
    place = tf.where(place == 0.0, best_place, place) * (1.0 - chosen)
    return tf.one_hot(tf.cast(place, tf.int32), viterbi.PLACES, axis=1, dtype=score.dtype) * keep[:, None]


def pitch(magnitude: tf.Tensor, rms: tf.Tensor, frames: tf.Tensor, pack: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the fundamental frequency of each 60-ms frame.

    Differentiable for fixed voicing and a fixed choice of candidates.

    Args:
        magnitude: Spectrum of the 60-ms frames, float32 `[batch, frames, 513]`.
        rms: Root mean square of the windowed frame, float32 `[batch, frames]`.
        frames: int32 `[batch]`, how many frames are real.
        pack: Compute for real frames alone, which XLA cannot compile.

    Returns:
        float32 `[batch, frames]`, Hz, 0 where unvoiced or past the end; int32 `[batch]`, the frames that the search had
        settled when the last one was in, which the smoothing needs.
    """
    real = tf.sequence_mask(frames, tf.shape(magnitude)[1])
    rows = packing.Rows(real, pack)
    frequency, voicing = (rows.back(each) for each in candidates(sub_harmonic_sum(rows.of(magnitude))))
    path, settled = viterbi.search(frequency, voicing, frames)
    chosen = tf.reduce_sum(frequency * tf.one_hot(path, viterbi.PLACES, dtype=frequency.dtype), -1)
    return tf.where((rms > GATE) & real, chosen, 0.0), settled
