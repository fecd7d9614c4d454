"""The benchmark of features runs on the demo's speech, and its table has a row for each way to compute them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_prints_a_row_for_each_front_end():
    command = [sys.executable, "tools/features_benchmark.py", "--utterances", "2", "--rounds", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    first, _, *lines = done.stdout.splitlines()
    assert first.startswith("2 utterances, ") and first.endswith(" s, batches of 16, one core")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert [row[0].split(":")[0] for row in rows] == ["opensmile", "graph", "graph, compiled by XLA", "floor"]
    assert rows[0][2] == "100 %"
    assert all(float(row[1]) > 0 for row in rows)
