"""A reproduction says which noise its defences heard, and whether one could have been left out."""

import pytest

from kerasser.evaluation.report import Report
from kerasser.report.blocks import Text
from kerasser.report.sections import provenance, threats
from tests.report.samples import EVALUATION, REPRODUCTION, reproduction

UNSEEN = "no environment to leave out"


def said(blocks):
    return "\n".join(block.markdown for block in blocks if isinstance(block, Text))


def test_it_says_which_noise_trained_the_defences():
    told = reproduction(training_noise="recorded: cafe, bus_1; made: 37 environments of 25 s, seed 0")
    assert "Noise that trains the defences: recorded: cafe, bus\\_1; made: 37 env" in said(provenance.blocks(told))
    assert Report.from_json(told.to_json()).to_json() == told.to_json()
    assert told.to_json()["training_noise"] == told.training_noise


@pytest.mark.parametrize("report", [REPRODUCTION, EVALUATION])
def test_where_nothing_is_known_of_it_nothing_is_said(report):
    assert "training_noise" not in report.to_json()
    assert "Noise that trains" not in said(provenance.blocks(report))


@pytest.mark.parametrize("noise", ["recorded", "made", "both"])
@pytest.mark.parametrize("wanted", [True, False])
def test_with_made_noise_alone_every_environment_is_unseen(noise, wanted):
    settings = dict(REPRODUCTION.settings, defences={"noise": noise})
    settings["threats"] = {**settings["threats"], "unseen_environment": {"wanted": wanted}}
    report = reproduction(settings=settings)
    assert (UNSEEN in said(threats.blocks(report))) == (noise == "made" and wanted)
