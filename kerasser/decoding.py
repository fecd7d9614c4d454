"""From a sound file to samples: the wanted part alone, block by block, by libsndfile."""

from __future__ import annotations

import hashlib
import os
import time
from io import FileIO
from pathlib import Path

import numpy as np
import soundfile

from kerasser.headers import HOP_S, AudioError, AudioFile, opened
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

# Samples, over all channels, that are decoded at a time.
_BLOCK = 2**18
# Floats beyond this are integers that nobody has scaled.
_LOUDEST = 16.0
# What stays within one step of 16 bits around its middle is dither, if that.
_STEP = 1.5 * 2.0**-15
# The coarsest clock of a file system that is still used (FAT): a younger file may change and keep its times.
_TICK_NS = 2 * 10**9

# The length of an MP3 without a header of its own is estimated from its first frame: this is how far off at a constant
# rate. At a variable one the file is not at its end by then.
_ESTIMATED = 0.002
_MUCH_LEFT = 0.1

_State = tuple[int, int, int, int, int]
_DIGESTS: dict[_State, str] = {}


def decode(file: AudioFile) -> Array:
    """Decodes the wanted part of a file and averages its channels.

    Only that part is decoded, so that a stretch of an hour costs a stretch. Where the file's hash is known, it is read
    once more, whole, to be compared: once a process, while its size, times and inode stay what they are.

    Returns:
        float32 `[samples]` at the file's own rate.

    Raises:
        InputError: If the file is not the one that was hashed.
        AudioError: If it cannot be decoded, holds less than its header says, NaN
            or infinity, floats on the scale of integers, or nothing but one value.
    """
    try:
        with file.path.open("rb", buffering=0) as stream:
            # Before and after: what is decoded in between is of the same bytes.
            _same(stream, file)
            try:
                mono = _part(stream, file)
            finally:
                _same(stream, file)
    except OSError as error:
        if file.sha256:
            raise _edited(file.path) from error
        raise AudioError(f"{file.path}: expected an audio file. Received: {error.strerror}", "unreadable") from error
    return checked(mono, file.sample_rate_hz, file.path)


def checked(waveform: Array, sample_rate_hz: int, name: Path | str) -> Array:
    """Returns a waveform as it is, once there is sound in it.

    Args:
        waveform: float32 `[samples]`.
        sample_rate_hz: Its sampling rate.
        name: What an error calls it.

    Raises:
        AudioError: If it is not finite, on the scale of integers, or silent: if fewer samples than a hop of 10 ms has
            leave its middle by more than one step of 16 bits.
    """
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name}: expected finite samples. Received: NaN or infinity", "NaN or infinity")
    if not waveform.size:
        return waveform
    low, high = float(waveform.min()), float(waveform.max())
    middle = float(np.median(waveform[:: max(1, waveform.size // 10_000)]))
    heard = np.count_nonzero((waveform > middle + _STEP) | (waveform < middle - _STEP))
    if heard < HOP_S * sample_rate_hz:
        received = f"every sample is {low:g}" if low == high else f"{heard} of {waveform.size} samples leave {middle:g}"
        raise AudioError(f"{name}: expected sound. Received: silence ({received})", "silence")
    if (peak := max(-low, high)) > _LOUDEST:
        bits = 16 if peak <= 2**16 else 32
        raise AudioError(
            f"{name}: expected floats in [-1, 1]. Received: {peak:g}; are these integers of {bits} bits? "
            f"Divide them by {2 ** (bits - 1)}",
            "floats on the scale of integers",
        )
    return waveform


def _part(stream: FileIO, file: AudioFile) -> Array:
    start, end = file.bounds
    with opened(stream, file.path) as sound:
        if (sound.samplerate, sound.channels) != (file.sample_rate_hz, file.channels):
            raise _edited(file.path)
        mono = np.empty(end - start, np.float32)
        try:
            _go_to(sound, start)
            filled = _fill(sound, mono)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise _ends_early(file) from error
    estimated = file.encoding.startswith("MP3")
    if filled < mono.size - max(HOP_S * file.sample_rate_hz, _ESTIMATED * file.frames * estimated):
        raise _ends_early(file)
    if estimated and end == file.frames:
        _at_end(stream, file)
    return mono[:filled]


def _at_end(stream: FileIO, file: AudioFile) -> None:
    """Refuses an MP3 that has much more to read when all that its header speaks of has been read."""
    size = os.fstat(stream.fileno()).st_size
    if size - os.lseek(stream.fileno(), 0, os.SEEK_CUR) > max(_MUCH_LEFT * size, 2**14):
        length_s = file.frames / file.sample_rate_hz
        raise AudioError(
            f"{file.path}: expected an MP3 that says how long it is, as its rate varies. Received: {length_s:.1f} s, "
            "and sound behind them; ffmpeg -i IN OUT.wav decodes all of it",
            "no length in its header",
        )


def _fill(sound: soundfile.SoundFile, mono: Array) -> int:
    """Fills an array with the next samples, averaged over the channels; returns how many there were."""
    filled, size = 0, max(1, _BLOCK // sound.channels)
    while filled < mono.size:
        block = sound.read(min(size, mono.size - filled), dtype="float32", always_2d=True)
        if not len(block):
            break
        mono[filled : filled + len(block)] = block.mean(axis=1)
        filled += len(block)
    return filled


def _go_to(sound: soundfile.SoundFile, start: int) -> None:
    if sound.seekable():
        sound.seek(start)
        return
    # A coding without places to jump to, such as GSM 6.10.
    passed, size = 0, max(1, _BLOCK // sound.channels)
    while passed < start and (heard := len(sound.read(min(size, start - passed), dtype="float32", always_2d=True))):
        passed += heard


def _same(stream: FileIO, file: AudioFile) -> None:
    if file.sha256 and _digest(stream) != file.sha256:
        raise _edited(file.path)


def _digest(stream: FileIO) -> str:
    """Returns the SHA-256 of an open file, known from before where nothing about the file has changed."""
    state = _state(stream)
    if state in _DIGESTS:
        return _DIGESTS[state]
    started_ns = time.time_ns()
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if state == _state(stream) and max(state[3:]) + _TICK_NS < started_ns:
        _DIGESTS[state] = digest
    return digest


def _state(stream: FileIO) -> _State:
    stat = os.fstat(stream.fileno())
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _ends_early(file: AudioFile) -> AudioError:
    return AudioError(f"{file.path}: expected {file.encoding} audio. Received: data that ends early", "data ends early")


def _edited(path: Path) -> InputError:
    return InputError(
        f"{path}: expected the recording that the corpus was read with. Received: another one, edited since; "
        "the same command reads it again"
    )
