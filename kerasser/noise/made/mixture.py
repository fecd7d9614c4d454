"""Mixtures: several of the other kinds at once, each of which comes and goes slowly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasser.noise.made import parts
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.noise.made.registry import known

NAME = "mixture"


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws two to four other kinds; see `Kind`."""
    others = [kind for kind in known().values() if kind.name != NAME and (voices or not kind.needs_voices)]
    weights = np.array([kind.weight for kind in others], float)
    number = int(rng.integers(2, 5))
    chosen = rng.choice(len(others), number, replace=False, p=weights / weights.sum())
    out, facts = np.zeros(count), dict[str, Any]()
    for place in sorted(chosen):
        kind = others[place]
        noise, facts[kind.name] = kind.make(count, rng, voices)
        gain = parts.wander(count, rng, parts.log_uniform(rng, 1.5, 8.0), rng.uniform(1, 5))
        out += 10 ** (rng.uniform(-12, 0) / 20) * gain * parts.unit(noise)
    return out, {"parts": facts}


KIND = Kind(NAME, 9, make)
