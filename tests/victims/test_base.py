import numpy as np
import pytest

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.features.opensmile import Egemaps, Functionals
from kerasser.util.errors import InputError, UnfinishedError
from kerasser.victims.base import Cached, Counted, Recogniser

CLASSES = ("anger", "neutral", "sadness")


def speech(samples=4000, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def answering(rows, classes=CLASSES):
    return Recogniser("mine", "waveform", classes, lambda heard: rows)


class Loudness:
    """Answers with the loudness, and remembers what it was asked."""

    classes = ("quiet", "loud")

    def __init__(self):
        self.asked = []

    def __call__(self, waveforms, sample_rate_hz):
        self.asked += [len(waveform) for waveform in waveforms]
        loud = np.array([np.abs(waveform).mean() for waveform in waveforms])
        return np.stack([1 - loud, loud], axis=1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.5, 0.5]], r"shape \[1, 2\]"),
        ([[0.2, 0.3, 0.5]] * 2, r"shape \[2, 3\]"),
        ([0.2, 0.3, 0.5], r"shape \[3\]"),
        ([[0.2, 0.3, np.nan]], "NaN"),
        ([[2.0, -1.5, 0.5]], "in .0, 1.. Received: -1.5; are these logits"),
        ([[1.5, -0.6, 0.1]], "in .0, 1.. Received: -0.6"),
        ([[0.2, 0.3, 0.4]], "a sum of 0.9"),
        (None, r"shape \[\]|no array"),
        ("anger", "no array of numbers"),
        ([["anger", 0.3, 0.4]], "no array of numbers"),
        ([[0.2, 0.8], [1.0]], "no array of numbers"),
    ],
)
def test_answers_that_are_no_probabilities_end_in_one_line(rows, words):
    with pytest.raises(InputError, match=words) as error:
        answering(rows)([speech()], SAMPLE_RATE_HZ)
    assert str(error.value).startswith("mine: expected probabilities [1, 3], a column for each of anger, neutral")
    assert "\n" not in str(error.value)


def test_answers_within_rounding_are_taken():
    found = answering(np.array([[1.0 + 2e-7, 0.0, -1e-9], [0.3, 0.3, 0.4004]], np.float32))([speech()] * 2, 16000)
    assert found.dtype == np.float64 and found.shape == (2, 3)


def test_a_victim_hears_what_it_asks_for_clipped():
    heard = []

    def ask(items):
        heard.append(list(items))
        return np.full((len(items), 3), 1 / 3)

    loud = 20 * speech()
    bounded = loud.clip(-1, 1 - 2.0**-15)
    for kind, described in (("waveform", lambda x: x), ("frames", Egemaps()), ("functionals", Functionals())):
        Recogniser("mine", kind, CLASSES, ask, workers=2)([loud, speech(6000)], SAMPLE_RATE_HZ)
        for got, waveform in zip(heard.pop(), (bounded, speech(6000)), strict=True):
            np.testing.assert_array_equal(got, described(waveform))


@pytest.mark.parametrize("classes", [(), ("anger",), ("anger", "anger")])
def test_classes_are_two_or_more(classes):
    with pytest.raises(InputError, match="victim.classes: expected two names or more"):
        answering([], classes)


def test_an_unknown_input_or_another_rate_is_refused():
    with pytest.raises(InputError, match="victim.input: expected one of waveform, frames, functionals"):
        Recogniser("mine", "mfcc", CLASSES, lambda heard: None)
    with pytest.raises(InputError, match="mine: expected speech at 16000 Hz. Received: 8000 Hz"):
        answering([[1, 0, 0]])([speech()], 8000)


def test_nothing_asked_is_nothing_answered():
    assert answering(None)([], SAMPLE_RATE_HZ).shape == (0, 3)
    assert Cached(Loudness())([], SAMPLE_RATE_HZ).shape == (0, 2)


def test_queries_are_counted_and_limited():
    inner = Loudness()
    counted = Counted(inner, limit=5, queries=1)
    counted([speech()] * 3, SAMPLE_RATE_HZ)
    assert counted.queries == 4 and counted.classes == inner.classes
    with pytest.raises(UnfinishedError, match="no more than 5 queries. Received: 2 after 4"):
        counted([speech()] * 2, SAMPLE_RATE_HZ)
    assert (counted.queries, len(inner.asked)) == (4, 3)
    counted([speech()], SAMPLE_RATE_HZ)
    assert counted.queries == 5


def test_the_same_waveform_is_asked_about_once():
    inner = Loudness()
    counted = Counted(inner)
    cached = Cached(counted)
    one, other, third = speech(seed=1), speech(seed=2), speech(5000, seed=3)
    first = cached([one, other, one], SAMPLE_RATE_HZ)
    second = cached([third, other, one.copy()], SAMPLE_RATE_HZ)
    assert counted.queries == 3
    np.testing.assert_array_equal(first, inner([one, other, one], SAMPLE_RATE_HZ))
    np.testing.assert_array_equal(second, inner([third, other, one], SAMPLE_RATE_HZ))


@pytest.mark.parametrize("shape", [(3, 1), (3,)])
def test_one_output_is_the_probability_of_the_second_of_two_classes(shape):
    victim = Recogniser(
        "mine", "waveform", ("negative", "positive"), lambda heard: np.array([0.1, 0.5, 1]).reshape(shape)
    )
    np.testing.assert_allclose(victim([speech()] * 3, SAMPLE_RATE_HZ), [[0.9, 0.1], [0.5, 0.5], [0, 1]])
    assert victim.single_output and "'positive'" in victim.one_output()


def test_two_outputs_are_no_single_one():
    victim = Recogniser("mine", "waveform", ("negative", "positive"), lambda heard: [[0.1, 0.9]] * len(heard))
    victim([speech()] * 2, SAMPLE_RATE_HZ)
    assert not victim.single_output


def test_one_output_of_more_classes_is_refused_with_the_cure():
    with pytest.raises(InputError, match=r"one \(sigmoid\) output answers for two classes.*Received: shape \[2, 1\]"):
        Recogniser("mine", "waveform", CLASSES, lambda heard: [[0.2]] * 2)([speech()] * 2, SAMPLE_RATE_HZ)


@pytest.mark.parametrize("answer", [2.5, -0.5])
def test_one_output_that_is_no_probability_is_refused_by_what_it_gave(answer):
    victim = Recogniser("mine", "waveform", ("negative", "positive"), lambda heard: [[answer]])
    with pytest.raises(
        InputError, match=rf"one output, the probability of positive.*Received: {answer}; are these logits"
    ):
        victim([speech()], SAMPLE_RATE_HZ)
