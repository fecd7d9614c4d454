"""GAN + consistency: a generator before the classifier that answers an utterance's versions alike; beside the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kerasser.defences.base import Build, Defence, System
from kerasser.defences.consistency import classifier as consistent

NAME = "gan + consistency"


@dataclass(frozen=True)
class Settings:
    """A generator before the classifier of consistency."""

    wanted: bool = False
    """Train it where all defences are; naming it in --defence does too."""
    generator: Literal["own", "shared"] = "shared"
    """shared takes the GAN's, trained for the undefended classifier; own trains one for this classifier."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the classifier behind a generator, where it is wanted."""
    if not settings.gan_consistency.wanted:
        return []
    classifier = consistent(build, settings, without)
    other = build.classifier() if settings.gan_consistency.generator == "shared" else None
    generator = build.generator(classifier, trained_for=other, without=without)
    return [System(NAME, classifier, generator=generator, without=without)]


DEFENCE = Defence(NAME, "GAN + consistency", "#882255", 80, Settings, systems, meets_noise=True)
