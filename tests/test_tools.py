"""The tools say in plain words what a machine lacks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout without its environment, and a folder whose programs come first."""
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("tools", "kerasser", "pipelines", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(checkout, name, script):
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def run(checkout, tool, **variables):
    environment = {**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", **variables}
    environment.pop("PYTHON", None)
    return subprocess.run(
        [checkout / "tools" / tool], cwd="/", env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("tool", ["completion", "coverage", "demo", "docs", "listening_test", "test"])
def test_a_wrong_python_is_said(checkout, tool):
    for name in ("python3", "python3.11", "python3.12"):
        program(checkout, name, '[ "$1" = --version ] && echo "Python 3.9.2" && exit 0; exit 1')
    result = run(checkout, tool)
    assert result.returncode == 1
    assert f"{tool}: Python 3.11 or 3.12 is needed, found Python 3.9.2" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_full_disk_is_said(checkout):
    program(checkout, "df", "echo header; echo /dev/x 9 9 2000000 1% /")
    result = run(checkout, "demo")
    assert result.returncode == 1
    assert "5 GB of disk are needed" in result.stderr and "1 GB are free" in result.stderr


def test_a_missing_network_is_said(checkout):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": "/dev/null"}
    program(checkout, "df", "echo header; echo /dev/x 9 9 9000000 1% /")
    result = run(checkout, "demo", **nowhere, PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")
    assert result.returncode == 1
    assert "the Python package index could not be reached" in result.stderr
    assert not (checkout / ".venv/.installed").exists()
