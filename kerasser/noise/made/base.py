"""What a kind of made noise is, and the voices that babble is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.util.arrays import Array

#: Noise, float64 `[samples]` at 16 kHz and any level, and what was drawn to make it, as plain JSON types.
Drawn = tuple[Array, dict[str, Any]]


@dataclass(frozen=True)
class Voice:
    """Something that was said: who says it, float32 `[samples]` at 16 kHz."""

    speaker: str
    waveform: Array


@dataclass(frozen=True)
class Kind:
    """One kind of made noise.

    Attributes:
        name: In names of environments.
        weight: How often it comes in a bank, beside the others.
        make: Draws noise: takes the number of samples, a generator and voices.
        needs_voices: Whether it cannot be made without voices.
    """

    name: str
    weight: int
    make: Callable[[int, np.random.Generator, Sequence[Voice]], Drawn]
    needs_voices: bool = False
