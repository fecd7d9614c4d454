"""Unseen environment: one random piece of a kind of place that no training heard, or that the defence did without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.noise.bank import ENVIRONMENT
from kerasser.threats.base import Answer, Target, TestUtterance, Threat

NAME = "unseen environment"


@dataclass(frozen=True)
class Settings:
    """Environments that the defence has not heard."""

    wanted: bool = True
    """Attack with environments that no training heard; where there are none, train without each in turn."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the mean over the random pieces of the environments that no training heard.

    Where training heard them all, it is the mean over those of the one that a system was trained without; what trains
    on none meets them all unseen, and the mean is over all.
    """
    for utterance in utterances:
        unheard = {noise for noise, what in utterance.unheard.items() if what == ENVIRONMENT}
        for budget in utterance.budgets:
            answers = target.drawn(utterance, budget)
            chosen = unheard or ({target.without} if target.without else {noise for _, noise in answers})
            unseen = [right for (_, noise), right in answers.items() if noise in chosen]
            yield Answer(utterance.id, budget, float(np.mean(unseen)))


THREAT = Threat(
    NAME,
    "one random piece of an environment that the defence was trained without",
    50,
    "retraining",
    Settings,
    lambda settings: settings.wanted,
    run,
)
