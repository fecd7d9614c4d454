"""Jitter and shimmer: a walk over the periods of voiced speech, each as long as the sound repeats itself best.

Where a period ends is known only once it has been compared, so the periods of one stretch of voice follow one another.
But nothing is kept from one stretch to the next: the walks over all stretches of all utterances go in step. Derivatives
stop here, since the lag that repeats best has none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from kerasser.features.descriptors import framing, pitch

#: Periods whose halves do not resemble each other so much count for nothing.
LEAST_CORRELATION = 0.5

# What an int16 sample is divided by. Taken back to integers, samples have exact sums in double precision.
_FULL_SCALE = 32767.0
_RATE_HZ = 16000.0
#: The longest lag compared, 1.1 periods of the lowest pitch, and the most lags compared with one period.
_LONGEST = int(np.ceil(1.1 * _RATE_HZ / pitch.LOWEST_HZ))
_MOST_LAGS = _LONGEST - int(0.9 * _RATE_HZ / pitch.LOWEST_HZ) + 1
#: Walks in step for each utterance where every shape is static.
_WALKS = 4


class _Voiced(NamedTuple):
    """Voiced frames of all utterances in a row."""

    # int32 [voiced, 4]: the first sample, of the samples of all utterances in a row, the shortest and the longest lag,
    # and the period of the pitch.
    table: Any
    first: Any  # bool [voiced]: whether the frame before is not voiced.
    number: Any  # int32, how many count.


def jitter_and_shimmer(waveform: Any, f0: Any, frames: Any, compiled: bool = False) -> tuple[Any, Any]:
    """Computes local jitter and shimmer, without derivatives.

    Args:
        waveform: float32 `[batch, samples]` as read from 16 bits, multiples of 1/32767.
        f0: float32 `[batch, most frames]` in Hz, 0 where a frame is unvoiced, else from 55 to 1000.
        frames: int32 `[batch]`, frames of each utterance.
        compiled: Keep every shape static, as XLA needs, instead of walking only as long as each stretch lasts.

    Returns:
        Jitter, the mean difference of neighbouring periods by the mean period, at most 1, and shimmer in dB, both
        float32 `[batch, most frames]`, 0 where a frame is unvoiced.
    """
    shape = tf.shape(f0)
    pitched = tf.where(tf.sequence_mask(frames, shape[1]), tf.stop_gradient(f0), 0.0)
    place = _order(pitched, compiled)
    voiced = _voiced(pitched, place, tf.shape(waveform)[1])
    start, end = _stretches(voiced, _WALKS * shape[0] if compiled else None)
    sound = _Sound(tf.reshape(tf.stop_gradient(waveform), [-1]), compiled)
    found = _described(_walk(sound, voiced, start, end, compiled), voiced.first)
    count = tf.size(f0)
    spread = tf.reshape(tf.scatter_nd(place[:, None], found, [count, 2]), [shape[0], shape[1], 2])
    return spread[..., 0], spread[..., 1]


def _order(f0: Any, compiled: bool) -> Any:
    """Returns the places of voiced frames in a row of all frames, int32 `[voiced]`; of all, voiced first, if static."""
    there = tf.reshape(f0 > 0.0, [-1])
    if not compiled:
        return tf.cast(tf.where(there)[:, 0], tf.int32)
    return tf.argsort(tf.cast(tf.logical_not(there), tf.int32), stable=True)


def _voiced(f0: Any, place: Any, samples: Any) -> _Voiced:
    there = f0 > 0.0
    before = tf.concat([tf.zeros_like(there[:, :1]), there[:, :-1]], axis=1)
    first = tf.gather(tf.reshape(tf.logical_and(there, tf.logical_not(before)), [-1]), place)
    most = tf.shape(f0)[1]
    begin = place // most * samples + place % most * framing.HOP
    hz = tf.cast(tf.gather(tf.reshape(tf.where(there, f0, 1000.0), [-1]), place), tf.float64)
    period = _RATE_HZ / hz
    lags = [tf.cast(each, tf.int32) for each in (tf.floor(0.9 * period), tf.math.ceil(1.1 * period))]
    table = tf.stack([begin, *lags, tf.cast(tf.floor(period + 0.5), tf.int32)], axis=1)
    return _Voiced(table, first, tf.math.count_nonzero(there, dtype=tf.int32))


def _stretches(voiced: _Voiced, walks: Any) -> tuple[Any, Any]:
    """Returns the voiced frames where walks start and end, int32 `[walks]`: one for each stretch of voice, or so many.

    A walk over several stretches takes about as many frames as another, and no stretch is divided.
    """
    if walks is None:
        start = tf.cast(tf.where(voiced.first)[:, 0], tf.int32)
    else:
        number = tf.where(voiced.first, tf.range(tf.size(voiced.first)), voiced.number)
        wanted = tf.range(walks) * voiced.number // walks
        start = tf.reduce_min(tf.where(number[None] >= wanted[:, None], number[None], voiced.number), axis=1)
    return start, tf.concat([start, voiced.number[None]], axis=0)[1:]


class _Sound:
    """Samples of all utterances in a row, and how well they repeat themselves.

    Args:
        samples: float32 `[samples]`, multiples of 1/32767.
        compiled: Use static sizes.
    """

    def __init__(self, samples: Any, compiled: bool) -> None:
        self._samples = samples
        self._whole = tf.round(tf.cast(samples, tf.float64) * _FULL_SCALE)
        self._size = tf.size(samples)
        sums = [tf.cumsum(self._whole), tf.cumsum(tf.square(self._whole))]
        self._sums = tf.concat([tf.zeros([1], tf.float64), sums[0], tf.zeros([1], tf.float64), sums[1]], axis=0)
        self._compiled = compiled

    def _from(self, samples: Any, begin: Any, size: Any) -> Any:
        """Returns samples from those places on, `[walks, size]`; what would be beyond the end is never used."""
        return tf.gather(samples, tf.minimum(begin[:, None] + tf.range(size), self._size - 1))

    def correlations(self, begin: Any, low: Any, high: Any) -> Any:
        """Returns Pearson's correlation of τ samples with the τ after them, for lags τ from low to high.

        Args:
            begin: int32 `[walks]`, the first of the samples.
            low: int32 `[walks]`, the shortest lag.
            high: int32 `[walks]`, the longest.

        Returns:
            float64 `[walks, lags]`, −2 beyond high, 0 where either half is constant.
        """
        lags = _MOST_LAGS if self._compiled else tf.reduce_max(high - low) + 1
        lag = low[:, None] + tf.range(lags)
        ends = tf.minimum(begin[:, None] + tf.concat([tf.zeros_like(lag[:, :1]), lag, 2 * lag], axis=1), self._size)
        sums = tf.gather(self._sums, tf.stack([ends, ends + self._size + 1]))
        middle, end = sums[:, :, 1 : lags + 1], sums[:, :, lags + 1 :]
        x, x_squared = tf.unstack(middle - sums[:, :, :1])
        y, y_squared = tf.unstack(end - middle)
        size = tf.cast(lag, tf.float64)
        spread = (size * x_squared - tf.square(x)) * (size * y_squared - tf.square(y))
        joint = size * self._products(begin, low, high, lags) - x * y
        found = tf.where(spread > 0.0, joint / tf.sqrt(tf.maximum(spread, 1.0)), 0.0)
        return tf.where(lag <= high[:, None], found, -2.0)

    def _products(self, begin: Any, low: Any, high: Any, lags: Any) -> Any:
        """Returns Σ x[n]·x[n + τ] over n from 0 to τ − 1, float64 `[walks, lags]`, exact."""
        longest = _LONGEST if self._compiled else tf.reduce_max(high)
        # A circular correlation of the samples up to the shortest lag with those from it on.
        points = 512 if self._compiled else tf.where(longest + lags <= 256, 256, 512)
        first = self._from(self._whole, begin, longest)
        first = tf.where(tf.range(longest) < low[:, None], first, 0.0)
        after = self._from(self._whole, begin + low, points)
        spectrum = tf.math.conj(tf.signal.rfft(first, [points])) * tf.signal.rfft(after, [points])
        common = tf.round(tf.signal.irfft(spectrum, [points])[:, :lags])
        # And a triangle of what longer lags add: x[low + n]·x[2·low + n + j], n < j.
        rest = self._from(self._whole, begin + 2 * low, 2 * lags)
        number = tf.range(lags)
        index = tf.where(number[None] < number[:, None], number[None] + number[:, None], 2 * lags)
        triangle = tf.gather(tf.pad(rest, [[0, 0], [0, 1]]), index, axis=1)
        return common + tf.linalg.matvec(triangle, after[:, :lags])

    def amplitudes(self, begin: Any, period: Any, high: Any) -> Any:
        """Returns the peak-to-peak amplitudes of a period and of the next, without first and last sample each.

        Args:
            begin: int32 `[walks]`, the first of the samples.
            period: int32 `[walks]`.
            high: int32 `[walks]`, not less than the periods.

        Returns:
            float32 `[2, walks]`.
        """
        longest = _LONGEST if self._compiled else tf.reduce_max(high)
        both = self._from(self._samples, tf.concat([begin, begin + period], axis=0) + 1, longest)
        inside = tf.range(longest) < tf.tile(period, [2])[:, None] - 2
        highest = tf.reduce_max(tf.where(inside, both, -2.0), axis=1)
        lowest = tf.reduce_min(tf.where(inside, both, 2.0), axis=1)
        return tf.reshape(highest - lowest, [2, -1])


def _walk(sound: _Sound, voiced: _Voiced, start: Any, end: Any, compiled: bool) -> Any:
    """Returns what the periods of each voiced frame add up to, float64 `[voiced, 6]`.

    That is their number and sum, the number and sum of differences between neighbours, and the sums of peak-to-peak
    amplitudes and of their differences.
    """
    none = tf.zeros_like(start)
    # Where each walk is: its voiced frame, where it ends, samples of earlier frames not yet passed, samples passed
    # since then, and how many of those will not be seen again. And the last period that counted, in seconds.
    walk = tf.stack([start, end, none, none, none], axis=1)
    last = tf.zeros(tf.shape(start), tf.float64)
    # One row more for walks that have ended.
    found = tf.zeros([tf.size(voiced.first) + 1, 6], tf.float64)

    def going(found: Any, walk: Any, last: Any) -> Any:
        return tf.reduce_any(walk[:, 0] < walk[:, 1])

    def step(found: Any, walk: Any, last: Any) -> Any:
        if not compiled:
            live = tf.where(walk[:, 0] < walk[:, 1])[:, 0]
            walk, last = tf.gather(walk, live), tf.gather(last, live)
        return _step(sound, voiced, found, walk, last)

    shapes = None if compiled else (found.shape, tf.TensorShape([None, 5]), tf.TensorShape([None]))
    state = (found, walk, last)
    return tf.while_loop(going, step, state, shape_invariants=shapes, parallel_iterations=1)[0][:-1]


def _step(sound: _Sound, voiced: _Voiced, found: Any, walk: Any, last: Any) -> tuple[Any, Any, Any]:
    """Goes on by one period, and to the next frame where that is due."""
    number, end, left, passed, done = tf.unstack(walk, axis=1)
    most = tf.size(voiced.first)
    begin, low, high, rounded = tf.unstack(tf.gather(voiced.table, tf.minimum(number, most - 1)), axis=1)
    begin += passed - left
    lag, peak, offset = _peak(sound.correlations(begin, low, high), high - low)
    period = low + lag
    seconds = tf.cast(tf.cast((tf.cast(period, tf.float64) + offset) / _RATE_HZ, tf.float32), tf.float64)
    first, second = tf.unstack(sound.amplitudes(begin, period, high))
    mean, difference = (tf.cast(each, tf.float64) for each in ((first + second) / 2.0, tf.abs(first - second)))
    one = tf.ones_like(seconds)
    follows = tf.where(last > 0.0, one, 0.0)
    added = tf.stack([one, seconds, follows, follows * tf.abs(last - seconds), mean, difference], axis=1)
    counts = tf.logical_and(lag > 0, peak > LEAST_CORRELATION)
    place = tf.where(tf.logical_and(counts, number < end), number, most)
    found = tf.tensor_scatter_nd_add(found, place[:, None], added)
    last = tf.where(counts, seconds, last)

    passed += tf.where(lag > 0, period, rounded)
    size = framing.HOP + left
    done = tf.where(passed < size - 1, passed, done)
    finished = passed >= tf.maximum(size, 2 * high + 2) - 2 * high - 1
    # Nothing is kept from one stretch of voice to the next.
    number = tf.where(finished, number + 1, number)
    new = tf.logical_and(finished, tf.gather(voiced.first, tf.minimum(number, most - 1)))
    left = tf.where(finished, tf.where(new, 0, size - done), left)
    passed, done = tf.where(finished, 0, passed), tf.where(finished, 0, done)
    return found, tf.stack([number, end, left, passed, done], axis=1), tf.where(new, tf.zeros_like(last), last)


def _described(sums: Any, first: Any) -> Any:
    """Returns jitter and shimmer of voiced frames, float32 `[voiced, 2]`, from what `_walk` returns."""
    number, total, pairs, differences, amplitudes, amplitude_differences = tf.unstack(sums, axis=1)
    jitter = tf.minimum(tf.math.divide_no_nan(differences * number, pairs * total), 1.0)
    # The first period after silence has none before it.
    jitter = tf.where(tf.logical_or(number == 0.0, pairs > 0.0), _held(jitter, pairs > 0.0, first), 0.0)
    amplitude = tf.minimum(tf.math.divide_no_nan(amplitude_differences, amplitudes), 1.0)
    shimmer = 20.0 / np.log(10.0) * tf.math.log1p(_held(amplitude, number > 0.0, first))
    return tf.cast(tf.stack([jitter, shimmer], axis=1), tf.float32)


def _held(values: Any, there: Any, first: Any) -> Any:
    """Returns the last value that is there in each stretch that starts at `first`, 0 before there is one."""
    known = tf.logical_or(there, first)
    order = tf.cumsum(tf.cast(known, tf.int32)) - 1
    size = tf.size(order)
    places = tf.scatter_nd(tf.where(known, order, size)[:, None], tf.range(size), [size + 1])
    return tf.gather(tf.where(there, values, tf.zeros_like(values)), tf.gather(places, tf.maximum(order, 0)))


def _peak(correlations: Any, span: Any) -> tuple[Any, Any, Any]:
    """Returns the highest local maximum of each row, but for the last two lags.

    Args:
        correlations: float64 `[walks, lags]`, −2 for lags that do not count.
        span: int32 `[walks]`, the number of the last lag.

    Returns:
        Its number, int32 `[walks]`, 0 where there is none, its height and its offset, float64, by a parabola.
    """
    before, middle, after = correlations[:, :-2], correlations[:, 1:-1], correlations[:, 2:]
    inner = tf.range(1, tf.shape(middle)[1] + 1) <= span[:, None] - 2
    top = tf.logical_and(inner, tf.logical_and(middle > before, middle > after))
    chosen = tf.argmax(tf.where(top, middle, -3.0), axis=1, output_type=tf.int32)
    three = tf.gather(correlations, chosen[:, None] + tf.range(3), batch_dims=1)
    left, centre, right = tf.unstack(three, axis=1)
    curvature = left - 2.0 * centre + right
    offset = tf.math.divide_no_nan(left - right, 2.0 * curvature)
    there = tf.reduce_any(top, axis=1)
    return tf.where(there, chosen + 1, 0), centre - (left - right) * offset / 4.0, offset
