"""Files that are whole or absent."""

import pytest

from kerasser.util.files import whole


def test_a_file_takes_its_name_when_it_is_finished(tmp_path):
    path = tmp_path / "a.npz"
    with whole(path) as part:
        part.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.npz"
    path.write_text("old")
    with pytest.raises(error), whole(path) as part:
        part.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_written_over(tmp_path):
    (tmp_path / "a.part").write_text("left")
    with whole(tmp_path / "a") as part:
        part.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
