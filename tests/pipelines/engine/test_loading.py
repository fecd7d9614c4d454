"""TensorFlow is loaded in silence, but for what somebody should read."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.smoke
LOAD = "from pipelines.engine.loading import load_tensorflow; load_tensorflow(say=False)"


def load(**options):
    return subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False, **options)


def test_nothing_is_said_where_nothing_is_wrong(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("PYTHONPATH", ".")
    result = load()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("fails", [False, True])
def test_what_should_be_read_is_written(fails, tmp_path, monkeypatch):
    lines = ["I0000 00:00:1795.26 1 port.cc:153] a note", "E0000 00:00:1795.26 1 gpu.cc:1] an error", "a last word"]
    fake = f"import os\nos.write(2, {chr(10).join(lines).encode()!r} + b'\\n')\n" + fails * "raise ImportError('no')\n"
    (tmp_path / "tensorflow.py").write_text(fake)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:.")
    result = load()
    assert result.stderr.splitlines()[:2] == lines[1:]
    assert (result.returncode, "ImportError: no" in result.stderr) == ((1, True) if fails else (0, False))
