"""Enhancement: the Ephraim–Malah estimators clean the speech before its features are taken; beside the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kerasser.defences.base import Build, Defence, System

NAME = "enhancement"


@dataclass(frozen=True)
class Settings:
    """MMSE enhancement before the features."""

    gain: Literal["lsa", "stsa"] | None = "lsa"
    """Gain of the MMSE enhancement that speech meets before its features are taken; null leaves it out."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the undefended classifier behind the enhancement; it meets no environment."""
    gain = settings.enhancement.gain
    return [System(NAME, build.classifier(), enhance=gain)] if gain else []


DEFENCE = Defence(NAME, "MMSE enhancement", "#56B4E9", 30, Settings, systems)
