"""The section on channels, of an evaluation and of a reproduction, with and without what may be missing."""

from dataclasses import replace

import pytest

from kerasser.attack.budget import SNR, Channel
from kerasser.evaluation.report import EvaluationReport
from kerasser.evaluation.results import (
    AdjustedP,
    AttackWorstOf,
    ChannelReference,
    ChannelRow,
    Channels,
    Difference,
    McNemarP,
    Score,
)
from kerasser.report.sections import channels, of
from tests.report.samples import QUARTILES, evaluation, reproduction
from tests.report.test_sections import said


def row(budget, error=30.0, defence="none", interval=(2.0, 18.0), noise=True):
    against = Difference(10.0, interval, 7.5, AdjustedP(0.004, 0.012), McNemarP(1, 9, 0.02, 0.04))
    return ChannelRow(
        defence=defence,
        budget=budget,
        score=Score(error, (20.0, 40.0)),
        error_worst_of=AttackWorstOf(3, Score(50.0, None), 25.0),
        attack_success_rate=12.5,
        clipped_share=0.0,
        n=10,
        snr_db=QUARTILES,
        segmental_snr_db=QUARTILES,
        stoi=replace(QUARTILES, median=0.876),
        pesq=None,
        against_clean=against,
        against_noise=replace(against, difference=-3.0, interval=(-9.0, 3.0), mcnemar=None) if noise else None,
    )


def part(*rows, defences=("none",), budget=SNR(10), utterances=24):  # noqa: B008
    references = [ChannelReference(each, Score(20.0, None), budget, Score(33.0, None)) for each in defences]
    return Channels(utterances, [], references, rows or [row(Channel("telephone")), row(Channel("reverberation", 0.6))])


def test_without_channels_there_is_no_section():
    assert channels.blocks(evaluation()) == [] and channels.tables(evaluation())["channels"] == ()


def test_the_error_stands_beside_clean_speech_and_noise():
    lines = said(channels.blocks(evaluation(channels=part())))
    assert "On clean speech the error is 20.0 %, under noise at 10 dB 33.0 %, over all environments." in lines
    assert "| room, RT60 0.6 s | 30.0 [20.0, 40.0] | 50.0 | 3 | 12.5 |" in lines
    assert "| room, RT60 0.6 s | +10.0 [+2.0, +18.0] | 0.012 | 0.040 | -3.0 [-9.0, +3.0] | 0.012 | 7.5 |" in lines
    heard = "9.0 (8.0 to 10.0) | 9.0 (8.0 to 10.0) | 0.88 (8.00 to 10.04) | – | 30.0 [20.0, 40.0]"
    assert f"| telephone, 300–3400 Hz, µ-law | {heard} |" in lines
    assert any("for 24 utterances" in line for line in lines)


def test_a_reproduction_says_whose_error_it_is():
    rows = [row(Channel("mp3", 32), defence=each) for each in ("none", "gan")]
    lines = said(channels.blocks(reproduction(channels=part(*rows, defences=("none", "gan")))))
    assert any(line.startswith("| GAN | MP3, 32 kbit/s |") or "| MP3, 32 kbit/s | 30.0" in line for line in lines)
    assert sum("MP3, 32 kbit/s | 30.0 [20.0, 40.0]" in line for line in lines) == 2
    # How much is heard is the same for every system.
    assert sum("MP3, 32 kbit/s | 9.0" in line for line in lines) == 1


def test_what_is_unknown_is_left_out():
    bare = row(Channel("telephone"), interval=None, noise=False)
    text = "\n".join(said(channels.blocks(evaluation(channels=part(bare, budget=None, utterances=0)))))
    assert "Which differences are certain" not in text and "under noise" not in text
    assert "`perception.utterances` is 0" in text


@pytest.mark.parametrize("error", [30.0, None])
def test_the_figure_has_a_panel_a_channel_and_a_mark_a_level(error):
    levels = [Channel("reverberation", level) for level in (0.3, 0.6, 1.2)]
    rows = [row(each, error) for each in (*levels, Channel("gain", -10))]
    figure = channels.draw(evaluation(channels=part(*rows)))
    titles = [axes.get_title() for axes in figure.axes]
    if error is None:
        assert titles == [""]
        return
    assert titles == ["room", "gain"]
    assert [each.get_text() for each in figure.axes[0].get_xticklabels()] == ["0.3", "0.6", "1.2"]
    assert [each.get_text() for each in figure.axes[1].get_xticklabels()] == ["−10"]
    assert figure.axes[0].get_xlabel() == "s"


def test_a_report_with_channels_comes_back_from_its_file(tmp_path):
    report = evaluation(channels=part())
    back = EvaluationReport.from_json(report.to_json(), "report.json")
    assert list(back.channels.rows) == list(report.channels.rows) and back.to_json() == report.to_json()
    assert "channels" not in evaluation().to_json()
    assert channels.SECTION in of(EvaluationReport)
