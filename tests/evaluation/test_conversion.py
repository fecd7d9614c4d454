"""Rows written flat are read again, and what is no row is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.conversion import from_json, to_json
from kerasser.evaluation.results import (
    Alarm,
    AttackWorstOf,
    CleanRow,
    EmotionRow,
    Figure1Row,
    Figure3Row,
    Model,
    Score,
    TableRow,
    TableWorst,
    WorstOf,
)
from kerasser.util.errors import InputError

SCORE = Score(20.0, (10.0, 30.0))
FIGURE1 = Figure1Row("cafe", Epsilon(2), 9.0, SCORE, AttackWorstOf(3, Score(None, None), None), 12.5, 0.0, 8)
WRITTEN = {
    "noise": "cafe",
    "epsilon": 2.0,
    "snr_db_median": 9.0,
    "error": 20.0,
    "interval": [10.0, 30.0],
    "error_worst_of": {"N": 3, "error": None, "interval": None, "attack_success_rate": None},
    "attack_success_rate": 12.5,
    "clipped_share": 0.0,
    "n": 8,
}
ROWS = [
    FIGURE1,
    Figure3Row(defence="gan", noise="any", budget=SNR(-5), score=SCORE, error_worst_of=WorstOf(3, SCORE)),
    Figure3Row(defence="a", noise="b", budget=SNR(0), percent=10.0, score=SCORE, error_worst_of=WorstOf(3, SCORE)),
    TableRow("cafe", SNR(10), {"gan": (1.0, 2.0)}, TableWorst({"gan": None}, 3, {"gan": 5.0}), {"gan": None}),
    EmotionRow(defence="none", percent=0.0, emotion="joy", n=3, speakers=1, score=Score(1.5, None)),
    Alarm(name="costs_clean", message="It costs."),
    Alarm(defence="", name="duplicated", message="It is known."),
    Model("gan", 0.0, "1", 0, {"layers": 2, "generator": {"units": 5}}),
    CleanRow("none", 0.0, SCORE),
]


def test_a_row_is_flat_and_in_the_order_of_its_class():
    assert json.dumps(to_json(FIGURE1)) == json.dumps(WRITTEN)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_is_read_as_it_was_written(row):
    assert from_json(type(row), json.loads(json.dumps(to_json(row))), "x") == row


def test_what_a_row_does_not_have_is_left_out():
    clean = to_json(ROWS[4])
    assert not {"epsilon", "snr_db_target", "budget", "error_worst_of"} & clean.keys() and clean["interval"] is None
    assert to_json(ROWS[5]) == {"name": "costs_clean", "message": "It costs."}
    assert "percent" not in to_json(ROWS[1]) and to_json(ROWS[2])["percent"] == 10.0


def test_figures_of_a_table_stand_beside_their_intervals():
    assert to_json(ROWS[3]) == {
        **{"noise": "cafe", "snr_db_target": 10.0, "interval": {"gan": [1.0, 2.0]}, "gan": None},
        "worst_of": {"interval": {"gan": None}, "N": 3, "gan": 5.0},
    }
    assert ROWS[3].score("gan") == Score(None, (1.0, 2.0)) and ROWS[3].worst_of.score("gan") == Score(5.0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noisy": 1}, "a.json[0]: expected no field 'noisy'. Received: it"),
        ({"n": "8"}, "a.json[0].n: expected int. Received: '8'"),
        ({"n": True}, "a.json[0].n: expected int. Received: True"),
        ({"interval": [1.0]}, "a.json[0].score.interval"),
        ({"error_worst_of": []}, "a.json[0].error_worst_of: expected an object. Received: []"),
        ({"snr_db_target": 10.0}, "a.json[0].budget: expected one budget. Received: {'epsilon': 2.0"),
        ({"epsilon": -1.0}, "a.json[0].budget: epsilon: expected a finite number"),
        ({"epsilon": None}, "a.json[0].budget: expected a number. Received: None"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(change, message):
    with pytest.raises(InputError) as error:
        from_json(list[Figure1Row], [WRITTEN | change], "a.json")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("missing", WRITTEN)
def test_a_missing_field_is_named(missing):
    with pytest.raises(InputError, match=f"expected a field '{'budget' if missing == 'epsilon' else missing}'"):
        from_json(Figure1Row, {key: value for key, value in WRITTEN.items() if key != missing}, "a.json")


def test_json_that_wrote_a_whole_number_is_a_float_and_no_text_is():
    row = from_json(CleanRow, {"defence": "none", "percent": 0, "error": 20, "interval": None}, "x")
    assert (row.percent, row.score) == (0.0, Score(20.0, None)) and isinstance(row.percent, float)
    with pytest.raises(InputError, match="expected float. Received: '20'"):
        from_json(CleanRow, {"defence": "none", "percent": 0, "error": "20", "interval": None}, "x")


ERRORS = st.none() | st.floats(0, 100)
SCORES = st.builds(Score, ERRORS, st.none() | st.tuples(st.floats(0, 100), st.floats(0, 100)))
BUDGETS = st.builds(Epsilon, st.floats(0, 10)) | st.builds(SNR, st.floats(-30, 30))
WORSTS = st.builds(AttackWorstOf, st.integers(1, 99), SCORES, ERRORS)
FIGURE1S = st.builds(
    Figure1Row, st.text(), BUDGETS, ERRORS, SCORES, WORSTS, ERRORS, st.floats(0, 1), st.integers(0, 10**6)
)


@given(st.lists(FIGURE1S))
def test_any_rows_of_figure_1_come_back_from_json(rows):
    assert from_json(list[Figure1Row], json.loads(json.dumps(to_json(rows), allow_nan=False)), "x") == rows


@given(FIGURE1S, st.text(min_size=1).filter(lambda key: key not in {*WRITTEN, "snr_db_target", "interval_kind"}))
def test_no_unknown_key_is_read_over(row, key):
    with pytest.raises(InputError, match="expected no field"):
        from_json(Figure1Row, to_json(row) | {key: None}, "x")
