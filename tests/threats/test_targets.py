"""Systems under attack: what they are asked, and how sure of the truth they are."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.attack.budget import SNR, Epsilon
from kerasser.noise.bank import Recording
from kerasser.threats import many_queries
from kerasser.threats.base import TestUtterance
from kerasser.threats.targets import ModelTarget, RecogniserTarget, logarithms, margin

BUDGET = Epsilon(2)
SOUND = np.random.default_rng(0).normal(size=5000).astype(np.float32)
NOISE = {place: [Recording(place, "a", SOUND)] for place in ("station", "cafe")}


class Speech:
    """Under a piece of noise, one sample that tells which piece it was."""

    clean = np.zeros(100, np.float32)

    def under(self, drawn, budget):
        place = ("cafe", "station").index(drawn.environment)
        return SimpleNamespace(waveform=np.array([place, drawn.offset], np.float32), snr_db=10.0, clipped=0)


def utterance(label=1, draws=5):
    return TestUtterance("u", "s", label, Speech, noise=NOISE, budgets=(BUDGET,), draws=draws, seed=4)


class Victim:
    """Right in the café."""

    classes = ("negative", "positive")

    def __init__(self):
        self.asked = []

    def __call__(self, waveforms, sample_rate_hz):
        assert sample_rate_hz == 16000
        self.asked.append(len(waveforms))
        return np.array([[0.75, 0.25] if waveform[0] else [0.25, 0.75] for waveform in waveforms])


@pytest.mark.parametrize("batch_size", [3, 5, 32])
def test_all_draws_are_asked_about_in_batches(batch_size):
    victim = Victim()
    found = RecogniserTarget(victim, batch_size).drawn(utterance(), BUDGET)
    assert found == {(draw, place): place == "cafe" for draw in range(5) for place in NOISE}
    assert sum(victim.asked) == 10 and max(victim.asked) == min(batch_size, 10)


def test_many_queries_ask_a_recogniser_about_all_recordings_in_turn():
    asked = []

    class Noisy(Speech):
        def under(self, drawn, budget):
            asked.append((drawn.environment, drawn.recording))
            return super().under(drawn, budget)

    places = {place: [Recording(place, f"{n}", SOUND) for n in range(2)] for place in NOISE}
    speech = replace(utterance(draws=1), load=Noisy, noise=places, budgets=(BUDGET, SNR(10)))
    (answer,) = many_queries.run(RecogniserTarget(Victim()), [speech], many_queries.Settings([3, 2]))
    # Of the largest number; the second question is about the station.
    assert (answer.budget, answer.first_wrong, answer.allowed, answer.correct) == (SNR(10), 2, 3, 0.0)
    assert sorted(asked) == [(place, name) for place in ("cafe", "station") for name in "01"]


def test_a_recogniser_shows_nothing_of_its_inside_and_answers_with_its_margin():
    target = RecogniserTarget(Victim())
    assert (target.undefended, target.without, target.gradients) == (True, "", None)
    cafe, station = (np.array([place, 0], np.float32) for place in (0, 1))
    reply = target.answer(utterance(), cafe)
    assert reply.correct and reply.margin == pytest.approx(np.log(3))
    reply = target.answer(utterance(), station)
    assert not reply.correct and reply.margin == pytest.approx(-np.log(3))


def test_a_model_is_asked_with_frames_and_answers_from_its_table():
    asked = {}

    def evaluate(**inputs):
        asked.update({name: np.asarray(value) for name, value in inputs.items()})
        return {"margin": np.array([0.5]), "predicted": np.array([1])}

    answers = {("u", BUDGET): {(0, "cafe"): True}}
    target = ModelTarget(evaluate, lambda waveform, name: np.ones((7, 25), np.float32), answers, undefended=False)
    reply = target.answer(utterance(label=1), SOUND)
    assert (reply.margin, reply.correct) == (0.5, True)
    assert not target.answer(utterance(label=0), SOUND).correct
    assert asked["features"].shape == (1, 7, 25) and asked["lengths"] == [7] and asked["labels"] == [0]
    assert target.drawn(utterance(), BUDGET) == {(0, "cafe"): True}


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.data())
def test_the_margin_is_that_of_the_logits(logits, data):
    label = data.draw(st.integers(0, len(logits) - 1))
    answer = np.exp(logits) / np.exp(logits).sum()
    others = [value for place, value in enumerate(logits) if place != label]
    assert margin(answer, label) == pytest.approx(logits[label] - max(others), abs=1e-9)


def test_a_probability_of_zero_has_a_margin():
    assert np.isfinite(logarithms(np.array([0.0, 1.0]))).all()
    assert margin(np.array([0.0, 1.0]), 1) == -margin(np.array([0.0, 1.0]), 0) > 80
