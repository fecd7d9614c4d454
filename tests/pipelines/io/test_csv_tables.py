"""Tables whose cells would pass for another type."""

import numpy as np
import pandas as pd
import pytest

from kerasser.evaluation.alarms import zero_gradients
from pipelines.components import searcher, white_box
from pipelines.engine.artifacts import Artifact
from pipelines.io import csv_tables

WHITE_BOX = """id,speaker,label,budget,target,radius,margin,predicted,gradient_norm
NA,nan,1,epsilon,2.0,0.5,nan,0,nan
007,1e3,0,epsilon,2.0,0.5,,0,
u2,s,0,snr_db,10.0,0.5,-inf,1,inf
u3,s,0,snr_db,10.0,0.5,1.5,1,0.25
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "white_box.csv").write_text(WHITE_BOX)
    return white_box.read(Artifact("WhiteBox", tmp_path, {}))


def test_numbers_that_are_none_are_nan_and_names_stay_names(table):
    assert table["gradient_norm"].dtype == table["margin"].dtype == np.float64
    np.testing.assert_array_equal(table["gradient_norm"], [np.nan, np.nan, np.inf, 0.25])
    assert table["id"].tolist() == ["NA", "007", "u2", "u3"] and table["speaker"].tolist() == ["nan", "1e3", "s", "s"]


def test_the_alarm_of_a_broken_gradient_rings_on_what_was_read(table):
    alarm = zero_gradients(table["gradient_norm"].to_numpy())
    assert alarm is not None and alarm.evidence["not_finite"] == 3


def test_what_pandas_writes_is_read_again(table, tmp_path):
    table.to_csv(tmp_path / "again.csv", index=False)
    again = csv_tables.read(tmp_path / "again.csv", white_box._COLUMNS)
    pd.testing.assert_frame_equal(again, table)


def test_questions_to_which_nothing_was_added_are_read_too(tmp_path):
    (tmp_path / "search.csv").write_text(
        "id,speaker,label,budget,target,method,query,noise,recording,offset,draw_seed,margin,correct,snr_db,clipped\n"
        "1,2,0,epsilon,0.0,extreme,1,NA,cafe/1,5,00ff,nan,True,,0.0\n"
        "1,2,0,snr_db,-20.0,extreme,1,NA,cafe/1,5,00ff,-1.0,False,-13.5,0.25\n"
    )
    found = searcher.read(Artifact("Search", tmp_path, {}))
    assert found["correct"].tolist() == [True, False] and found["correct"].dtype == bool
    np.testing.assert_array_equal(found["snr_db"], [np.nan, -13.5])
    assert found["noise"].tolist() == ["NA", "NA"] and found["draw_seed"].tolist() == ["00ff", "00ff"]


def test_a_cell_of_another_type_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("id,margin\na,much\n")
    with pytest.raises(ValueError, match="much"):
        csv_tables.read(tmp_path / "table.csv", {"id": str, "margin": float})
