"""Few speakers, certain harm, guesses: what stands beside a figure says what it is."""

import re
from types import SimpleNamespace

import pytest

from kerasser.attack.budget import SNR
from kerasser.evaluation.results import (
    RANGE,
    AdjustedP,
    AttackWorstOf,
    Clean,
    DifferenceRow,
    Figure1Row,
    Figure3Row,
    McNemarP,
    Score,
    VictimFacts,
    WorstOf,
)
from kerasser.report import formatting, summary
from kerasser.report.sections import differences, error_against_noise


def figure1_row(n=9):
    score = Score(50.0, (40.0, 60.0))
    return Figure1Row("any", SNR(0), 0.0, score, AttackWorstOf(n, Score(90.0, None), 80.0), 40.0, 0.0, 60)


def report(speakers=12, **parts):
    known = {
        "test_speakers": [f"s{number}" for number in range(speakers)],
        "confidence": 0.95,
        "classes": ["negative", "positive"],
        "chance_error": 50.0,
        "figure1": [figure1_row()],
        "clean": Clean(80.0, Score(20.0, (10.0, 30.0)), 60, [[1, 2], [3, 4]]),
    }
    return SimpleNamespace(**known | parts)


def test_a_range_an_interval_and_no_spread_are_told_apart():
    assert formatting.percent(Score(20.0, (10.0, 30.0))) == "20.0 [10.0, 30.0]"
    assert formatting.percent(Score(20.0, (10.0, 30.0), RANGE)) == "20.0 (10.0 to 30.0)"
    assert formatting.percent(Score(0.0, (0.0, 0.0))) == "0.0 [no spread]"
    assert formatting.percent(Score(0.0, (0.0, 0.0), RANGE)) == "0.0 (no spread)"
    assert formatting.difference(-2.0, (-5.0, 1.0), RANGE) == "-2.0 (-5.0 to +1.0)"
    assert formatting.difference(-2.0, (-5.0, 1.0)) == "-2.0 [-5.0, +1.0]"


@pytest.mark.parametrize(
    ("speakers", "spread", "banner"),
    [
        (2, "the range over the 2 test speakers, .* and no interval", "Only 2 test speakers: .* range .* no interval"),
        (4, "the range over the 4 test speakers", "range"),
        (5, "95 % bootstrap intervals over speakers, too narrow over 5", "83 to 90 %"),
        (10, "too narrow over 10", "83 to 90 %"),
        (11, "95 % bootstrap intervals over speakers$", None),
    ],
)
def test_the_number_of_speakers_decides_what_is_said(speakers, spread, banner):
    found = report(speakers)
    assert re.search(spread, formatting.spread(found))
    said = summary.few_speakers(found.test_speakers)
    assert said is None if banner is None else re.search(banner, said)


def test_a_guess_stands_beside_the_worst_of_as_many_draws():
    both = report(figure1=[figure1_row(3), figure1_row(9)])
    assert formatting.guesses(both) == (
        "Whoever guesses has an error of 50.0 %; guessing anew at every draw, worst of 3 87.5 %, worst of 9 99.8 %."
    )


def difference_row(interval, p, kind=None):
    tests = AdjustedP(p / 4, p), McNemarP(1, 9, p, p)
    return DifferenceRow(SNR(0), "worst", "gan", "none", -30.0, interval, None, *tests, kind)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (difference_row((-40.0, -20.0), 1.0), "Where an interval lies on one side of 0 beside a large p"),
        (difference_row((-40.0, -20.0), 1.0, RANGE), "Where a range lies on one side of 0 beside a large p"),
        (difference_row((-40.0, 20.0), 1.0), None),
        (difference_row((-40.0, -20.0), 0.01), None),
    ],
)
def test_an_interval_beside_a_p_that_contradicts_it_is_explained(row, said):
    text = str(differences.blocks(report(differences=[row]))[0])
    assert "not over budgets and draws" in text
    assert said in text if said else "on one side of 0" not in text


def bar(name, error):
    worst = WorstOf(9, Score(error, None))
    return Figure3Row(defence=name, noise="any", budget=SNR(0), score=Score(20.0, None), error_worst_of=worst)


def test_what_the_best_defence_gives_back_has_its_range():
    row = difference_row((-40.0, -20.0), 0.01, RANGE)
    told = summary._gain(row, bar("gan", 60.0), bar("none", 90.0), "The best of 2")
    assert "gives back 30.0 points (+20.0 to +40.0) against an attacker who tries 9 pieces of all noises" in told
    row = difference_row((-40.0, 0.0), 0.01, RANGE)
    assert "The range holds 0" in summary._gain(row, bar("gan", 60.0), bar("none", 90.0), "The best of 2")


@pytest.mark.parametrize(
    ("defence", "said"), [("gan", "a SavedModel, defended (GAN); it hears"), (None, "a SavedModel; it hears")]
)
def test_a_defended_victim_is_called_so(defence, said):
    victim = VictimFacts("saved_model", "mine", "", "frames", ["a", "b"], None, None, None, 9, defence)
    rows = [SimpleNamespace(noise="cafe", error_worst_of=WorstOf(3, Score(1.0, None)))]
    assert said in str(error_against_noise._attacked(victim, rows)[0])
