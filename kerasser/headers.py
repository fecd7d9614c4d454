"""What the header of a sound file says, whether it can be believed, and which part of the file is wanted."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import soundfile

from kerasser.resampling import SAMPLE_RATE_HZ
from kerasser.util.errors import InputError

SHORTEST_S = 0.1
#: A frame of the features: an end that lies so far behind the file's is the file's.
HOP_S = 0.01
#: Below it there is no speech to speak of, and a header that claims it makes hours of seconds; FLAC ends at the other.
RATES_HZ = (4000, 768_000)
#: Endings of the files that are looked for in folders; what a file is, its first bytes say.
SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
    *(".au", ".snd", ".caf", ".w64", ".rf64", ".bwf"),
)
_EXPECTED = "WAV, FLAC, OGG, Opus, MP3, AIFF or another file that libsndfile reads"
# What libsndfile notes of a chunk of samples that promises another number of bytes than there are.
_PROMISED = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# What writes to a pipe cannot come back to say a size, and leaves the greatest that fits, or a round one near it.
_STREAMED = 0x7FFF0000


class AudioError(InputError):
    """Audio that cannot be used.

    Args:
        message: The line that names the file.
        reason: In a few words, why: by it such files are counted.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """What a header may claim of the part that is wanted, before it is believed.

    Attributes:
        longest_s: In seconds.
        largest_bytes: As float32 mono, at the file's own rate or at 16 kHz, whichever is more.
    """

    longest_s: float = 7200.0
    largest_bytes: int = 2**31


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
        end = self.frames if self.end_s is None else round(self.end_s * self.sample_rate_hz)
        return start, min(end, self.frames)

    @property
    def duration_s(self) -> float:
        """Length of the wanted part, in seconds."""
        start, end = self.bounds
        return (end - start) / self.sample_rate_hz

    @property
    def beyond_s(self) -> float:
        """How far the wanted end lies behind the end of the file, in seconds; 0 where it does not."""
        length_s = self.frames / self.sample_rate_hz
        return 0.0 if self.end_s is None else max(0.0, self.end_s - length_s)


def probe(path: Path, start_s: float = 0.0, end_s: float | None = None, limits: Limits | None = None) -> AudioFile:
    """Reads a file's header and checks that the wanted part can be used.

    Args:
        path: The file, in any container and coding that libsndfile knows, of any number of channels.
        start_s: Where the wanted part begins, in seconds.
        end_s: Where it ends; up to 10 ms behind the end of the file stand for it, None does too.
        limits: What the header may claim; those of `Limits()` by default.

    Raises:
        AudioError: If the file is missing, unreadable, cut short, shorter than 100 ms (eGeMAPS is undefined there),
            ends before `end_s`, or claims more than may be.
    """
    if not path.is_file():
        received = "a folder" if path.is_dir() else "nothing"
        raise AudioError(f"{path}: expected an audio file. Received: {received}", "no such file")
    try:
        with path.open("rb", buffering=0) as stream:
            audio, missing_s = _header(stream, path, start_s, end_s)
    except OSError as error:
        raise AudioError(
            f"{path}: expected a file that can be read. Received: {error.strerror}", "unreadable"
        ) from error
    _check_part(audio, missing_s, limits or Limits())
    return audio


def opened(stream: FileIO, path: Path) -> soundfile.SoundFile:
    """Opens the sound in a file that is open at any place, without closing the file.

    Raises:
        AudioError: If it is none.
    """
    stream.seek(0)
    try:
        return soundfile.SoundFile(stream.fileno(), closefd=False)
    except (soundfile.SoundFileError, RuntimeError) as error:
        if _without_length(stream):
            raise _no_length(path) from error
        received = "a file that is none of these" if os.fstat(stream.fileno()).st_size else "an empty file"
        raise AudioError(f"{path}: expected {_EXPECTED}. Received: {received}", "no audio") from error


def _header(stream: FileIO, path: Path, start_s: float, end_s: float | None) -> tuple[AudioFile, float]:
    """Returns what the header says, and how many seconds of what it promises are missing."""
    with opened(stream, path) as sound:
        container = "WAV" if sound.format == "WAVEX" else sound.format
        rate, frames = sound.samplerate, max(sound.frames, 0)
        audio = AudioFile(path, f"{container} {sound.subtype}", rate, sound.channels, frames, start_s, end_s)
        promised = [(int(claim), int(there)) for claim, there in _PROMISED.findall(sound.extra_info)]
    if not frames and _without_length(stream):
        raise _no_length(path)
    shares = [claim / there - 1 for claim, there in promised if there and there < claim < _STREAMED]
    return audio, max(shares, default=0.0) * frames / rate


def _without_length(stream: FileIO) -> bool:
    """Tells whether a WAV header says that there are no samples, and bytes follow: one that was never finished."""
    stream.seek(0)
    head = stream.read(4096)
    at = head.find(b"data\0\0\0\0")
    return head[:4] in (b"RIFF", b"RF64") and 0 <= at and os.fstat(stream.fileno()).st_size > at + 8


def _no_length(path: Path) -> AudioError:
    return AudioError(
        f"{path}: expected a header that says how long the audio is. Received: 0 bytes, with samples behind them, as a "
        "recorder leaves it that was not closed; sox --ignore-length IN OUT writes it anew",
        "no length in its header",
    )


def _check_part(audio: AudioFile, missing_s: float, limits: Limits) -> None:
    path, rate, length_s = audio.path, audio.sample_rate_hz, audio.frames / audio.sample_rate_hz
    if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        raise AudioError(
            f"{path}: expected a sampling rate of {RATES_HZ[0]} to {RATES_HZ[1]} Hz. Received: {rate} Hz", "odd rate"
        )
    if audio.end_s is None and missing_s > HOP_S:
        raise AudioError(
            f"{path}: expected {length_s + missing_s:.3f} s of audio, as its header says. Received: {length_s:.3f} s; "
            "is the file cut short?",
            "cut short",
        )
    if audio.beyond_s > HOP_S:
        raise AudioError(
            f"{path}: expected at least {audio.end_s:g} s of audio, the wanted end. Received: {length_s:.3f} s",
            "ends too early",
        )
    if audio.duration_s < SHORTEST_S:
        received = f"{max(audio.duration_s, 0):.3f} s"
        if audio.start_s:
            received += f", from {audio.start_s:g} s on"
        raise AudioError(f"{path}: expected at least {SHORTEST_S} s of audio. Received: {received}", "too short")
    if audio.duration_s > limits.longest_s:
        raise AudioError(
            f"{path}: expected at most {limits.longest_s:g} s of audio (data.longest_s). "
            f"Received: {audio.duration_s:.1f} s, as its header says",
            "too long",
        )
    size = 4 * audio.duration_s * max(rate, SAMPLE_RATE_HZ)
    if size > limits.largest_bytes:
        raise AudioError(
            f"{path}: expected at most {limits.largest_bytes} bytes of decoded audio (data.largest_bytes). "
            f"Received: {size:.0f}, as its header says",
            "too large",
        )
