"""Adversarial training: adversarial examples among the training examples (paper, section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jsonargparse.typing import ClosedUnitInterval

from kerasser.defences.base import Build, Defence, System

NAME = "adversarial training"


@dataclass(frozen=True)
class Settings:
    """How much of the training speech is adversarial."""

    shares: list[ClosedUnitInterval] = field(default_factory=lambda: [tenth / 10 for tenth in range(1, 11)])
    """Shares of the training examples that are adversarial, each a model of its own; the largest is compared."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns a classifier for each share, the largest last: the paper's error falls with it.

    Without an environment there is but the largest: it is the one that is compared.
    """
    shares = sorted({share for share in settings.adversarial_training.shares if share > 0})
    return [
        System(NAME, *_trained(build, share, without), without=without)
        for share in (shares[-1:] if without else shares)
    ]


def strongest(build: Build, settings: Any, without: str = "") -> Any:
    """Returns the classifier of the largest share; None where there is none."""
    return (
        _trained(build, max(settings.adversarial_training.shares), without)[0]
        if any(settings.adversarial_training.shares)
        else None
    )


def _trained(build: Build, share: float, without: str) -> tuple[Any, float]:
    """Returns the classifier of a share, and the share in percent."""
    percent = round(100 * share, 6)
    name = f"{NAME} {percent:g} %" + (f" without {without}" if without else "")
    return build.classifier(name, adversarial_share=share, without=without), percent


DEFENCE = Defence(NAME, "adversarial training", "#009E73", 40, Settings, systems, meets_noise=True, paper_rank=1)
