"""The benchmarks of noise run on real speech and noise, and their tables have the rows that the docs show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def rows_of(benchmark, real_data, *flags):
    """The cells of the table that it prints."""
    command = [sys.executable, f"tools/{benchmark}_benchmark.py", *flags]
    places = ["--corpus-dir", str(real_data / "EMO-DB"), "--noise-dir", str(real_data / "noise")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *places], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]


@pytest.mark.real_audio
def test_the_benchmark_of_the_trackers_prints_a_row_for_each_emotion_and_tracker(real_data):
    rows = rows_of("reference_noise", real_data, "--utterances", "1")
    assert [row[0].strip() for row in rows[::2]] == ["anger", "happiness", "neutral", "sadness"]
    assert {row[1].strip() for row in rows} == {"mmse", "minimum statistics"}
    assert all(len(row) == 8 and "±" in cell for row in rows for cell in row[2:])


@pytest.mark.real_audio
def test_the_benchmark_of_made_noise_sets_kinds_beside_recordings(real_data, tmp_path):
    rows = rows_of("made_noise", real_data, "--environments", "9", "--duration", "4", "--write", str(tmp_path))
    names = [row[0].strip() for row in rows]
    assert names[:8] == ["babble", "coloured", "hum", "impacts", "mixture", "modulated", "rumble", "tones"]
    assert "cafe/moodist__restaurant" in names and len(list(tmp_path.glob("made-*.wav"))) == 9
    assert [int(row[1]) for row in rows if "**" in row[0]] == [9, len(rows) - 10]
