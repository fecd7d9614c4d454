"""Recordings under two speakers, from the table of utterances alone."""

import json

import pytest

from pipelines.engine.artifacts import Artifact
from pipelines.io import copies


@pytest.fixture
def table(tmp_path):
    """Makes the utterances of a corpus, and what they share."""

    def make(listing, rows=()):
        (tmp_path / "utterances.csv").write_text("speaker,sha256,start_s,end_s\n" + listing)
        (tmp_path / "twins.json").write_text(json.dumps(list(rows)))
        return Artifact("utterances", tmp_path)

    return make


def test_a_recording_of_two_speakers_rings_wherever_the_fold_is(table):
    made = table("a,11,0.0,\nb,11,0.0,\nc,22,0.0,\nd,33,0.0,\n")
    assert copies.parted(made, ["a"]).name == "duplicated"
    # The copies are both tested, or both trained on: no leak, and still one recording for two speakers.
    assert copies.parted(made, ["a", "b"]) is None and copies.parted(made, ["c"]) is None
    found = copies.anywhere(made)
    assert found.name == "duplicated" and "2 of 4 utterances of the corpus (50.0 %)" in found.message


def test_sound_that_is_shared_counts_as_well(table):
    row = {"utterances": ["a1", "b1"], "speakers": ["a", "b"]}
    found = copies.anywhere(table("a,11,0.0,\nb,22,0.0,\nc,33,0.0,\n", [row]))
    assert found.evidence == {"copies": 2, "utterances": 3, "share": pytest.approx(2 / 3)}


def test_one_speakers_own_copies_and_parts_of_one_file_are_none(table):
    assert copies.anywhere(table("a,11,0.0,\na,11,0.0,\nb,22,0.0,1.0\nc,22,1.0,2.0\n")) is None
