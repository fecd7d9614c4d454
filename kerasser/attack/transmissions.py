"""From one utterance to what channels make of it: every channel, every level, several draws where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasser.attack import audibility, channels
from kerasser.attack.budget import Budget
from kerasser.attack.channels import Options
from kerasser.attack.draws import Seeds
from kerasser.attack.generation import DECIBEL_DIGITS
from kerasser.audio import clip
from kerasser.features.base import FrontEnd, described
from kerasser.util.errors import InputError


@dataclass(frozen=True)
class ChannelPlan:
    """Which channels an utterance passes, one at a time.

    Attributes:
        budgets: Channels with their levels.
        draws: Draws of a channel of which no two are alike; of the others there is one.
        seed: Seed of every draw.
        options: What the channels are given beside.
    """

    budgets: Sequence[Budget]
    draws: int
    seed: int
    options: Options = field(default_factory=Options)

    def drawn(self, budget: Budget) -> int:
        """Returns how many draws of a channel are made."""
        return self.draws if channels.get(budget.kind).random else 1

    @property
    def size(self) -> int:
        """Waveforms that are made of one utterance."""
        return sum(map(self.drawn, self.budgets))


def transmissions(
    waveform: np.ndarray, utterance_id: str, plan: ChannelPlan
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Yields one utterance behind every channel and level of a plan.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        utterance_id: Takes part in the seed of every draw, so order and threads change nothing.
        plan: The channels.

    Yields:
        The waveform, float32 `[samples]` in [−1, 1 − 2⁻¹⁵], and provenance, which makes it again.
    """
    clean, _ = clip(waveform)
    for budget in plan.budgets:
        # Channels are met by those who are tested alone.
        seeds = Seeds(plan.seed, utterance_id, "test", budget)
        for number in range(plan.drawn(budget)):
            seed = seeds.of(budget.kind, number)
            bounded, clipped, facts = _passed(clean, budget, seed, plan.options)
            ratio = audibility.snr_db(clean, bounded)
            yield (
                bounded,
                {
                    "noise": budget.kind,
                    "noise_split": "test",
                    **budget.row(),
                    "budget": budget.kind,
                    "target": budget.value,
                    "seed": seed,
                    "draw": number,
                    # JSON knows no infinity: null says that nothing was changed.
                    "snr_db": round(ratio, DECIBEL_DIGITS) if np.isfinite(ratio) else None,
                    "clipped": clipped,
                    "samples": clean.size,
                    **facts,
                },
            )


def _passed(
    clean: np.ndarray, budget: Budget, seed: str, options: Options
) -> tuple[np.ndarray, int, Mapping[str, Any]]:
    generator = np.random.default_rng(int(seed, 16))
    passed = channels.get(budget.kind).apply(clean, budget.value, generator, options)
    if passed.waveform.shape != clean.shape:
        raise AssertionError(f"{budget}: {passed.waveform.shape} samples came out of {clean.shape}")
    bounded, clipped = clip(passed.waveform)
    return bounded, clipped, passed.facts


def transmitted_examples(
    waveform: np.ndarray, utterance_id: str, plan: ChannelPlan, front_end: FrontEnd, name: str
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Returns the features of one utterance behind every channel and level of a plan, `[frames, features]` each.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        utterance_id: As for `transmissions`, like `plan`.
        plan: The channels.
        front_end: Extracts the features.
        name: What an error calls the utterance.
    """
    return list(described(front_end, transmissions(waveform, utterance_id, plan), name))


def replay(clean: np.ndarray, provenance: Mapping[str, Any], options: Options | None = None) -> np.ndarray:
    """Makes what came out of a channel again from its provenance.

    Args:
        clean: float32 `[samples]`, the utterance, clipped.
        provenance: What `transmissions` wrote.
        options: What the channel was given beside its level.

    Raises:
        InputError: If the utterance is not as long as it was.
    """
    if clean.size != provenance["samples"]:
        raise InputError(f"replay: expected {provenance['samples']} samples. Received: {clean.size}")
    return _passed(clean, Budget.of(provenance), provenance["seed"], options or Options())[0]
