"""Threat models on the waveform, on a recogniser of real features that hears how loud and how clear speech is."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from kerasser.attack import masking, waveform_gradients
from kerasser.attack.budget import SNR, Epsilon
from kerasser.attack.generation import Speech
from kerasser.demo.speech import Prosody, draw_voice, synthesise
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import Score, ThreatRow
from kerasser.features.opensmile import Egemaps
from kerasser.noise.bank import Recording
from kerasser.threats import scoring, sound, white_box_inaudible, white_box_waveform, worst_mixture
from kerasser.threats.base import Reply, TestUtterance, ask

BUDGETS = (SNR(10), Epsilon(2))
NOISE = {
    place: [Recording(place, "a", tone * np.random.default_rng(number).normal(size=40000).astype(np.float32))]
    for number, (place, tone) in enumerate(
        {"cafe": 1.0, "station": np.sin(2 * np.pi * 300 * np.arange(40000) / 16000)}.items()
    )
}
# Loudness, harmonics to noise: noise of a power moves both.
PLACES, WEIGHTS, BIAS = (0, 13), (-1.0, 0.3), -0.6


def spoken(number):
    rng = np.random.default_rng(number)
    return synthesise(draw_voice(rng, bool(number % 2)), Prosody(), 0.6 + 0.05 * number, rng).astype(np.float32)


def logits(frames, lengths):
    valid = tf.cast(tf.sequence_mask(lengths, tf.shape(frames)[1]), tf.float32)[:, :, None]
    mean = tf.reduce_sum(tf.gather(frames, PLACES, axis=2) * valid, axis=1) / tf.reduce_sum(valid, axis=1)
    score = tf.linalg.matvec(mean, tf.constant(WEIGHTS)) + BIAS
    return tf.stack([tf.zeros_like(score), score], axis=1)


class Target:
    """The same model behind opensmile; its answers to random draws are asked for when they are wanted."""

    undefended, without = True, ""
    gradients = SimpleNamespace(logits=logits, enhance=None)
    front_end = Egemaps()

    def __init__(self):
        self.sent = {}

    def answer(self, utterance, waveform):
        self.sent[utterance.id, waveform.tobytes()] = waveform
        frames = self.front_end(waveform)
        answer = logits(tf.constant(frames[None]), tf.constant([len(frames)])).numpy()[0]
        margin = float(answer[utterance.label] - answer[1 - utterance.label])
        return Reply(margin, margin > 0)

    def drawn(self, utterance, budget):
        drawn = utterance.random_draws(budget)
        return {key: ask(self, utterance, each, budget).correct for key, each in drawn.items()}


@pytest.fixture(scope="module")
def utterances():
    speech = [Speech(spoken(number), NOISE, "lsa") for number in range(2)]
    return [
        TestUtterance(
            id=f"u{number}",
            speaker="s",
            label=1,
            load=lambda each=each: each,
            noise=NOISE,
            budgets=BUDGETS,
            draws=2,
            seed=0,
        )
        for number, each in enumerate(speech)
    ]


def answers(threat, utterances, **settings):
    return list(threat.run(Target(), utterances, threat.Settings(**settings)))


def snr_db(utterance, answer):
    added = answer.waveform.astype(np.float64) - utterance.speech.clean
    return 10 * np.log10(np.var(utterance.speech.clean, dtype=np.float64) / np.mean(added**2))


def checked(utterance, answer):
    """What was sent is 16 bits, and the margin is what opensmile's frames of it come to."""
    steps = answer.waveform * 2.0**15
    assert (steps == np.rint(steps)).all() and answer.waveform.shape == utterance.speech.clean.shape
    reply = Target().answer(utterance, answer.waveform)
    assert answer.facts["margin"] == pytest.approx(reply.margin, abs=1e-6)
    assert answer.facts["snr_db"] == pytest.approx(snr_db(utterance, answer), abs=1e-5)


@pytest.fixture(scope="module")
def on_waveform(utterances):
    return answers(white_box_waveform, utterances, steps=8)


def test_what_gradients_find_is_judged_as_sound_at_the_budget_and_does_harm(utterances, on_waveform):
    by_id = {each.id: each for each in utterances}
    assert {(each.utterance, each.budget) for each in on_waveform} == {
        (id, budget) for id in by_id for budget in BUDGETS
    }
    for each in on_waveform:
        utterance = by_id[each.utterance]
        checked(utterance, each)
        target, clean = Target(), utterance.speech.clean
        assert each.facts["margin"] < target.answer(utterance, clean).margin
        assert each.facts["gradient_norm"] > 0 and each.facts["graph_correct"] in (0.0, 1.0)
        assert each.facts["drawn_correct"] == float(all(target.drawn(utterance, each.budget).values()))
        drawn = utterance.random_draws(each.budget)[0, "cafe"]
        assert each.facts["snr_db"] == pytest.approx(utterance.speech.under(drawn, each.budget).snr_db, abs=0.5)


def test_graph_and_front_end_agree_on_what_it_comes_to(on_waveform):
    for each in on_waveform:
        assert each.facts["graph_margin"] == pytest.approx(each.facts["margin"], abs=0.1)


def test_gradients_find_more_than_random_draws(utterances, on_waveform):
    target, by_id = Target(), {each.id: each for each in utterances}
    for each in on_waveform:
        drawn = by_id[each.utterance].random_draws(each.budget).values()
        margins = [ask(target, by_id[each.utterance], piece, each.budget).margin for piece in drawn]
        assert each.facts["margin"] < min(margins)


def of_samples(logits, enhance):
    """A recogniser whose derivative by the sound costs nothing: tests of what is done with it need no more."""

    def of_waveform(waveform, lengths):
        score = tf.reduce_sum(waveform * tf.sin(tf.range(tf.shape(waveform)[1], dtype=tf.float32)), axis=1)
        return tf.stack([tf.zeros_like(score), score], axis=1)

    return of_waveform


def test_the_inaudible_stays_below_the_threshold_and_is_less(utterances, on_waveform, monkeypatch):
    monkeypatch.setattr(waveform_gradients, "through_features", of_samples)
    found = answers(white_box_inaudible, utterances, steps=3)
    assert len(found) == len(on_waveform)
    for each, heard in zip(found, on_waveform, strict=True):
        utterance = next(one for one in utterances if one.id == each.utterance)
        checked(utterance, each)
        clean = utterance.speech.clean
        added = tf.constant((each.waveform - clean)[None])
        # Rounding to 16 bits adds its own, which lies near the threshold in quiet.
        step = 2.0**-30
        assert (masking.levels(added).numpy()[0] <= 1.1 * masking.threshold(clean) + step).all()
        assert each.facts["snr_db"] >= heard.facts["snr_db"] - 0.1


def test_the_worst_mixture_is_never_weaker_than_any_draw(utterances):
    found = answers(worst_mixture, utterances, steps=3, pieces=3)
    for each in found:
        utterance, target = next(one for one in utterances if one.id == each.utterance), Target()
        checked(utterance, each)
        drawn = [ask(target, utterance, piece, each.budget) for piece in utterance.random_draws(each.budget).values()]
        assert each.correct <= float(all(query.correct for query in drawn))
        # Rounding to 16 bits may give back a hair of it.
        assert each.facts["margin"] <= min(query.margin for query in drawn) + 0.01
        parts, gains = json.loads(each.facts["mixture"]), json.loads(each.facts["gains_db"])
        assert sum(part[3] for part in parts) == pytest.approx(1, abs=1e-3) and len(parts) == 3
        assert {part[0] for part in parts} <= set(NOISE) and max(map(abs, gains)) <= 6
        assert each.facts["snr_db"] == pytest.approx(drawn[0].snr_db, abs=0.5)


def test_a_draw_that_was_answered_wrongly_elsewhere_counts(utterances, monkeypatch):
    monkeypatch.setattr(waveform_gradients, "through_features", of_samples)

    class Unlucky(Target):
        def drawn(self, utterance, budget):
            return {key: False for key in super().drawn(utterance, budget)}

    settings = worst_mixture.Settings(steps=1, pieces=1, utterances=1)
    assert {each.correct for each in worst_mixture.run(Unlucky(), utterances, settings)} == {0.0}


@pytest.mark.parametrize("threat", [white_box_waveform, white_box_inaudible, worst_mixture])
def test_who_shows_no_gradients_is_refused_and_nobody_is_asked_unasked(threat, utterances):
    assert not threat.THREAT.wanted(threat.Settings())
    with pytest.raises(ValueError, match="expected a system with gradients"):
        list(threat.run(SimpleNamespace(gradients=None), utterances, threat.Settings()))


def many():
    return [
        SimpleNamespace(id=f"u{number:02d}", speaker=f"s{number % 3}", label=int(number % 7 == 0), seed=0)
        for number in range(42)
    ]


def test_some_are_chosen_evenly_over_speakers_and_classes():
    some = sound.chosen(many(), 12)
    counts = pd.Series([(each.speaker, each.label) for each in some]).value_counts()
    assert len(some) == 12 and (counts == 2).all() and len(counts) == 6
    assert [each.id for each in sound.chosen(many()[::-1], 12)] == [each.id for each in some][::-1]
    assert len(sound.chosen(many(), 0)) == len(sound.chosen(many(), 99)) == 42


def test_batches_are_of_like_length_and_padded_with_silence():
    lengths = [5000, 300, 4000, *[1000] * 8]
    some = [
        SimpleNamespace(id=str(number), speech=SimpleNamespace(clean=np.ones(length)))
        for number, length in enumerate(lengths)
    ]
    found = sound.batches(some)
    assert [each.speech.clean.size for group in found for each in group] == sorted(lengths) and len(found) == 2
    waves, sizes = sound.padded([each.speech.clean for each in found[1]])
    assert waves.shape == (3, 6400) or waves.shape[1] % 1600 == 0
    assert (waves.sum(axis=1) == sizes).all()


def test_its_row_has_what_the_graph_said_and_what_random_draws_do_to_the_same_utterances():
    ids = [f"u{number}" for number in range(8)]
    clean = pd.DataFrame(
        {"id": ids, "speaker": ["a", "b"] * 4, "label": [0, 0, 1, 1] * 2, "predicted": [0, 0, 1, 1] * 2, "seed": 0}
    )
    scorer = Scorer(clean, ("negative", "positive"), replicates=50, confidence=0.95, seed=0)
    half = pd.DataFrame(
        {
            **{"id": ids[:4], "budget": "snr_db", "target": 10.0, "queries": 0, "allowed": 0, "seed": 0, "without": ""},
            **{"correct": [0.0, 1, 0, 0], "graph_correct": [0.0, 0, 0, 0], "drawn_correct": [1.0, 1, 1, 0]},
            **{"snr_db": [10.0, 9.0, 11.0, 30.0], "gradient_norm": 1.0},
        }
    )
    (row,) = scoring.rows({"none": (scorer, {white_box_waveform.NAME: half})})
    assert (row.utterances, row.score.error, row.graph_error, row.drawn_error) == (4, 75.0, 100.0, 25.0)
    assert row.snr_db_median == 10.5
    whole = pd.concat([half, half.assign(id=ids[4:])])
    (row,) = scoring.rows({"none": (scorer, {white_box_waveform.NAME: whole})})
    assert row.utterances is None and row.score.error == 75.0


def test_it_rings_where_random_draws_of_the_same_utterances_do_more_harm():
    def row(error, drawn):
        score = Score(error, None)
        return ThreatRow("none", SNR(10), white_box_waveform.NAME, 0, 0.0, None, score, None, 4, error, drawn, 10.0)

    table = pd.DataFrame({"id": ["a", "b"], "seed": 0, "gradient_norm": [1.0, 2.0]})
    (against, gradients) = white_box_waveform.alarms([row(20.0, 30.0)], table, 50.0)
    assert against.name == "black_box_beats_white_box" and gradients is None
    assert white_box_waveform.alarms([row(30.0, 30.0)], table, 50.0) == [None, None]
    (gone,) = worst_mixture.THREAT.alarms([], table.assign(gradient_norm=0.0), 50.0)
    assert gone.name == "zero_gradients"
