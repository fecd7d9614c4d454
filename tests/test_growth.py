"""A new one of each kind is one new file: the steps of CONTRIBUTING, followed with toys in a copy of the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import corpus

ROOT = Path(__file__).parents[1]
TOYS = {
    "kerasser/corpora/toy.py": '''
"""Toy: a folder of <speaker>_<emotion>_<take>.wav."""
from kerasser.corpora.base import VALENCE, Tally
NAME = "toy"
def read(root, valence=VALENCE):
    """Reads it."""
    tally = Tally(valence)
    for path in sorted(root.glob("*.wav")):
        speaker, emotion, _ = path.stem.split("_")
        tally.add(id=path.stem, path=path.name, speaker=speaker, emotion=emotion)
    return tally.corpus(NAME, root)
''',
    "kerasser/features/toy.py": '''
"""Toy: level and zero crossings of 20-ms frames."""
import numpy as np
NAME = "toy"
class Toy:
    """Two features."""
    name, names, frame_rate_hz = NAME, ("level", "crossings"), 100.0
    def __call__(self, waveform, name="waveform"):
        """Extracts them."""
        frames = np.lib.stride_tricks.sliding_window_view(waveform, 320)[::160]
        crossings = np.mean(np.diff(np.signbit(frames), axis=1), axis=1)
        return np.stack([np.log(np.mean(frames**2, axis=1) + 1e-8), crossings], axis=1).astype(np.float32)
FRONT_END = Toy
''',
    "kerasser/training/rules/toy.py": '''
"""Toy: a third less after every epoch."""
from kerasser.training.rules.base import Decision
NAME = "toy"
class Toy:
    """Never stops."""
    def __init__(self, patience, lowest_rate):
        pass
    def __call__(self, epoch, waited, rate):
        """Decides."""
        return Decision(rate * 2 / 3)
RULE = Toy
''',
    "kerasser/defences/toy.py": '''
"""Toy: much Gaussian noise on the features."""
from dataclasses import dataclass
from kerasser.defences.base import Defence, System
NAME = "toy defence"
@dataclass(frozen=True)
class Settings:
    """Its noise."""
    deviation: float = 0.7
    """Standard deviation of the noise."""
def systems(build, settings, without=""):
    """Returns the noisy classifier."""
    return [System(NAME, build.classifier(NAME, gaussian_noise=settings.toy.deviation))]
DEFENCE = Defence(NAME, "the toy defence", "#123456", 70, Settings, systems)
''',
    "kerasser/threats/toy.py": '''
"""Toy: silence instead of speech."""
from dataclasses import dataclass
from kerasser.threats.base import Answer, Threat
NAME = "toy threat"
@dataclass(frozen=True)
class Settings:
    """Nothing to set."""
def run(target, utterances, settings):
    """Yields the answer to the utterance turned down."""
    for utterance in utterances:
        right = target.answer(utterance, utterance.speech.clean * 0.5).correct
        for budget in utterance.budgets:
            yield Answer(utterance.id, budget, float(right), 1, 1, None if right else 1)
THREAT = Threat(NAME, "half the level, which is no noise", 80, "answers", Settings, lambda settings: True, run)
''',
    "kerasser/attack/channels/toy.py": '''
"""Toy: speech upside down."""
from kerasser.attack.channels.base import Passed, Transmission
def apply(waveform, level, generator, options):
    """Turns it over."""
    return Passed(-level * waveform)
CHANNEL = Transmission("toy", "the toy channel", 70, "", (1.0,), 0.0, 2.0, lambda level: f"toy × {level:g}", apply)
''',
    "kerasser/report/sections/toy.py": '''
"""Toy: how many utterances there are."""
from kerasser.evaluation.report import EvaluationReport, ReproductionReport
from kerasser.report.blocks import text
from kerasser.report.section import Section
def blocks(report):
    """Returns a sentence."""
    return [text(f"{report.clean.n} utterances, says the toy.")]
SECTION = Section({EvaluationReport: "A toy section", ReproductionReport: "A toy section"}, 500, blocks)
''',
}


def _run(place, command, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(place), "CUDA_VISIBLE_DEVICES": "-1"}
    line = [sys.executable, "-m", f"pipelines.{command}", *arguments]
    return subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A copy of the checkout in which each kind has one more file, and no file has changed."""
    place = tmp_path_factory.mktemp("grown")
    for package in ("kerasser", "pipelines"):
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in TOYS.items():
        (place / name).write_text(text.lstrip())
    return place


@pytest.fixture(scope="module")
def report(grown, tmp_path_factory):
    """Slow for all that follows: a whole reproduction with every toy in it, in processes of its own."""
    root = tmp_path_factory.mktemp("speech")
    listing, noise = corpus.write(root)
    speech = root / "toy"
    speech.mkdir()
    for number, line in enumerate(listing.read_text().splitlines()[1:]):
        path, speaker, emotion, _ = line.split(",")
        shutil.copy(listing.parent / path, speech / f"{speaker}_{emotion}_{number}.wav")
    arguments = corpus.arguments(listing, noise, root / "out")
    arguments[arguments.index("--corpus") + 1] = "toy"
    arguments[arguments.index("--corpus-dir") + 1] = str(speech)
    toys = ["--features.front_end", "toy", "--training.rule", "toy", "--defence", "none", "toy", "--threats.draws", "1"]
    toys += ["--attack.channels", "[toy@0.5]"]
    result = _run(grown, "reproduce", *arguments, *toys)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip().splitlines()[-1])


def read(report):
    return json.loads(report.with_name("report.json").read_text())


def test_a_corpus_is_one_file(report):
    assert read(report)["corpus"] == "toy"


def test_a_defence_is_one_file(report):
    assert {row["defence"] for row in read(report)["figure3"]} == {"none", "toy defence"}
    text = report.with_name("report.md").read_text()
    assert "the toy defence" in text
    # Its colour is in the picture.
    assert "#123456" in report.with_name("figure3.svg").read_text()


def test_a_threat_model_is_one_file_and_meets_every_system(report):
    rows = [row for row in read(report)["threats"] if row["threat"] == "toy threat"]
    assert {row["defence"] for row in rows} == {"none", "toy defence"}
    assert "- **toy threat**: half the level, which is no noise." in report.with_name("report.md").read_text()


def test_a_channel_is_one_file_and_every_system_hears_it(report):
    rows = read(report)["channels"]["rows"]
    assert [(row["defence"], row["channel"], row["level"]) for row in rows] == [
        (name, "toy", 0.5) for name in ("none", "toy defence")
    ]
    assert "| toy × 0.5 |" in report.with_name("report.md").read_text()
    assert "the toy channel" in report.with_name("channels.svg").read_text()


def test_a_section_is_one_file_on_both_pages(report):
    assert "## A toy section" in report.with_name("report.md").read_text()
    assert "A toy section</h2>" in report.read_text()


def test_a_front_end_and_a_learning_rate_rule_are_one_file_each(report):
    facts = read(report)
    assert facts["settings"]["features"] == {"front_end": "toy"}
    assert facts["settings"]["training"]["rule"] == "toy"
    store = report.parents[2] / "artifacts"
    (model, *_) = store.glob("Model/*/model.json")
    assert json.loads(model.read_text())["features"] == ["level", "crossings"]
    history = model.with_name("history.csv").read_text().splitlines()
    column = history[0].split(",").index("learning_rate")
    rates = [float(line.split(",")[column]) for line in history[1:]]
    assert rates == pytest.approx([0.002 * (2 / 3) ** epoch for epoch in range(3)], rel=1e-5)


def test_train_knows_it_and_help_lists_its_settings(grown):
    helped = _run(grown, "train", "--help")
    assert "--defences.toy.deviation" in helped.stdout
    assert re.search(r"--corpus \{[^}]*\btoy\b", helped.stdout)


def test_what_is_no_such_file_is_refused_in_one_line(grown):
    result = _run(grown, "train", "--defence", "armour")
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1
    assert "armour" in result.stderr and "toy defence" in result.stderr
