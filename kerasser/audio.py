"""Sound in and out: 16 kHz mono float32 in [−1, 1 − 2⁻¹⁵], decoded and resampled inside tf.data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from kerasser import resampling
from kerasser.decoding import checked, decode
from kerasser.headers import SHORTEST_S, SUFFIXES, AudioError, AudioFile, Limits, probe
from kerasser.resampling import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

__all__ = [
    "AudioError",
    "AudioFile",
    "FULL_SCALE",
    "Limits",
    "SAMPLE_RATE_HZ",
    "SHORTEST_S",
    "SUFFIXES",
    "clip",
    "decode",
    "from_array",
    "probe",
    "read",
    "sha256",
    "stored",
    "waveforms",
    "write",
]

FULL_SCALE = float(np.float32(1.0 - 2.0**-15))


def waveforms(files: Sequence[AudioFile]) -> Iterator[Array]:
    """Decodes, averages to mono, cuts and resamples files in a tf.data pipeline.

    Yields:
        float32 `[samples]` at 16 kHz for each file, in order; not yet clipped, since a resampler
        overshoots.

    Raises:
        InputError: As `kerasser.decoding.decode` does, of the first file that cannot be used.
    """
    if not files:
        return
    import tensorflow as tf

    refused: dict[int, InputError] = {}

    def load(number: Any) -> Array:
        try:
            return decode(files[int(number)])
        except InputError as error:
            # TensorFlow would pass on no more than its text.
            refused[int(number)] = error
            return np.zeros(0, np.float32)

    def at_16_khz(number: Any, rate: Any) -> Any:
        (mono,) = tf.numpy_function(load, [number], [tf.float32])
        mono.set_shape([None])
        return resampling.in_graph(mono, rate) if resampled else mono

    rates = [file.sample_rate_hz for file in files]
    resampled = any(rate != SAMPLE_RATE_HZ for rate in rates)
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(files)), np.array(rates, np.int64)))
    dataset = dataset.map(at_16_khz, num_parallel_calls=2, deterministic=True).prefetch(8)
    for number, waveform in enumerate(dataset.as_numpy_iterator()):
        if number in refused:
            raise refused.pop(number)
        yield waveform


def read(file: AudioFile) -> Array:
    """Returns one file as `waveforms` yields it; a pipeline takes longer to build than most files to decode.

    Raises:
        InputError: As `kerasser.decoding.decode` does.
    """
    return resampling.resample(decode(file), file.sample_rate_hz)


def from_array(waveform: ArrayLike, sample_rate_hz: int, name: str = "waveform") -> Array:
    """Returns sound in memory as `waveforms` would read it from a file.

    Args:
        waveform: `[samples]`, floats in [−1, 1] or integers of 16 or 32 bits, which are scaled by their range.
        sample_rate_hz: Its sampling rate.
        name: What an error calls it.

    Returns:
        float32 `[samples]` at 16 kHz; not yet clipped, since a resampler overshoots.

    Raises:
        InputError: If it is not one-dimensional, of another type, shorter than 100 ms, not finite, far beyond full
            scale or nothing but one constant value, or the rate is none.
    """
    found = np.asarray(waveform)
    if found.ndim != 1:
        raise InputError(f"{name}: expected mono, shape [samples]. Received: shape {list(found.shape)}")
    if not isinstance(sample_rate_hz, int | np.integer) or sample_rate_hz < 1:
        raise InputError(f"{name}: expected a sampling rate in Hz, a whole number. Received: {sample_rate_hz!r}")
    if found.dtype not in (np.int16, np.int32) and found.dtype.kind != "f":
        raise InputError(f"{name}: expected floats, or integers of 16 or 32 bits. Received: {found.dtype}")
    if found.size < SHORTEST_S * sample_rate_hz:
        raise InputError(
            f"{name}: expected at least {SHORTEST_S} s of audio. Received: {found.size / sample_rate_hz:.3f} s"
        )
    scale = -float(np.iinfo(found.dtype).min) if found.dtype.kind == "i" else 1.0
    rate = int(sample_rate_hz)
    return resampling.resample(checked(found.astype(np.float32) / np.float32(scale), rate, name), rate)


def clip(waveform: Array) -> tuple[Array, int]:
    """Bounds a waveform to [−1, 1 − 2⁻¹⁵].

    Beyond it opensmile's cast to 16 bits wraps around instead of saturating.

    Args:
        waveform: float `[samples]`, any range.

    Returns:
        The bounded float32 waveform, and how many samples were beyond the bounds.
    """
    bounded = np.clip(waveform, -1.0, FULL_SCALE).astype(np.float32)
    return bounded, int(np.count_nonzero((waveform < -1.0) | (waveform > FULL_SCALE)))


def write(path: Path, waveform: Array) -> None:
    """Writes a 16 kHz mono waveform in [−1, 1 − 2⁻¹⁵] as 16-bit PCM WAV."""
    soundfile.write(path, clip(waveform)[0], SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")


def stored(waveform: Array) -> Array:
    """Returns a 16 kHz waveform as `waveforms` reads what `write` made of it: 16 bits a sample, float32 `[samples]`."""
    file = io.BytesIO()
    soundfile.write(file, clip(waveform)[0], SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    file.seek(0)
    read: Array = soundfile.read(file, dtype="int16")[0].astype(np.float32) / np.float32(2**15)
    return read


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
