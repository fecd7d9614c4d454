"""Random noise: white noise on all training waveforms (paper, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import NonNegativeFloat

from kerasser.defences.base import Build, Defence, System

NAME = "random noise"


@dataclass(frozen=True)
class Settings:
    """White noise on the training waveforms."""

    epsilon: NonNegativeFloat = 0.5
    """White noise on the training waveforms, in standard deviations of the reference noise; 0 leaves it out."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the classifier that trains under white noise; it meets no environment."""
    epsilon = settings.random_noise.epsilon
    return [System(NAME, build.classifier(NAME, white_noise=epsilon))] if epsilon else []


DEFENCE = Defence(NAME, "random noise (waveform)", "#0072B2", 20, Settings, systems, paper_rank=2)
