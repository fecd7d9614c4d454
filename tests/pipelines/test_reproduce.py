"""The whole reproduction, as a user runs it, on tiny corpora."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from kerasser.defences import (
    NONE,
    adversarial_training,
    enhancement,
    gan,
    gan_adversarial_training,
    random_noise,
)
from kerasser.evaluation.comparison import Comparison
from kerasser.evaluation.results import Alarm
from pipelines import reproduce
from pipelines.cli.main import main
from pipelines.components import evaluator, reproducer
from pipelines.engine.artifacts import Artifact
from pipelines.lineage import ancestors, lineage
from tests.corpora import trees
from tests.pipelines import corpus
from tests.pipelines.test_commands import content, run, voice

ROOT = Path(__file__).parents[2]
#: No defence but the GAN.
FEW_MODELS = [
    *("--defences.adversarial_training.shares", "[]", "--defences.random_noise.epsilon", "0"),
    *("--defences.random_noise_on_features.deviation", "0"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("reproduce")
    listing, noise = corpus.write(root)
    beyond = ["--defences.enhancement.gain", "lsa", "--defences.gan_adversarial_training.wanted", "true"]
    small = corpus.arguments(listing, noise, root / "out")
    return root, [
        *small,
        *beyond,
        "--data.folds",
        "2",
        "--fold",
        "all",
        "--defences.random_noise_on_features.deviation",
        "0",
    ]


@pytest.fixture(scope="module")
def reproduced(place):
    """Slow for what follows: eight models and four GANs are trained, small as they are."""
    result = run("reproduce", place[1])
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def report(reproduced):
    return json.loads(Path(reproduced.stdout.strip().splitlines()[-1]).with_name("report.json").read_text())


def test_it_prints_the_tables_and_ends_with_the_path_of_the_page(reproduced):
    path = Path(reproduced.stdout.strip().splitlines()[-1])
    assert path.is_file() and path.name == "report.html"
    names = {"report.json", "report.md", "report.html"}
    names |= {f"{name}.csv" for name in ("figure1", "figure2", "figure3", "table2", "table3", "differences", "threats")}
    names |= {f"{name}.csv" for name in ("perception", "reference_noise", "errors_by_emotion", "errors_by_sex")}
    names |= {f"figure{number}.{kind}" for number in (1, 2, 3, 4) for kind in ("png", "svg")}
    names |= {"sounds"}
    assert {each.name for each in path.parent.iterdir()} == names
    for title in ("## Figure 1", "## Figure 2", "## Table 2", "## Table 3", "## Figure 3", "68.82 → 38.31"):
        assert title in reproduced.stdout


def test_every_speaker_is_tested_once_over_all_folds(report):
    assert report["folds"] == ["1", "2"] and report["seeds"] == [0]
    assert report["test_speakers"] == [f"s{number}" for number in range(6)]
    assert report["clean"]["n"] == 24 and np.sum(report["clean"]["confusion"]) == 24


def test_the_report_has_the_rows_and_keys_that_were_promised(report):
    noises, budgets = ["cafe", "station", "mean", "any"], [{"epsilon": 2.0}, {"snr_db_target": 10.0}]
    rows = report["table3"]
    assert [(row["noise"], row.get("epsilon")) for row in rows] == [
        (n, b.get("epsilon")) for b in budgets for n in noises
    ]
    for row in rows:
        assert {"attacked", "gan", "clean_through_gan", "recovered_share"} <= row.keys()
        assert {"attacked", "gan", "clean_through_gan", "recovered_share"} <= row["interval"].keys()
        assert row["worst_of"]["N"] == (4 if row["noise"] == "any" else 2)
        assert row["worst_of"]["attacked"] >= row["attacked"] - 1e-9
    assert {"noise", "attacked", "random_noise", "interval", "worst_of"} <= report["table2"][0].keys()
    assert [row["percent"] for row in report["figure2"] if row["noise"] == "cafe" and "epsilon" in row] == [0, 50, 100]
    assert {row["defence"] for row in report["figure3"]} == {
        NONE,
        *(defence.NAME for defence in (random_noise, enhancement, adversarial_training, gan, gan_adversarial_training)),
    }
    assert {"enhancement", "combined"} <= rows[0].keys() and {"enhancement", "combined"} <= rows[0]["interval"].keys()
    assert [(row.get("epsilon"), row["draw"]) for row in report["ordering"]] == [
        (2.0, "mean"),
        (2.0, "worst"),
        (None, "mean"),
        (None, "worst"),
    ]
    order = [gan.NAME, adversarial_training.NAME, random_noise.NAME, NONE]
    assert report["ordering"][0]["order"] == order and 0 < report["ordering"][0]["p"] <= 1


def test_it_says_how_audible_the_attack_is_and_whether_the_label_survives(reproduced, report):
    text = reproduced.stdout
    assert "## Can the attack be heard?" in text and "## Does the label survive?" in text
    # Three utterances of each fold, and every draw.
    assert report["perception"]["utterances"] == 6
    assert [row["snr_db"]["n"] for row in report["perception"]["rows"] if row["noise"] == "any"] == [96, 96, 96]
    part = report["label_survival"]
    assert sum(row["n"] for row in part["reference_noise"]) == 24 and part["test"]["speakers"] == 6
    systems = {(row["defence"], row["percent"]) for row in part["errors_by_emotion"]}
    assert systems == {(model["defence"], model["percent"]) for model in report["models"]}
    assert systems == {(row["defence"], row["percent"]) for row in part["errors_by_sex"]}
    (shown,) = (line for line in text.splitlines() if line.startswith("| anger | GAN |"))
    rows = [row for row in part["errors_by_emotion"] if (row["defence"], row["emotion"]) == (gan.NAME, "anger")]
    assert f"| 12 | 6 | {rows[0]['error']:.1f} [" in shown
    assert not any(line.startswith("| anger | random") for line in text.splitlines())


def test_the_defended_figure_comes_from_what_the_defended_model_answered(reproduced, report):
    folder = Path(reproduced.stdout.strip().splitlines()[-1]).parent
    wrong = {0: [], 1: []}
    for place in (folder.parents[1] / "artifacts/Evaluation").iterdir():
        model = json.loads((place / "metrics.json").read_text())["model"]
        if "generator" not in model or model["share"]:
            continue
        with (place / "predictions.csv").open() as file:
            for row in csv.DictReader(file):
                if (row["noise"], row["budget"], row["target"]) == ("cafe", "epsilon", "2.0"):
                    wrong[int(row["label"])].append(row["predicted"] != row["label"])
    assert sum(map(len, wrong.values())) == 24 * 2
    shown = next(row for row in report["table3"] if row["noise"] == "cafe" and "epsilon" in row)
    assert shown["gan"] == pytest.approx(50 * (np.mean(wrong[0]) + np.mean(wrong[1])))


def test_the_generator_is_for_the_classifier_as_clean_speech_has_made_it(place, reproduced, report):
    store = place[0] / "out/artifacts"
    generators = [json.loads(path.read_text()) for path in store.glob("Generator/*/generator.json")]
    plain = {model["fold"]: model for model in report["models"] if model["defence"] == NONE}
    # One for each fold's classifier, and one for each that was trained on attacked speech alone.
    assert len(generators) == 4
    for model in report["models"]:
        if model["defence"] == gan.NAME:
            assert model["dev_ua"] == plain[model["fold"]]["dev_ua"] and model["share"] == 0
            assert model["generator"]["classifier"] in {each["classifier"] for each in generators}


def test_no_test_noise_is_above_any_generator(place, reproduced):
    store = place[0] / "out/artifacts"
    for generator in store.glob("Generator/*"):
        chain = ancestors(lineage(generator))
        made = {node["component"]["class"] for node in chain}
        assert made == {"CorpusGen", "NoiseGen", "FeatureGen", "PerturbationExporter", "AdversarialGen", "Trainer"}
        attacks = [node for node in chain if node["component"]["class"] == "AdversarialGen"]
        # Speakers that other folds test, and never those of its own.
        assert {node["parameters"]["part"] for node in attacks} == {"tested"}
        fold = lineage(generator)["parameters"]["fold"]
        assert fold not in {name for node in attacks for name in node["parameters"]["fold_names"]}
        (noise,) = {node["inputs"]["noise.0"]["output"] for node in attacks}
        assert noise == "train"


def test_the_logs_are_beside_the_models(place, reproduced):
    store = place[0] / "out/artifacts"
    for folder, parts in (("Generator/*", ("pretraining", "gan")), ("Model/*", ("layers-1",))):
        for made in store.glob(folder):
            assert all(list((made / "logs" / part).glob("events.out.tfevents.*")) for part in parts)


def test_a_second_run_takes_everything_from_the_cache(place, reproduced):
    again = run("reproduce", place[1])
    assert "starts" not in again.stderr
    assert again.stdout == reproduced.stdout


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_killed_gan_goes_on_to_the_same_hashes(tmp_path, place):
    """Slow: the GAN's training is run three times, killed once."""
    longer = ["--defence", "gan", "--defences.gan.epochs", "8", "--defences.gan.patience", "20", "--fold", "1"]
    arguments = [*place[1], *longer, "--output-dir", str(tmp_path / "killed")]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.train", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while not list((tmp_path / "killed").glob("artifacts/work/*/generator/work/gan.npz")):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert ("GanTrainer", "generator") not in content(tmp_path / "killed/artifacts")
    resumed = run("train", arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on" in resumed.stderr
    alone = run("train", [*arguments, "--output-dir", str(tmp_path / "alone")])
    assert alone.returncode == 0, alone.stderr
    assert content(tmp_path / "killed/artifacts") == content(tmp_path / "alone/artifacts")
    assert ("GanTrainer", "generator") in content(tmp_path / "alone/artifacts")


@pytest.mark.parametrize(
    ("name", "make", "fold", "speakers"),
    [
        ("iemocap", trees.make_iemocap, "Ses02", 2),
        pytest.param("fau-aibo", trees.make_fau_aibo, "given", 3, marks=pytest.mark.exhaustive),
    ],
)
def test_the_papers_protocols_run_on_small_trees(tmp_path, capsys, name, make, fold, speakers):
    """Slow: two models and a GAN for each corpus."""
    root = make(tmp_path / name, waveform=voice)
    generator = np.random.default_rng(0)
    for environment in ("PCAFETER", "OMEETING", "PSTATION"):
        (tmp_path / "noise" / environment).mkdir(parents=True)
        noise = 0.1 * generator.normal(size=80000).clip(-4, 4)
        soundfile.write(tmp_path / "noise" / environment / "ch01.wav", noise, 16000)
    flags = ["--config", str(ROOT / f"pipelines/configs/paper-{name}.yaml"), "--corpus-dir", str(root)]
    small = [*corpus.SMALL, "--attack.snrs_db", "[]", "--fold", fold, *FEW_MODELS]
    small += ["--defences.adversarial_training.shares", "[1]"]
    flags += [*small, "--noise-dir", str(tmp_path / "noise"), "--output-dir", str(tmp_path / "out"), "--quiet"]
    main("reproduce", reproduce.DESCRIPTION, reproduce.reproduce, flags)
    report = json.loads(Path(capsys.readouterr().out.strip().splitlines()[-1]).with_name("report.json").read_text())
    assert (report["corpus"], report["folds"], len(report["test_speakers"])) == (name, [fold], speakers)
    assert [row["noise"] for row in report["table3"]] == ["cafe", "meeting", "station", "mean", "any"]
    assert report["settings"]["classifier"]["layers"] == 1 and report["settings"]["attack"]["draws"] == 2


def test_the_papers_protocols_are_what_the_files_say(capsys):
    seen = []
    for name in ("iemocap", "fau-aibo"):
        main("reproduce", "", seen.append, ["--config", str(ROOT / f"pipelines/configs/paper-{name}.yaml")])
    assert [(each.corpus, each.fold) for each in seen] == [("iemocap", "all"), ("fau-aibo", None)]
    for each in seen:
        assert each.attack.epsilons[-1] == 2 and each.attack.snrs_db == []
        assert each.noise.environments == ["cafe", "meeting", "station"]
        assert (each.training.learning_rate, each.training.lowest_rate, each.defences.gan.learning_rate) == (
            0.002,
            1e-5,
            1e-4,
        )
        assert each.defences.adversarial_training.shares == pytest.approx([tenth / 10 for tenth in range(1, 11)])


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_gan_hears_several_corpora_and_each_is_reported(tmp_path, capsys):
    """Slow: a reproduction of each of two corpora."""
    listing, noise = corpus.write(tmp_path / "one")
    other, _ = corpus.write(tmp_path / "two", seed=1)
    flags = [*corpus.arguments(listing, noise, tmp_path / "out"), *FEW_MODELS, "--all-corpora", "--quiet"]
    companion = json.dumps([{"corpus": "manifest", "corpus_dir": str(other)}])
    main("reproduce", "", reproduce.reproduce, [*flags, "--defences.gan.corpora", companion])
    generators = list((tmp_path / "out/artifacts/Generator").iterdir())
    assert len(generators) == 2
    for generator in generators:
        corpora = [n for n in ancestors(lineage(generator)) if n["component"]["class"] == "CorpusGen"]
        assert {node["parameters"]["corpus_dir"] for node in corpora} == {str(listing), str(other)}
    assert "Table 3" in capsys.readouterr().out


def test_a_gan_that_would_hear_the_test_speakers_is_refused_in_one_line(tmp_path, capsys):
    listing, noise = corpus.write(tmp_path)
    companion = json.dumps([{"corpus": "manifest", "corpus_dir": str(listing), "fold": "2"}])
    with pytest.raises(SystemExit) as status:
        flags = [*corpus.arguments(listing, noise, tmp_path / "out"), *FEW_MODELS, "--quiet"]
        flags += ["--defences.gan.corpora", companion]
        main("reproduce", "", reproduce.reproduce, flags)
    assert status.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "defences.gan.corpora: expected corpora that share no recording with the test speakers" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--fold", "9"], "fold: expected one of"),
        (["--defences.gan.form", "round"], "gan.form"),
        (["--defences.gan.corpora", '[{"corpus": "emodb"}]'], "defences.gan.corpora: emodb: expected a corpus_dir"),
        (["--defences.gan.corpora", '[{"corpus": "nonsense", "corpus_dir": "x"}]'], "nonsense"),
        (["--defences.adversarial_training.shares", "[1.5]"], "defences.adversarial_training.shares"),
        (["--defences.gan.clean_share", "1"], "gan.clean_share"),
        (["--seeds", "[some]"], "seeds"),
    ],
)
def test_bad_settings_end_in_one_line(tmp_path, capsys, flags, message):
    listing, noise = corpus.write(tmp_path)
    with pytest.raises(SystemExit) as status:
        arguments = [*corpus.arguments(listing, noise, tmp_path / "out"), "--quiet", *flags]
        main("reproduce", reproduce.DESCRIPTION, reproduce.reproduce, arguments)
    assert status.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out/reports").exists()


def test_a_speaker_and_a_place_called_na_are_taken_at_their_word(tmp_path):
    lines = ["id,speaker,emotion,label,predicted,noise,budget,target,draw,epsilon,snr_db,clipped,samples"]
    for number, speaker in enumerate(("NA", "None", "nan", "s")):
        for noise in ("", "NA"):
            attack = "epsilon,2.0,0,2.0,9.0" if noise else ",,,,"
            lines.append(f"u{number},{speaker},anger,{number % 2},0,{noise},{attack},0,8000")
    (tmp_path / "predictions.csv").write_text("\n".join(lines) + "\n")
    facts = {"defence": NONE, "percent": 0.0, "fold": "1", "seed": 0}
    answers = reproducer._answers([(facts, Artifact("Evaluation", tmp_path))])
    (system,) = reproducer._systems(answers, 50, 0.95)
    (row,) = (row for row in Comparison([system]).figure3() if row.noise == "NA")
    assert row.score.error == 50


def inputs(place, listing, tested=(10, 20)):
    """Makes what the alarms of a report read: the utterances, and the two parts of one recording of noise."""
    made = {name: Artifact(name, place / name) for name in ("utterances", "training_noise.0", "noise")}
    for artifact in made.values():
        artifact.uri.mkdir(exist_ok=True)
    (made["utterances"].uri / "utterances.csv").write_text("speaker,sha256,start_s,end_s\n" + listing)
    for name, (start, end) in {"training_noise.0": (0, 10), "noise": tested}.items():
        row = {"name": "hall", "source_sha256": "33", "start_sample": start, "end_sample": end}
        (made[name].uri / "bank.json").write_text(json.dumps({"recordings": [row]}))
    return made


def measured(tested, trained=(), alarms=()):
    return {"alarms": list(alarms), "trained_speakers": list(trained), "test_speakers": list(tested)}


def test_a_recording_under_two_names_rings(tmp_path):
    table = inputs(tmp_path, "a,11,0.0,\na,22,0.0,1.0\nb,22,1.0,2.0\nc,11,0.0,\n")

    def rung(*tested):
        return [alarm.name for alarm in reproducer._alarms(table, [{"defence": NONE}], [measured(tested)])]

    # The second file holds two utterances: parts of one file are not one recording.
    assert rung("b") == []
    assert rung("a") == ["duplicated"]
    assert rung("a", "c") == []


def test_sound_of_one_speaker_under_another_rings_where_a_fold_parts_them(tmp_path):
    table = inputs(tmp_path, "a,11,0.0,\na,22,0.0,1.0\nb,33,0.0,\nc,44,0.0,\n")
    row = {"utterances": ["a1", "b1"], "speakers": ["a", "b"]}
    (table["utterances"].uri / "twins.json").write_text(json.dumps([row]))

    def rung(*tested):
        return [alarm.message for alarm in reproducer._alarms(table, [{"defence": NONE}], [measured(tested)])]

    assert rung("a") == ["The training part holds sound of 1 of 2 test utterances (50.0 %)."]
    assert rung("a", "b") == rung("c") == []


def test_what_rang_for_a_model_is_said_with_its_defence(tmp_path):
    table = inputs(tmp_path, "a,11,0.0,\n")
    metrics = [measured("b", alarms=[{"name": "not_repeatable", "message": "Twice."}])]
    rung = reproducer._alarms(table, [{"defence": gan.NAME}], metrics)
    assert rung == [Alarm(name="not_repeatable", message="Twice.", defence=gan.NAME)]


def test_a_defence_that_knows_the_test_by_heart_rings(tmp_path):
    table = inputs(tmp_path, "a,11,0.0,\nb,22,0.0,\n")
    (alarm,) = reproducer._alarms(table, [{"defence": gan.NAME}], [measured("b", trained="ab")])
    assert (alarm.defence, alarm.name) == (gan.NAME, "seen_in_training")
    table = inputs(tmp_path, "a,11,0.0,\nb,22,0.0,\n", tested=(9, 20))
    (alarm,) = reproducer._alarms(table, [{"defence": gan.NAME}], [measured("b", trained="a")])
    assert alarm.name == "seen_in_training"


def test_a_model_that_answers_differently_when_asked_again_rings():
    first = pd.DataFrame({"p_negative": [0.2, 0.6], "p_positive": [0.8, 0.4]})
    assert evaluator._alarms(first, first) == []
    (alarm,) = evaluator._alarms(first, first.assign(p_negative=[0.2, 0.4], p_positive=[0.8, 0.6]))
    assert alarm["name"] == "not_repeatable" and "another label to 50.0 %" in alarm["message"]
