"""The perturbation: real noise matched to an utterance's own background, x' = x + ε·δ (paper, section 3).

Drawing a piece of noise is apart from applying it, so that every draw can be written down and
played again bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kerasser.audio import clip
from kerasser.errors import InputError

#: The paper's range of the perturbation factor.
EPSILONS = (0.1, 0.5, 1.0, 1.5, 2.0)
_TRIES = 16


@dataclass(frozen=True)
class Recording:
    """One stretch of environmental noise.

    Attributes:
        environment: "cafe", "meeting", "station" or any other place.
        name: The recording's name in its bank.
        waveform: float32 `[samples]`, 16 kHz mono.
    """

    environment: str
    name: str
    waveform: np.ndarray


@dataclass(frozen=True)
class Budget:
    """How much noise may be added: a perturbation factor ε, or a signal-to-noise ratio in dB."""

    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in ("epsilon", "snr_db"):
            raise InputError(f'budget: expected "epsilon" or "snr_db". Received: {self.kind!r}')
        if not np.isfinite(self.value) or (self.kind == "epsilon" and self.value < 0):
            raise InputError(f"{self.kind}: expected a finite number, and ε not negative. Received: {self.value}")


def budgets(epsilons: Iterable[float], snrs_db: Iterable[float]) -> list[Budget]:
    """Returns the budgets of some factors and ratios, in this order."""
    return [
        *(Budget("epsilon", float(epsilon)) for epsilon in epsilons),
        *(Budget("snr_db", float(snr_db)) for snr_db in snrs_db),
    ]


@dataclass(frozen=True)
class Draw:
    """Which piece of noise meets an utterance.

    Attributes:
        environment: Where the noise was recorded.
        recording: Name of the recording.
        offset: First sample taken from the recording.
        seed: What the draw was made from, hex; kept for provenance.
    """

    environment: str
    recording: str
    offset: int
    seed: str


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


def derive_seed(*parts: object) -> str:
    """Returns 128 bits, in hex, that depend on every part and on nothing else."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def draw(recordings: Sequence[Recording], samples: int, seed: str) -> Draw:
    """Draws a recording, by length, and an offset, uniformly.

    Args:
        recordings: Noise of one environment.
        samples: How long the utterance is.
        seed: From `derive_seed`.

    Raises:
        InputError: If the recordings hold nothing but digital silence wherever the draw looks.
    """
    generator = np.random.default_rng(int(seed, 16))
    lengths = np.array([recording.waveform.size for recording in recordings], float)
    for _ in range(_TRIES):
        recording = recordings[generator.choice(len(recordings), p=lengths / lengths.sum())]
        size = recording.waveform.size
        offset = int(generator.integers(size - samples + 1 if size >= samples else size))
        if np.ptp(segment(recording.waveform, offset, samples)) > 0:
            return Draw(recording.environment, recording.name, offset, seed)
    raise InputError(f"{recording.name}: expected noise. Received: digital silence in {_TRIES} places")


def segment(noise: np.ndarray, offset: int, samples: int) -> np.ndarray:
    """Cuts `samples` samples from `offset` on.

    A recording that is too short is played to and fro, which makes no click at the turn.
    """
    if offset + samples <= noise.size:
        return noise[offset : offset + samples]
    position = (offset + np.arange(samples)) % (2 * noise.size)
    return noise[np.minimum(position, 2 * noise.size - 1 - position)]


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
