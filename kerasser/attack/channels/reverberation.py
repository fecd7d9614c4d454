"""Reverberation: speech heard across a room, made or measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from kerasser.attack import room_responses
from kerasser.attack.channels.base import Options, Passed, Transmission


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech in one of the rooms of a reverberation time.

    The direct sound stays where it was, what rings on after the end is cut off, and the power is that of the speech
    before: it is the room that is heard, not the distance.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: RT60, in seconds: the time in which sound falls by 60 dB.
        generator: Draws the room.
        options: Where measured responses lie, if there are any.
    """
    rooms = room_responses.of(level, options.rooms_dir)
    room = rooms[int(generator.integers(len(rooms)))]
    dry = np.asarray(waveform, np.float64)
    heard = signal.fftconvolve(dry, room.response)[room.direct :][: dry.size]
    power, before = np.mean(np.square(heard)), np.mean(np.square(dry))
    return Passed(heard * np.sqrt(before / power) if power > 0 else heard, room.facts)


def _refuse(levels: Sequence[float], options: Options) -> None:
    room_responses.refuse(levels, options.rooms_dir)


CHANNEL = Transmission(
    name="reverberation",
    label="room",
    place=40,
    unit="s",
    levels=(0.3, 0.6, 0.9, 1.2),
    lowest=0.25,
    highest=2.0,
    spell=lambda level: f"room, RT60 {level:g} s",
    apply=apply,
    random=True,
    outside=lambda options: room_responses.outside(options.rooms_dir),
    refuse=_refuse,
)
