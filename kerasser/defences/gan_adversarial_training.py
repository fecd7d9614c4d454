"""GAN + adversarial training: the generator before the adversarially trained classifier, beside the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerasser.defences.adversarial_training import strongest
from kerasser.defences.base import Build, Defence, System

NAME = "gan + adversarial training"


@dataclass(frozen=True)
class Settings:
    """Both defences at once."""

    wanted: bool = True
    """Put a generator before the classifier of the largest share of adversarial training too."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the classifier of the largest share behind a generator that is trained for it."""
    classifier = strongest(build, settings, without) if settings.gan_adversarial_training.wanted else None
    if classifier is None:
        return []
    return [System(NAME, classifier, generator=build.generator(classifier, without=without), without=without)]


DEFENCE = Defence(NAME, "GAN + adversarial training", "#D55E00", 60, Settings, systems, meets_noise=True)
