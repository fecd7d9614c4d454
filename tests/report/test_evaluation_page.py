"""The page of an evaluation or an attack, and what both kinds of report say of their origin."""

from dataclasses import replace

import pytest

from kerasser.evaluation.results import Clean, Model, Score
from kerasser.report import document
from kerasser.report.summary import few_speakers
from tests.report.samples import COMMON, EXAMPLE, VICTIM, evaluation, reproduction, threat


def markdown(report):
    return document.markdown(document.compose(report))


def test_an_evaluation_says_its_error_and_its_confusion():
    text = markdown(evaluation())
    assert text.startswith("# demo, fold 1: error under real-world noise\n\n> **Synthetic speech.**")
    said = "On clean speech the error is 20.0 [10.0, 30.0] % (10 utterances, 2 test speakers). Error is 100 − UA; "
    assert f"{said}parentheses hold the range over the 2 test speakers" in text
    assert "guessing anew at every draw, worst of 3 87.5 %." in text
    assert "| truth \\ answer | negative | positive |\n| --- | --- | --- |\n| negative | 4 | 1 |\n" in text
    row = "| cafe | ε = 2 | 9.0 | 20.0 [10.0, 30.0] | 40.0 | 3 | 12.0 | 0.000 |"
    assert row in text and "![Error against ε and against SNR](figure1.svg)" in text
    assert markdown(evaluation(fold=None)).startswith("# demo: error under")


def test_an_undefined_error_is_a_dash():
    text = markdown(evaluation(clean=Clean(None, Score(None, None), 5, [[5]]), classes=["one"]))
    assert "the error is – %" in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("server", "a server, asked at http://h:1, model m, version 3, signature serve, called version beta;"),
        ("keras", "a Keras model, version 3, signature serve, called version beta;"),
    ],
)
def test_who_was_attacked_is_said(kind, said):
    text = markdown(evaluation(victim=replace(VICTIM, kind=kind)))
    assert f"Attacked: mine, {said} it hears waveform and answers a, b." in text
    assert "here 3 for one noise and budget. The victim answered 42 queries in all." in text


def test_threats_to_one_system_are_a_table_without_a_figure():
    text = markdown(evaluation(threats=[threat("none", "oblivious", 30.0)]))
    assert "## What the attacker knows" in text and "figure4" not in text
    assert "What the attacker knows" not in markdown(evaluation())


def test_what_took_the_features_is_said():
    report = reproduction()
    text = markdown(replace(report, settings={**report.settings, "features": {"front_end": "graph"}}))
    assert "- Features: taken by the front end graph." in text


def test_where_the_figures_come_from():
    text = markdown(reproduction(skipped={"too short": 3}))
    assert "    python -m pipelines.reproduce" in text.splitlines()
    assert "- Seeds: training 0; draws of noise 7; folds 5." in text
    assert "- Tested: 10 utterances of 2 speakers: a, b." in text and "- Left out of the corpus: 3 × too short." in text
    assert "Features: taken by" not in text
    assert f"| utterances | `{'0' * 64}` |" in text
    assert f"| GAN | 1 | 0 | 2 × 8 LSTM units | 91.2 | – | `{'ab' * 8}` |" in text


def test_what_is_not_known_of_a_model_is_left_open():
    generator = {"build": {"units": 5, "bottleneck": 2}, "sha256": "cd" * 32}
    models = [
        Model("adversarial training", 50.0, "1", 3, {"generator": generator}),
        Model("none", 0.0, "1", 3, {"generator": {}}),
        Model("none", 0.0, "2", 3, {"generator": {"form": "frame"}}),
    ]
    text = markdown(evaluation(models=models))
    assert f"| adversarial training (50 %) | 1 | 3 | – | – | 5 – 2 – 5 units | `{'cd' * 8}` |" in text
    assert "| none | 1 | 3 | – | – | – | – |" in text and "| none | 2 | 3 | – | – | yes | – |" in text
    bare = markdown(evaluation(command="", inputs={}, models=[]))
    assert "Words in capitals" not in bare and "What went in" not in bare and "Every model" not in bare


def test_sounds_are_links():
    assert "| clean | [clean](sounds/0-0.wav) | positive (91 %), right | – |" in markdown(evaluation(sounds=[EXAMPLE]))


def test_remarks_stand_with_the_alarms_but_for_what_a_banner_says():
    few = few_speakers(["a", "b"])
    text = markdown(evaluation(remarks=[*COMMON["remarks"], few]))
    assert text.count(few) == 1 and "To know:\n\n- synthetic speech\n" in text
    assert "To know:" not in markdown(evaluation(remarks=[few]))
