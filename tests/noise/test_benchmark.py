"""The benchmark of the trackers runs on real speech and noise, and its table has a row an emotion and tracker."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.real_audio
def test_the_benchmark_prints_a_row_for_each_emotion_and_tracker(real_data):
    command = [sys.executable, "tools/reference_noise_benchmark.py", "--utterances", "1"]
    places = ["--corpus-dir", str(real_data / "EMO-DB"), "--noise-dir", str(real_data / "noise")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *places], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]
    assert [row[0].strip() for row in rows[::2]] == ["anger", "happiness", "neutral", "sadness"]
    assert {row[1].strip() for row in rows} == {"mmse", "minimum statistics"}
    assert all(len(row) == 8 and "±" in cell for row in rows for cell in row[2:])
