"""Warm-up records for the signatures that take sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasser.audio import SAMPLE_RATE_HZ, clip
from kerasser.serving import listening, wav
from kerasser.serving.warmup import Record, asked
from kerasser.util.arrays import Array

#: Seconds of sound that the records ask about; each a record, and all of them together one more.
DURATIONS_S = (1, 4)


def of_sound(
    classifier: keras.Model, classes: Sequence[str], cleaner: keras.Model | None, seed: int = 0
) -> Iterator[Record]:
    """Yields records for the signatures of `listening.INPUTS`, answered by the Keras models behind the front end.

    Args:
        classifier: As given to `export.write`.
        classes: Class names.
        cleaner: As given to `export.write`; None for the classifier alone.
        seed: Seed of the sounds.
    """
    generator = np.random.default_rng(seed)
    utterances = [hum(duration_s, generator) for duration_s in DURATIONS_S]
    names = np.array([name.encode() for name in classes], object)
    ask, clean = asked(classifier), asked(cleaner) if cleaner is not None else None
    for batch in [[utterance] for utterance in utterances] + [utterances]:
        lengths = np.array([len(utterance) for utterance in batch], np.int32)
        padded = np.zeros((len(batch), lengths.max()), np.float32)
        for row, utterance in zip(padded, batch, strict=True):
            row[: len(utterance)] = utterance
        described = listening.described(tf.constant(padded), tf.constant(lengths))
        features, frames = (each.numpy() for each in described)
        systems = {"": features}
        if clean is not None:
            systems = {"": clean({"features": features, "lengths": frames}), "_undefended": features}
        for suffix, heard in systems.items():
            answer = ask({"features": heard, "lengths": frames})
            answer = {**answer, "label": names[answer["logits"].argmax(axis=-1)]}
            yield Record(f"waveform{suffix}", {"waveform": padded, "lengths": lengths}, answer)
            files = np.array([wav.encoded(utterance) for utterance in batch], object)
            named = {"classes": np.tile(names, (len(batch), 1))}
            yield Record(f"audio{suffix}", {"audio": files}, {**answer, **named})


def hum(duration_s: float, generator: np.random.Generator) -> Array:
    """Returns a voice of no words, so that every descriptor has something to describe.

    Args:
        duration_s: Seconds.
        generator: Draws its pitch and breath.

    Returns:
        float32 `[samples]` at 16 kHz, within [−1, 1 − 2⁻¹⁵], on the grid of 16 bits.
    """
    time_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch_hz = generator.uniform(100.0, 200.0) * (1.0 + 0.1 * np.sin(2.0 * np.pi * 0.7 * time_s))
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    harmonics = sum(np.cos(number * phase) / number for number in range(1, 20))
    # Half of each second is voiced.
    voice = 0.1 * harmonics * (np.sin(2.0 * np.pi * time_s) > 0.0)
    breath = 0.005 * generator.standard_normal(time_s.size)
    waveform = np.round(2.0**15 * (voice + breath)) / 2.0**15
    return clip(waveform)[0]
