"""The way of the tutorial, from a clone to an answer, as somebody walks it who has never been here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import world
from tests.pipelines import board_server

ROOT = Path(__file__).parents[1]
#: Little to learn, little to attack.
_SMALL = [
    *("--attack.epsilons", "[2]", "--attack.snrs_db", "[]", "--attack.draws", "1", "--perception.utterances", "0"),
    *("--classifier.units", "8", "--classifier.layers", "1", "--training.epochs", "2"),
    *("--noise.demo_duration_s", "10", "--evaluation.replicates", "50", "--data.folds", "15"),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A checkout whose environment is made already, so that its tools start at once."""
    place = tmp_path_factory.mktemp("clone")
    for name in ("kerasser", "pipelines", "tools", "requirements", "setup.cfg", "pyproject.toml"):
        (place / name).symlink_to(ROOT / name)
    # A tool goes to its folder's parent, which has to be this one.
    (place / "tools").unlink()
    (place / "tools").mkdir()
    for name in ("demo", "environment.sh"):
        (place / "tools" / name).symlink_to(ROOT / "tools" / name)
    python = place / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    stack = "default" if sys.version_info < (3, 13) else "modern"
    (place / ".venv/.stack").write_text(stack)
    pinned = f"cat setup.cfg pyproject.toml requirements/{stack}/*.lock | cksum"
    wanted = subprocess.run(pinned, shell=True, cwd=place, capture_output=True, check=True)
    (place / ".venv/.installed").write_bytes(wanted.stdout)
    return place


def run(clone, *command):
    """Runs a command in the clone, with its environment; returns the lines of its standard output."""
    environment = {**os.environ, "PATH": f"{clone / '.venv/bin'}:{os.environ['PATH']}", "PYTHONPATH": str(clone)}
    environment["PYTHON"] = sys.executable
    said = subprocess.run(
        [str(part) for part in command],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()


def artifacts(clone):
    """What the cache holds, and when it was made."""
    return {place: place.stat().st_mtime_ns for place in (clone / "outputs/artifacts").glob("[A-Z]*/*")}


@pytest.mark.slow
def test_from_a_clone_to_the_demos_report_and_its_curves(clone):
    """Slow: all of the demo corpus is synthesised and described; its training and its attack are small."""
    report = clone / run(clone, "tools/demo", *_SMALL)[-1]
    assert report == clone / "outputs/reports/demo-fold-1-seed-0/report.html"
    page = report.read_text(encoding="utf-8")
    assert "Synthetic speech." in page and "Synthetic noise." in page
    assert report.with_name("figure1.png").is_file()
    with board_server.serving(clone / "outputs", runs=1) as address:
        assert b"<title>TensorBoard</title>" in board_server.ask(address, "")
        assert all("layers-1" in name for name in board_server.ask(address, "data/runs"))
    made = artifacts(clone)
    # "The same command again takes seconds": it makes nothing again.
    assert run(clone, "tools/demo", *_SMALL)[-1] == str(report.relative_to(clone))
    assert artifacts(clone) == made


@pytest.mark.slow
@pytest.mark.smoke
def test_from_a_folder_of_recordings_to_an_answer(clone, tiny_world):
    """Slow: a classifier and a GAN are trained, unless another test has, and every step is a new process."""
    settings = world.arguments(tiny_world)
    (report,) = run(clone, "python", "-m", "pipelines.evaluate", *settings)
    found = json.loads(Path(report).with_name("report.json").read_text())
    assert (found["corpus"], found["synthetic"], found["clean"]["n"]) == ("manifest", False, 12)
    version = run(clone, "python", "-m", "pipelines.export", *settings, "--model", "mine")[-1]
    assert version == str(clone / "saved_models/mine/1")
    heard = sorted((tiny_world / "recordings").glob("*.wav"))
    answers = run(clone, "python", "-m", "pipelines.predict", *heard, "--local", "--model", "mine")
    found = [(answer["file"], answer["label"]) for answer in map(json.loads, answers)]
    assert [file for file, _ in found] == [str(path) for path in heard]
    # Even takes are angry; most of these speakers were heard in training.
    truth = [("negative", "positive")[int(path.stem.split("_")[1]) % 2] for path in heard]
    assert sum(label == true for (_, label), true in zip(found, truth, strict=True)) > len(heard) * 2 / 3
