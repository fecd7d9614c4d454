"""The perturbation: real noise matched to an utterance's own background, x' = x + ε·δ (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
        snr_db: Realised ratio of the utterance's power to the mean square of all that was really added, after
            clipping, a constant included; infinite when nothing was added.
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


def power(waveform: np.ndarray) -> float:
    """Returns the power of an utterance: its variance, since an offset of the recording is no signal."""
    return float(np.var(waveform, dtype=np.float64))


def epsilon_for_snr(speech_power: float, delta: np.ndarray, snr_db: float) -> float:
    """Returns the ε at which the mean square of ε·δ lies so many dB below a power; δ must not be all zero."""
    return float(np.sqrt(speech_power / np.mean(np.square(delta)) / 10 ** (snr_db / 10)))


def room(mean: float, variance: float, speech_power: float, budget: Budget) -> tuple[float, float]:
    """Returns the mean and the variance of what `attack` adds, before clipping.

    Args:
        mean: Mean of the reference noise.
        variance: Variance of the reference noise.
        speech_power: What ratios are measured against, as a mean square.
        budget: An ε or an SNR.
    """
    if budget.kind == "epsilon":
        return budget.value * mean, budget.value**2 * variance
    return 0.0, speech_power / 10 ** (budget.value / 10)


def perturb(waveform: np.ndarray, delta: np.ndarray, epsilon: float) -> Perturbed:
    """Adds ε·δ and clips to full scale.

    Args:
        waveform: x, float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        delta: δ, float64 `[samples]`.
        epsilon: The perturbation factor, not negative.
    """
    clean = waveform.astype(np.float64)
    adversarial, clipped = clip(clean + epsilon * delta)
    # What is added counts with its mean: a constant is heard by the recogniser, and takes room from the noise.
    added = float(np.mean(np.square(adversarial - clean)))
    snr_db = float(10 * np.log10(power(clean) / added)) if added > 0 else float("inf")
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
    waveform: np.ndarray,
    noise: np.ndarray,
    mean: float,
    variance: float,
    budget: Budget,
    add: Add = add,
    speech_power: float | None = None,
) -> Perturbed:
    """Matches noise to the reference noise and adds as much as the budget allows.

    Under an ε, δ has the mean of the reference noise, as in the paper. Under an SNR it has none: the factor that
    reaches the ratio would make a louder offset of the recording's, which is no noise, and clip. An utterance whose
    background is digital silence has no reference to scale: an ε adds no noise, and an SNR is reached from noise of
    variance 1.

    Args:
        waveform: x, float32 `[samples]` in [−1, 1 − 2⁻¹⁵].
        noise: float32 `[samples]`, not constant.
        mean: Mean of the reference noise.
        variance: Variance of the reference noise.
        budget: An ε or an SNR.
        add: What adds the noise once ε is known: this module's `add`, or a SavedModel that does the same.
        speech_power: What ratios are measured against, as a mean square; the utterance's own power by default.
    """
    own = power(waveform)
    against = own if speech_power is None else speech_power
    if budget.kind == "epsilon":
        made = add(waveform, noise, mean, variance, budget.value)
    else:
        variance = variance or 1.0
        epsilon = epsilon_for_snr(against, delta(noise, 0.0, variance), budget.value)
        made = add(waveform, noise, 0.0, variance, epsilon)
    if speech_power is None or own == 0:
        return made
    return replace(made, snr_db=made.snr_db + float(10 * np.log10(against / own)))
