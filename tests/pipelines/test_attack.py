"""`python -m pipelines.attack` on victims that somebody else made."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from pipelines import attack
from pipelines.cli.main import main
from pipelines.config import VictimRunSettings
from tests.pipelines import corpus

ROOT = Path(__file__).parents[2]
PITCHES = {"anger": 220, "neutral": 120, "surprise": 320, "sadness": 420, "boredom": 520}

# Tells emotions by the strongest frequency, and notes what it was asked.
PITCH = """
import os
import time
import numpy as np

HZ = {hz}

def answer(waveforms, sample_rate_hz):
    with open("asked.txt", "a") as file:
        file.write("x" * len(waveforms) + "\\n")
    if os.path.exists("out_of_order"):
        raise ConnectionError("the model is away")
    time.sleep({pause_s})
    rows = []
    for waveform in waveforms:
        pitch = np.argmax(np.abs(np.fft.rfft(waveform))) * sample_rate_hz / len(waveform)
        scores = np.exp(-np.abs(np.array(HZ) - pitch) / 20)
        rows.append(scores / scores.sum())
    return rows
"""


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A folder to stand in, with modules of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def flags(place, *more, pause_s=0.0, classes=("negative", "positive"), hz=(220, 120), **options):
    listing, noise = corpus.write(place / "data", **options)
    (place / "pitch.py").write_text(PITCH.format(hz=list(hz), pause_s=pause_s))
    small = ["--attack.epsilons", "[2]", "--attack.snrs_db", "[0]", "--attack.draws", "2", "--threats.draws", "0"]
    where = ["--corpus", "manifest", "--corpus-dir", str(listing), "--noise-dir", str(noise)]
    who = ["--victim.model", "pitch:answer", "--victim.classes", json.dumps(list(classes))]
    return [*where, *small, *who, "--evaluation.replicates", "50", "--output-dir", str(place / "out"), *more]


def run(arguments):
    main("attack", attack.DESCRIPTION, attack.attack, arguments, VictimRunSettings)


def outside(arguments, place, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipelines.attack", *arguments]
    return subprocess.Popen(command, cwd=place, env=environment, text=True, start_new_session=True, **options)


def asked(place):
    return (place / "asked.txt").read_text().count("x")


def reported(capsys):
    captured = capsys.readouterr()
    path = Path(captured.out.strip().splitlines()[-1])
    return path, json.loads(path.with_name("report.json").read_text()), captured.err


def answers(place):
    (path,) = (place / "out/artifacts/Evaluation").glob("*/predictions.csv")
    return pd.read_csv(path, keep_default_na=False, na_values={"snr_db": ""})


def test_a_function_of_two_classes_is_measured_by_valence(stage, capsys):
    arguments = flags(stage, speakers=3)
    run(arguments)
    path, report, said = reported(capsys)
    assert path.parent == Path(stage / "out/reports/manifest-attack-pitch.answer")
    names = {"report.json", "report.md", "report.html", "figure1.csv", "figure1.png", "figure1.svg", "perception.csv"}
    names |= {"reference_noise.csv", "errors_by_emotion.csv", "errors_by_sex.csv"}
    assert {file.name for file in path.parent.iterdir()} == names
    victim = report["victim"]
    assert (victim["kind"], victim["name"], victim["input"]) == ("callable", "pitch.answer", "waveform")
    # 12 utterances: clean twice, and 2 noises × 2 budgets × 2 draws.
    assert victim["queries"] == asked(stage) == 12 * (2 + 8)
    assert (report["classes"], report["fold"], report["chance"]) == (["negative", "positive"], None, 50.0)
    assert report["test_speakers"] == ["s0", "s1", "s2"] and report["alarms"] == []
    assert report["clean"]["error"] == 0 and report["clean"]["n"] == 12
    conditions = [(row["noise"], row["error_worst_of"]["N"]) for row in report["figure1"]]
    assert conditions == [(name, n) for name, n in (("cafe", 2), ("station", 2), ("any", 4)) for _ in range(2)]
    assert re.search(r"120 queries in \d+\.\d s: \d+\.\d s of audio a second", said)
    assert str(stage) not in json.dumps(report)
    page = path.with_name("report.md").read_text()
    assert "Attacked: pitch.answer, a function; it hears waveform and answers negative, positive." in page
    assert "an error of 50.0 %" in page and "120 queries" in page and "the worst of N" in page
    run(arguments)
    assert reported(capsys)[1] == report and asked(stage) == 120
    run([*arguments, "--victim.version", "retrained"])
    assert "called version retrained" in reported(capsys)[0].with_name("report.md").read_text() and asked(stage) == 240


def test_a_search_goes_through_the_victim_and_its_queries_count(stage, capsys):
    run(flags(stage, "--threats.draws", "3", speakers=3))
    path, report, _ = reported(capsys)
    threats = {(row["threat"], row.get("epsilon")): row for row in report["threats"]}
    searches = ("adaptive, random search", "adaptive, Bayesian search")
    assert {name for name, _ in threats} == {"oblivious", *searches}
    assert all(threats[name, 2.0]["queries"] == 6 for name in searches)
    # A search stops at its first success; the second of the pieces that both try first is the same waveform.
    means = [row["queries_mean"] for (name, _), row in threats.items() if name == searches[1]]
    assert report["victim"]["queries"] == asked(stage) <= 12 * (2 + 8 + 2 * 2 + 2 * 6 + 1)
    assert report["victim"]["queries"] > 12 * (2 + 8 + 2 * 2) and max(means) <= 6
    assert [row["queries"] for row in report["search_curve"] if "epsilon" in row] == [1, 2, 3, 4, 5, 6]
    text = path.with_name("report.md").read_text()
    assert "## What the attacker knows" in text and "N = 6 queries" in text and "white" not in text.lower()


def test_a_function_of_four_classes_is_measured_by_emotion(stage, capsys):
    classes = ("neutral", "sadness", "surprise", "anger")
    run(flags(stage, classes=classes, hz=[PITCHES[name] for name in classes], speakers=3, each=5, emotions=PITCHES))
    path, report, _ = reported(capsys)
    # Surprise has no valence and is asked about all the same; boredom is none of the victim's classes.
    assert report["skipped"] == {"boredom is none of the victim's classes": 3}
    assert report["clean"]["error"] == 0 and report["clean"]["confusion"] == [
        [3 if row == column else 0 for column in range(4)] for row in range(4)
    ]
    assert report["chance"] == 75 and "an error of 75.0 %" in path.with_name("report.md").read_text()
    assert "| surprise | 0 | 0 | 3 | 0 |" in path.with_name("report.md").read_text()
    table = answers(stage)
    assert {f"p_{name}" for name in classes} <= set(table.columns)
    assert {classes[label] for label in table["label"]} == set(classes)
    wrong = table[(table["noise"] == "cafe") & (table["budget"] == "snr_db")].assign(
        right=lambda rows: rows["label"] == rows["predicted"]
    )
    (row,) = (r for r in report["figure1"] if r["noise"] == "cafe" and "snr_db_target" in r)
    assert row["error"] == pytest.approx(100 - 100 * wrong.groupby("label")["right"].mean().mean())
    by_utterance = wrong.groupby(["label", "id"])["right"].min().groupby("label").mean().mean()
    assert row["error_worst_of"]["error"] == pytest.approx(100 - 100 * by_utterance)


def test_a_class_that_nobody_speaks_leaves_the_error_undefined_and_says_so(stage, capsys):
    run(flags(stage, classes=("anger", "neutral", "fear"), hz=(220, 120, 600), speakers=2))
    path, report, _ = reported(capsys)
    assert report["clean"]["error"] is None
    assert "A class has no test utterance: the error is undefined." in report["remarks"]
    assert "an error of 66.7 %" in path.with_name("report.md").read_text()


def test_a_killed_run_goes_on_to_the_same_answers(stage):
    arguments = flags(stage, "--quiet", "--victim.batch_size", "4", pause_s=0.1, speakers=3)
    process = outside(arguments, stage, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept, deadline = [], time.monotonic() + 200
    while not kept or kept[0].read_text().count("\n") < 3:
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.01)
        kept = list((stage / "out/artifacts/work").glob("*/evaluation/answers.jsonl"))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    lines = kept[0].read_text().count("\n")
    # As a kill in the middle of a line would leave it.
    with kept[0].open("a") as file:
        file.write('{"id": "s0_0.wav", "rows"')
    before = asked(stage)
    run(arguments)
    assert asked(stage) - before == (12 - lines) * 10
    resumed, (metrics,) = answers(stage), (stage / "out/artifacts/Evaluation").glob("*/metrics.json")
    first = metrics.read_bytes()
    run([*arguments, "--output-dir", str(stage / "alone/out")])
    pd.testing.assert_frame_equal(resumed, answers(stage / "alone"))
    (metrics,) = (stage / "alone/out/artifacts/Evaluation").glob("*/metrics.json")
    assert metrics.read_bytes() == first


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as status:
        run([*arguments, "--quiet"])
    assert status.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_a_limit_or_a_failure_stops_in_one_line_and_the_run_goes_on_afterwards(stage, capsys):
    arguments = flags(stage, speakers=2)
    line = refused([*arguments, "--victim.limit", "25"], capsys)
    assert "victim.limit: expected no more than 25 queries" in line and asked(stage) == 20
    (stage / "out_of_order").touch()
    line = refused(arguments, capsys)
    assert "pitch:answer raised ConnectionError: the model is away" in line and line.startswith("attack: s0_2")
    (stage / "out_of_order").unlink()
    before = asked(stage)
    run([*arguments, "--victim.limit", "80"])
    assert asked(stage) - before == 80 - 20
    assert reported(capsys)[1]["victim"]["queries"] == 80


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--victim.model", "absent/model"], "victim.model: expected a SavedModel, a .keras file, http"),
        (["--victim.model", "nobody:f"], "victim.model: expected a module in the current directory"),
        (["--victim.classes", "[]"], "victim.classes: expected class names, in order"),
        (["--victim.classes", "[anger]"], "victim.classes: expected two names or more"),
        (["--victim.classes", "[a, b]"], "victim.classes: expected some that the corpus has: anger, neutral"),
        (["--victim.classes", "[anger, neutral, joy]"], "expected probabilities [10, 3]|expected probabilities [9, 3]"),
        (["--victim.input", "mfcc"], "victim.input"),
        (["--victim.model", "http://127.0.0.1:9"], "victim.served: expected the name"),
        (["--victim.batch_size", "0"], "victim.batch_size"),
        (["--fold", "9"], "fold: expected one of 1, 2, 3. Received: '9'"),
    ],
)
def test_what_is_wrong_with_the_victim_ends_in_one_line(stage, capsys, more, message):
    line = refused([*flags(stage, "--data.folds", "3"), *more], capsys)
    assert any(each in line for each in message.split("|"))
    work = stage / "out/artifacts/work"
    assert not work.exists() or not list(work.iterdir())


def test_no_victim_is_no_attack(stage, capsys):
    assert "victim.model: expected a SavedModel" in refused([], capsys)


def test_a_victim_that_changes_its_mind_rings_the_alarm(stage, capsys):
    arguments = flags(stage, speakers=2, each=2)
    (stage / "moody.py").write_text(
        "import numpy as np\nrng = np.random.default_rng(0)\n"
        "def answer(waveforms, rate):\n    p = rng.uniform(size=len(waveforms))\n    return np.stack([p, 1 - p], 1)\n"
    )
    run([*arguments, "--victim.model", "moody:answer", "--victim.name", "Moody one"])
    path, report, _ = reported(capsys)
    assert path.parent.name == "manifest-attack-Moody-one"
    assert [alarm["name"] for alarm in report["alarms"]] == ["not_repeatable"]
    assert "- Two runs" in path.with_name("report.md").read_text()


def test_a_victim_that_no_noise_can_drown_rings_the_alarm(stage, capsys):
    arguments = flags(stage, "--threats.draws", "2", "--threats.snrs_db", "[]", speakers=2, each=2)
    # Two narrow bands, where the voices of this corpus lie, hold next to none of the noise: no speech sounds so.
    (stage / "filter.py").write_text(
        "import numpy as np\n"
        "def answer(waveforms, rate):\n"
        "    spectra = [np.abs(np.fft.rfft(w, 1 << 18)) for w in waveforms]\n"
        "    high = np.array([s[round(220 * (1 << 18) / rate)] > s[round(120 * (1 << 18) / rate)] for s in spectra])\n"
        "    return np.stack([high, ~high], 1).astype(float)\n"
    )
    run([*arguments, "--victim.model", "filter:answer"])
    path, report, _ = reported(capsys)
    assert report["clean"]["error"] == 0
    assert "huge_budget_survived" in [alarm["name"] for alarm in report["alarms"]]
    assert "−20 dB SNR" in path.with_name("report.md").read_text()


def test_the_example_of_the_docs_runs(stage, capsys):
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "docs/attack.md").read_text(), re.DOTALL)
    assert [name for name, _ in blocks] == ["train_svm.py", "svm.py"]
    for name, code in blocks:
        (stage / name).write_text(code)
    assert len(re.findall(r"^.*\S.*$", dict(blocks)["svm.py"], re.MULTILINE)) == 5
    arguments = flags(stage)
    listing = arguments[arguments.index("--corpus-dir") + 1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "train_svm.py", "manifest", listing]
    subprocess.run(command, cwd=stage, env=environment, check=True, timeout=300)
    svm = ["--victim.model", "svm:answer", "--victim.input", "functionals", "--victim.classes", "[]", "--fold", "1"]
    run([*arguments, *svm])
    path, report, _ = reported(capsys)
    assert path.parent.name == "manifest-attack-svm.answer-fold-1"
    assert report["classes"] == ["anger", "neutral"] and report["victim"]["input"] == "functionals"
    assert report["clean"]["error"] < 30 and len(report["test_speakers"]) < 6
