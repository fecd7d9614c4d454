"""The perturbation: real noise matched to an utterance's own background, x' = x + ε·δ (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kerasser.attack.budget import Budget
from kerasser.audio import clip


@dataclass(frozen=True)
class Perturbed:
    """An adversarial utterance.

    Attributes:
        waveform: float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        epsilon: The factor that scaled δ.
        snr_db: Realised ratio of the utterance's variance to that of what was really added, after
            clipping; infinite when nothing was added.
        clipped: Samples that x + ε·δ carried beyond full scale.
    """

    waveform: np.ndarray
    epsilon: float
    snr_db: float
    clipped: int


class Add(Protocol):
    """What adds matched noise to an utterance: see `add`."""

    def __call__(
        self, waveform: np.ndarray, noise: np.ndarray, mean: float, variance: float, epsilon: float, /
    ) -> Perturbed:
        """Returns the adversarial utterance."""
        ...


def delta(noise: np.ndarray, mean: float, variance: float) -> np.ndarray:
    """Shifts and scales noise to the mean and the variance of the reference noise (paper, section 3).

    Args:
        noise: float `[samples]`, not constant.
        mean: Mean of the reference noise.
        variance: Variance of the reference noise; 0 gives a constant.

    Returns:
        δ, float64 `[samples]`.
    """
    centred = noise.astype(np.float64) - np.mean(noise, dtype=np.float64)
    scaled = centred * np.sqrt(variance / np.mean(np.square(centred)))
    return mean + scaled - np.mean(scaled)


def epsilon_for_snr(waveform: np.ndarray, delta: np.ndarray, snr_db: float) -> float:
    """Returns the ε at which x + ε·δ has the wanted ratio of variances, in dB; δ has to vary."""
    return float(np.sqrt(np.var(waveform, dtype=np.float64) / np.var(delta) / 10 ** (snr_db / 10)))


def perturb(waveform: np.ndarray, delta: np.ndarray, epsilon: float) -> Perturbed:
    """Adds ε·δ and clips to full scale.

    Args:
        waveform: x, float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        delta: δ, float64 `[samples]`.
        epsilon: The perturbation factor, not negative.
    """
    clean = waveform.astype(np.float64)
    adversarial, clipped = clip(clean + epsilon * delta)
    added = np.var(adversarial - clean)
    snr_db = float(10 * np.log10(np.var(clean) / added)) if added > 0 else float("inf")
    return Perturbed(adversarial, float(epsilon), snr_db, clipped)


def add(waveform: np.ndarray, noise: np.ndarray, mean: float, variance: float, epsilon: float) -> Perturbed:
    """Matches noise to the reference noise and adds ε times as much.

    Args:
        waveform: x, float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        noise: float32 `[samples]`, not constant.
        mean: Mean of the reference noise.
        variance: Variance of the reference noise.
        epsilon: The perturbation factor, not negative.
    """
    return perturb(waveform, delta(noise, mean, variance), epsilon)


def attack(
    waveform: np.ndarray, noise: np.ndarray, mean: float, variance: float, budget: Budget, add: Add = add
) -> Perturbed:
    """Matches noise to the reference noise and adds as much as the budget allows.

    An utterance whose background is digital silence has no reference to scale: an ε adds nothing,
    and an SNR is reached from noise of variance 1.

    Args:
        waveform: x, float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        noise: float32 `[samples]`, not constant.
        mean: Mean of the reference noise.
        variance: Variance of the reference noise.
        budget: An ε or an SNR.
        add: What adds the noise once ε is known: this module's `add`, or a SavedModel that does the same.
    """
    if budget.kind == "epsilon":
        return add(waveform, noise, mean, variance, budget.value)
    if variance == 0:
        mean, variance = 0.0, 1.0
    return add(waveform, noise, mean, variance, epsilon_for_snr(waveform, delta(noise, mean, variance), budget.value))
