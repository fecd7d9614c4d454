"""Content hashes, inventories, and what counts as untouched."""

import os
import shutil

import pytest

from pipelines.engine.artifacts import ArtifactType, content_hash, inventory, untouched


@pytest.fixture
def directory(tmp_path):
    place = tmp_path / "artifact"
    (place / "logs" / "deep").mkdir(parents=True)
    (place / "a.txt").write_bytes(b"one")
    (place / "logs" / "deep" / "b.txt").write_bytes(b"two")
    return place


def test_content_hash_ignores_place_times_and_empty_folders(directory, tmp_path):
    twin = tmp_path / "elsewhere"
    (twin / "logs" / "deep").mkdir(parents=True)
    (twin / "empty").mkdir()
    (twin / "logs" / "deep" / "b.txt").write_bytes(b"two")
    (twin / "a.txt").write_bytes(b"one")
    os.utime(twin / "a.txt", (1, 1))
    assert content_hash(twin) == content_hash(directory)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "a.txt").write_bytes(b"onE"),
        lambda place: (place / "a.txt").rename(place / "c.txt"),
        lambda place: (place / "new").write_bytes(b""),
        lambda place: (place / "a.txt").unlink(),
        lambda place: (place / "logs" / "deep" / "b.txt").rename(place / "logs" / "b.txt"),
    ],
    ids=["byte", "name", "added", "removed", "folder"],
)
def test_content_hash_and_untouched_notice_a_change(directory, change):
    before, files = content_hash(directory), inventory(directory)
    assert untouched(directory, files)
    change(directory)
    assert content_hash(directory) != before
    assert not untouched(directory, files)


def test_bytes_cannot_wander_between_files(tmp_path):
    for name, (a, b) in {"x": (b"12", b"3"), "y": (b"1", b"23")}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_bytes(a)
        (tmp_path / name / "b").write_bytes(b)
    assert content_hash(tmp_path / "x") != content_hash(tmp_path / "y")


def test_volatile_files_are_no_part_of_the_hash_but_must_be_there(directory):
    before, whole, files = content_hash(directory, ["logs"]), content_hash(directory), inventory(directory)
    (directory / "logs" / "deep" / "b.txt").write_bytes(b"TWO")
    assert content_hash(directory, ["logs"]) == before
    assert content_hash(directory) != whole
    assert not untouched(directory, files)
    (directory / "logsx").write_bytes(b"a name that only begins alike")
    assert content_hash(directory, ["logs"]) != before


def test_a_single_file_can_be_volatile(directory):
    before = content_hash(directory, ["a.txt"])
    (directory / "a.txt").write_bytes(b"else")
    assert content_hash(directory, ["a.txt"]) == before


@pytest.mark.parametrize("target", ["a.txt", "logs", "nowhere"])
def test_links_are_refused(directory, target):
    files = inventory(directory)
    (directory / "link").symlink_to(directory / target)
    with pytest.raises(ValueError, match="symbolic link. Received: link"):
        content_hash(directory)
    assert not untouched(directory, files)


def test_a_copy_with_other_times_is_untouched(directory, tmp_path):
    files = inventory(directory)
    shutil.copytree(directory, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy" / "a.txt", (1, 1))
    assert untouched(tmp_path / "copy", files)


def test_other_bytes_of_the_same_size_and_time_are_noticed(directory):
    files, stat = inventory(directory), (directory / "a.txt").stat()
    (directory / "a.txt").write_bytes(b"eno")
    os.utime(directory / "a.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not untouched(directory, files)


def test_nothing_is_not_untouched(tmp_path):
    (tmp_path / "empty").mkdir()
    assert not untouched(tmp_path / "empty", [])
    assert not untouched(tmp_path / "missing", [])


@pytest.mark.parametrize("name", ["records", "Work", "two words", "", "a/b"])
def test_type_names_that_cannot_be_folders_are_refused(name):
    with pytest.raises(ValueError, match="artifact type: expected an identifier"):
        ArtifactType(name)


@pytest.mark.parametrize("path", ["../up", "/root", "", "."])
def test_volatile_paths_lie_inside(path):
    with pytest.raises(ValueError, match="expected relative paths inside"):
        ArtifactType("Model", volatile=(path,))
