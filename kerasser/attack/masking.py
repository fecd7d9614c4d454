"""What the ear does not hear: a masking threshold for each frame and Bark band, and sound that is held below it.

In the spirit of psychoacoustic model 1 of ISO/IEC 11172-3 (1993, annex D.1), at 16 kHz: tonal and noise maskers, each
spread over the Bark scale, and the threshold in quiet. Sound below it is masked by the speech that it is added to, for
an average ear and at the declared playback level; masking in time is not counted on.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

#: Samples of a frame, and from one to the next: 32 ms, 8 ms.
FRAME, HOP = 512, 128
#: Level at which a sine of full scale is played, in dB SPL.
FULL_SCALE_DB = 96.0
#: Edges of the critical bands, in Hz (Zwicker 1961); the last ends at half of the sampling rate.
BAND_EDGES_HZ = (
    *(0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480),
    *(1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700),
)
_BINS = FRAME // 2 + 1
_HZ = np.arange(_BINS) * SAMPLE_RATE_HZ / FRAME
_BAND = np.searchsorted(BAND_EDGES_HZ, _HZ, side="right") - 1
_BANDS = int(_BAND.max()) + 1
#: Bins × bands, 1 where a bin belongs to a band.
_BELONGS = np.eye(_BANDS)[_BAND]
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
#: The squares of the windows that overlap at a sample add up to it.
_OVERLAP = float(np.sum(np.square(_WINDOW)) / HOP)
#: What the lines of a sine of full scale add up to: its peak is (FRAME / 4)², both neighbours a quarter of that each.
_SINE = 1.5 * (FRAME / 4) ** 2
#: A tonal masker stands out from the lines so far away by at least so much, in dB; further above 5.4 kHz.
_STANDS_OUT_DB, _HIGH_HZ = 7.0, 5400.0
#: Of two tonal maskers nearer than this, in Bark, the louder counts.
_NEAR_BARK = 0.5
_PASSES = 4
# Rounding must not carry over the threshold what was brought down to it.
_BELOW = 0.999


def bark(hz: Array) -> Array:
    """Returns the critical-band rate of frequencies (Zwicker and Terhardt 1980)."""
    return 13 * np.arctan(7.6e-4 * hz) + 3.5 * np.arctan(np.square(hz / 7500))


def in_quiet(hz: Array) -> Array:
    """Returns the threshold in quiet, in dB SPL (Terhardt 1979); frequencies above 0."""
    khz = hz / 1000
    return 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * np.square(khz - 3.3)) + 1e-3 * khz**4


_BARK = bark(_HZ)
# Nobody hears a constant: its bin has the threshold of the next.
_QUIET_DB = in_quiet(np.maximum(_HZ, _HZ[1]))


def threshold(waveform: Array, full_scale_db: float = FULL_SCALE_DB) -> Array:
    """Returns how loud sound may be in each frame and Bark band without being heard beside an utterance.

    Args:
        waveform: The utterance, float `[samples]`, 16 kHz, in [−1, 1].
        full_scale_db: Level at which a sine of full scale is played, in dB SPL.

    Returns:
        The least of a band's thresholds, as the mean square that all of the band may have, in units of full scale
        squared; float64 `[frames, bands]`, aligned as `levels`.
    """
    lines = _lines(waveform)
    found = np.stack([frame_threshold_db(10 * np.log10(np.maximum(each, 1e-30)) + full_scale_db) for each in lines])
    least = np.stack([found[:, band == _BAND].min(axis=1) for band in range(_BANDS)], axis=1)
    # A sine of full scale has a mean square of a half.
    return 0.5 * 10 ** ((least - full_scale_db) / 10)


def frame_threshold_db(lines_db: Array) -> Array:
    """Returns the threshold of one frame at each line of its spectrum.

    Args:
        lines_db: Level of each line, in dB SPL, `[257]`.

    Returns:
        dB SPL, `[257]`: the powers of all maskers' thresholds and of the threshold in quiet, added up.
    """
    power = 10 ** (_QUIET_DB / 10)
    for (places, loud_db), offset_db, slope in zip(_maskers(lines_db), (-6.025, -2.025), (0.275, 0.175), strict=True):
        rate = _BARK[places]
        masked = loud_db + offset_db - slope * rate + spread_db(_BARK[:, None] - rate, loud_db)
        power = power + np.sum(10 ** (masked / 10), axis=1)
    return 10 * np.log10(power)


def spread_db(distance: Array, level: Array) -> Array:
    """Returns how a masker's effect falls with the distance from it (ISO/IEC 11172-3, D.1, step 6).

    Args:
        distance: From the masker to where it masks, in Bark.
        level: Of the masker, in dB SPL.

    Returns:
        dB, at most 0; minus infinity beyond 3 Bark below the masker and 8 above.
    """
    steep = 0.4 * level + 6
    found = np.select(
        [distance < -3, distance < -1, distance < 0, distance < 1, distance < 8],
        [
            np.full(np.broadcast(distance, level).shape, -np.inf),
            17 * (distance + 1) - steep,
            steep * distance,
            -17 * distance,
            -(distance - 1) * (17 - 0.15 * level) - 17,
        ],
        -np.inf,
    )
    # A masker of 113 dB would mask more the further one goes.
    return np.minimum(found, 0.0)


def _maskers(lines_db: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Returns the lines, and the levels in dB SPL, of the tonal and of the noise maskers."""
    power = 10 ** (lines_db / 10)
    padded = np.pad(lines_db, 3, constant_values=np.inf)
    away = {step: padded[3 + step : 3 + step + _BINS] for step in range(-3, 4)}
    tonal = (lines_db > away[-1]) & (lines_db >= away[1])
    for step in (-2, 2):
        tonal &= lines_db - away[step] >= _STANDS_OUT_DB
    for step in (-3, 3):
        tonal &= (lines_db - away[step] >= _STANDS_OUT_DB) | (_HZ < _HIGH_HZ)
    peaks = np.flatnonzero(tonal)
    peak_power = power[peaks - 1] + power[peaks] + power[peaks + 1]
    rest = power.copy()
    for step in range(-2, 3):
        rest[peaks + step] = 0.0
    kept: list[int] = []
    for number in np.argsort(-peak_power, kind="stable"):
        far = all(abs(_BARK[peaks[number]] - _BARK[peaks[other]]) >= _NEAR_BARK for other in kept)
        if far and 10 * np.log10(peak_power[number]) >= _QUIET_DB[peaks[number]]:
            kept.append(int(number))
    kept.sort()
    noise = rest @ _BELONGS
    # At the mean of the band's lines, weighted by what they hold.
    centre = (rest * np.arange(_BINS)) @ _BELONGS / np.maximum(noise, 1e-300)
    places = np.clip(np.rint(centre).astype(int), 0, _BINS - 1)
    loud = 10 * np.log10(np.maximum(noise, 1e-300)) >= _QUIET_DB[places]
    tones = (peaks[kept], 10 * np.log10(peak_power[kept]))
    return tones, (places[loud], 10 * np.log10(noise[loud]))


def _lines(waveform: Array) -> Array:
    """Returns each frame's lines, `[frames, 257]`, as shares of what those of a sine of full scale add up to."""
    count = _frames(waveform.size)
    padded = np.zeros((count - 1) * HOP + FRAME)
    padded[FRAME - HOP :][: waveform.size] = waveform
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.square(np.abs(np.fft.rfft(frames * _WINDOW))) / _SINE


def _frames(samples: int) -> int:
    """Returns how many frames touch so many samples; each sample lies in as many as overlap."""
    return -(-samples // HOP) + FRAME // HOP - 1


def levels(sound: tf.Tensor) -> tf.Tensor:
    """Returns the mean square of sound in each frame and Bark band, as `threshold` has it.

    Args:
        sound: float32 `[batch, samples]`.

    Returns:
        float32 `[batch, frames, bands]`.
    """
    return _band_power(_spectra(sound))


def project(sound: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
    """Brings sound down to a threshold, and leaves alone what is below it.

    Each band is scaled in the frames where it is too loud and in those that overlap them, so that no neighbour brings
    back what was taken out. What windows let pass from band to band is taken out by going over it again, and in the end
    by scaling the whole.

    Args:
        sound: float32 `[batch, samples]`.
        limit: From `threshold`, `[batch, frames, bands]`.

    Returns:
        float32 `[batch, samples]`, nowhere above the threshold.
    """
    limit = tf.cast(limit, tf.float32)
    for _ in range(_PASSES):
        spectra = _spectra(sound)
        gains = _gains(_band_power(spectra), limit)
        around = 2 * (FRAME // HOP) - 1
        gains = -tf.nn.max_pool1d(-gains, around, 1, "SAME")
        lines = tf.linalg.matmul(gains, tf.constant(_BELONGS.T, tf.float32))
        made = tf.signal.irfft(spectra * tf.cast(lines, tf.complex64), [FRAME]) * tf.constant(_WINDOW, tf.float32)
        whole = tf.signal.overlap_and_add(made, HOP) / _OVERLAP
        scaled = whole[:, FRAME - HOP : FRAME - HOP + tf.shape(sound)[1]]
        touched = tf.reduce_any(gains < 1.0, axis=[1, 2])[:, None]
        sound = tf.where(touched, scaled, sound)
    return held(sound, limit)


def held(sound: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
    """Scales the whole of sound, float32 `[batch, samples]`, until it is nowhere above a threshold; see `project`."""
    return sound * tf.reduce_min(_gains(levels(sound), tf.cast(limit, tf.float32)), axis=[1, 2])[:, None]


def _gains(power: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
    return tf.where(power > limit, _BELOW * tf.sqrt(limit / tf.maximum(power, 1e-30)), 1.0)


def _spectra(sound: tf.Tensor) -> tf.Tensor:
    samples = tf.shape(sound)[1]
    behind = -samples % HOP + FRAME - HOP
    padded = tf.pad(sound, [[0, 0], [FRAME - HOP, behind]])
    return tf.signal.rfft(tf.signal.frame(padded, FRAME, HOP) * tf.constant(_WINDOW, tf.float32))


def _band_power(spectra: tf.Tensor) -> tf.Tensor:
    lines = tf.square(tf.abs(spectra)) * (0.5 / _SINE)
    return tf.linalg.matmul(lines, tf.constant(_BELONGS, tf.float32))
