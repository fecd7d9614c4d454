"""Which piece of noise meets an utterance.

Drawing a piece of noise is apart from applying it, so that every draw can be written down and
played again bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasser.attack.budget import Budget
from kerasser.noise.bank import Recording
from kerasser.util.errors import InputError

_TRIES = 16


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


def derive_seed(*parts: object) -> str:
    """Returns 128 bits, in hex, that depend on every part and on nothing else."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Seeds:
    """Seeds of the draws of one utterance at one budget.

    Whoever draws takes them from here: the random draws and the searches then begin with the same pieces of noise, and
    comparing them is a paired comparison.

    Attributes:
        attack: Seed of the attack.
        utterance_id: Takes part, so that order and threads change nothing.
        noise_split: "train" or "test": what part of the recordings in time is drawn from.
        budget: How much noise is added.
    """

    attack: int
    utterance_id: str
    noise_split: str
    budget: Budget

    def of(self, environment: str, number: int) -> str:
        """Returns the seed of a random draw from an environment, the first of which has the number 0."""
        return derive_seed(self.attack, self.utterance_id, self.noise_split, environment, *self._amount, number)

    def of_choice(self, purpose: str, number: int = 0) -> str:
        """Returns the seed of something else that is chosen at random, told apart by its purpose and its number."""
        # Of more parts than a draw has, so that no draw has the same.
        return derive_seed(self.attack, self.utterance_id, self.noise_split, "choice", purpose, *self._amount, number)

    @property
    def _amount(self) -> tuple[str, float]:
        return self.budget.kind, float(self.budget.value)


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


def at_random(recordings: Sequence[Recording], samples: int, seeds: Seeds, number: int) -> Draw:
    """Draws a recording of one environment, by length, and an offset: the draw of a number; see `draw`."""
    return draw(recordings, samples, seeds.of(recordings[0].environment, number))


def in_turn(recordings: Sequence[Recording], samples: int, seeds: Seeds, number: int) -> Draw:
    """Draws an offset in the recording whose turn it is, so that as many draws as there are recordings try each once.

    Args:
        recordings: Noise of one environment.
        samples: How long the utterance is.
        seeds: Of the draws; every utterance and budget has the recordings in an order of its own.
        number: Which draw it is, from 0.

    Raises:
        InputError: If the recording holds nothing but digital silence wherever the draw looks.
    """
    environment = recordings[0].environment
    generator = np.random.default_rng(int(seeds.of_choice(f"turns of {environment}"), 16))
    order = generator.permutation(len(recordings))
    return draw([recordings[order[number % len(order)]]], samples, seeds.of(environment, number))


def segment(noise: np.ndarray, offset: int, samples: int) -> np.ndarray:
    """Cuts `samples` samples from `offset` on.

    A recording that is too short is played to and fro, which makes no click at the turn.
    """
    if offset + samples <= noise.size:
        return noise[offset : offset + samples]
    position = (offset + np.arange(samples)) % (2 * noise.size)
    return noise[np.minimum(position, 2 * noise.size - 1 - position)]
