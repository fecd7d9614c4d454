"""The white box on a linear model, whose worst point is a corner of the box and known in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from kerasser.attack.budget import SNR, Epsilon
from kerasser.threats import white_box
from kerasser.threats.base import TestUtterance

BUDGETS = (Epsilon(2), SNR(10))
WEIGHTS = np.array([0.5, -2.0, 0.0, 1.0], np.float32)
DEVIATION = np.array([1.0, 0.5, 3.0, 2.0], np.float32)
MEAN, CLIP = np.array([0.1, 0.2, 0.3, 0.4], np.float32), 4.0
LENGTHS = (3, 7, 5)


def logits(frames, lengths):
    valid = tf.cast(tf.sequence_mask(lengths, tf.shape(frames)[1]), tf.float32)
    total = tf.reduce_sum(tf.linalg.matvec(frames, WEIGHTS) * valid, axis=1)
    return tf.stack([tf.zeros_like(total), total], axis=1)


INSIDE = SimpleNamespace(logits=logits, mean=MEAN, deviation=DEVIATION, clip_value=CLIP)
TARGET = SimpleNamespace(gradients=INSIDE)


def frames(number):
    return np.random.default_rng(number).normal(0.4, 0.3, (LENGTHS[number], 4)).astype(np.float32)


def noisy(number, budget):
    """Two draws, each of which moves the features its own way; more noise under ε."""
    size = {"epsilon": 0.3, "snr_db": 0.1}[budget.kind]
    generator = np.random.default_rng(10 + number)
    return [frames(number) + size * generator.normal(size=(LENGTHS[number], 4)).astype(np.float32) for _ in range(2)]


def utterances(budgets=BUDGETS, **changed):
    return [
        TestUtterance(
            **{
                **dict(id=f"u{number}", speaker="s", label=number % 2, load=lambda: None, noise={}, budgets=budgets),
                **dict(draws=2, seed=3, frames=lambda number=number: frames(number)),
                **dict(noisy_frames=lambda budget, number=number: noisy(number, budget)),
                **changed,
            }
        )
        for number in range(len(LENGTHS))
    ]


def answers(target=TARGET, speech=None, steps=20, restarts=2):
    return list(white_box.run(target, utterances() if speech is None else speech, white_box.Settings(steps, restarts)))


def box(number, budget):
    """How far either draw moves each feature of each frame."""
    return np.max([np.abs(each - frames(number)) for each in noisy(number, budget)], axis=0)


def test_the_worst_point_is_the_corner_of_the_box_that_the_draws_span():
    found = {(each.utterance, each.budget): each for each in answers()}
    assert found.keys() == {(f"u{number}", budget) for number in range(3) for budget in BUDGETS}
    for (name, budget), each in found.items():
        number = int(name[1:])
        sign = 1 if number % 2 else -1
        margin = sign * (frames(number) @ WEIGHTS).sum() - (box(number, budget) @ np.abs(WEIGHTS)).sum()
        assert each.facts["margin"] == pytest.approx(margin, rel=1e-4, abs=1e-4)
        assert each.correct == float(margin > 0)
        assert each.facts["radius"] == pytest.approx(np.sqrt(np.mean((box(number, budget) / DEVIATION) ** 2)), rel=1e-4)
        norm = np.sqrt(LENGTHS[number] * np.sum((WEIGHTS * DEVIATION) ** 2))
        assert each.facts["gradient_norm"] == pytest.approx(norm, rel=1e-5)


def test_both_draws_lie_in_the_box():
    found = {(each.utterance, each.budget): each for each in answers()}
    for number in range(3):
        for budget in BUDGETS:
            sign = 1 if number % 2 else -1
            drawn = [sign * (each @ WEIGHTS).sum() for each in noisy(number, budget)]
            assert found[f"u{number}", budget].facts["margin"] < min(drawn)


def test_whoever_has_no_gradients_or_frames_is_refused():
    for target, speech in (
        (SimpleNamespace(gradients=None), utterances()),
        (TARGET, utterances(frames=None)),
        (TARGET, utterances(noisy_frames=None)),
    ):
        with pytest.raises(ValueError, match="expected a system with gradients"):
            answers(target, speech)


def test_an_utterance_without_draws_is_refused_by_name():
    with pytest.raises(ValueError, match="u0: expected random draws at "):
        answers(TARGET, utterances(noisy_frames=lambda _: []))


def test_nobody_is_attacked_where_nobody_is():
    assert answers(TARGET, []) == []
