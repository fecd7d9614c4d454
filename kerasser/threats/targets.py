"""Systems as threat models see them: ours, which take frames, and anybody's recogniser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.attack.budget import Budget
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.features.base import FrontEnd
from kerasser.threats.base import Gradients, Reply, TestUtterance
from kerasser.victims.base import Victim


@dataclass(frozen=True)
class ModelTarget:
    """One of our systems; see `kerasser.threats.base.Target`.

    Attributes:
        evaluate: The `evaluate` signature of its SavedModel.
        front_end: Takes its features.
        answers: Utterance and budget → its answers to the random draws.
        undefended: Whether it is the undefended classifier.
        without: The environment that it was trained without, or "".
        gradients: Its inside, where it is wanted.
    """

    evaluate: Callable[..., Mapping[str, Any]]
    front_end: FrontEnd
    answers: Mapping[tuple[str, Budget], Mapping[tuple[int, str], bool]]
    undefended: bool
    without: str = ""
    gradients: Gradients | None = None

    def answer(self, utterance: TestUtterance, waveform: np.ndarray) -> Reply:
        """Answers for a waveform."""
        import tensorflow as tf

        frames = self.front_end(waveform, utterance.id)
        answered = self.evaluate(
            features=tf.constant(frames[None]),
            lengths=tf.constant([len(frames)], tf.int32),
            labels=tf.constant([utterance.label], tf.int32),
        )
        return Reply(float(answered["margin"][0]), int(answered["predicted"][0]) == utterance.label)

    def drawn(self, utterance: TestUtterance, budget: Budget) -> Mapping[tuple[int, str], bool]:
        """Returns what was answered to the random draws."""
        return self.answers[utterance.id, budget]


class RecogniserTarget:
    """Anybody's recogniser; see `kerasser.threats.base.Target`. Nobody sees its inside.

    Args:
        victim: Who is asked; answers are best cached, since several threat models try the same draws.
        batch_size: Waveforms in a question.
    """

    undefended = True
    without = ""
    gradients: Gradients | None = None

    def __init__(self, victim: Victim, batch_size: int = 32) -> None:
        self._victim, self._batch_size = victim, batch_size

    def answer(self, utterance: TestUtterance, waveform: np.ndarray) -> Reply:
        """Answers for a waveform."""
        (found,) = self._victim([waveform], SAMPLE_RATE_HZ)
        return Reply(margin(found, utterance.label), int(np.argmax(found)) == utterance.label)

    def drawn(self, utterance: TestUtterance, budget: Budget) -> Mapping[tuple[int, str], bool]:
        """Asks about all random draws."""
        draws = utterance.random_draws(budget)
        keys: Sequence[tuple[int, str]] = list(draws)
        answers: dict[tuple[int, str], bool] = {}
        for start in range(0, len(keys), self._batch_size):
            part = keys[start : start + self._batch_size]
            waveforms = [utterance.speech.under(draws[key], budget).waveform for key in part]
            found = self._victim(waveforms, SAMPLE_RATE_HZ)
            answers |= {key: int(np.argmax(row)) == utterance.label for key, row in zip(part, found, strict=True)}
        return answers


def margin(answer: np.ndarray, label: int) -> float:
    """Returns the logarithm of the truth's probability less that of the likeliest other class: logits, but for a shift.

    Args:
        answer: Probabilities `[classes]`.
        label: The truth.
    """
    logs = logarithms(answer)
    return float(logs[label] - np.delete(logs, label).max())


def logarithms(answer: np.ndarray) -> np.ndarray:
    """Returns the logarithms of probabilities, of 0 too."""
    return np.log(np.maximum(answer, np.finfo(np.float32).tiny))
