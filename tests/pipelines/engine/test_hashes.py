"""Hashes that are remembered: what is read again, what is not, and what damage does."""

import hashlib
import json
import os
import time

import pytest

from pipelines.engine import hashes
from pipelines.engine.hashes import FileHashes, fingerprint, read_sealed, sealed, walk


@pytest.fixture
def old(tmp_path):
    """A file that is older than any memory of it."""
    path = tmp_path / "old.wav"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def read(monkeypatch):
    """Which files were read."""
    found = []
    reading = FileHashes.read
    monkeypatch.setattr(FileHashes, "read", lambda self, path: (found.append(path.name), reading(self, path))[1])
    return found


def later(monkeypatch, seconds):
    now = time.time_ns
    monkeypatch.setattr(hashes.time, "time_ns", lambda: now() + seconds * 10**9)


def test_a_file_is_read_once(tmp_path, old, read, monkeypatch):
    later(monkeypatch, 10)
    memory = FileHashes(tmp_path / "hashes.json")
    assert memory.sha256(old) == memory.sha256(old) == hashlib.sha256(b"one").hexdigest()
    memory.save()
    assert FileHashes(tmp_path / "hashes.json").sha256(old) == hashlib.sha256(b"one").hexdigest()
    assert read == ["old.wav"]


def test_a_file_as_young_as_its_memory_is_read_again(old, read):
    memory = FileHashes()
    memory.sha256(old)
    memory.sha256(old)
    assert read == ["old.wav", "old.wav"]


def test_an_edit_in_the_same_tick_is_noticed(old, monkeypatch):
    """All stat data are alike: a clock that stands still."""
    memory = FileHashes()
    before, stat = memory.sha256(old), old.stat()
    old.write_bytes(b"two")
    monkeypatch.setattr(type(old), "stat", lambda self: stat)
    assert memory.sha256(old) != before


@pytest.mark.parametrize("how", ["written", "same times", "replaced"])
def test_an_edit_is_noticed(tmp_path, old, monkeypatch, how):
    memory = FileHashes()
    with monkeypatch.context() as patch:
        later(patch, 10)
        memory.sha256(old)
    stat = old.stat()
    if how == "replaced":
        (tmp_path / "new").write_bytes(b"two")
        os.replace(tmp_path / "new", old)
    else:
        old.write_bytes(b"two")
    if how != "written":
        os.utime(old, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert memory.sha256(old) == hashlib.sha256(b"two").hexdigest()


def test_links_are_followed(tmp_path, old, monkeypatch):
    later(monkeypatch, 10)
    link, memory = tmp_path / "link", FileHashes()
    link.symlink_to(old)
    assert memory.sha256(link) == hashlib.sha256(b"one").hexdigest()
    (tmp_path / "other").write_bytes(b"two")
    link.unlink()
    link.symlink_to(tmp_path / "other")
    assert memory.sha256(link) == hashlib.sha256(b"two").hexdigest()
    (tmp_path / "other").write_bytes(b"six")
    assert memory.sha256(link) == hashlib.sha256(b"six").hexdigest()


def test_a_moved_folder_keeps_its_memory(tmp_path, read, monkeypatch):
    later(monkeypatch, 10)
    place = tmp_path / "store"
    place.mkdir()
    (place / "a").write_bytes(b"one")
    memory = FileHashes(place / "hashes.json")
    memory.sha256(place / "a")
    memory.save()
    place.rename(tmp_path / "moved")
    FileHashes(tmp_path / "moved" / "hashes.json").sha256(tmp_path / "moved" / "a")
    assert read == ["a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-9],
        lambda text: "[1, 2]",
        lambda text: '{"files": 3}',
        lambda text: text.replace(hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"six").hexdigest()),
    ],
    ids=["empty", "cut", "a list", "another shape", "another hash"],
)
def test_a_damaged_memory_is_none(tmp_path, old, read, monkeypatch, damage):
    later(monkeypatch, 10)
    place = tmp_path / "hashes.json"
    memory = FileHashes(place)
    memory.sha256(old)
    memory.save()
    place.write_text(damage(place.read_text()))
    assert FileHashes(place).sha256(old) == hashlib.sha256(b"one").hexdigest()
    assert read == ["old.wav", "old.wav"]


def test_two_runs_remember_together_and_forget_what_is_gone(tmp_path, old):
    place = tmp_path / "hashes.json"
    gone = tmp_path / "gone"
    gone.write_bytes(b"x")
    one, two = FileHashes(place), FileHashes(place)
    one.sha256(old)
    one.sha256(gone)
    one.save()
    gone.unlink()
    (tmp_path / "new").write_bytes(b"two")
    two.sha256(tmp_path / "new")
    two.save()
    assert sorted(json.loads(place.read_text())["files"]) == ["new", "old.wav"]


def test_a_fingerprint_follows_names_bytes_and_absence(tmp_path, old):
    found = {fingerprint([old]), fingerprint([old, tmp_path / "none"]), fingerprint([tmp_path / "none"])}
    (tmp_path / "twin").write_bytes(b"one")
    found.add(fingerprint([tmp_path / "twin"]))
    assert len(found) == 4
    os.utime(old, (1, 1))
    assert fingerprint([old]) in found


def test_a_walk_follows_links_and_ends_in_a_circle(tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "a" / "deep" / "circle").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "deep" / "y").write_bytes(b"")
    (tmp_path / "a" / "nowhere").symlink_to(tmp_path / "none")
    assert [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path / "a")] == ["a/deep/y", "a/link/x"]
    assert list(walk(tmp_path / "none")) == []


def test_what_is_sealed_is_read_back_or_not_at_all(tmp_path):
    content = {"a": [1, 0.1, None], "ü": {"b": "\udcff"}}
    (tmp_path / "x").write_text(json.dumps(sealed(content)))
    assert read_sealed(tmp_path / "x") == content
    assert read_sealed(tmp_path / "none") is None
    text = (tmp_path / "x").read_text()
    for place in range(len(text)):
        (tmp_path / "x").write_text(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])
        assert read_sealed(tmp_path / "x") in (None, content), place
