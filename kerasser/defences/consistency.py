"""Consistency: clean and noisy versions of each training utterance, to be answered alike; beside the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jsonargparse.typing import NonNegativeFloat, PositiveInt

from kerasser.defences.base import Build, Defence, System

NAME = "consistency"


@dataclass(frozen=True)
class Settings:
    """Clean and noisy versions of each training utterance in one step, answered alike."""

    wanted: bool = False
    """Train it where all defences are; naming it in --defence does too."""
    versions: PositiveInt = 2
    """Noisy versions of an utterance in a step, beside the clean one; drawn anew every epoch."""
    weight: NonNegativeFloat = 10.0
    """Weight of the Jensen-Shannon divergence of their answers; 0 pairs noisy with clean speech and no more."""
    worst: bool = False
    """Let the hardest version alone count in the cross-entropy, instead of their mean."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the classifier, where it is wanted."""
    return [System(NAME, classifier(build, settings, without), without=without)] if settings.consistency.wanted else []


def classifier(build: Build, settings: Any, without: str = "") -> Any:
    """Returns the classifier that answers an utterance's versions alike."""
    chosen = settings.consistency
    return build.classifier(
        NAME + (f" without {without}" if without else ""),
        versions=chosen.versions,
        divergence_weight=chosen.weight,
        worst_version=chosen.worst,
        without=without,
    )


DEFENCE = Defence(NAME, "consistency", "#F0E442", 70, Settings, systems, meets_noise=True)
