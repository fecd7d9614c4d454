"""Made environments: one from a seed, or a bank of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.bank import MADE_PREFIX
from kerasser.noise.made import parts
from kerasser.noise.made.base import Kind, Voice
from kerasser.noise.made.registry import known
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: What is shorter has no room for what changes slowly, in seconds.
SHORTEST_S = 2.0
# −23 dBFS, or less where peaks would be cut.
_RMS, _PEAK = 10 ** (-23 / 20), 0.9


@dataclass(frozen=True)
class Environment:
    """One made environment.

    Attributes:
        name: In its bank, such as "made-03-hum".
        kind: Name of its kind.
        seed: It makes the same samples again, of the same length and with the same voices.
        waveform: float32 `[samples]`, 16 kHz.
        facts: What was drawn, as plain JSON types.
    """

    name: str
    kind: str
    seed: tuple[int, ...]
    waveform: Array
    facts: dict[str, Any]

    @property
    def speakers(self) -> list[str]:
        """Who is heard in it, sorted."""
        return sorted(_speakers(self.facts))


def _speakers(facts: dict[str, Any]) -> set[str]:
    inner = (_speakers(each) for each in facts.values() if isinstance(each, dict))
    return set(facts.get("speakers", ())).union(*inner)


def environment(
    kind: str, seed: int | Sequence[int], duration_s: float, voices: Sequence[Voice] = (), name: str = ""
) -> Environment:
    """Makes one environment.

    Args:
        kind: Name of its kind, from `known`.
        seed: The same seed makes the same samples.
        duration_s: Its length, at least 2 s.
        voices: What its people may say; kinds without people do not use them.
        name: What it is called; after its kind by default.

    Returns:
        It, at 16 kHz, RMS at most −23 dBFS, within ±0.9, without mean.

    Raises:
        InputError: There is no such kind, it lacks voices, or it would be too short.
    """
    if kind not in known():
        raise InputError(f"made noise: expected one of the kinds {', '.join(known())}. Received: {kind!r}")
    if known()[kind].needs_voices and not voices:
        raise InputError(f"made noise: expected speech to make {kind} of. Received: none")
    if not duration_s >= SHORTEST_S:
        raise InputError(f"made noise: expected a duration of {SHORTEST_S:g} s or more. Received: {duration_s}")
    key = (seed,) if isinstance(seed, int) else tuple(seed)
    rng, count = np.random.default_rng(key), round(duration_s * SAMPLE_RATE_HZ)
    noise, facts = known()[kind].make(count, rng, voices)
    return Environment(name or MADE_PREFIX + kind, kind, key, _recorded(noise, rng), facts)


def _recorded(noise: Array, rng: np.random.Generator) -> Array:
    """Returns noise as a recording of it would be: slow changes, a microphone's band, hiss, a level."""
    count = noise.size
    heard = parts.unit(noise) * parts.wander(count, rng, parts.log_uniform(rng, 2.0, 10.0), rng.uniform(0, 3))
    lowest_hz, highest_hz = parts.log_uniform(rng, 20, 150), parts.log_uniform(rng, 4000, 7900)
    band = signal.butter(1, (lowest_hz, highest_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    hiss = 10 ** (rng.uniform(-55, -30) / 20) * parts.tilted(count, rng, -1.5)
    heard = parts.unit(parts.unit(signal.sosfilt(band, heard)) + hiss)
    result: Array = (heard * min(_RMS, _PEAK / np.abs(heard).max())).astype(np.float32)
    return result


def bank(seed: int, environments: int, duration_s: float, voices: Sequence[Voice] = ()) -> Iterator[Environment]:
    """Makes environments of all kinds; a larger bank begins with those of a smaller one.

    Args:
        seed: Makes all of them.
        environments: How many.
        duration_s: Length of each.
        voices: As for `environment`; without any, kinds that need them are left out.

    Yields:
        Environments with a number and their kind in their names.
    """
    kinds = [kind for kind in known().values() if voices or not kind.needs_voices]
    for number, kind in enumerate(_turns(kinds, environments)):
        name = f"{MADE_PREFIX}{number:02d}-{kind.name}"
        yield environment(kind.name, (seed, number), duration_s, voices, name)


def _turns(kinds: Sequence[Kind], count: int) -> Iterator[Kind]:
    """Yields kinds so that each comes as often as its weight says, from the first on."""
    come = dict.fromkeys((kind.name for kind in kinds), 0)
    for _ in range(count):
        kind = min(kinds, key=lambda each: ((come[each.name] + 0.5) / each.weight, each.name))
        come[kind.name] += 1
        yield kind
