"""What belongs to the test never reaches training: it is refused in code."""

import json

import numpy as np
import pytest
import soundfile

from kerasser.corpora.folds import Fold
from kerasser.evaluation.alarms import seen_in_training
from kerasser.noise.bank import Recording
from kerasser.util.errors import InputError
from pipelines.components import evaluator, gan_trainer, noise_gen
from pipelines.components.adversarial_gen import AdversarialGenExecutor
from pipelines.components.noise_gen import NoiseGenExecutor
from pipelines.components.trainer import refuse_leak
from pipelines.engine.artifacts import Artifact
from pipelines.io.folds import speakers
from tests.pipelines import corpus

FOLD = Fold("1", ("a", "b"), ("c",), ("d",))


def examples(tmp_path, noise):
    return Artifact("Examples", tmp_path, {"noise": noise})


def test_training_speakers_and_training_noise_pass(tmp_path):
    refuse_leak({"a", "b"}, FOLD.train, examples(tmp_path, "train"), examples(tmp_path, "white"))


@pytest.mark.parametrize("stranger", ["c", "d"])
def test_a_speaker_of_another_part_is_refused(tmp_path, stranger):
    with pytest.raises(AssertionError, match=stranger):
        refuse_leak({"a", stranger}, FOLD.train, examples(tmp_path, "none"))


def test_test_noise_is_refused(tmp_path):
    with pytest.raises(AssertionError, match="test stretch"):
        refuse_leak({"a"}, FOLD.train, examples(tmp_path, "none"), examples(tmp_path, "test"))


def test_a_model_is_measured_on_strangers_under_test_noise_alone():
    trained = {"train": ["a", "b"], "dev": ["c"]}
    evaluator.refuse_leak(trained, FOLD, "test")
    for known in ("a", "c"):
        with pytest.raises(AssertionError, match=known):
            evaluator.refuse_leak(trained, Fold("2", ("x",), ("y",), ("d", known)), "test")
    with pytest.raises(AssertionError, match="train stretch of noise"):
        evaluator.refuse_leak(trained, FOLD, "train")


@pytest.mark.parametrize(("noise_split", "part"), [("train", "test"), ("test", "training")])
def test_noise_of_one_stretch_never_meets_speech_of_the_other(tmp_path, monkeypatch, noise_split, part):
    noise = {"cafe": [Recording("cafe", "a", np.ones(10, np.float32))]}
    monkeypatch.setattr(noise_gen, "load", lambda _: (noise_split, False, noise))
    with pytest.raises(AssertionError, match=f"the {noise_split} stretch .* the {part} speakers"):
        AdversarialGenExecutor().do(
            {"folds": None, "noise.0": None}, {"examples": tmp_path}, {"fold_names": [], "part": part}
        )


def test_the_training_part_of_some_folds_is_whoever_trains_or_steers_in_one_of_them():
    other = Fold("2", ("c", "d"), ("a",), ("b",))
    assert speakers([FOLD], "training") == {"a", "b", "c"}
    assert speakers([FOLD, other], "training") == {"a", "b", "c", "d"}
    assert speakers([FOLD, other], "test") == {"b", "d"}


def gan_inputs(tmp_path, trained, recordings):
    """A classifier's fold and, for two corpora, who speaks in which recording."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps({"fold": trained}))
    inputs = {"model": Artifact("Model", tmp_path / "model")}
    for name, rows in zip(("utterances", "other_utterances.0"), recordings, strict=True):
        (tmp_path / name).mkdir()
        lines = [f"{speaker},{digest},{digest}.wav" for speaker, digest in rows]
        (tmp_path / name / "utterances.csv").write_text("\n".join(["speaker,sha256,path", *lines]))
        inputs[name] = Artifact("Utterances", tmp_path / name)
    return {**inputs, "other_adversarial.0": Artifact("Examples", tmp_path, {"noise": "train"})}


OWN = [("a", "1"), ("c", "2"), ("d", "3")]
KNOWN = {"train": ["a", "b"], "dev": ["c"]}
OTHER = Fold("1", ("x",), ("y",), ("z",))


def test_another_corpus_joins_the_gan_if_it_holds_no_test_recording(tmp_path):
    inputs = gan_inputs(tmp_path, KNOWN, [OWN, [("x", "1"), ("x", "9"), ("z", "3")]])
    gan_trainer.refuse_leak(inputs, FOLD, [OTHER])


def test_a_test_recording_in_another_corpus_is_refused_by_name(tmp_path):
    inputs = gan_inputs(tmp_path, KNOWN, [OWN, [("x", "3")]])
    with pytest.raises(InputError, match="Received: 3.wav in both"):
        gan_trainer.refuse_leak(inputs, FOLD, [OTHER])


def test_a_classifier_that_knows_the_test_speakers_gets_no_generator(tmp_path):
    inputs = gan_inputs(tmp_path, {"train": ["a", "d"], "dev": ["c"]}, [OWN, []])
    with pytest.raises(AssertionError, match="'d'"):
        gan_trainer.refuse_leak(inputs, FOLD, [OTHER])


def banks(place, noise, **options):
    """Makes both banks of a folder of noise; returns their folders."""
    outputs = {"train": place / "train", "test": place / "test"}
    parameters = {"environments": [], "channel": 1, "split": "time", "test_environments": [], "test_share": 0.4}
    parameters |= {"skip_unusable": False, "longest_s": 7200.0, "largest_bytes": 2**31}
    parameters |= {"guard_s": 0.5, "demo_duration_s": 0.0, "seed": 0, "quiet": True}
    NoiseGenExecutor().do({}, outputs, {"noise_dir": str(noise), "test_noise_dir": "", **parameters, **options})
    return {name: Artifact("Noise", folder) for name, folder in outputs.items()}


def test_the_banks_share_no_sample(tmp_path):
    _, noise = corpus.write(tmp_path)
    made = banks(tmp_path, noise)
    rows = {name: noise_gen.facts(bank)["recordings"] for name, bank in made.items()}
    for train, test in zip(rows["train"], rows["test"], strict=True):
        assert train["name"] == test["name"]
        assert test["start_sample"] - train["end_sample"] == 8000
    noise_split, synthetic, loaded = noise_gen.load(made["test"])
    assert (noise_split, synthetic, sorted(loaded)) == ("test", False, ["cafe", "station"])
    assert loaded["cafe"][0].waveform.size == rows["test"][0]["end_sample"] - rows["test"][0]["start_sample"]


def rings(made):
    """Returns whether the alarm sees test noise in what trains."""
    heard = noise_gen.stretches(made["train"], with_twins=True)
    return seen_in_training([], [], heard, noise_gen.stretches(made["test"])) is not None


def test_a_piece_that_trains_and_its_twin_that_tests_are_parted_and_said(tmp_path, monkeypatch):
    generator, noise = np.random.default_rng(0), tmp_path / "noise/hall"
    noise.mkdir(parents=True)
    one, other = generator.uniform(-0.2, 0.2, (2, 20 * 16000))
    other[-2 * 16000 :] = one[: 2 * 16000] / 2
    for name, waveform in (("a", one), ("b", other)):
        soundfile.write(noise / f"{name}.wav", waveform, 16000)
    made = banks(tmp_path, noise.parent)
    (remark,) = noise_gen.facts(made["train"])["remarks"]
    assert "hall/a holds, at 0.00 to 2" in remark and "tests in hall/b" in remark
    (told,) = noise_gen.facts(made["test"])["twins"]
    assert told["names"] == ["hall/a", "hall/b"] and told["correlation"] > 0.95
    assert not rings(made)
    # The alarm stands on its own: were the piece left in training, it would ring.
    monkeypatch.setattr(noise_gen.splits, "_without_twins", lambda train, test, twins, guard: (train, []))
    assert rings(banks(tmp_path / "leaky", noise.parent))


def test_pieces_of_one_recording_have_names_and_files_of_their_own(tmp_path):
    noise = tmp_path / "noise/hall"
    noise.mkdir(parents=True)
    waveform = np.random.default_rng(0).uniform(-0.2, 0.2, 20 * 16000)
    waveform[4 * 16000 : 6 * 16000] = 0.0
    soundfile.write(noise / "a.wav", waveform, 16000)
    made = banks(tmp_path, noise.parent)
    rows = noise_gen.facts(made["train"])["recordings"]
    assert [row["name"] for row in rows] == ["hall/a#1", "hall/a#2"]
    assert len({row["file"] for row in rows}) == 2
    assert sum(end - start for each in noise_gen.stretches(made["train"]).values() for start, end in each) == round(
        (18 * 0.6 - 0.25) * 16000
    )
    assert (
        "Digital silence in recordings of noise was left out: hall/a (2.0 s)."
        in noise_gen.facts(made["test"])["remarks"]
    )


def test_noise_that_cannot_be_used_is_refused_or_left_out_and_said(tmp_path):
    noise = tmp_path / "noise/hall"
    noise.mkdir(parents=True)
    waveform = np.random.default_rng(0).uniform(-0.2, 0.2, 10 * 16000)
    soundfile.write(noise / "a.wav", waveform, 16000)
    soundfile.write(noise / "b.wav", 0 * waveform, 16000)
    soundfile.write(noise / "c.wav", waveform * 32768, 16000, subtype="FLOAT")
    (noise / "d.wav").write_text("hello")
    with pytest.raises(InputError, match=r"d\.wav: expected"):
        banks(tmp_path, noise.parent)
    made = banks(tmp_path, noise.parent, skip_unusable=True)
    facts = noise_gen.facts(made["test"])
    assert facts["remarks"] == [
        "Recordings of noise that cannot be used were left out: hall/d (no audio), hall/b (silence), "
        "hall/c (floats on the scale of integers)."
    ]
    assert [row["name"] for row in facts["recordings"]] == ["hall/a"]
    (noise / "a.wav").write_text("hello")
    with pytest.raises(InputError, match=r"expected recordings of hall that can be used\. Received: none; left out"):
        banks(tmp_path, noise.parent, skip_unusable=True)


@pytest.mark.real_audio
@pytest.mark.parametrize("split", ["time", "recording", "environment"])
def test_no_real_noise_is_heard_on_both_sides(tmp_path, real_data, split):
    wanted = ["station"] if split == "environment" else []
    made = banks(tmp_path, real_data / "noise", split=split, test_environments=wanted)
    assert not rings(made)
    (remark,) = noise_gen.facts(made["train"])["remarks"] or [""]
    assert ("noice__office_0 holds, at 0.00 to 1.8" in remark) == (split == "time")


def folder(place, seed, **environments):
    """Writes noise of so many recordings of each environment, 6 s each."""
    generator = np.random.default_rng(seed)
    for environment, count in environments.items():
        (place / environment).mkdir(parents=True)
        for number in range(count):
            soundfile.write(place / environment / f"{number}.wav", generator.uniform(-0.2, 0.2, 6 * 16000), 16000)
    return place


def test_a_folder_that_tests_leaves_the_other_whole_for_training(tmp_path):
    one, other = folder(tmp_path / "one", 0, cafe=2, hall=1), folder(tmp_path / "other", 1, cafe=1, bus=1)
    made = banks(tmp_path, one, test_noise_dir=str(other))
    facts = {name: noise_gen.facts(bank) for name, bank in made.items()}
    rows = {name: [(each["name"], each["start_sample"], each["end_sample"]) for each in facts[name]["recordings"]]
            for name in facts}  # fmt: skip
    assert rows["train"] == [("cafe/0", 0, 96000), ("cafe/1", 0, 96000), ("hall/0", 0, 96000)]
    assert rows["test"] == [("bus/0", 0, 96000), ("cafe/0", 0, 96000)]
    assert facts["test"]["unheard"] == {"bus": "environment", "cafe": "recording"}
    assert facts["test"]["remarks"][0].endswith("bus (1), cafe (1) test, cafe (2), hall (1) train.")
    _, synthetic, heard = noise_gen.load(made["test"])
    (recording,) = heard["cafe"]
    assert not synthetic
    np.testing.assert_array_equal(recording.waveform, soundfile.read(other / "cafe/0.wav", dtype="float32")[0])
    assert not rings(made)


def test_training_noise_may_be_synthetic_where_a_folder_tests(tmp_path):
    made = banks(tmp_path, "", test_noise_dir=str(folder(tmp_path / "other", 1, bus=1)), demo_duration_s=3.0)
    assert noise_gen.facts(made["train"])["synthetic"] and not noise_gen.facts(made["test"])["synthetic"]
    assert {row["source"] for row in noise_gen.facts(made["train"])["recordings"]} >= {"demo/cafe"}


def test_a_twin_in_the_other_folder_is_taken_from_training(tmp_path, monkeypatch):
    one, other = folder(tmp_path / "one", 0, cafe=2), folder(tmp_path / "other", 1, bus=1)
    forged, rate = soundfile.read(other / "bus/0.wav")
    mine, _ = soundfile.read(one / "cafe/1.wav")
    # Under another name, at another level, in the middle of another recording.
    mine[2 * rate : 4 * rate] = 0.6 * forged[3 * rate : 5 * rate]
    soundfile.write(one / "cafe/1.wav", mine, rate)
    made = banks(tmp_path, one, test_noise_dir=str(other))
    _, remark = noise_gen.facts(made["test"])["remarks"]
    assert "cafe/1 holds, at 1.88 to 4.19 s" in remark and "sound that tests in bus/0 of test_noise_dir" in remark
    kept = noise_gen.facts(made["train"])["recordings"]
    assert [row["name"] for row in kept] == ["cafe/0", "cafe/1#1", "cafe/1#2"]
    assert kept[1]["end_sample"] <= 1.5 * rate and kept[2]["start_sample"] >= 4.4 * rate
    assert not rings(made)
    monkeypatch.setattr(noise_gen.splits, "_without_twins", lambda train, test, twins, guard: (train, []))
    assert rings(banks(tmp_path / "leaky", one, test_noise_dir=str(other)))


def test_the_same_file_in_both_folders_does_not_train(tmp_path):
    one, other = folder(tmp_path / "one", 0, cafe=2), folder(tmp_path / "other", 1, bus=1)
    # Nothing that a search through sound would find: too quiet for most of its length.
    quiet, rate = soundfile.read(one / "cafe/0.wav")
    quiet[rate:] /= 5000
    soundfile.write(one / "cafe/0.wav", quiet, rate)
    (other / "cafe").mkdir()
    (other / "cafe/copy.wav").write_bytes((one / "cafe/0.wav").read_bytes())
    made = banks(tmp_path, one, test_noise_dir=str(other))
    assert [row["name"] for row in noise_gen.facts(made["train"])["recordings"]] == ["cafe/1"]
    assert "cafe/copy" in {row["name"] for row in noise_gen.facts(made["test"])["recordings"]}
    assert not rings(made)
    (one / "cafe/1.wav").unlink()
    with pytest.raises(InputError, match="expected recordings of cafe with .* to train. .* sound that tests as well"):
        banks(tmp_path / "again", one, test_noise_dir=str(other))


def test_noise_that_cannot_be_used_is_left_out_of_either_folder(tmp_path):
    one, other = folder(tmp_path / "one", 0, cafe=2), folder(tmp_path / "other", 1, cafe=2)
    for place in (one, other):
        soundfile.write(place / "cafe/0.wav", np.zeros(6 * 16000), 16000)
    with pytest.raises(InputError, match="0.wav"):
        banks(tmp_path, one, test_noise_dir=str(other))
    made = banks(tmp_path, one, test_noise_dir=str(other), skip_unusable=True)
    assert (
        "left out: cafe/0 (silence), cafe/0 of test_noise_dir (silence)" in noise_gen.facts(made["test"])["remarks"][1]
    )
    (other / "cafe/1.wav").unlink()
    with pytest.raises(InputError, match="other: expected recordings of cafe that can be used. Received: none"):
        banks(tmp_path, one, test_noise_dir=str(other), skip_unusable=True)


@pytest.mark.real_audio
def test_real_folders_share_nothing(tmp_path, real_data):
    if not (real_data / "noise-diverse").is_dir():
        pytest.skip("expects a second folder of noise")
    made = banks(tmp_path, real_data / "noise", test_noise_dir=str(real_data / "noise-diverse"))
    facts = noise_gen.facts(made["test"])
    assert not rings(made) and facts["unheard"].pop("cafe") == "recording"
    assert set(facts["unheard"].values()) == {"environment"}
