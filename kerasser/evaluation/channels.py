"""What channels cost: the error behind each, beside that of clean speech and of the noise that stands for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kerasser.attack.budget import Budget, ascending, typical
from kerasser.evaluation.audibility import under
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.differences import adjusted, difference
from kerasser.evaluation.results import ChannelReference, ChannelRow, Quartiles


@dataclass(frozen=True)
class ChannelAnswers:
    """What a system answered.

    Attributes:
        defence: Its name.
        scorer: Knows its answers to clean speech.
        adversarial: Its answers under noise, as for `kerasser.evaluation.curve.figure1`; may be empty.
        transmitted: Its answers behind channels, of the same columns.
    """

    defence: str
    scorer: Scorer
    adversarial: pd.DataFrame
    transmitted: pd.DataFrame


def reference(adversarial: pd.DataFrame) -> Budget | None:
    """Returns the noise that channels are compared with: the ratio nearest to 10 dB, else the largest ε."""
    pairs = adversarial[["budget", "target"]].drop_duplicates()
    found = [Budget(str(kind), float(target)) for kind, target in pairs.itertuples(index=False)]
    ratios = typical(budget.value for budget in found if budget.kind == "snr_db")
    if ratios:
        return Budget("snr_db", ratios[0])
    return max((each for each in found if each.kind == "epsilon"), key=lambda each: each.value, default=None)


def references(systems: Sequence[ChannelAnswers]) -> list[ChannelReference]:
    """Returns the errors that each system's channels are compared with."""
    found = []
    for system in systems:
        budget = reference(system.adversarial)
        noise = None if budget is None else system.scorer.error(_under_noise(system, budget))
        found.append(ChannelReference(system.defence, system.scorer.clean_error(), budget, noise))
    return found


def rows(systems: Sequence[ChannelAnswers], measured: pd.DataFrame) -> list[ChannelRow]:
    """Returns the error of every system behind every channel and level.

    The differences from clean speech and from noise are paired over speakers. Those from noise are of mean draws: over
    all environments and draws of the noise, and all draws of the channel. Against clean speech McNemar's test takes an
    utterance for right if it is under every draw of the channel. Each p is adjusted (Holm) over the channels and levels
    of one system and one comparison.

    Args:
        systems: What was answered.
        measured: As for `kerasser.evaluation.audibility.beside`: how audible the channels are.
    """
    found: list[ChannelRow] = []
    for system in systems:
        budget, draws = reference(system.adversarial), system.transmitted.drop_duplicates(_DRAW)
        noise = None if budget is None else _under_noise(system, budget)
        pairs = system.transmitted[["budget", "target"]].drop_duplicates()
        mine = [
            _row(system, each, noise, draws, measured)
            for each in ascending(Budget(str(kind), float(level)) for kind, level in pairs.itertuples(index=False))
        ]
        against_clean = adjusted([row.against_clean for row in mine])
        against_noise = adjusted([row.against_noise for row in mine if row.against_noise])
        for place, row in enumerate(mine):
            noisy = against_noise[place] if against_noise else None
            found.append(replace(row, against_clean=against_clean[place], against_noise=noisy))
    return found


_DRAW = ["id", "budget", "target", "draw"]


def _row(
    system: ChannelAnswers, budget: Budget, noise: np.ndarray | None, draws: pd.DataFrame, measured: pd.DataFrame
) -> ChannelRow:
    part = under(system.transmitted, budget)
    scored, correct = system.scorer.attacked(budget.kind, budget, part), system.scorer.correct(part)
    mean, worst = correct.mean(axis=2), correct.min(axis=2)
    clean, heard = system.scorer.clean_correct, under(measured, budget)
    return ChannelRow(
        defence=system.defence,
        budget=budget,
        score=scored.score,
        error_worst_of=scored.error_worst_of,
        attack_success_rate=scored.attack_success_rate,
        clipped_share=scored.clipped_share,
        n=scored.n,
        # Trainings of several seeds heard the same waveforms.
        snr_db=Quartiles.of(under(draws, budget)["snr_db"]),
        segmental_snr_db=Quartiles.of(heard["segmental_snr_db"]),
        stoi=Quartiles.of(heard["stoi"]),
        pesq=Quartiles.of(heard["pesq"]),
        against_clean=difference(system.scorer, mean, clean.astype(float), (worst, clean)),
        against_noise=None if noise is None else difference(system.scorer, mean, noise),
    )


def _under_noise(system: ChannelAnswers, budget: Budget) -> np.ndarray:
    return system.scorer.correct(under(system.adversarial, budget)).mean(axis=2)
