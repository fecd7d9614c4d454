"""White box on the waveform, unheard: what is added lies below the masking threshold of the utterance itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import PositiveFloat

from kerasser.threats import sound, white_box_waveform
from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "white-box (inaudible)"


@dataclass(frozen=True)
class Settings(white_box_waveform.Settings):
    """Projected gradient descent on the waveform, below the masking threshold; it costs minutes a system."""

    wanted: bool = False
    """Follow the gradients to sound that speech masks."""
    full_scale_db: PositiveFloat = 96.0
    """Level at which a sine of full scale is played, in dB SPL: the louder, the less the ear's own limit hides."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the worst sound below the threshold, and of the budget's power at most.

    Raises:
        ValueError: If nobody sees the inside of the system.
    """
    yield from white_box_waveform.attacked(target, list(utterances), settings, settings.full_scale_db)


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
