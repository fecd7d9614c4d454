"""Sound in and out: 16 kHz mono float32 in [−1, 1 − 2⁻¹⁵], decoded and resampled inside tf.data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

SAMPLE_RATE_HZ = 16000
FULL_SCALE = float(np.float32(1.0 - 2.0**-15))
SHORTEST_S = 0.1
# Floats beyond this are integers that nobody has scaled.
_LOUDEST = 16.0

# tensorflow-io decodes one sample type a call, so the header has to say which.
_ENCODINGS = {
    ("WAV", "PCM_U8"): 0,
    ("WAV", "PCM_16"): 1,
    ("WAV", "PCM_24"): 2,
    ("WAV", "FLOAT"): 3,
    ("FLAC", "PCM_16"): 4,
    ("FLAC", "PCM_24"): 5,
}
_EXPECTED = "WAV (8, 16, 24-bit or 32-bit float) or FLAC (16 or 24-bit)"


@dataclass(frozen=True)
class AudioFile:
    """What a file's header says, and which part of the file is wanted.

    Attributes:
        path: The file.
        encoding: Container and sample type, such as "WAV PCM_16".
        sample_rate_hz: Sampling rate of the file.
        channels: Number of channels; they are averaged.
        frames: Samples per channel in the whole file.
        start_s: Where the wanted part begins, in seconds.
        end_s: Where it ends, in seconds; None is the end of the file.
        sha256: Of the file's bytes, in hexadecimal, where it must be the one that was hashed; "" where it need not.
    """

    path: Path
    encoding: str
    sample_rate_hz: int
    channels: int
    frames: int
    start_s: float = 0.0
    end_s: float | None = None
    sha256: str = ""

    @property
    def bounds(self) -> tuple[int, int]:
        """First sample of the wanted part, and the one after its last, at the file's own rate."""
        start = round(self.start_s * self.sample_rate_hz)
        return start, self.frames if self.end_s is None else round(self.end_s * self.sample_rate_hz)

    @property
    def duration_s(self) -> float:
        """Length of the wanted part, in seconds."""
        start, end = self.bounds
        return (end - start) / self.sample_rate_hz


def probe(path: Path, start_s: float = 0.0, end_s: float | None = None) -> AudioFile:
    """Reads a file's header and checks that the wanted part can be used.

    Raises:
        InputError: If the file is missing, unreadable, in an unsupported encoding, shorter than
            100 ms (eGeMAPS is undefined there), or ends before `end_s`.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected an audio file. Received: {'a folder' if path.is_dir() else 'nothing'}")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected {_EXPECTED}. Received: an empty file")
    try:
        header = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path}: expected {_EXPECTED}. Received: a file that is neither") from error
    container = "WAV" if header.format == "WAVEX" else header.format
    if (container, header.subtype) not in _ENCODINGS:
        raise InputError(f"{path}: expected {_EXPECTED}. Received: {header.format} {header.subtype}")
    audio = AudioFile(
        path, f"{container} {header.subtype}", header.samplerate, header.channels, header.frames, start_s, end_s
    )
    if audio.bounds[1] > audio.frames:
        length = audio.frames / audio.sample_rate_hz
        raise InputError(f"{path}: expected at least {end_s} s of audio, the wanted end. Received: {length:.3f} s")
    if audio.duration_s < SHORTEST_S:
        raise InputError(f"{path}: expected at least {SHORTEST_S} s of audio. Received: {audio.duration_s:.3f} s")
    return audio


def waveforms(files: Sequence[AudioFile]) -> Iterator[Array]:
    """Decodes, averages to mono, cuts and resamples files through tensorflow-io in a tf.data pipeline.

    Yields:
        float32 `[samples]` at 16 kHz for each file, in order; not yet clipped, since a resampler
        overshoots.

    Raises:
        InputError: If a file is not the one that was hashed, cannot be decoded, holds less than its header says, NaN
            or infinity, or nothing but one constant value.
    """
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(
        {
            "path": [str(file.path) for file in files],
            "encoding": [_ENCODINGS[tuple(file.encoding.split(" "))] for file in files],  # type: ignore[index]
            "rate": np.array([file.sample_rate_hz for file in files], np.int64),
            "bounds": np.array([file.bounds for file in files], np.int64).reshape(-1, 2),
            "hashed": [bool(file.sha256) for file in files],
        }
    ).map(_load, num_parallel_calls=2, deterministic=True)
    iterator = iter(dataset.prefetch(8).as_numpy_iterator()) if files else iter(())
    for file in files:
        try:
            waveform, decoded, digest = next(iterator)
        except tf.errors.OpError as error:
            if file.sha256 and (not file.path.is_file() or sha256(file.path) != file.sha256):
                raise _edited(file) from error
            raise InputError(f"{file.path}: expected {file.encoding} audio. Received: data that ends early") from error
        if digest.decode() != file.sha256:
            raise _edited(file)
        if decoded != file.frames:
            raise InputError(f"{file.path}: expected {file.frames} samples, as its header says. Received: {decoded}")
        yield _checked(waveform, file.path)


def _load(item: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Decodes one file in the graph; returns the waveform, how many samples the whole file held, and its SHA-256."""
    import tensorflow as tf
    import tensorflow_io as tfio

    contents = tf.io.read_file(item["path"])
    # Of the very bytes that are decoded: a hash taken before or after may be of others.
    digest = tf.cond(item["hashed"], lambda: tf.numpy_function(_digest, [contents], tf.string), lambda: "")

    def scaled(decode: Callable[..., Any], dtype: Any, zero: float, one: float) -> Callable[[], Any]:
        return lambda: (tf.cast(decode(contents, dtype=dtype), tf.float32) - zero) / one

    wav, flac = tfio.audio.decode_wav, tfio.audio.decode_flac
    # In the order of _ENCODINGS; 24-bit samples arrive in the upper bits of an int32.
    samples = tf.switch_case(
        item["encoding"],
        [
            scaled(wav, tf.uint8, 128.0, 128.0),
            scaled(wav, tf.int16, 0.0, 2.0**15),
            scaled(wav, tf.int32, 0.0, 2.0**31),
            scaled(wav, tf.float32, 0.0, 1.0),
            scaled(flac, tf.int16, 0.0, 2.0**15),
            scaled(flac, tf.int32, 0.0, 2.0**31),
        ],
    )
    bounds, rate = item["bounds"], item["rate"]
    mono = tf.reduce_mean(samples, axis=1, keepdims=True)[bounds[0] : bounds[1]]

    at_rate = tf.cond(tf.equal(rate, SAMPLE_RATE_HZ), lambda: mono, lambda: _resampled(mono, rate))
    return tf.squeeze(at_rate, axis=1), tf.shape(samples, out_type=tf.int64)[0], digest


def _digest(contents: bytes) -> bytes:
    return hashlib.sha256(contents).hexdigest().encode()


def _edited(file: AudioFile) -> InputError:
    return InputError(
        f"{file.path}: expected the recording that the corpus was read with. Received: another one, edited since; "
        "the same command reads it again"
    )


def _resampled(mono: Any, rate: Any) -> Any:
    """Brings sound, float32 `[samples, 1]`, to 16 kHz, as tensors."""
    import tensorflow as tf
    import tensorflow_io as tfio

    # The resampler's filter spans 64 samples of the lower rate and delays by half of that; zeros behind
    # the end push the last samples out of it.
    delay = tf.cast(tf.math.round(32 * SAMPLE_RATE_HZ / tf.minimum(rate, SAMPLE_RATE_HZ)), tf.int64)
    length = -(-tf.shape(mono, out_type=tf.int64)[0] * SAMPLE_RATE_HZ // rate)
    padded = tf.pad(mono, [[0, delay * rate // SAMPLE_RATE_HZ + 1], [0, 0]])
    return tfio.audio.resample(padded, rate, SAMPLE_RATE_HZ)[delay : delay + length]


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
    mono = _checked(found.astype(np.float32) / np.float32(scale), name)
    if (peak := float(np.abs(mono).max())) > _LOUDEST:
        raise InputError(f"{name}: expected floats in [-1, 1]. Received: {peak:g}; are these integers?")
    if sample_rate_hz == SAMPLE_RATE_HZ:
        return mono
    import tensorflow as tf

    return np.asarray(_resampled(mono[:, None], tf.constant(sample_rate_hz, tf.int64)))[:, 0]


def _checked(waveform: Array, path: Path | str) -> Array:
    if not np.isfinite(waveform).all():
        raise InputError(f"{path}: expected finite samples. Received: NaN or infinity")
    if waveform.size and waveform.min() == waveform.max():
        raise InputError(f"{path}: expected sound. Received: silence (every sample is {waveform[0]:g})")
    return waveform


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
