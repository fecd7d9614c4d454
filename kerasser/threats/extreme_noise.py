"""Extreme noise: a budget that should leave nothing of the speech, to see that the attack reaches the model at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasser.attack.budget import SNR
from kerasser.attack.search import one_draw
from kerasser.evaluation.alarms import Alarm, huge_budget_survived
from kerasser.threats.base import Answer, Target, TestUtterance, Threat, ask, facts_of

if TYPE_CHECKING:
    import pandas as pd

    from kerasser.evaluation.results import ThreatRow

NAME = "extreme noise"
#: A budget that should leave nothing of the speech.
BUDGET = SNR(-20.0)


@dataclass(frozen=True)
class Settings:
    """The question whether drowned speech is still recognised."""

    wanted: bool = True
    """Ask once for each utterance at −20 dB, where chance is all that should be left."""


def run(target: Target, utterances: Iterable[TestUtterance], settings: Any) -> Iterator[Answer]:
    """Yields the answer to one random piece of one environment."""
    for utterance in utterances:
        asking = partial(ask, target, utterance, budget=BUDGET)
        query = one_draw(utterance.noise, utterance.speech.clean.size, asking, utterance.seeds(BUDGET))
        yield Answer(utterance.id, BUDGET, float(query.correct), facts=facts_of(query))


def alarms(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where the error is better than a guess."""
    realised = None if answers["snr_db"].isna().all() else float(answers["snr_db"].median())
    return [
        huge_budget_survived(
            row.score.error,
            chance=chance,
            budget=f"{row.budget} SNR",
            snr_db=realised,
            clipped_share=float(answers["clipped"].mean()),
        )
        for row in rows
        if row.threat == NAME and row.score.error is not None
    ]


THREAT = Threat(
    NAME,
    "one random piece at −20 dB, where nothing of the speech should be left",
    90,
    "answers",
    Settings,
    lambda settings: settings.wanted,
    run,
    alarms,
    signs=("noise that drowns speech brings the error to chance",),
    reported=False,
    searches=True,
)
