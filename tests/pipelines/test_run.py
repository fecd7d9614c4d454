"""Publishing a report: whole or not at all, by several at once, after a kill."""

import multiprocessing
import os

import pytest

from pipelines.engine.artifacts import Artifact
from pipelines.run import publish


@pytest.fixture
def artifact(tmp_path):
    place = tmp_path / "store" / "Report" / "key"
    (place / "figures").mkdir(parents=True)
    (place / "report.html").write_text("new")
    for number in range(50):
        (place / "figures" / f"{number}.png").write_bytes(os.urandom(1000))
    return Artifact("Report", place)


def names(place):
    return sorted(path.name for path in place.iterdir())


def test_a_report_is_published_and_replaced(tmp_path, artifact):
    place = tmp_path / "reports" / "demo"
    for text in ("one", "two"):
        (artifact.uri / "report.html").write_text(text)
        assert publish(artifact, place) == place
        assert (place / "report.html").read_text() == text
        assert names(place.parent) == ["demo"]


def _publish(artifact, place, start):
    start.wait()
    for _ in range(5):
        publish(artifact, place)


def test_several_at_once_all_succeed_and_leave_nothing(tmp_path, artifact):
    place, context = tmp_path / "reports" / "demo", multiprocessing.get_context("fork")
    start = context.Barrier(4)
    processes = [context.Process(target=_publish, args=(artifact, place, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert names(place.parent) == ["demo"]
    assert len(names(place / "figures")) == 50


@pytest.mark.parametrize("left", [".demo.part", ".demo.old"])
def test_what_a_killed_run_left_goes(tmp_path, artifact, left):
    place = tmp_path / "reports" / "demo"
    (place.parent / left).mkdir(parents=True)
    (place.parent / left / "x").write_text("x")
    publish(artifact, place)
    assert names(place.parent) == ["demo"]
    assert names(place) == ["figures", "report.html"]


def test_a_failure_leaves_the_old_report(tmp_path, artifact, monkeypatch):
    place = tmp_path / "reports" / "demo"
    publish(artifact, place)
    (artifact.uri / "report.html").write_text("newer")
    replace = os.replace

    def fail(source, target):
        if target == place and source.name.endswith(".part"):
            raise OSError("disk")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk"):
        publish(artifact, place)
    assert (place / "report.html").read_text() == "new"
    assert names(place.parent) == ["demo"]


def test_a_file_in_the_place_gives_way(tmp_path, artifact):
    place = tmp_path / "reports" / "demo"
    place.parent.mkdir()
    place.write_text("")
    publish(artifact, place)
    assert names(place) == ["figures", "report.html"]
    assert names(place.parent) == ["demo"]
