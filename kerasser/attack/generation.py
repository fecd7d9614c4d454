"""From one utterance to its adversarial examples: every environment, every budget, several draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.attack import draws, perturbation
from kerasser.attack.budget import Budget
from kerasser.attack.draws import Draw, Seeds
from kerasser.attack.perturbation import Add, Perturbed
from kerasser.attack.speech_level import speech_power
from kerasser.audio import clip
from kerasser.features.base import FrontEnd, described
from kerasser.noise.bank import Recording
from kerasser.noise.estimation import ReferenceNoise, reference_noise
from kerasser.util.errors import InputError

#: Decimals of recorded levels, in dB.
DECIBEL_DIGITS = 6


@dataclass(frozen=True)
class Plan:
    """Which adversarial examples are made of an utterance.

    Attributes:
        noise: Environment → its recordings, all of one stretch.
        noise_split: "train" or "test": what part of the recordings in time these are.
        budgets: How much noise.
        draws: Pieces of noise for each environment and budget.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        seed: Seed of every draw.
        conditions: Pairs of environment and budget for each utterance, drawn for it and spread evenly over the
            environments; None takes every pair.
        speech_level: What signal-to-noise ratios are measured against: "utterance", the power of the whole, or
            "active", that of its active speech.
        in_turn: Whether draws take the recordings of an environment in turn, see `kerasser.attack.draws.in_turn`.
    """

    noise: Mapping[str, Sequence[Recording]]
    noise_split: str
    budgets: Sequence[Budget]
    draws: int
    estimator: str
    seed: int
    conditions: int | None = None
    speech_level: str = "utterance"
    in_turn: bool = False

    @property
    def size(self) -> int:
        """Adversarial examples of one utterance."""
        pairs = len(self.noise) * len(self.budgets)
        return self.draws * min(pairs, self.conditions or pairs)

    def pairs(self, utterance_id: str) -> list[tuple[str, Budget]]:
        """Returns the environments and budgets that an utterance meets."""
        if self.conditions is None:
            return [(environment, budget) for environment in self.noise for budget in self.budgets]
        seed = draws.derive_seed(self.seed, utterance_id, self.noise_split, "conditions")
        generator = np.random.default_rng(int(seed, 16))
        environments = generator.permutation(list(self.noise))
        orders = [generator.permutation(len(self.budgets)) for _ in environments]
        rounds = [
            (str(environment), self.budgets[order[number]])
            for number in range(len(self.budgets))
            for environment, order in zip(environments, orders, strict=True)
        ]
        return rounds[: self.conditions]


class Speech:
    """An utterance with its background noise measured once, to be put under any piece of real-world noise.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        noise: Environment → its recordings, all of one stretch.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        add: What adds matched noise: the library, or a SavedModel that does the same.
        speech_level: What signal-to-noise ratios are measured against, "utterance" or "active".

    Attributes:
        clean: The utterance, clipped.
        reference: Its reference noise.
    """

    def __init__(
        self,
        waveform: np.ndarray,
        noise: Mapping[str, Sequence[Recording]],
        estimator: str,
        add: Add = perturbation.add,
        speech_level: str = "utterance",
    ) -> None:
        self.clean, _ = clip(waveform)
        self.reference = reference_noise(self.clean, estimator=estimator)
        self._power = speech_power(self.clean, speech_level)
        self._add = add
        self._waveforms = {
            (environment, recording.name): recording.waveform
            for environment, recordings in noise.items()
            for recording in recordings
        }

    def under(self, drawn: Draw, budget: Budget) -> Perturbed:
        """Returns the utterance under one piece of noise (paper, section 3).

        Args:
            drawn: Which piece; of the environments and recordings that are known.
            budget: How much of it.
        """
        return self.amid(self.piece(drawn), budget)

    def piece(self, drawn: Draw) -> np.ndarray:
        """Returns the noise of a draw, float32, as long as the utterance."""
        noise = self._waveforms[drawn.environment, drawn.recording]
        return draws.segment(noise, drawn.offset, self.clean.size)

    @property
    def power(self) -> float:
        """What signal-to-noise ratios are measured against, as a mean square."""
        return perturbation.power(self.clean) if self._power is None else self._power

    def room(self, budget: Budget) -> tuple[float, float]:
        """Returns the mean and the variance of what a budget adds: see `kerasser.attack.perturbation.room`."""
        return perturbation.room(self.reference.mean, self.reference.variance, self.power, budget)

    def amid(self, piece: np.ndarray, budget: Budget) -> Perturbed:
        """Returns the utterance under any noise, float `[samples]`, not constant, at a budget."""
        reference = self.reference
        return perturbation.attack(
            self.clean, piece, reference.mean, reference.variance, budget, self._add, self._power
        )


def attacks(
    waveform: np.ndarray, utterance_id: str, plan: Plan, add: Add = perturbation.add
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Yields one utterance under every condition of the plan (paper, section 3).

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        utterance_id: Takes part in the seed of every draw, so order and threads change nothing.
        plan: The conditions.
        add: What adds matched noise: the library, or a SavedModel that does the same.

    Yields:
        The adversarial waveform, float32 `[samples]` in [−1, 1 − 2⁻¹⁵], and provenance, which makes it again bit for
        bit, for each of the plan's environments, budgets and draws.
    """
    speech = Speech(waveform, plan.noise, plan.estimator, add, plan.speech_level)
    samples = speech.clean.size
    for environment, budget in plan.pairs(utterance_id):
        seeds = Seeds(plan.seed, utterance_id, plan.noise_split, budget)
        for number in range(plan.draws):
            taken = draws.in_turn if plan.in_turn else draws.at_random
            drawn = taken(plan.noise[environment], samples, seeds, number)
            result = speech.under(drawn, budget)
            facts = {
                "noise": environment,
                "noise_split": plan.noise_split,
                "recording": drawn.recording,
                "offset": drawn.offset,
                "seed": drawn.seed,
                "draw": number,
                "budget": budget.kind,
                "target": budget.value,
                "speech_level": plan.speech_level,
                **_made(result, speech.reference, samples),
            }
            yield result.waveform, facts


def adversarial_examples(
    waveform: np.ndarray,
    utterance_id: str,
    plan: Plan,
    front_end: FrontEnd,
    name: str,
    add: Add = perturbation.add,
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Returns the features of one utterance under every condition of the plan, `[frames, features]` each.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        utterance_id: As for `attacks`, like `plan` and `add`.
        plan: The conditions.
        front_end: Extracts the features.
        name: What an error calls the utterance.
        add: What adds matched noise.

    Returns:
        Features and provenance for each of the plan's environments, budgets and draws.
    """
    return list(described(front_end, attacks(waveform, utterance_id, plan, add), name))


def noisy_example(
    waveform: np.ndarray, utterance_id: str, epsilon: float, estimator: str, seed: int, front_end: FrontEnd, name: str
) -> tuple[np.ndarray, dict[str, Any]]:
    """Adds white Gaussian noise, ε times the utterance's reference noise (the defence of paper, section 5.2).

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        utterance_id: Takes part in the seed.
        epsilon: Standard deviation of the white noise, in those of the reference noise.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        seed: Seed of the noise.
        front_end: Extracts the features.
        name: What an error calls the utterance.

    Returns:
        Features `[frames, features]` and provenance.
    """
    clean, _ = clip(waveform)
    reference = reference_noise(clean, estimator=estimator)
    drawn = draws.derive_seed(seed, utterance_id, "white")
    white = np.random.default_rng(int(drawn, 16)).standard_normal(clean.size)
    result = perturbation.attack(clean, white, reference.mean, reference.variance, Budget("epsilon", epsilon))
    facts = {"noise": "white", "seed": drawn, "budget": "epsilon", "target": epsilon, "speech_level": "utterance"}
    return front_end(result.waveform, name), {**facts, **_made(result, reference, clean.size)}


def _made(result: perturbation.Perturbed, reference: ReferenceNoise, samples: int) -> dict[str, Any]:
    """Returns what is known of an example once it is made.

    What was measured is rounded far below anything that could be heard, so that a content hash does not depend on the
    order of a sum, as the number of threads may set it. What `replay` needs is left as it is: NumPy sums it in one
    thread.
    """
    return {
        "epsilon": float(f"{result.epsilon:.9g}"),
        # JSON knows no infinity: null says that nothing was added.
        "snr_db": round(result.snr_db, DECIBEL_DIGITS) if np.isfinite(result.snr_db) else None,
        "clipped": result.clipped,
        "samples": samples,
        "reference_mean": float(reference.mean),
        "reference_variance": float(reference.variance),
        "reference_snr_db": round(float(reference.snr_db), DECIBEL_DIGITS),
        "pause_variance": float(reference.pause_variance),
    }


def replay(
    clean: np.ndarray, noise: np.ndarray, provenance: Mapping[str, Any], add: Add = perturbation.add
) -> np.ndarray:
    """Makes an adversarial waveform again from its provenance.

    Args:
        clean: float32 `[samples]`, the utterance, clipped.
        noise: float32, the recording that the provenance names, its stretch.
        provenance: What `adversarial_examples` wrote.
        add: What added the noise then.

    Raises:
        InputError: If the utterance is not as long as it was.
    """
    if clean.size != provenance["samples"]:
        raise InputError(f"replay: expected {provenance['samples']} samples. Received: {clean.size}")
    piece = draws.segment(noise, provenance["offset"], clean.size)
    return perturbation.attack(
        clean,
        piece,
        provenance["reference_mean"],
        provenance["reference_variance"],
        Budget(provenance["budget"], provenance["target"]),
        add,
        speech_power(clean, provenance["speech_level"]),
    ).waveform
