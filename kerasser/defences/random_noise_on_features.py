"""Random noise on features: Gaussian noise on the normalised training frames, beside the paper's on waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import NonNegativeFloat

from kerasser.defences.base import Build, Defence, System

NAME = "random noise on features"


@dataclass(frozen=True)
class Settings:
    """Gaussian noise on the normalised training features."""

    deviation: NonNegativeFloat = 0.1
    """Standard deviation of the noise on the normalised training features; 0 leaves it out."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the classifier whose features are noisy in training; it meets no environment."""
    deviation = settings.random_noise_on_features.deviation
    return [System(NAME, build.classifier(NAME, gaussian_noise=deviation))] if deviation else []


DEFENCE = Defence(NAME, "random noise (features)", "#E69F00", 10, Settings, systems)
