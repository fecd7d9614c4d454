"""A tiny corpus, a recogniser of it, and what the pipeline says of both."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from pipelines import attack
from pipelines.cli.main import main
from pipelines.config import VictimRunSettings
from tests.pipelines import corpus

# Tells emotions by where the spectrum has its centre, which noise moves: wrong more often the more of it there is.
CENTROID = """
import numpy as np

def answer(waveforms, sample_rate_hz):
    rows = []
    for waveform in waveforms:
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hz = np.fft.rfftfreq(len(waveform), 1 / sample_rate_hz)
        centre = (power * hz).sum() / power.sum()
        anger = 1 / (1 + np.exp(np.clip((abs(centre - 630) - 200) / 40, -30, 30)))
        rows.append([anger, 1 - anger])
    return rows
"""


class World:
    """A corpus on disk, a function that knows it, and the pipeline's answers and report."""

    def __init__(self, root):
        self.listing, self.noise = corpus.write(root / "data", speakers=5)
        (root / "centroid.py").write_text(CENTROID)
        space = {}
        exec(CENTROID, space)
        self.answer, self.root = space["answer"], root

    def pipeline(self, *more):
        """Runs the command."""
        where = ["--corpus", "manifest", "--corpus-dir", str(self.listing), "--noise-dir", str(self.noise)]
        small = ["--attack.epsilons", "[0.5, 2]", "--attack.snrs_db", "[10, 0]", "--attack.draws", "2"]
        run = [*where, *small, "--threats.draws", "0", "--evaluation.replicates", "100", "--quiet"]
        main("attack", attack.DESCRIPTION, attack.attack, [*run, *more], VictimRunSettings)


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="package")
def piped(world):
    """The report and the predictions of the command on that function, of the two valences."""
    output, before = world.root / "out", list(sys.path)
    sys.path.insert(0, str(world.root))
    try:
        victim = ["--victim.model", "centroid:answer", "--victim.classes", '["negative", "positive"]']
        world.pipeline(*victim, "--output-dir", str(output), "--attack.seed", "5")
    finally:
        sys.path[:] = before
    (report,) = output.glob("reports/*/report.json")
    (predictions,) = output.glob("artifacts/Evaluation/*/predictions.csv")
    table = pd.read_csv(predictions, float_precision="round_trip").fillna({"noise": "", "budget": ""})
    return json.loads(report.read_text()), table


@pytest.fixture
def tones():
    """Four utterances in memory of two speakers, and a victim that tells them apart."""
    clock = np.arange(4800) / 16000
    waveforms = [(0.3 * np.sin(2 * np.pi * hz * clock)).astype(np.float32) for hz in (220, 120, 226, 124)]
    hiss = np.random.default_rng(0).normal(scale=0.1, size=32000)
    return [each + 1e-3 * hiss[:4800] for each in waveforms], hiss
