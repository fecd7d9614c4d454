"""The three sentences say what the figures say."""

import copy

import pytest

from kerasser.report import summary


def mean(defence, worst, error=30.0, **budget):
    n = {"N": 3, "error": worst, "interval": None}
    return {"defence": defence, "noise": "mean", **budget, "error": error, "interval": None, "error_worst_of": n}


def certain(first, difference, interval, **budget):
    return {"first": first, "second": "none", "draw": "worst", **budget, "difference": difference, "interval": interval}


def any_noise(snr_db, error, worst, **budget):
    n = {"N": 9, "error": worst, "interval": [worst - 1, worst + 1]}
    return {"noise": "any", **budget, "snr_db_median": snr_db, "error": error, "interval": None, "error_worst_of": n}


SOFT, HARD = {"epsilon": 2.0}, {"snr_db_target": 0.0}
REPORT = {
    "corpus": "emodb",
    "classes": ["negative", "positive"],
    "synthetic": False,
    "noise_synthetic": False,
    "test_speakers": list("abcdef"),
    "clean": {"n": 60, "error": 12.34, "interval": [10.0, 15.0]},
    "figure1": [
        any_noise(24.0, 26.0, 50.2, **SOFT),
        any_noise(0.0, 48.0, 61.0, **HARD),
        any_noise(0.0, 90.0, 99.0, **HARD) | {"noise": "cafe"},
    ],
    "figure3": [
        *(mean("none", 40.0, **SOFT), mean("gan", 10.0, **SOFT)),
        *(mean("none", 60.0, **HARD), mean("gan", 45.5, **HARD), mean("enhancement", 47.0, **HARD)),
    ],
    "differences": [
        certain("gan", -30.0, [-35.0, -25.0], **SOFT),
        certain("gan", -14.5, [-20.04, -2.0], **HARD),
        certain("enhancement", -13.0, [-50.0, 9.0], **HARD),
    ],
    "alarms": [],
}


def changed(**parts):
    return copy.deepcopy(REPORT) | parts


def test_the_attack_is_told_at_the_budget_that_buries_speech_deepest():
    first, _, _ = summary.sentences(REPORT)
    assert "12.3 [10.0, 15.0] % on clean speech; at the hardest budget, 0 dB, it is 48.0 % for a random" in first
    assert "and 61.0 [60.0, 62.0] % for the worst of 9 pieces" in first
    assert "(50 % is chance)" in first
    assert "(75 % is chance)" in summary.sentences(changed(classes=list("abcd")))[0]


def test_the_best_defence_is_told_with_its_interval_and_its_attacker():
    _, second, _ = summary.sentences(REPORT)
    assert second == (
        "**The defences.** The best of 2, GAN, gives back 14.5 points [+2.0, +20.0] against an attacker who tries 3 "
        "pieces of each noise on the very model (0 dB): an error of 45.5 % instead of 60.0 %."
    )


def test_a_gain_that_may_be_chance_and_a_loss_are_told_as_what_they_are():
    rows = [certain("gan", -14.5, [-20.0, 1.0], **HARD)]
    assert "The interval holds 0: that may be chance." in summary.sentences(changed(differences=rows))[1]
    rows = [certain("gan", 3.0, [-1.0, 4.0], **HARD)]
    parts = {"figure3": [mean("none", 60.0, **HARD), mean("gan", 63.0, **HARD)], "differences": rows}
    second = summary.sentences(changed(**parts))[1]
    assert "The only one measured, GAN, gives nothing back" in second
    assert "63.0 % instead of 60.0 %, -3.0 points [-4.0, +1.0]." in second


def test_no_defence_and_no_error_are_said():
    assert "None was measured here" in summary.sentences(changed(figure3=[]))[1]
    nothing = changed(clean={"n": 3, "error": None, "interval": None})
    assert "undefined" in summary.sentences(nothing)[0]
    rows = [mean("none", None, **HARD), mean("gan", None, **HARD)]
    assert "undefined" in summary.sentences(changed(figure3=rows))[1]


@pytest.mark.parametrize(
    ("parts", "banner", "care"),
    [
        ({}, [], "emodb is recorded speech, under recorded noise; 60 utterances of 6 speakers test; no alarm rang."),
        ({"synthetic": True}, ["**Synthetic speech.**"], "is synthetic speech"),
        ({"noise_synthetic": True}, ["**Synthetic noise.**"], "under synthetic noise"),
        ({"test_speakers": ["a"]}, ["**Few speakers.** Only 1 test speaker:"], "of 1 speaker test, too few"),
        ({"alarms": [{}]}, [], "1 alarm rang, listed below"),
    ],
)
def test_what_must_be_known_is_said_and_stands_on_top(parts, banner, care):
    report = changed(**parts)
    found = summary.banners(report)
    assert len(found) == len(banner) and all(map(str.startswith, found, banner))
    assert care in summary.sentences(report)[2]
