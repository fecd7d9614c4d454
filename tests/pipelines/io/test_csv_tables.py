"""Tables whose cells would pass for another type."""

import numpy as np
import pandas as pd
import pytest

from kerasser.evaluation.alarms import zero_gradients
from pipelines.components import attacker
from pipelines.engine.artifacts import Artifact
from pipelines.io import csv_tables

HEAD = "id,budget,target,correct,queries,allowed,first_wrong"
WHITE_BOX = f"""{HEAD},radius,margin,gradient_norm
NA,epsilon,2.0,0.0,0,0,,0.5,nan,nan
007,epsilon,2.0,1.0,0,0,,0.5,,
u2,snr_db,10.0,0.0,0,0,,0.5,-inf,inf
1e3,snr_db,10.0,1.0,0,0,,0.5,1.5,0.25
"""
EXTREME = f"""{HEAD},noise,recording,offset,draw_seed,margin,snr_db,clipped
1,epsilon,0.0,1.0,1,1,,NA,cafe/1,5,00ff,nan,,0.0
1,snr_db,-20.0,0.0,1,1,1,NA,cafe/1,5,00ff,-1.0,-13.5,0.25
"""


def read(tmp_path, text):
    (tmp_path / "answers.csv").write_text(text)
    return attacker.read(Artifact("Answers", tmp_path, {}))


def test_numbers_that_are_none_are_nan_and_names_stay_names(tmp_path):
    table = read(tmp_path, WHITE_BOX)
    assert table["gradient_norm"].dtype == table["margin"].dtype == np.float64
    np.testing.assert_array_equal(table["gradient_norm"], [np.nan, np.nan, np.inf, 0.25])
    assert table["id"].tolist() == ["NA", "007", "u2", "1e3"]


def test_the_alarm_of_a_broken_gradient_rings_on_what_was_read(tmp_path):
    alarm = zero_gradients(read(tmp_path, WHITE_BOX)["gradient_norm"].to_numpy())
    assert alarm is not None and alarm.evidence["not_finite"] == 3


def test_gradients_that_are_all_missing_ring_too(tmp_path):
    alarm = zero_gradients(read(tmp_path, f"{HEAD},gradient_norm\nu1,epsilon,2.0,1.0,0,0,,\n")["gradient_norm"])
    assert alarm is not None and alarm.evidence["not_finite"] == 1


def test_what_pandas_writes_is_read_again(tmp_path):
    table = read(tmp_path, WHITE_BOX)
    table.to_csv(tmp_path / "answers.csv", index=False)
    pd.testing.assert_frame_equal(attacker.read(Artifact("Answers", tmp_path, {})), table)


def test_questions_to_which_nothing_was_added_are_read_too(tmp_path):
    found = read(tmp_path, EXTREME)
    np.testing.assert_array_equal(found["snr_db"], [np.nan, -13.5])
    np.testing.assert_array_equal(found["first_wrong"], [np.nan, 1])
    assert found["noise"].tolist() == ["NA", "NA"] and found["draw_seed"].tolist() == ["00ff", "00ff"]


def test_a_cell_of_another_type_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("id,margin\na,much\n")
    with pytest.raises(ValueError, match="much"):
        csv_tables.read(tmp_path / "table.csv", {"id": str, "margin": float})
