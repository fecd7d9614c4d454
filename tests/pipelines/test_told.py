"""What was left out is said before noise is made, and nothing left is an error there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kerasser.defences.gan import CompanionSettings
from kerasser.defences.gan import Settings as GanSettings
from pipelines import attack, generate
from pipelines.cli.main import main
from pipelines.config import Settings, VictimRunSettings
from pipelines.dag import Dag
from pipelines.run import tell_companions
from tests.pipelines import corpus

LOUD = """
import numpy as np
def answer(waveforms, rate):
    p = np.array([np.clip(np.std(each) * 5, 0, 1) for each in waveforms])
    return {answer}
answer.classes = {classes}
"""
PAIR = "np.stack([p, 1 - p], 1)"


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    listing, noise = corpus.write(tmp_path)
    return tmp_path, [*corpus.arguments(listing, noise, tmp_path / "out"), "--quiet"]


def attacked(stage, name, classes, *more, answer=PAIR):
    (stage[0] / f"{name}.py").write_text(LOUD.format(classes=classes, answer=answer))
    arguments = [*stage[1], "--victim.model", f"{name}:answer", *more]
    main("attack", attack.DESCRIPTION, attack.attack, arguments, VictimRunSettings)


def relabelled(stage, **names):
    path = stage[0] / "corpus/list.csv"
    lines = path.read_text()
    for old, new in names.items():
        lines = lines.replace(f",{old},", f",{new},")
    path.write_text(lines)


def noise_was_made(stage):
    return (stage[0] / "out/artifacts/Noise").exists()


def test_labels_and_files_that_drop_out_are_said_with_counts_names_and_settings(stage, capsys):
    relabelled(stage, neutral="neutrall")
    (stage[0] / "corpus/s0_0.wav").unlink()
    attacked(stage, "loud1", ("negative", "positive"))
    told = capsys.readouterr().err
    assert "warning: 12 of 24 utterances left out: no valence for neutrall (12, perhaps neutral); known are " in told
    assert "data.valence" in told
    assert "warning: 1 of 24 utterances left out: audio file missing, such as s0_0.wav" in told
    # From the cache as well.
    attacked(stage, "loud1", ("negative", "positive"))
    assert "12 of 24 utterances left out" in capsys.readouterr().err


def test_training_commands_say_it_too(stage, capsys):
    relabelled(stage, neutral="awe")
    path = stage[0] / "corpus/list.csv"
    path.write_text(path.read_text().replace("s0_1.wav,s0,awe", "s0_1.wav,s0,neutral"))
    with pytest.raises(SystemExit):
        # One speaker alone says something positive: no fold trains on both classes.
        main("generate", generate.DESCRIPTION, generate.generate, stage[1], Settings)
    path.write_text(path.read_text().replace("awe", "Neutral").replace("s1_1.wav,s1,Neutral", "s1_1.wav,s1,awe"))
    main("generate", generate.DESCRIPTION, generate.generate, stage[1], Settings)
    assert "warning: 1 of 24 utterances left out: no valence for awe (1)" in capsys.readouterr().err


def test_nothing_left_is_an_error_before_noise_is_made(stage, capsys):
    relabelled(stage, neutral="joyy", anger="rage")
    with pytest.raises(SystemExit):
        attacked(stage, "loud2", ("negative", "positive"))
    line = capsys.readouterr().err
    assert (
        "no usable utterance" in line
        and "no valence for joyy (12), rage (12, perhaps anger)" in line
        and "data.valence" in line
    )
    assert len(line.splitlines()) == 1 and not noise_was_made(stage)


def test_a_victims_names_fold_as_labels_do(stage, capsys):
    attacked(stage, "loud3", ("Angry", "NEUTRAL"))
    shown, told = capsys.readouterr()
    report = json.loads(Path(shown.strip()).with_name("report.json").read_text())
    assert report["classes"] == ["Angry", "NEUTRAL"] and not report["skipped"] and "left out" not in told
    assert report["clean"]["n"] == 24


def test_what_a_victim_has_no_class_for_is_said(stage, capsys):
    attacked(stage, "loud4", ("angry", "sad"))
    told = capsys.readouterr().err
    assert "12 of 24 utterances left out: the victim has no class for neutral (12); it knows angry, sad; " in told
    assert "victim.classes" in told


def test_a_class_that_is_never_the_truth_is_said(stage, capsys):
    stage[1].remove("--quiet")
    attacked(stage, "loud4", ("angry", "neutral", "sad"), answer="np.stack([p, 1 - p, 0 * p], 1)")
    told = capsys.readouterr().err
    assert "warning: no utterance of the victim's class sad is left: the error is undefined" in told


def test_a_victim_that_knows_none_of_the_emotions_is_refused_before_noise_is_made(stage, capsys):
    with pytest.raises(SystemExit):
        attacked(stage, "loud5", ("neutrl", "joyful"))
    line = capsys.readouterr().err
    assert "expected some that the corpus has: anger, neutral. Received: neutrl (perhaps neutral), joyful" in line
    assert not noise_was_made(stage)


def test_one_output_of_a_function_is_taken_for_the_second_class_and_said(stage, capsys):
    attacked(stage, "loud6", ("negative", "positive"), answer="1 - p")
    shown, told = capsys.readouterr()
    assert "warning: loud6:answer has one output: it is taken for the probability of 'positive'" in told
    one = json.loads(Path(shown.strip()).with_name("report.json").read_text())
    attacked(stage, "loud7", ("negative", "positive"))
    both = json.loads(Path(capsys.readouterr().out.strip()).with_name("report.json").read_text())
    assert one["figure1"] == both["figure1"]


@pytest.mark.parametrize("labels", [("0", "1"), ("0.0", "1.0")])
def test_labels_may_be_numbers(stage, capsys, labels):
    relabelled(stage, anger=labels[0], neutral=labels[1])
    attacked(stage, "loud8", ("negative", "positive"), "--data.valence", "{0: negative, 1: Positive}")
    report = json.loads(Path(capsys.readouterr().out.strip()).with_name("report.json").read_text())
    assert report["clean"]["n"] == 24 and report["settings"]["data"]["valence"] == {"0": "negative", "1": "Positive"}


def test_one_recording_under_two_speakers_rings_in_the_report_of_an_attack(stage, capsys):
    corpora = stage[0] / "corpus"
    generator = np.random.default_rng(1)
    sound = np.repeat(generator.normal(0, 0.1, 8000), 3)
    for name in ("x", "y"):
        soundfile.write(corpora / f"{name}.wav", sound, 16000)
    rows = (corpora / "list.csv").read_text()
    (corpora / "list.csv").write_text(rows + "x.wav,s0,anger,\ny.wav,s1,anger,\n")
    attacked(stage, "loud9", ("negative", "positive"))
    shown, told = capsys.readouterr()
    report = json.loads(Path(shown.strip()).with_name("report.json").read_text())
    assert "duplicated" in [alarm["name"] for alarm in report["alarms"]]
    assert "of 26 utterances of the corpus" in json.dumps(report["alarms"])
    shutil.rmtree(stage[0] / "out/reports")


def sigmoid(stage, outputs=1):
    """A Keras model of frames whose single output is trained on the second class."""
    keras = pytest.importorskip("keras")
    frames = keras.Input((None, 25))
    pooled = keras.layers.GlobalAveragePooling1D()(frames)
    answer = keras.layers.Dense(outputs, activation="sigmoid", kernel_initializer="zeros")(pooled)
    keras.Model(frames, answer).save(stage[0] / "mine.keras")


def asked_of_keras(stage, *more):
    main(
        "attack",
        attack.DESCRIPTION,
        attack.attack,
        [*stage[1], "--victim.model", "mine.keras", *more],
        VictimRunSettings,
    )


def test_a_network_with_one_sigmoid_output_is_attacked_and_that_is_said(stage, capsys):
    sigmoid(stage)
    asked_of_keras(stage, "--victim.classes", "[negative, positive]")
    shown, told = capsys.readouterr()
    assert "mine.keras has one output: it is taken for the probability of 'positive'" in told
    report = json.loads(Path(shown.strip()).with_name("report.json").read_text())
    assert report["classes"] == ["negative", "positive"] and report["clean"]["n"] == 24


@pytest.mark.parametrize(
    ("outputs", "classes", "message"),
    [
        (1, "[]", "one (sigmoid) output is the probability of the second of two. Received: none"),
        (1, "[positive]", "one (sigmoid) output is the probability of the second of two. Received: ['positive']"),
        (1, "[anger, neutral, sadness]", "one (sigmoid) output answers for two classes"),
        (3, "[negative, positive]", "Received: shape [1, 3]"),
        (2, "[anger, neutral, sadness]", "Received: shape [1, 2]"),
    ],
)
def test_a_network_that_answers_otherwise_is_refused_before_noise_is_made(stage, capsys, outputs, classes, message):
    sigmoid(stage, outputs)
    with pytest.raises(SystemExit):
        asked_of_keras(stage, "--victim.classes", classes)
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1 and not noise_was_made(stage)


def test_what_a_gans_other_corpora_lack_is_said_once_a_gan_meets_them(stage, tmp_path, capsys):
    other, _ = corpus.write(tmp_path / "other", seed=1)
    other.write_text(other.read_text().replace("s0_0.wav,s0,anger", "s0_0.wav,s0,rage"))
    companion = CompanionSettings("manifest", str(other))
    settings = Settings(corpus="manifest", corpus_dir=stage[1][3], output_dir=str(tmp_path / "out"), quiet=True)
    settings = replace(settings, defences=replace(settings.defences, gan=GanSettings(corpora=[companion])))
    dag = Dag(settings)
    tell_companions(settings, dag)
    assert not capsys.readouterr().err
    assert dag.companions
    tell_companions(settings, dag)
    warned = "warning: manifest: 1 of 24 utterances left out: no valence for rage (1, perhaps anger)"
    assert warned in capsys.readouterr().err
