"""Noise of the adversary's own: the worst mixture of pieces of real recordings, equalised, by gradients.

It stays what the paper asks for, noise that was recorded somewhere: pieces are added up with weights, and one equaliser
colours the sum as a room, a distance or a loudspeaker would.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasser.attack.waveform_gradients import Margin, WaveformLogits
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

#: Centres of the equaliser's bands, an octave apart, in Hz; between them it is linear in dB over octaves.
CENTRES_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
#: The first weight's lead where a run begins at one piece: with seven others it has nine tenths of the sum.
_LEAD = 4.0
#: How far weights and equaliser may move in all, in logits.
_REACH = 6.0


class Mixed(NamedTuple):
    """What one run found for each utterance.

    Attributes:
        weights: Share of each piece, `[batch, pieces]`, each row adding up to 1.
        gains_db: Of the equaliser's bands, `[batch, 7]`.
        noise: The mixture, float32 `[batch, samples]`, before it is matched to a budget.
        margin: The graph's margin, `[batch]`.
        gradient_norm: Norm of the margin's derivative by the samples of the sum, where the run began; `[batch]`.
    """

    weights: Array
    gains_db: Array
    noise: Array
    margin: Array
    gradient_norm: Array


def equaliser(gains_db: tf.Tensor, bins: int) -> tf.Tensor:
    """Returns the factors of a spectrum's bins, `[batch, bins]`, for gains of the bands, `[batch, 7]`."""
    hz = np.linspace(0, SAMPLE_RATE_HZ / 2, bins)
    octaves = np.log2(np.maximum(hz, CENTRES_HZ[0]) / CENTRES_HZ[0])
    # A triangle an octave wide on either side of each centre: they add up to 1.
    parts = np.maximum(0.0, 1.0 - np.abs(octaves[None, :] - np.arange(len(CENTRES_HZ))[:, None]))
    return tf.exp(tf.matmul(gains_db, tf.constant(parts, tf.float32)) * float(np.log(10) / 20))


class WorstMixture:
    """Descent on weights and equaliser.

    Args:
        logits: The recogniser.
        steps: Steps of a run.
        room_db: Largest gain of a band, in dB, up or down.
        shifts: As for `kerasser.attack.waveform_gradients.Margin`.
    """

    def __init__(self, logits: WaveformLogits, *, steps: int = 20, room_db: float = 6.0, shifts: int = 1) -> None:
        self._margin, self._steps, self._room_db = Margin(logits, shifts), steps, room_db

    def __call__(
        self,
        speech: Array,
        lengths: Array,
        labels: Array,
        pieces: Array,
        mean: Array,
        variance: Array,
        seed: int = 0,
    ) -> list[Mixed]:
        """Mixes for a batch, in two runs: from the first piece, nearly alone, and from all alike.

        Args:
            speech: The utterances, float32 `[batch, samples]`, zero beyond `lengths`.
            lengths: Their samples, int32 `[batch]`.
            labels: The truth, int `[batch]`.
            pieces: Noise, float32 `[batch, pieces, samples]`, zero beyond `lengths`, none constant.
            mean: Mean of what is added to each utterance, `[batch]`.
            variance: Its variance, `[batch]`.
            seed: Of the shifts.

        Returns:
            What each run found.
        """
        x, length, truth = tf.constant(speech), tf.constant(lengths, tf.int32), tf.constant(labels, tf.int32)
        mix = _Mix(pieces, lengths, self._room_db)
        offset = tf.constant(mean, tf.float32)[:, None]
        deviation = tf.constant(np.sqrt(variance), tf.float32)[:, None]
        generator, count, runs = np.random.default_rng(seed), len(pieces[0]), []
        for lead in (_LEAD, 0.0):
            begun = np.zeros((len(speech), count), np.float32)
            begun[:, 0] = lead
            weights, gains = tf.constant(begun), tf.zeros([len(speech), len(CENTRES_HZ)])
            best: Mixed | None = None
            for step in range(self._steps + 1):
                with tf.GradientTape() as tape:
                    tape.watch([weights, gains])
                    noise = mix(weights, gains)
                    added = mix.valid * (offset + deviation * noise)
                margin, gradient = self._margin(added, x, length, truth, self._margin.drawn(generator))
                found = Mixed(
                    *(tf.nn.softmax(weights).numpy(), mix.gains_db(gains).numpy(), noise.numpy(), margin.numpy()),
                    tf.norm(gradient, axis=1).numpy(),
                )
                best = found if best is None else _better(best, found)
                both = tf.concat(tape.gradient(added, [weights, gains], output_gradients=gradient), axis=1)
                # Half of the way at the beginning, ever less towards the end.
                size = 2.0 * _REACH / self._steps * (1.0 - step / (self._steps + 1))
                away = size * tf.math.divide_no_nan(both, tf.norm(both, axis=1)[:, None])
                weights -= away[:, :count]
                gains -= away[:, count:]
            assert best is not None
            runs.append(best)
        return runs


def _better(best: Mixed, found: Mixed) -> Mixed:
    """Returns the worse of two mixtures for each utterance; the norm is that of the beginning."""
    better = found.margin < best.margin
    chosen = (
        np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old) for new, old in zip(found, best, strict=True)
    )
    return Mixed._make(chosen)._replace(gradient_norm=best.gradient_norm)


class _Mix:
    """Weighs, adds and equalises pieces to noise of mean 0 and variance 1 over an utterance's own samples."""

    def __init__(self, pieces: Array, lengths: Array, room_db: float) -> None:
        self._samples, self._room_db = pieces.shape[2], room_db
        valid = np.arange(self._samples)[None, :] < np.asarray(lengths)[:, None]
        self.valid = tf.constant(valid, tf.float32)
        self._count = tf.constant(np.asarray(lengths, np.float32)[:, None])
        inside = valid[:, None, :]
        count = np.asarray(lengths, np.float64)[:, None, None]
        centred = np.where(inside, pieces - np.sum(pieces, axis=2, keepdims=True, dtype=np.float64) / count, 0.0)
        # Weights say how loud a piece is beside the others: all are of one power.
        alike = centred / np.sqrt(np.sum(np.square(centred), axis=2, keepdims=True) / count)
        self._spectra = tf.signal.rfft(tf.constant(alike, tf.float32))

    def gains_db(self, gains: tf.Tensor) -> tf.Tensor:
        return self._room_db * tf.tanh(gains)

    def __call__(self, weights: tf.Tensor, gains: tf.Tensor) -> tf.Tensor:
        mixed = tf.einsum("bk,bkf->bf", _complex(tf.nn.softmax(weights)), self._spectra)
        factors = equaliser(self.gains_db(gains), self._spectra.shape[2])
        noise = tf.signal.irfft(mixed * _complex(factors), [self._samples]) * self.valid
        centred = self.valid * (noise - tf.reduce_sum(noise, axis=1, keepdims=True) / self._count)
        power = tf.reduce_sum(tf.square(centred), axis=1, keepdims=True) / self._count
        return centred * tf.math.rsqrt(power)


def _complex(values: tf.Tensor) -> tf.Tensor:
    # A cast warns of what its derivative leaves out.
    return tf.complex(values, tf.zeros_like(values))
