import threading

import pytest

from kerasser.serving import versions
from kerasser.util.errors import InputError


@pytest.fixture
def source(tmp_path):
    """A SavedModel as far as files go: a hundred of them, so that a copy takes a while."""
    place = tmp_path / "source"
    (place / "variables").mkdir(parents=True)
    for number in range(100):
        (place / "variables" / f"{number}").write_bytes(b"x" * 10000)
    (place / "saved_model.pb").write_text("graph")
    return place


def test_versions_count_up_from_one(source, tmp_path):
    base = tmp_path / "models" / "a"
    assert versions.versions(base) == []
    assert [versions.publish(source, base) for _ in range(11)] == list(range(1, 12))
    assert versions.versions(base) == list(range(1, 12))
    assert sorted(path.name for path in base.iterdir()) == sorted(map(str, range(1, 12)))
    assert (base / "11").stat().st_mode & 0o755 == 0o755


def test_names_that_are_no_version_are_passed_over(source, tmp_path):
    for name in ("part-x", "-3", "1.5", "x", "7.withdrawn", "²"):
        (tmp_path / "a" / name).mkdir(parents=True)
    (tmp_path / "a" / "9").write_text("a file")
    assert versions.versions(tmp_path / "a") == []
    assert versions.withdrawn(tmp_path / "a") == [7]


def test_nobody_ever_sees_half_a_version(source, tmp_path):
    base, seen, stop = tmp_path / "a", [], threading.Event()

    def watch():
        while not stop.is_set():
            for version in versions.versions(base):
                seen.append(len(list((base / str(version) / "variables").iterdir())))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        versions.publish(source, base)
    stop.set()
    watcher.join()
    assert set(seen) == {100}


def test_two_who_publish_at_once_get_two_versions(source, tmp_path):
    base, found = tmp_path / "a", []
    threads = [threading.Thread(target=lambda: found.append(versions.publish(source, base))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 9))


def test_a_failed_copy_leaves_nothing(source, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(versions.shutil, "copytree", full)
    with pytest.raises(OSError, match="No space"):
        versions.publish(source, tmp_path / "a")
    assert list((tmp_path / "a").iterdir()) == []


def test_a_rollback_goes_to_the_version_before_and_never_reuses_a_number(source, tmp_path):
    base = tmp_path / "a"
    for _ in range(3):
        versions.publish(source, base)
    assert versions.roll_back(base) == (3, 2)
    assert versions.versions(base) == [1, 2]
    assert versions.withdrawn(base) == [3]
    assert versions.publish(source, base) == 4
    assert versions.roll_back(base) == (4, 2)
    assert versions.roll_back(base) == (2, 1)
    with pytest.raises(InputError, match="Received: version 1 alone"):
        versions.roll_back(base)
    with pytest.raises(InputError, match="Received: no version"):
        versions.roll_back(tmp_path / "nothing")


def test_old_versions_are_deleted_and_what_was_withdrawn_before_them(source, tmp_path):
    base = tmp_path / "a"
    for _ in range(2):
        versions.publish(source, base)
    versions.roll_back(base)
    for _ in range(4):
        versions.publish(source, base)
    assert versions.prune(base, 3) == [1, 2, 3]
    assert sorted(path.name for path in base.iterdir()) == ["4", "5", "6"]
    assert versions.prune(base, 3) == []
