"""What a channel is: something between a mouth and a recogniser that changes speech, at a level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasser.util.errors import InputError


@dataclass(frozen=True)
class Options:
    """What channels are given beside their level.

    Attributes:
        rooms_dir: Folder of measured room responses; "" for made ones.
    """

    rooms_dir: str = ""


@dataclass(frozen=True)
class Passed:
    """Speech behind a channel.

    Attributes:
        waveform: float `[samples]`, 16 kHz, as long as before and aligned with it; not yet bounded to full scale.
        facts: What was drawn, plain enough for JSON.
    """

    waveform: np.ndarray
    facts: Mapping[str, Any] = field(default_factory=dict)


def _nothing(options: Options) -> str:
    return ""


def _fine(levels: Sequence[float], options: Options) -> None:
    return None


@dataclass(frozen=True)
class Transmission:
    """A channel.

    Attributes:
        name: Its name in settings, files and tables.
        label: What reports call it.
        place: Orders the channels of a report.
        unit: Of its level.
        levels: Those taken by default, from mild to severe.
        lowest: Least level that it has.
        highest: Largest level.
        spell: Returns it at a level as people read it.
        apply: From float32 `[samples]` at 16 kHz in [−1, 1), a level, a generator and options to what comes out.
        severity: Orders levels: the larger, the more is changed.
        random: Whether draws differ; else one is made.
        choices: All levels that there are; () for every number between the least and the largest.
        outside: Returns the state of the files and packages that it uses beside ours, for the key of a cache.
        refuse: Raises an `InputError` if what some levels need is missing.
    """

    name: str
    label: str
    place: int
    unit: str
    levels: tuple[float, ...]
    lowest: float
    highest: float
    spell: Callable[[float], str]
    apply: Callable[[np.ndarray, float, np.random.Generator, Options], Passed]
    severity: Callable[[float], float] = float
    random: bool = False
    choices: tuple[float, ...] = ()
    outside: Callable[[Options], str] = _nothing
    refuse: Callable[[Sequence[float], Options], None] = _fine

    def check(self, level: float) -> None:
        """Refuses a level that the channel does not have.

        Raises:
            InputError: If it is out of range.
        """
        if not (self.lowest <= level <= self.highest) or (self.choices and level not in self.choices):
            wanted = (
                f"one of {', '.join(f'{each:g}' for each in self.choices)}"
                if self.choices
                else f"{self.lowest:g} to {self.highest:g}"
            )
            raise InputError(f"{self.name}: expected a level of {wanted} {self.unit}. Received: {level:g}")
