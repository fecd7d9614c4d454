"""Environmental noise for an attack: recordings on disk cut in time, arrays in memory, or synthetic places."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kerasser import audio, twins
from kerasser.attack.draws import derive_seed
from kerasser.noise import bank, splits
from kerasser.noise.bank import Recording
from kerasser.util import progress
from kerasser.util.errors import InputError

Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Noise:
    """Recordings of some environments, all of one stretch in time.

    Attributes:
        environments: Environment → its recordings, float32 at 16 kHz each.
        split: "train" or "test": which stretch of the recordings these are; takes part in the seed of every draw.
        synthetic: True where nothing was recorded.
    """

    environments: Mapping[str, Sequence[Recording]] = field(repr=False)
    split: Split = "test"
    synthetic: bool = False

    def __post_init__(self) -> None:
        _known(self.split)
        if not self.environments or not all(self.environments.values()):
            raise InputError(f"noise: expected recordings of each environment. Received: {self}")

    def __str__(self) -> str:
        """Says what there is, in seconds."""
        lengths = {
            name: sum(each.waveform.size for each in recordings) / audio.SAMPLE_RATE_HZ
            for name, recordings in self.environments.items()
        }
        listed = ", ".join(f"{name} {length:.1f} s" for name, length in lengths.items())
        return f"{self.split} noise: {listed or 'none'}{' (synthetic)' if self.synthetic else ''}"

    __repr__ = __str__

    @cached_property
    def sha256(self) -> str:
        """Hash of every recording, its name and environment, and of the split: other noise has another."""
        digest = hashlib.sha256(self.split.encode())
        for environment, recordings in self.environments.items():
            for each in recordings:
                digest.update(json.dumps([environment, each.name, each.waveform.size]).encode())
                digest.update(np.ascontiguousarray(each.waveform, np.float32).tobytes())
        return digest.hexdigest()

    @classmethod
    def from_arrays(
        cls,
        environments: Mapping[str, ArrayLike | Sequence[ArrayLike]],
        sample_rate_hz: int = audio.SAMPLE_RATE_HZ,
        split: Split = "test",
    ) -> Noise:
        """Takes noise in memory as it is, without a cut: it is the caller's who holds back a part for testing.

        Args:
            environments: Environment → a waveform `[samples]`, or several; see `kerasser.audio.from_array`.
            sample_rate_hz: The rate of all of them; resampled to 16 kHz.
            split: What part of the recordings these are.

        Raises:
            InputError: If there are none, a waveform cannot be used, or an environment is called "any".

        Examples:
            >>> import kerasser
            >>> import numpy as np
            >>> hiss = np.random.default_rng(0).normal(scale=0.05, size=32000)
            >>> kerasser.Noise.from_arrays({"hiss": hiss})
            test noise: hiss 2.0 s
        """
        found: dict[str, list[Recording]] = {}
        for name, waveforms in environments.items():
            bank.checked_name(name, "noise")
            several = waveforms if isinstance(waveforms, list | tuple) and np.ndim(waveforms[:1]) != 1 else [waveforms]
            found[name] = [
                _recording(name, f"{name}/{number}", each, sample_rate_hz) for number, each in enumerate(several)
            ]
        return cls(found, split)


def load_noise(
    root: Path | str | None = None,
    split: Split = "test",
    environments: Sequence[str] | None = None,
    *,
    channel: int = 1,
    test_share: float = 0.4,
    guard_s: float = 0.5,
    demo_duration_s: float = 60.0,
    seed: int = 0,
    quiet: bool = False,
) -> Noise:
    """Loads one stretch of every recording, cut as `python -m pipelines.attack` cuts it.

    Args:
        root: DEMAND, or a folder with a folder of recordings for each environment; None makes synthetic noise.
        split: The end of every recording, "test", or its beginning, "train"; they share no sample.
        environments: Those to use; None takes all.
        channel: Microphone of DEMAND, 1 to 16.
        test_share: Share of every recording, its end, that is kept for testing.
        guard_s: Seconds between the stretches that neither holds.
        demo_duration_s: Seconds of each synthetic environment.
        seed: Seed of the synthetic noise.
        quiet: No progress bar.

    Raises:
        InputError: If there is no usable recording, or no such environment.

    Examples:
        >>> import kerasser
        >>> kerasser.load_noise(environments=["cafe", "station"], demo_duration_s=5, quiet=True)
        test noise: cafe 1.8 s, station 1.8 s (synthetic)
    """
    _known(split)
    found: dict[str, list[Recording]] = {}
    recordings, count = (
        _synthetic(environments, demo_duration_s, seed) if root is None else _read(Path(root), environments, channel)
    )
    whole = list(progress.steps(recordings, count, "recordings", "noise", quiet=quiet))
    sounds = [
        splits.Sound(each.environment, each.name, each.waveform.size, splits.silence(each.waveform)) for each in whole
    ]
    shared = twins.find(each.waveform for each in whole)
    division = splits.divide(sounds, shared, splits.Options("time", test_share, guard_s))
    for each, parts in zip(whole, getattr(division, split), strict=True):
        for piece, (start, end) in enumerate(parts):
            name = each.name if len(parts) == 1 else f"{each.name}#{piece + 1}"
            # The pipeline's bank lies on disk in 16 bits.
            stretch = audio.stored(each.waveform[start:end])
            found.setdefault(each.environment, []).append(Recording(each.environment, name, stretch))
    return Noise(found, split, synthetic=root is None)


def _recording(environment: str, name: str, waveform: ArrayLike, sample_rate_hz: int) -> Recording:
    return Recording(environment, name, audio.clip(audio.from_array(waveform, sample_rate_hz, name))[0])


def _known(split: str) -> None:
    if split not in ("train", "test"):
        raise InputError(f"split: expected train or test. Received: {split!r}")


def _synthetic(environments: Sequence[str] | None, duration_s: float, seed: int) -> tuple[Iterator[Recording], int]:
    """Returns the places of the demo, made on the spot, and how many they are."""
    from kerasser.demo import noise

    wanted = tuple(environments or noise.ENVIRONMENTS)
    seeds = {name: int(derive_seed(seed, name), 16) % 2**32 for name in wanted}
    made = (Recording(name, f"demo/{name}", noise.synthesise(name, duration_s, seeds[name])) for name in wanted)
    return made, len(wanted)


def _read(root: Path, environments: Sequence[str] | None, channel: int) -> tuple[Iterator[Recording], int]:
    """Returns the recordings below a folder, whole, and how many they are."""
    sources = bank.read(root, channel)
    wanted = bank.environments(sources, environments)
    chosen = [source for source in sources if source.environment in wanted]
    decoded = audio.waveforms([source.audio for source in chosen])
    read = (
        Recording(source.environment, source.name, audio.clip(waveform)[0])
        for source, waveform in zip(chosen, decoded, strict=True)
    )
    return read, len(chosen)
