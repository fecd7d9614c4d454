"""White box on the waveform, unheard: what is added lies below the masking threshold of the utterance itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from kerasser.threats import sound
from kerasser.threats.base import Answer, Target, TestUtterance, Threat
from kerasser.threats.white_box_waveform import attacked

NAME = "white-box (inaudible)"


@dataclass(frozen=True)
class Settings:
    """Projected gradient descent on the waveform, below the masking threshold; it costs minutes a system."""

    wanted: bool = False
    """Follow the gradients to sound that speech masks."""
    steps: PositiveInt = 30
    """Steps of projected gradient descent on the waveform."""
    restarts: PositiveInt = 1
    """Its runs, each from another beginning."""
    shifts: PositiveInt = 1
    """Versions of the sound, each some samples later, over which gradients are averaged; 1 takes it as it is."""
    utterances: NonNegativeInt = 16
    """Most test utterances of a fold that are attacked; 0 takes all."""
    full_scale_db: PositiveFloat = 96.0
    """Level at which a sine of full scale is played, in dB SPL: the louder, the less the ear's own limit hides."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst sound below the threshold, and of the budget's power at most.

    Raises:
        ValueError: If nobody sees the inside of the system.
    """
    yield from attacked(target, list(utterances), settings, settings.full_scale_db)


THREAT = Threat(
    NAME,
    "the same with a second bound: what is added lies in every frame and Bark band below the threshold at which the "
    "utterance masks it, by a model of hearing",
    42,
    "gradients",
    Settings,
    lambda settings: settings.wanted,
    run,
    # What nobody hears may well do less than noise that everybody does: that is no sign.
    sound.no_gradients,
    signs=("gradients reach the sound",),
    whole=True,
)
