"""`kerasser NAME`: every command under one program."""

import configparser
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import kerasser
from pipelines import __main__ as program
from pipelines.cli import main as cli
from pipelines.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
NAMES = [*COMMANDS, "completion"]


@pytest.fixture
def called(monkeypatch):
    """What the runner of commands is given, which runs nothing."""
    given = []
    monkeypatch.setattr(cli, "main", lambda *arguments: given.append(arguments))
    return given


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_run_as_its_module_runs_it(called, monkeypatch, name):
    place = "pipelines.cli.completion" if name == "completion" else f"pipelines.{name}"
    program.main([name, "--seed", "1"])
    ((found, description, function, arguments, settings),) = called
    module = importlib.import_module(place)
    assert (found, description, arguments) == (name, module.DESCRIPTION, ["--seed", "1"])
    assert function.__module__ == place and settings in (
        COMMANDS.get(name),
        getattr(module, "CompletionSettings", None),
    )


def test_a_dash_is_as_good_as_an_underscore(called):
    program.main(["listening-test"])
    assert called[0][0] == "listening_test"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_command_with_what_it_does(capsys, arguments):
    program.main(arguments)
    shown = capsys.readouterr().out
    for name in NAMES:
        (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
        assert len(line.split()) > 5


@pytest.mark.parametrize(
    ("wrong", "near"), [("trian", ", perhaps train."), ("--hlep", "."), ("pipelines.train", ", perhaps"), ("x", ".")]
)
def test_an_unknown_command_is_refused_in_one_line_with_the_nearest(capsys, wrong, near):
    with pytest.raises(SystemExit) as ended:
        program.main([wrong])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and line.startswith("kerasser: expected one of generate, train")
    assert f"completion{near}" in line and line.endswith(f"Received: {wrong!r}")


def test_the_version_is_that_of_the_package(capsys):
    program.main(["--version"])
    assert capsys.readouterr().out.strip() == kerasser.__version__


def test_the_program_is_declared_and_runs_as_a_module():
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg")
    (line,) = [
        line for line in declared["options.entry_points"]["console_scripts"].splitlines() if line.startswith("kerasser")
    ]
    assert line == "kerasser = pipelines.__main__:main"
    command = [sys.executable, "-m", "pipelines", "lineage", "nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(
        "lineage: nowhere: expected an artifact"
    )


def test_its_help_waits_for_neither_tensorflow_nor_matplotlib():
    report = (
        "from pipelines.__main__ import main; main(['--help']); import sys; "
        "assert not {'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, check=True)
