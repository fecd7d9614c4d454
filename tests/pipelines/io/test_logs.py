from pathlib import Path

import pytest

from kerasser.util.errors import InputError
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.io.logs import log_folder
from pipelines.models import Models
from pipelines.validation import validate


def test_no_folder_was_asked_for():
    assert log_folder(None, "classifier") == ""


def test_an_id_stays_readable(tmp_path):
    place = log_folder(str(tmp_path), "classifier, fold Ses01, seed 0")
    assert place == str(tmp_path / "classifier, fold Ses01, seed 0")


@pytest.mark.parametrize(
    "id", ["..", ".", "../x", "a/../../x", "/etc/x", "a\0b", "fold ../../y", "a\nb", "é" * 300, "a" * 400, "~", "a\\b"]
)
def test_no_id_leads_out_of_the_folder(tmp_path, id):
    place = Path(log_folder(str(tmp_path), id))
    assert place.parent == tmp_path and place.resolve() == place
    place.mkdir()
    assert list(tmp_path.iterdir()) == [place]


def test_no_two_ids_share_a_folder(tmp_path):
    ids = ["a b", "a_b", "a-b", "a%20b", "a/b", "a%2Fb", ".a", "%2Ea", "x" * 300, "x" * 301]
    assert len({log_folder(str(tmp_path), id) for id in ids}) == len(ids)


def test_a_file_in_the_folders_place_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "logs").write_text("")
    with pytest.raises(InputError, match="logdir: expected a folder. Received: .*logs, a file"):
        validate("train", Settings(logdir=str(tmp_path / "logs")))


def test_the_folder_is_no_part_of_any_cache_key(tmp_path):
    plain, moved = (Models(Dag(Settings(logdir=place)), "1", 0).classifier() for place in (None, str(tmp_path)))
    assert plain.key_parameters == moved.key_parameters
    assert moved.parameters["logdir"] == str(tmp_path / "classifier, fold 1, seed 0")
