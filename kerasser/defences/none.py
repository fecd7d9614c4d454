"""No defence: the classifier that trains on clean speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerasser.defences.base import Build, Defence, System

NAME = "none"


@dataclass(frozen=True)
class Settings:
    """Nothing can be set: its classifier is that of every defence."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the undefended classifier; it meets no environment."""
    return [System(NAME, build.classifier())]


DEFENCE = Defence(NAME, "none", "#000000", 0, Settings, systems, paper_rank=3)
