"""What is said of audibility and of the label, in each case that a report may be in."""

from dataclasses import replace

import markdown
import pytest

from kerasser.evaluation.results import EmotionNoise, NoiseTest, Score, SexRow
from kerasser.report import document
from kerasser.report.blocks import Table
from kerasser.report.sections import label_survival, perception
from tests.report.samples import EVALUATION, QUARTILES, SURVIVAL, emotions, evaluation


def said(blocks):
    """The lines of some blocks as Markdown."""
    part = document.Part("", blocks)
    return document.markdown(document.Document("", [], [], [], [part])).splitlines()


def audible(**values):
    return said(perception.blocks(evaluation(perception=replace(EVALUATION.perception, **values))))


def survives(**values):
    return said(label_survival.blocks(evaluation(label_survival=replace(SURVIVAL, **values))))


def test_measures_stand_beside_the_error():
    lines = audible()
    measures = "9.0 (8.0 to 10.0) | 9.0 (8.0 to 10.0) | 0.88 (8.00 to 10.04) | –"
    assert f"| cafe | 10 dB | {measures} | 20.0 [10.0, 30.0] | 50.0 | 9 |" in lines
    assert any("24 utterances" in line for line in lines)
    assert not any("would fill" in line for line in lines)


@pytest.mark.parametrize(
    ("level", "against"),
    [
        ("utterance", "against the whole utterance, pauses included"),
        ("active", "against the active speech (ITU-T P.56)"),
    ],
)
def test_it_says_what_ratios_are_measured_against(level, against):
    report = evaluation(settings={**EVALUATION.settings, "attack": {"speech_level": level}})
    assert f"The SNR is that of every draw, {against}." in "\n".join(said(perception.blocks(report)))


def test_a_missing_package_is_named_with_the_column_it_would_fill():
    (line,) = (line for line in audible(missing=["pesq"]) if "would fill" in line)
    assert line == 'PESQ is empty: the package pesq would fill it (`pip install "kerasser[perception]"`).'
    text = "\n".join(audible(missing=["pesq", "pystoi"]))
    assert "the package pystoi would fill it" in text and "STOI is empty" in text


def test_nothing_measured_is_said():
    assert any("`perception.utterances` is 0" in line for line in audible(utterances=0))


def test_reference_noise_and_errors_are_told_by_emotion():
    lines = survives()
    assert "| anger | 12 | 3 | 9.0 (8.0 to 10.0) | 9.0 (8.0 to 10.0) | 9.0 (8.0 to 10.0) |" in lines
    assert "| joy | 12 | 3 | – | – | 9.0 (8.0 to 10.0) |" in lines
    head = "| emotion | defence | utterances | speakers | clean | ε = 2, mean draw | ε = 2, worst of 9 "
    assert head + "| 10 dB, mean draw | 10 dB, worst of 9 |" in lines
    cells = "20.0 [1.0, 2.0] | 20.0 [1.0, 2.0] | 50.0 | 20.0 [1.0, 2.0] | 50.0"
    assert f"| anger | GAN | 12 | 3 | {cells} |" in lines
    assert not any("random" in line for line in lines)


def test_one_system_needs_no_name():
    lines = survives(errors_by_emotion=emotions())
    assert any(line.startswith("| emotion | utterances | speakers | clean | ε = 2") for line in lines)


def test_the_test_is_said_with_its_limits():
    text = "\n".join(survives())
    assert "H = 7.2" in text and "p = 0.012" in text and "not why" in text
    assert "p < 0.001" in "\n".join(survives(test=replace(SURVIVAL.test, p=1e-4)))
    assert "cannot be tested" in "\n".join(survives(test=NoiseTest(None, None, 0, 0)))


def test_an_unknown_sex_is_said_and_a_known_one_shown():
    assert any("does not tell the speakers' sex" in line for line in survives())
    rows = [
        SexRow(defence="none", percent=0.0, sex=sex, n=5, speakers=1, score=Score(error, None))
        for sex, error in (("female", None), ("male", 12.5))
    ]
    lines = survives(errors_by_sex=rows)
    assert "| female | 5 | 1 | – |" in lines and "| male | 5 | 1 | 12.5 |" in lines


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table(["a", "b"], [["1", "2"], ["3"]])


def test_an_emotion_s_name_can_break_neither_table_nor_page():
    rows = [EmotionNoise("<script>a|b\nc</script>", 12, 3, QUARTILES, QUARTILES, QUARTILES)]
    text = "\n".join(survives(reference_noise=rows))
    page = markdown.markdown(text, extensions=["tables"])
    assert "<script>" not in page
    assert "<td>&lt;script&gt;a|b c&lt;/script&gt;</td>" in page
