"""Unseen recording: one random piece of a kind of place that training heard, in recordings that it did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.noise.bank import RECORDING
from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "unseen recording"


@dataclass(frozen=True)
class Settings:
    """Recordings that no training heard."""

    wanted: bool = True
    """Tell apart the recordings that no training heard, of environments that it heard in others."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the mean over the random pieces of environments of which training heard other recordings alone."""
    for utterance in utterances:
        chosen = {noise for noise, what in utterance.unheard.items() if what == RECORDING}
        for budget in utterance.budgets:
            answers = target.drawn(utterance, budget)
            unseen = [right for (_, noise), right in answers.items() if noise in chosen]
            yield Answer(utterance.id, budget, float(np.mean(unseen)))


THREAT = Threat(
    NAME,
    "one random piece of recordings that no training heard, of environments that it heard in others",
    45,
    "unheard recordings",
    Settings,
    lambda settings: settings.wanted,
    run,
)
