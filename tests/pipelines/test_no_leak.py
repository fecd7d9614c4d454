"""What belongs to the test never reaches training: it is refused in code."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from kerasser.attack.perturbation import Recording
from kerasser.corpora.folds import Fold
from pipelines.artifacts import Artifact
from pipelines.components import adversarial_gen, evaluator, noise_gen
from pipelines.components.adversarial_gen import AdversarialGenExecutor
from pipelines.components.noise_gen import NoiseGenExecutor
from pipelines.components.trainer import refuse_leak
from tests.pipelines import corpus

FOLD = Fold("1", ("a", "b"), ("c",), ("d",))


def batches(*speakers):
    return SimpleNamespace(speakers=frozenset(speakers))


def examples(tmp_path, noise):
    return Artifact("Examples", tmp_path, {"noise": noise})


def test_training_speakers_and_training_noise_pass(tmp_path):
    refuse_leak(batches("a", "b"), FOLD, examples(tmp_path, "train"))


@pytest.mark.parametrize("stranger", ["c", "d"])
def test_a_speaker_of_another_part_is_refused(tmp_path, stranger):
    with pytest.raises(AssertionError, match=stranger):
        refuse_leak(batches("a", stranger), FOLD, examples(tmp_path, "none"))


def test_test_noise_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="test stretch"):
        refuse_leak(batches("a"), FOLD, examples(tmp_path, "test"))


def test_a_model_is_measured_on_strangers_under_test_noise_alone(tmp_path):
    trained = {"train": ["a", "b"], "dev": ["c"]}
    evaluator.refuse_leak(trained, FOLD, examples(tmp_path, "test"))
    for known in ("a", "c"):
        with pytest.raises(AssertionError, match=known):
            evaluator.refuse_leak(trained, Fold("2", ("x",), ("y",), ("d", known)), examples(tmp_path, "test"))
    with pytest.raises(AssertionError, match="train stretch of noise"):
        evaluator.refuse_leak(trained, FOLD, examples(tmp_path, "train"))


@pytest.mark.parametrize(("stretch", "part"), [("train", "test"), ("test", "train"), ("test", "dev")])
def test_noise_of_one_stretch_never_meets_speech_of_the_other(tmp_path, monkeypatch, stretch, part):
    monkeypatch.setattr(adversarial_gen, "read_fold", lambda *_: FOLD)
    noise = {"cafe": [Recording("cafe", "a", np.ones(10, np.float32))]}
    monkeypatch.setattr(noise_gen, "load", lambda _: (stretch, False, noise))
    with pytest.raises(AssertionError, match=f"the {stretch} stretch .* the {part} speakers"):
        AdversarialGenExecutor().do({"folds": None, "noise": None}, {"examples": tmp_path}, {"fold": "", "part": part})


def test_the_banks_share_no_sample(tmp_path):
    _, noise = corpus.write(tmp_path)
    outputs = {"train": tmp_path / "train", "test": tmp_path / "test"}
    for folder in outputs.values():
        folder.mkdir()
    NoiseGenExecutor().do(
        {},
        outputs,
        {
            "noise_dir": str(noise),
            "environments": [],
            "channel": 1,
            "test_share": 0.4,
            "guard_s": 0.5,
            "demo_duration_s": 0.0,
            "seed": 0,
        },
    )
    rows = {name: json.loads((folder / "bank.json").read_text())["recordings"] for name, folder in outputs.items()}
    for train, test in zip(rows["train"], rows["test"], strict=True):
        assert train["name"] == test["name"]
        assert test["start_sample"] - train["end_sample"] == 8000
    stretch, synthetic, loaded = noise_gen.load(Artifact("Noise", outputs["test"]))
    assert (stretch, synthetic, sorted(loaded)) == ("test", False, ["cafe", "station"])
    assert loaded["cafe"][0].waveform.size == rows["test"][0]["end_sample"] - rows["test"][0]["start_sample"]
