"""The three sentences say what the figures say."""

from dataclasses import replace

import pytest

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.results import Alarm, Clean, Score, WorstOf
from kerasser.report import summary
from tests.report import samples
from tests.report.samples import difference, evaluation, figure1, figure3, reproduction, threat

SOFT, HARD = Epsilon(2), SNR(0)


def any_noise(defence, worst, budget):
    return figure3(defence, "any", budget, Score(30.0, None), WorstOf(9, Score(worst, None)))


PARTS = {
    "corpus": "emodb",
    "synthetic": False,
    "noise_synthetic": False,
    "test_speakers": list("abcdefghijkl"),
    "clean": Clean(87.66, Score(12.34, (10.0, 15.0)), 60, [[30, 0], [0, 30]]),
    "figure1": [
        figure1("any", SOFT, Score(26.0, None), 50.2, 9, 24.0),
        figure1("any", HARD, Score(48.0, None), 61.0, 9, 0.0),
        figure1("cafe", HARD, Score(90.0, None), 99.0, 9, 0.0),
    ],
    "figure3": [
        *(any_noise("none", 40.0, SOFT), any_noise("gan", 10.0, SOFT)),
        *(any_noise("none", 60.0, HARD), any_noise("gan", 45.5, HARD), any_noise("enhancement", 47.0, HARD)),
    ],
    "differences": [
        difference("gan", "none", -30.0, (-35.0, -25.0), SOFT),
        difference("gan", "none", -14.5, (-20.04, -2.0), HARD),
        difference("enhancement", "none", -13.0, (-50.0, 9.0), HARD),
    ],
}


def changed(**parts):
    return reproduction(**(PARTS | parts))


REPORT = changed()


def test_the_attack_is_told_at_the_budget_that_buries_speech_deepest():
    first, _, _ = summary.sentences(REPORT)
    assert "12.3 [10.0, 15.0] % on clean speech; at the hardest budget, 0 dB, it is 48.0 % for a random" in first
    assert "and 61.0 % for the worst of 9 pieces" in first
    assert "(a guess has 50 %, the worst of so many guesses 99.8 %)" in first
    assert (
        "(a guess has 75 %, the worst of so many guesses 100.0 %)"
        in summary.sentences(changed(classes=list("abcd")))[0]
    )


def test_the_best_defence_is_told_with_its_interval_and_its_attacker():
    _, second, _ = summary.sentences(REPORT)
    assert second == (
        "**The defences.** The best of 2, GAN, gives back 14.5 points [+2.0, +20.0] against an attacker who tries 9 "
        "pieces of all noises on the very model (0 dB): an error of 45.5 % instead of 60.0 %. The best is chosen on "
        "these very test figures, so its lead is optimistic."
    )


def test_a_gain_that_may_be_chance_and_a_loss_are_told_as_what_they_are():
    rows = [difference("gan", "none", -14.5, (-20.0, 1.0), HARD)]
    assert "The interval holds 0: that may be chance." in summary.sentences(changed(differences=rows))[1]
    rows = [difference("gan", "none", 3.0, (-1.0, 4.0), HARD)]
    parts = {"figure3": [any_noise("none", 60.0, HARD), any_noise("gan", 63.0, HARD)], "differences": rows}
    second = summary.sentences(changed(**parts))[1]
    assert "The only one measured, GAN, gives nothing back" in second
    assert "63.0 % instead of 60.0 %, -3.0 points [-4.0, +1.0]." in second


def test_no_defence_and_no_error_are_said():
    assert "None was measured here" in summary.sentences(changed(figure3=[]))[1]
    assert "None was measured here" in summary.sentences(evaluation())[1]
    nothing = changed(clean=Clean(None, Score(None, None), 3, [[3]]))
    assert "undefined" in summary.sentences(nothing)[0]
    rows = [any_noise("none", None, HARD), any_noise("gan", None, HARD)]
    assert "undefined" in summary.sentences(changed(figure3=rows))[1]


@pytest.mark.parametrize(
    ("parts", "banner", "care"),
    [
        ({}, [], "emodb is recorded speech, under recorded noise; 60 utterances of 12 speakers test; no alarm rang."),
        ({"synthetic": True}, ["**Synthetic speech.**"], "is synthetic speech"),
        ({"noise_synthetic": True}, ["**Synthetic noise.**"], "under synthetic noise"),
        ({"test_speakers": ["a"]}, ["**Few speakers.** Only 1 test speaker:"], "of 1 speaker test, too few"),
        ({"test_speakers": list("abcdef")}, ["**Few speakers.** Only 6 test speakers:"], "of 6 speakers test, too few"),
        ({"alarms": [Alarm(name="a", message="b")]}, [], "1 alarm rang, listed below"),
    ],
)
def test_what_must_be_known_is_said_and_stands_on_top(parts, banner, care):
    report = changed(**parts)
    found = summary.banners(report)
    assert len(found) == len(banner) and all(map(str.startswith, found, banner))
    assert care in summary.sentences(report)[2]


def test_the_attack_is_told_at_the_largest_factor_where_nothing_was_added():
    rows = [figure1("any", Epsilon(value), Score(value, None), snr_db=None) for value in (2, 1)]
    assert summary.hardest(rows).budget == Epsilon(2)
    assert summary.hardest([figure1("any", SOFT, Score(None, None))]) is None


@pytest.mark.parametrize(
    ("defence", "said"), [("gan", "Of the victim, defended (GAN), the error"), (None, "Of the victim the error")]
)
def test_a_victim_is_not_said_to_lack_a_defence(defence, said):
    victim = evaluation(victim=replace(samples.VICTIM, defence=defence))
    assert said in summary.sentences(victim)[0]
    assert "Without a defence the error" in summary.sentences(evaluation())[0]


def test_what_a_search_reaches_is_told_of_a_victim():
    rows = [threat("none", "oblivious", 20.0), threat("none", "adaptive, Bayesian search", 61.0, 9)]
    victim = evaluation(victim=samples.VICTIM, threats=rows)
    assert summary.sentences(victim)[1] == (
        "**The victim.** mine was asked 42 times; an attacker with 9 queries an utterance (adaptive, Bayesian search) "
        "reaches an error of 61.0 % at ε = 2."
    )
    assert summary.sentences(evaluation(victim=samples.VICTIM))[1].endswith("42 times; nothing was searched.")


def test_headlines_are_plain_lines_at_the_hardest_factor():
    rows = [figure1("cafe", Epsilon(value), Score(10.0 * value, None)) for value in (1, 2)]
    assert summary.headlines(evaluation(figure1=[*rows, figure1("cafe", SNR(0))])) == (
        "clean speech: error 20.0 [10.0, 30.0] %\ncafe at ε = 2: error 20.0 %, worst of 3 40.0 %"
    )
