"""Both kinds of report are read as they were written, and nothing else is."""

import json
from dataclasses import replace

import pytest

from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.util.errors import InputError
from tests.report.samples import EVALUATION, EXAMPLE, REPRODUCTION, VICTIM, threat

REPORTS = {
    "reproduction": REPRODUCTION,
    "evaluation": replace(EVALUATION, sounds=[EXAMPLE], search=[{"layers": 2}], trained_speakers=["c"]),
    "attack": replace(EVALUATION, fold=None, victim=VICTIM, threats=[threat("none", "oblivious", 3.0)]),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_read_as_it_was_written(tmp_path, name):
    report = REPORTS[name]
    report.write(tmp_path)
    read = Report.read(tmp_path)
    assert type(read) is type(report) and read.to_json() == report.to_json()
    assert json.loads((tmp_path / "report.json").read_text()) == report.to_json()


def test_what_a_report_does_not_have_has_no_key():
    keys = EVALUATION.to_json().keys()
    assert not {"victim", "threats", "search_curve", "search", "model"} & keys and {"fold", "seed", "chance"} <= keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"figure9": []}, "report.json: expected no field 'figure9'"),
        ({"seeds": ["0"]}, "report.json.seeds[0]: expected int. Received: '0'"),
        ({"table2": None}, "report.json.table2: "),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(change, message):
    with pytest.raises(InputError) as error:
        Report.from_json(REPRODUCTION.to_json() | change)
    assert str(error.value).startswith(message)


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path):
    for content in ("{", "[]", "3"):
        (tmp_path / "report.json").write_text(content)
        with pytest.raises(InputError, match="report.json: expected (JSON|a report)"):
            Report.read(tmp_path)


def test_a_kind_that_is_asked_for_is_that_kind():
    with pytest.raises(InputError, match="expected a field 'folds'"):
        ReproductionReport.from_json(EVALUATION.to_json())
    assert isinstance(EvaluationReport.from_json(EVALUATION.to_json()), EvaluationReport)


def test_the_scope_names_folds_and_seeds_or_the_victim():
    assert REPRODUCTION.scope == "2 folds, seed 0"
    assert replace(REPRODUCTION, folds=["3"], seeds=[1, 2]).scope == "fold 3, 2 seeds"
    assert EVALUATION.scope == "fold 1, seed 0" and REPORTS["attack"].scope == "mine"
    assert (EVALUATION.chance_error, replace(EVALUATION, classes=list("abcd")).chance_error) == (50.0, 75.0)
