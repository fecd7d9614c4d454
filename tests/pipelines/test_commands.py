"""Whole commands, as a user runs them."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import kerasser
from pipelines import attack, evaluate, generate, train
from pipelines.cli.command_line import reported
from pipelines.cli.main import main, parse
from pipelines.config import Settings, VictimRunSettings
from pipelines.lineage import ancestors, lineage
from tests.corpora import trees
from tests.pipelines import corpus

ROOT = Path(__file__).parents[2]
KEYS = {"corpus", "synthetic", "fold", "seed", "versions", "clean", "figure1", "perception", "label_survival"}
BUDGETS = {"epsilon", "snr_db_target"}
ROW_KEYS = {
    "noise",
    "snr_db_median",
    "error",
    "error_worst_of",
    "interval",
    "attack_success_rate",
    "clipped_share",
    "n",
}


def run(command, arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", f"pipelines.{command}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("commands")
    listing, noise = corpus.write(root)
    return root, [*corpus.arguments(listing, noise, root / "out"), "--log-json", str(root / "log.jsonl")]


@pytest.fixture(scope="module")
def evaluated(place):
    result = run("evaluate", place[1])
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def report(evaluated):
    return json.loads(Path(evaluated.stdout.strip()).with_name("report.json").read_text())


def test_evaluate_ends_with_the_path_of_the_report(evaluated):
    assert Path(evaluated.stdout.strip().splitlines()[-1]).is_file()
    assert "any at ε = 2: error" in evaluated.stderr
    # Eight test utterances of half a second under two environments, three budgets and two draws.
    assert re.search(r"^attacked 48 s of speech at [\d.,]+ s/s; [\d.]+ (s|min \d+ s) in all$", evaluated.stderr, re.M)


def test_the_log_tells_of_every_component_and_where_its_work_is(place, evaluated):
    lines = [json.loads(line) for line in (place[0] / "log.jsonl").read_text().splitlines()]
    first = lines[: [line["event"] for line in lines].index("end") + 1]
    done = {line["component"]: line for line in first if line["event"] == "done"}
    assert len(done) == 10 and all(line["seconds"] >= 0 for line in done.values())
    assert all(Path(path).is_dir() for line in done.values() for path in line["paths"].values())
    assert first[0]["event"] == "start" and first[-1]["status"] == 0
    assert first[-1]["paths"] == evaluated.stdout.split()
    assert {(line["command"], line["version"]) for line in first} == {("evaluate", kerasser.__version__)}


def test_the_report_has_every_key_and_condition(report):
    assert KEYS <= report.keys()
    assert (report["corpus"], report["synthetic"], report["fold"], report["seed"]) == ("manifest", False, "1", 0)
    assert {"ua", "error", "interval", "n", "confusion"} <= report["clean"].keys()
    conditions = [(row["noise"], row.get("epsilon"), row.get("snr_db_target")) for row in report["figure1"]]
    budgets = [(0.5, None), (2.0, None), (None, 10.0)]
    assert conditions == [(noise, *budget) for noise in ("cafe", "station", "any") for budget in budgets]
    for row in report["figure1"]:
        assert ROW_KEYS <= row.keys()
        assert row["error_worst_of"]["N"] == (4 if row["noise"] == "any" else 2)
        assert {"N", "error", "interval"} <= row["error_worst_of"].keys()
        if "snr_db_target" in row:
            assert row["snr_db_median"] == pytest.approx(row["snr_db_target"], abs=0.2)


def test_figures_follow_from_the_answers(evaluated, report):
    folder = Path(evaluated.stdout.strip()).parent
    (predictions,) = (folder.parents[1] / "artifacts/Evaluation").glob("*/predictions.csv")
    with predictions.open() as file:
        rows = list(csv.DictReader(file))
    wrong = {0: [], 1: []}
    for row in rows:
        if row["noise"] == "cafe" and row["budget"] == "epsilon" and float(row["target"]) == 2.0:
            wrong[int(row["label"])].append(row["predicted"] != row["label"])
    (shown,) = (r for r in report["figure1"] if r["noise"] == "cafe" and r.get("epsilon") == 2.0)
    assert shown["error"] == pytest.approx(50 * (np.mean(wrong[0]) + np.mean(wrong[1])))
    with (folder / "figure1.csv").open() as file:
        (line,) = (r for r in csv.DictReader(file) if r["noise"] == "cafe" and r["epsilon"] == "2.0")
    assert float(line["error"]) == shown["error"]
    assert (folder / "figure1.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "figure1.svg").read_text().startswith("<?xml")


def test_what_is_heard_is_what_was_answered(evaluated, report):
    folder = Path(evaluated.stdout.strip()).parent
    (predictions,) = (folder.parents[1] / "artifacts/Evaluation").glob("*/predictions.csv")
    answers = pd.read_csv(predictions, keep_default_na=False, na_values=[""])
    assert [each["noise"] for each in report["sounds"]] == ["cafe", "station", "cafe"]
    for each in report["sounds"]:
        assert each["speaker"] in report["test_speakers"]
        mine = answers[answers["id"] == each["utterance"]]
        clean, *attacked = (soundfile.read(folder / "sounds" / row["file"])[0] for row in each["versions"])
        assert clean.size == 8000 and max(abs(part).max() for part in (clean, *attacked)) == pytest.approx(
            0.9, abs=1e-3
        )
        (said,) = mine[mine["noise"].isna()]["predicted"]
        assert each["versions"][0]["answers"] == {
            "none": {"predicted": said, "probability": pytest.approx(0.5, abs=0.5)}
        }
        for row, heard in zip(each["versions"][1:], attacked, strict=True):
            kind = "epsilon" if "epsilon" in row else "snr_db"
            same = (mine["noise"] == each["noise"]) & (mine["budget"] == kind) & (mine["draw"] == 0)
            (answer,) = mine[same & (mine["target"] == row.get("epsilon", row.get("snr_db_target")))].itertuples()
            assert row["answers"]["none"]["predicted"] == answer.predicted
            # The ratio that is heard is that of the draw that was answered.
            ratio = 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(heard - clean))
            assert row["snr_db"] == pytest.approx(answer.snr_db) == pytest.approx(ratio, abs=0.05)


def test_the_report_says_how_to_make_it_again_and_not_where_it_was_made(place, evaluated, report):
    folder = Path(evaluated.stdout.strip()).parent
    for name in ("report.json", "report.md", "report.html"):
        assert str(place[0]) not in (folder / name).read_text()
    words = shlex.split(report["command"].replace("\\\n", " "))
    assert words[:6] == ["python", "-m", "pipelines.evaluate", "--corpus", "manifest", "--corpus-dir"]
    seen = []
    places = {"MANIFEST.csv": str(place[0] / "corpus/list.csv"), "NOISE_DIR": str(place[0] / "noise")}
    main("evaluate", "", seen.append, [places.get(word, word) for word in words[3:]])
    asked = reported("evaluate", seen[0])
    assert "gan" not in asked and asked == {**report["settings"], "fold": seen[0].fold}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in report["inputs"].values())
    assert re.fullmatch("[0-9a-f]{64}", report["models"][0]["sha256"])


def test_the_report_says_how_audible_the_attack_is(evaluated, report):
    folder = Path(evaluated.stdout.strip()).parent
    part = report["perception"]
    assert part["utterances"] == 3
    assert [(row["noise"], row["error"]) for row in part["rows"]] == [
        (row["noise"], row["error"]) for row in report["figure1"]
    ]
    for row in part["rows"]:
        # Eight test utterances, two draws; three are measured, once.
        noises = 2 if row["noise"] == "any" else 1
        assert row["snr_db"]["n"] == 16 * noises and row["segmental_snr_db"]["n"] == 3 * noises
    with (folder / "perception.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["segmental_snr_db_median"]) for line in lines] == [
        row["segmental_snr_db"]["median"] for row in part["rows"]
    ]
    text = (folder / "report.md").read_text()
    assert "## Can the attack be heard?" in text
    for package in part["missing"]:
        assert f"the package {package} would fill it" in text


def test_the_report_says_whether_the_label_survives(evaluated, report):
    """Against pandas, from the answers and the manifest."""
    folder = Path(evaluated.stdout.strip()).parent
    (predictions,) = (folder.parents[1] / "artifacts/Evaluation").glob("*/predictions.csv")
    table = pd.read_csv(predictions)
    table["wrong"] = 100.0 * (table["predicted"] != table["label"])
    clean, attacked = table[table["noise"].isna()], table[(table["budget"] == "snr_db") & (table["target"] == 10)]
    part = report["label_survival"]
    assert clean["reference_variance"].isna().all()
    levels = (10 * np.log10(attacked.groupby("id")["reference_variance"].first())).groupby(
        attacked.groupby("id")["emotion"].first()
    )
    assert {row["emotion"]: row["level_db"]["median"] for row in part["reference_noise"]} == pytest.approx(
        levels.median().to_dict()
    )
    assert part["test"]["speakers"] == 2 and 0 < part["test"]["p"] <= 1
    rows = {
        (row["emotion"], row.get("snr_db_target")): row for row in part["errors_by_emotion"] if "epsilon" not in row
    }
    for emotion in ("anger", "neutral"):
        assert rows[emotion, None]["error"] == pytest.approx(clean.groupby("emotion")["wrong"].mean()[emotion])
        assert rows[emotion, 10.0]["error"] == pytest.approx(attacked.groupby("emotion")["wrong"].mean()[emotion])
        worst = attacked[attacked["emotion"] == emotion].groupby("id")["wrong"].max().mean()
        found = rows[emotion, 10.0]["error_worst_of"]
        assert (found["N"], found["error"]) == (4, worst)
    sexes = {speaker: "female" if int(speaker[1:]) % 2 == 0 else "male" for speaker in report["test_speakers"]}
    recalls = clean.assign(sex=clean["speaker"].map(sexes)).groupby(["sex", "label"])["wrong"].mean()
    found = {row["sex"]: row["error"] for row in part["errors_by_sex"] if row.keys().isdisjoint(BUDGETS)}
    assert found == pytest.approx(recalls.groupby("sex").mean().to_dict())
    text = (folder / "report.md").read_text()
    assert "## Does the label survive?" in text and "Kruskal–Wallis H =" in text and "| sex |" in text
    for name in ("reference_noise", "errors_by_emotion", "errors_by_sex"):
        assert (folder / f"{name}.csv").is_file()


def test_a_second_run_takes_everything_from_the_cache(place, evaluated):
    again = run("evaluate", place[1])
    assert again.stdout == evaluated.stdout
    # The corpus once more than the ten components: its folds are read before the rest is wired.
    assert again.stderr.count("made before") == 11
    assert "starts" not in again.stderr
    assert "48 s of attacked speech came from the cache; " in again.stderr


def test_train_ends_with_a_saved_model_that_answers_like_the_keras_model(place, evaluated, capsys):
    import keras
    import tensorflow as tf

    main("train", train.DESCRIPTION, train.train, [*place[1], "--defence", "none"])
    path = Path(capsys.readouterr().out.strip())
    served = tf.saved_model.load(path).signatures["serving_default"]
    generator = np.random.default_rng(0)
    inputs = {
        "features": generator.normal(size=(3, 50, 25)).astype(np.float32),
        "lengths": np.array([50, 20, 1], np.int32),
    }
    model = keras.models.load_model(path.with_name("model.keras"))
    answer = served(**{name: tf.constant(value) for name, value in inputs.items()})
    np.testing.assert_allclose(answer["probabilities"], model(inputs)["probabilities"], atol=1e-6)
    assert list((path.with_name("logs") / "layers-1").glob("events.out.tfevents.*"))


def test_no_test_speaker_and_no_test_noise_is_above_the_model(place, evaluated, capsys):
    main("train", train.DESCRIPTION, train.train, [*place[1], "--defence", "none"])
    chain = ancestors(lineage(Path(capsys.readouterr().out.strip()).parent))
    assert {node["component"]["class"] for node in chain} == {"CorpusGen", "FeatureGen"}


def test_generate_ends_with_the_examples_and_quiet_says_nothing_else(place, evaluated, capfd):
    main("generate", generate.DESCRIPTION, generate.generate, [*place[1], "--quiet"])
    out, err = capfd.readouterr()
    clean, attacked = map(Path, out.split())
    assert err == ""
    counts = [
        sum(s["utterances"] for s in json.loads((p / "examples.json").read_text())["shards"]) for p in (clean, attacked)
    ]
    assert counts == [24, 8]


def test_attacking_the_trained_model_from_outside_gives_the_same_answers(place, evaluated, capsys):
    """The victim's way (waveforms, features, serialized frames) and the Evaluator's (TFRecords) are one measurement."""
    main("train", train.DESCRIPTION, train.train, [*place[1], "--defence", "none"])
    model = capsys.readouterr().out.strip()
    flags = [*place[1], "--victim.model", model, "--victim.name", "ours", "--fold", "1", "--quiet"]
    main("attack", attack.DESCRIPTION, attack.attack, flags, VictimRunSettings)
    folder = Path(capsys.readouterr().out.strip()).parent
    assert folder.name == "manifest-attack-ours-fold-1"
    tables = []
    for path in (place[0] / "out/artifacts/Evaluation").glob("*/predictions.csv"):
        table = pd.read_csv(path, dtype={"speaker": str}, keep_default_na=False, na_values={"snr_db": ""})
        tables.append(table.sort_values(["id", "noise", "budget", "target", "draw"]).reset_index(drop=True))
    assert len(tables) == 2
    pd.testing.assert_frame_equal(*tables, check_exact=False, atol=1e-4, rtol=1e-4)
    reports = [
        json.loads((place / "report.json").read_text()) for place in (Path(evaluated.stdout.strip()).parent, folder)
    ]
    assert reports[0]["figure1"] == reports[1]["figure1"] and reports[0]["clean"] == reports[1]["clean"]


def test_several_depths_are_compared_on_the_development_speakers(place, capsys):
    main("train", train.DESCRIPTION, train.train, [*place[1], "--defence", "none", "--classifier.layers", "[1, 2]"])
    model = json.loads((Path(capsys.readouterr().out.strip()).parent / "model.json").read_text())
    scores = {row["layers"]: row["dev_ua"] for row in model["search"]}
    assert scores.keys() == {1, 2}
    assert scores[model["build"]["layers"]] == max(scores.values())


@pytest.mark.parametrize(
    ("name", "make", "fold", "test_speakers"),
    [
        ("iemocap", trees.make_iemocap, "Ses01", ["Ses01F", "Ses01M"]),
        ("fau-aibo", trees.make_fau_aibo, "given", ["Mont_01", "Mont_02", "Mont_03"]),
    ],
)
def test_the_papers_corpora_train_on_their_own_split(place, tmp_path, capsys, name, make, fold, test_speakers):
    root = make(tmp_path / name, waveform=voice)
    flags = ["--corpus", name, "--corpus-dir", str(root), "--output-dir", str(tmp_path / "out")]
    main("train", train.DESCRIPTION, train.train, [*flags, *corpus.SMALL, "--defence", "none"])
    model = json.loads((Path(capsys.readouterr().out.strip()).parent / "model.json").read_text())
    assert (model["fold"]["name"], model["fold"]["test"]) == (fold, test_speakers)


def voice(speaker, emotion, take):
    """A quarter of a second of a buzz whose pitch is the emotion's."""
    return 0.3 * np.sign(np.sin(2 * np.pi * (100 + 5 * ord(emotion[0])) * np.arange(4000) / 16000))


def content(store):
    """Content hashes of all artifacts, by component and output."""
    records = [json.loads(path.read_text()) for path in (store / "records").glob("*.json")]
    return {(r["component"]["class"], n): o["content_hash"] for r in records for n, o in r["outputs"].items()}


@pytest.mark.parametrize(
    ("command", "sign"),
    [
        (["generate"], "artifacts/work/*/examples/00001-*.tfrecord"),
        (["train", "--defence", "none"], "artifacts/work/*/model/work/*/checkpoint.npz"),
    ],
)
def test_a_killed_run_goes_on_to_the_same_hashes(tmp_path, place, command, sign):
    command, *flags = command
    arguments = [*place[1], *flags, "--attack.draws", "6", "--training.epochs", "12"]
    arguments += ["--output-dir", str(tmp_path / "killed")]
    process = subprocess.Popen(
        [sys.executable, "-m", f"pipelines.{command}", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob(sign)):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    last = {"generate": ("AdversarialGen", "examples"), "train": ("Trainer", "model")}[command]
    assert last not in content(tmp_path / "killed/artifacts")
    resumed = run(command, arguments)
    assert resumed.returncode == 0, resumed.stderr
    alone = run(command, [*arguments, "--output-dir", str(tmp_path / "alone")])
    assert alone.returncode == 0, alone.stderr
    assert content(tmp_path / "killed/artifacts") == content(tmp_path / "alone/artifacts")
    assert last in content(tmp_path / "alone/artifacts")


def refused(tmp_path, capsys, arguments, run=evaluate.evaluate):
    """Runs a command that must fail; returns its one line, after checking that nothing is left behind."""
    with pytest.raises(SystemExit) as status:
        main("evaluate", evaluate.DESCRIPTION, run, [*arguments, "--quiet"])
    assert status.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    work = tmp_path / "out/artifacts/work"
    assert not work.exists() or not list(work.iterdir())
    assert not (tmp_path / "out/reports").exists()
    return line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--corpus", "nonsense", "--corpus-dir", "x"], "nonsense"),
        (["--corpus-dir", "x"], "--corpus-dir: expected no folder"),
        (["--corpus", "emodb"], "--corpus-dir: expected a folder"),
        (["--corpus", "emodb", "--corpus-dir", "/absent"], "/absent"),
        (["--nonsense", "1"], "--nonsense"),
        (["--config", "/absent.yaml"], "/absent.yaml"),
        (["--attack.draws", "0"], "attack.draws"),
        (["--attack.draws", "some"], "attack.draws"),
        (["--attack.epsilons", "[-1]"], "attack.epsilons"),
        (["--attack.epsilons", "[]", "--attack.snrs_db", "[]"], "attack"),
        (["--attack.estimator", "wiener"], "attack.estimator"),
        (["--classifier.layers", "0"], "classifier.layers"),
        (["--classifier.pooling", "max"], "classifier.pooling"),
        (["--training.learning_rate", "-1"], "training.learning_rate"),
        (["--noise.test_share", "1.5"], "noise.test_share"),
    ],
)
def test_bad_settings_end_in_one_line(tmp_path, capsys, flags, message):
    line = refused(tmp_path, capsys, ["--output-dir", str(tmp_path / "out"), *flags])
    assert message in line


def spoil(folder, case):
    """Spoils one thing in a good corpus."""
    wav, listing = folder / "corpus/s0_0.wav", folder / "corpus/list.csv"
    tone = 0.2 * np.sin(np.arange(8000) / 5)
    if case == "empty audio":
        wav.write_bytes(b"")
    elif case == "text as audio":
        wav.write_text("hello")
    elif case == "too short":
        soundfile.write(wav, tone[:800], 16000)
    elif case == "silent":
        soundfile.write(wav, np.zeros(8000), 16000)
    elif case == "not a number":
        soundfile.write(wav, np.append(tone, np.nan), 16000, subtype="FLOAT")
    elif case == "integers":
        soundfile.write(wav, tone * 32768, 16000, subtype="FLOAT")
    elif case == "cut short":
        wav.write_bytes(wav.read_bytes()[:3000])
    elif case == "missing column":
        listing.write_text(listing.read_text().replace("speaker", "who", 1))
    elif case == "short noise":
        soundfile.write(folder / "noise/cafe/a.wav", tone, 16000)
    elif case == "silent noise":
        soundfile.write(folder / "noise/cafe/a.wav", np.zeros(80000), 16000)
    elif case == "no noise":
        shutil.rmtree(folder / "noise")
    return {"missing column": "list.csv", "no noise": "noise"}.get(case, "a.wav" if "noise" in case else "s0_0.wav")


@pytest.mark.parametrize(
    "case",
    [
        *(
            "empty audio",
            "text as audio",
            "too short",
            "silent",
            "not a number",
            "integers",
            "cut short",
            "missing column",
        ),
        *("short noise", "silent noise", "no noise"),
    ],
)
def test_bad_files_end_in_one_line_that_names_them(tmp_path, capsys, case):
    listing, noise = corpus.write(tmp_path)
    named = spoil(tmp_path, case)
    line = refused(tmp_path, capsys, corpus.arguments(listing, noise, tmp_path / "out"))
    assert named.removesuffix(".wav") in line
    assert "expected" in line and "Received" in line
    assert ("data.skip_unusable" in line) == (case not in ("missing column", "short noise", "no noise"))


def test_an_unknown_fold_is_named_with_the_known_ones(place, tmp_path, capsys):
    arguments = [*place[1], "--output-dir", str(tmp_path / "out"), "--fold", "Ses09"]
    assert "expected one of 1, 2, 3. Received: 'Ses09'" in refused(tmp_path, capsys, arguments)


def test_unusable_audio_can_be_skipped_and_is_counted(tmp_path, capsys):
    listing, noise = corpus.write(tmp_path)
    reasons = {
        **{"empty audio": "no audio", "too short": "too short", "cut short": "cut short", "silent": "silence"},
        **{"not a number": "NaN or infinity", "integers": "floats on the scale of integers"},
    }
    for number, case in enumerate(reasons):
        spoil(tmp_path, case)
        (tmp_path / "corpus/s0_0.wav").rename(tmp_path / f"corpus/s{number}_1.wav")
        (tmp_path / "corpus/s0_0.wav").write_bytes((tmp_path / "corpus/s0_2.wav").read_bytes())
    flags = [*corpus.arguments(listing, noise, tmp_path / "out"), "--data.skip_unusable", "true", "--quiet"]
    main("evaluate", evaluate.DESCRIPTION, evaluate.evaluate, flags)
    report = json.loads(Path(capsys.readouterr().out.strip()).with_name("report.json").read_text())
    assert report["skipped"] == {f"audio cannot be used: {reason}": 1 for reason in reasons.values()}


def test_flags_override_the_file_and_the_file_overrides_the_defaults(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("seed: 3\nattack:\n  draws: 7\nnoise_dir: /noise\n")
    settings = parse("evaluate", "", ["--config", str(tmp_path / "a.yaml"), "--seed", "5"], Settings)
    assert (settings.seed, settings.attack.draws, settings.noise_dir, settings.training.patience) == (5, 7, "/noise", 5)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("generate", ["Perturbation factors.", "Where the corpus lies"]),
        ("train", ["LSTM layers", "Seed of training"]),
        ("evaluate", ["Perturbation factors.", "Seed of training"]),
        ("attack", ["Perturbation factors.", "module:function"]),
        ("lineage", ["artifact"]),
    ],
)
def test_help_explains_every_command(command, words):
    result = run(command, ["--help"])
    assert result.returncode == 0
    assert all(word in result.stdout for word in (f"pipelines.{command}", *words))
