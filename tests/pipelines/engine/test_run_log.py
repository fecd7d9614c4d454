"""What a command tells: lines, a summary and JSON, from events alone."""

import json
import re
from pathlib import Path

import pytest

from kerasser import __version__
from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.engine import run_log as journals
from pipelines.engine.artifacts import Artifact
from pipelines.engine.launcher import Event
from pipelines.engine.run_log import Journal, current, spelled
from pipelines.lineage import LineageSettings

START = {"command": "evaluate", "version": __version__}


def event(kind, name, seconds=None, **properties):
    outputs = {} if kind in ("run", "resume") else {"examples": Artifact("Examples", Path("/store", name), properties)}
    return Event(kind, name, f"{kind}.", seconds, outputs)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the journal believes to have passed."""
    now = [100.0]
    monkeypatch.setattr(journals.time, "monotonic", lambda: now[0])
    return now


def test_the_summary_divides_attacked_speech_by_the_time_it_took(clock):
    journal = Journal("evaluate", quiet=True)
    journal.event(event("done", "a", 80.0, audio_s=4000.0, noise="test"))
    journal.event(event("done", "b", 20.0, audio_s=812.4))
    # Neither clean speech nor what holds no speech counts, and what comes again counts once.
    journal.event(event("done", "c", 50.0, audio_s=900.0, noise="none"))
    journal.event(event("done", "d", 7.0))
    journal.event(event("hit", "a", audio_s=4000.0, noise="test"))
    clock[0] += 751
    assert journal.summary() == "attacked 4,812 s of speech at 48.1 s/s; 12 min 31 s in all"


def test_speech_from_the_cache_has_no_rate(clock):
    journal = Journal("evaluate", quiet=True)
    journal.event(event("hit", "a", audio_s=300.0, noise="test"))
    clock[0] += 2.14
    assert journal.summary() == "300 s of attacked speech came from the cache; 2.1 s in all"
    journal.event(event("done", "b", 10.0, audio_s=50.0, noise="training"))
    wanted = "attacked 50 s of speech at 5 s/s; 300 s of attacked speech came from the cache; 2.1 s in all"
    assert journal.summary() == wanted


def test_what_an_earlier_run_had_begun_has_no_rate(clock):
    journal = Journal("evaluate", quiet=True)
    journal.event(event("resume", "a"))
    journal.event(event("done", "a", 10.0, audio_s=50.0, noise="test"))
    assert journal.summary() == "attacked 50 s of speech; 0.0 s in all"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (751.2, "12 min 31 s"), (3599.7, "1 h 0 min")],
)
def test_durations_are_spelled(seconds, words):
    assert spelled(seconds) == words


def test_events_are_lines_of_json_and_nothing_else_is(tmp_path, capsys):
    with Journal("evaluate", log_json=str(tmp_path / "log")) as journal:
        assert current() is journal
        journal.event(event("run", "é"))
        journal.event(event("done", "é", 1.5))
        journal.say("a word")
        journal.finish(tmp_path / "report.md")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert lines[:3] == [
        {**START, "event": "start"},
        {**START, "event": "run", "component": "é"},
        {**START, "event": "done", "component": "é", "seconds": 1.5, "paths": {"examples": "/store/é"}},
    ]
    assert lines[3].pop("seconds") >= 0
    assert lines[3:] == [{**START, "event": "end", "status": 0, "paths": [str(tmp_path / "report.md")]}]
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'report.md'}\n"
    assert err.splitlines()[:3] == ["é: run.", "é: done.", "a word"]
    assert current() is not journal


def test_a_second_run_is_appended(tmp_path):
    for _ in range(2):
        with Journal("train", log_json=str(tmp_path / "log")):
            pass
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["start", "end"] * 2


def test_quiet_says_nothing(capsys):
    with Journal("evaluate", quiet=True) as journal:
        journal.event(event("done", "a", 1.0))
        journal.finish("report.md")
    assert capsys.readouterr() == ("report.md\n", "")


def test_a_log_that_cannot_be_written_is_refused_before_anything_runs(tmp_path, capsys):
    with pytest.raises(SystemExit) as status:
        main("lineage", "", pytest.fail, ["x", "--log-json", str(tmp_path / "no" / "log")], LineageSettings)
    assert status.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lineage: log_json: expected a file to write to. Received: ")


@pytest.mark.parametrize(
    ("error", "message", "status", "raised"),
    [
        (InputError("x: expected\ny"), "x: expected y", 2, SystemExit),
        (KeyboardInterrupt(), "interrupted; the same command goes on from here", 130, SystemExit),
        (PermissionError(13, "Permission denied", "a.wav"), "a.wav: Permission denied", 2, SystemExit),
        (ValueError("a bug"), "ValueError: a bug", 1, ValueError),
    ],
)
def test_errors_are_events_too(tmp_path, capsys, error, message, status, raised):
    def fail(settings):
        raise error

    with pytest.raises(raised):
        main("lineage", "", fail, ["x", "--quiet", "--log-json", str(tmp_path / "log")], LineageSettings)
    start, said, end = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (start["event"], said["event"], end["event"]) == ("start", "error", "end")
    assert (said["message"], end["status"]) == (message, status)
    assert capsys.readouterr().err == ("" if raised is ValueError else f"lineage: {message}\n")


def test_a_warning_is_said_once_be_the_command_quiet(tmp_path, capsys):
    for quiet in (True, False):
        with Journal("evaluate", quiet=quiet, log_json=str(tmp_path / "log.jsonl")) as journal:
            journal.warn("3 of 4 left out")
            journal.warn("3 of 4 left out")
        assert capsys.readouterr().err == "warning: 3 of 4 left out\n"
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [each["message"] for each in events if each["event"] == "warning"] == ["3 of 4 left out"] * 2
