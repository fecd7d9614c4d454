"""The attackers who know more, in a whole reproduction on a tiny corpus."""

import json
import shutil
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasser import audio
from kerasser.attack import draws, perturbation
from kerasser.attack.budget import Budget
from kerasser.corpora import CLASSES
from kerasser.features.opensmile import Egemaps
from kerasser.noise.estimation import reference_noise
from kerasser.threats import (
    adaptive_bayesian,
    adaptive_random,
    extreme_noise,
    grey_box,
    many_queries,
    oblivious,
    unseen_environment,
    unseen_recording,
    white_box,
    white_box_waveform,
)
from pipelines.components import attacker, noise_gen
from pipelines.components.attacker import AttackerExecutor
from pipelines.engine.artifacts import Artifact
from pipelines.io import attack_sounds, predictions, utterances
from tests.pipelines import corpus
from tests.pipelines.test_commands import run
from tests.tools import run as run_tool


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Slow for what it makes: two classifiers and a GAN, and two of each again without one environment."""
    root = tmp_path_factory.mktemp("threats")
    listing, noise = corpus.write(root)
    few = [
        "--defences.adversarial_training.shares",
        "[1]",
        "--defences.random_noise.epsilon",
        "0",
        "--defences.random_noise_on_features.deviation",
        "0",
    ]
    known = ["--threats.draws", "3", "--threats.white_box.steps", "3", "--threats.unseen_environment.wanted", "true"]
    known += ["--threats.many_queries.counts", "[2, 5]"]
    result = run("reproduce", [*corpus.arguments(listing, noise, root / "out"), *few, *known])
    assert result.returncode == 0, result.stderr
    return root / "out", Path(result.stdout.strip().splitlines()[-1]).parent


@pytest.fixture(scope="module")
def report(place):
    return json.loads((place[1] / "report.json").read_text())


def records(place, kind):
    found = [json.loads(path.read_text()) for path in sorted((place[0] / "artifacts/records").glob("*.json"))]
    return [each for each in found if each["component"]["class"] == kind]


def artifact(place, value):
    return Artifact(value["type"], place[0] / "artifacts" / value["uri"], value.get("properties", {}))


def inputs_of(place, record):
    """The artifacts that a component was given, with the properties that their makers noted."""
    made = {
        output["uri"]: output
        for path in (place[0] / "artifacts/records").glob("*.json")
        for output in json.loads(path.read_text())["outputs"].values()
    }
    return {name: artifact(place, made[value["uri"]]) for name, value in record["inputs"].items()}


def test_every_system_meets_every_threat_model(report):
    every = [oblivious, grey_box, adaptive_random, adaptive_bayesian, white_box, unseen_environment]
    for budget in ({"epsilon": 2.0}, {"snr_db_target": 10.0}):
        for defence in ("none", "adversarial training", "gan"):
            mine = [r for r in report["threats"] if r["defence"] == defence and budget.items() <= r.items()]
            assert [row["threat"] for row in mine] == [each.NAME for each in every]
            assert all(0 <= row["error"] <= 100 for row in mine)
            by_name = {row["threat"]: row for row in mine}
            assert by_name[adaptive_random.NAME]["queries"] == by_name[adaptive_bayesian.NAME]["queries"] == 6
            assert 1 <= by_name[adaptive_bayesian.NAME]["queries_mean"] <= 6
            assert by_name[adaptive_random.NAME]["error"] >= by_name[oblivious.NAME]["error"]
            assert by_name[white_box.NAME]["radius"] > 0


def test_they_are_named_in_the_report_with_their_queries(place):
    text = (place[1] / "report.md").read_text()
    assert "N = 6 queries" in text and "White box: 3 steps × 3 restarts." in text
    for name in ("grey-box", "adaptive, Bayesian search", "white-box", "unseen environment", "all but cafe"):
        assert name in text
    assert {"figure4.png", "threats.csv", "search_curve.csv", "unseen.csv"} <= {p.name for p in place[1].iterdir()}


def test_the_error_by_queries_is_that_of_pieces_in_turn(place, report):
    rows = report["many_queries"]
    assert {(row["defence"], row["snr_db_target"]) for row in rows} == {
        (name, 10.0) for name in ("none", "adversarial training", "gan")
    }
    for defence in ("none", "adversarial training", "gan"):
        mine = [row for row in rows if row["defence"] == defence]
        assert [row["queries"] for row in mine] == [1, 2, 3, 4, 5]
        assert all(a["error"] <= b["error"] for a, b in pairwise(mine))
    found = answers(place, many_queries, defended=True)
    assert set(found["allowed"]) == {5} and set(found["budget"]) == {"snr_db"}
    record = attack_of(place, many_queries, defended=True)
    drawn = predictions.read(inputs_of(place, record)["drawn"].uri / "predictions.csv")
    drawn = drawn[drawn["noise"].notna()].sort_values(["draw", "noise"])
    # Three of each of two environments, of which the sixth is not asked.
    for id, part in drawn.groupby("id"):
        assert len(part) == 6
        wrong = (part["predicted"] != part["label"]).to_numpy()[:5]
        first = found.loc[found["id"] == id, "first_wrong"].item()
        assert first == wrong.argmax() + 1 if wrong.any() else np.isnan(first)
    text = (place[1] / "report.md").read_text()
    assert "| budget | defence | worst of 2 | worst of 5 |" in text and (place[1] / "many_queries.svg").is_file()


def test_noise_of_a_folder_of_its_own_tests_all_defences_without_retraining(tmp_path):
    """Slow: two classifiers are trained."""
    listing, noise = corpus.write(tmp_path)
    _, tested = corpus.write(tmp_path / "other", speakers=1, each=1, seed=1)
    (tested / "station").rename(tested / "bus")
    flags = [*corpus.arguments(listing, noise, tmp_path / "out"), "--test-noise-dir", str(tested), "--quiet"]
    flags += ["--defence", "none", "adversarial_training", "--defences.adversarial_training.shares", "[1]"]
    result = run("reproduce", [*flags, "--threats.unseen_environment.wanted", "true", "--attack.snrs_db", "[]"])
    assert result.returncode == 0, result.stderr
    report = json.loads(Path(result.stdout.strip().splitlines()[-1]).with_name("report.json").read_text())
    assert report["unheard"] == {"bus": "environment", "cafe": "recording"} and report["unseen"] == []
    assert report["alarms"] == [each for each in report["alarms"] if each["name"] != "seen_in_training"]
    for defence in ("none", "adversarial training"):
        errors = {row["threat"]: row["error"] for row in report["threats"] if row["defence"] == defence}
        figure = {row["noise"]: row["error"] for row in report["figure3"] if row["defence"] == defence}
        assert errors[unseen_recording.NAME] == pytest.approx(figure["cafe"])
        assert errors[unseen_environment.NAME] == pytest.approx(figure["bus"])
        assert errors[oblivious.NAME] == pytest.approx((figure["cafe"] + figure["bus"]) / 2)
    assert "No training heard these environments: bus." in result.stdout
    # Nothing was trained without an environment, and what was trained heard the other folder.
    out = tmp_path / "out", None
    assert {tuple(record["parameters"]["without"]) for record in records(out, "Trainer")} == {()}
    models = [json.loads(path.read_text()) for path in (tmp_path / "out/artifacts/Model").glob("*/model.json")]
    assert sorted(tuple(model["noises"]) for model in models) == [(), ("cafe", "station")]


def test_who_was_trained_without_a_place_has_not_heard_it(place, report):
    unseen = report["unseen"]
    assert {(row["defence"], row["trained_without"]) for row in unseen} == {
        (defence, without) for defence in ("adversarial training", "gan") for without in ("", "cafe", "station")
    }
    heard = {}
    for kind, file in (("Trainer", "model.json"), ("GanTrainer", "generator.json")):
        for record in records(place, kind):
            (output,) = record["outputs"].values()
            facts = json.loads((place[0] / "artifacts" / output["uri"] / file).read_text())
            heard.setdefault(kind, set()).add((tuple(record["parameters"]["without"]), tuple(facts["noises"])))
    assert {("cafe",): ("station",), ("station",): ("cafe",)}.items() <= dict(heard["Trainer"]).items()
    assert dict(heard["GanTrainer"])[()] == ("cafe", "station")
    assert dict(heard["GanTrainer"])[("cafe",)] == ("station",)


def attack_of(place, threat, defended):
    """The record of a threat model on the GAN, or on the undefended classifier."""
    wanted = "gan" if defended else "none"
    return next(
        each
        for each in records(place, "Attacker")
        if (each["parameters"]["threat"], each["parameters"]["defence"]) == (threat.NAME, wanted)
        and not each["parameters"]["without"]
    )


def answers(place, threat, defended):
    return attacker.read(artifact(place, attack_of(place, threat, defended)["outputs"]["answers"]))


@pytest.mark.parametrize("threat", [adaptive_bayesian, grey_box, extreme_noise], ids=lambda each: each.NAME)
def test_every_answer_can_be_asked_for_again(place, threat):
    """The margin comes out of the waveform that its row describes."""
    record = attack_of(place, threat, defended=True)
    inputs = inputs_of(place, record)
    _, _, noise = noise_gen.load(inputs["noise"])
    waveforms = {(name, each.name): each.waveform for name, found in noise.items() for each in found}
    files = {utterance.id: (utterance, file) for utterance, file in utterances.read(inputs["utterances"])}
    model = tf.saved_model.load(str(inputs["generator.0"].uri / "saved_model"))
    for row in answers(place, threat, defended=True).head(2).itertuples():
        utterance, file = files[row.id]
        (waveform,) = audio.waveforms([file])
        clean, _ = audio.clip(waveform)
        reference = reference_noise(clean)
        piece = draws.segment(waveforms[row.noise, row.recording], int(row.offset), clean.size)
        made = perturbation.attack(
            clean, piece, reference.mean, reference.variance, Budget(row.budget, float(row.target))
        )
        assert row.snr_db == pytest.approx(made.snr_db, abs=1e-6)
        assert row.clipped == made.clipped / clean.size
        frames = Egemaps()(made.waveform)
        answer = model.signatures["evaluate"](
            features=tf.constant(frames[None]),
            lengths=tf.constant([len(frames)]),
            labels=tf.constant([CLASSES.index(utterance.valence)], tf.int32),
        )
        assert float(answer["margin"][0]) == pytest.approx(row.margin, abs=1e-5)


def test_the_grey_box_sends_what_the_undefended_model_finds_hardest(place):
    hardest = answers(place, adaptive_bayesian, defended=False)
    # The undefended model's own copy spends every query, and still says when it first succeeded.
    assert (hardest["allowed"] == 6).all() and hardest["first_wrong"].dropna().between(1, 6).all()
    sent = answers(place, grey_box, defended=True)
    assert (sent["draw_seed"] == hardest["draw_seed"]).all() and (sent["offset"] == hardest["offset"]).all()


def test_a_killed_search_goes_on_to_the_same_answers(place, tmp_path):
    record = attack_of(place, adaptive_bayesian, defended=True)
    inputs, done = inputs_of(place, record), artifact(place, record["outputs"]["answers"])
    parameters = {**record["parameters"], "workers": 2, "quiet": True}
    whole = (done.uri / "answers.csv").read_bytes()
    first = utterances.read(inputs["utterances"])
    first = next(each.id for each, _ in first if each.id in set(attacker.read(done)["id"]))
    row = {
        "utterance": first,
        "budget": {"kind": "epsilon", "value": 2.0},
        "correct": 1.0,
        "facts": {"recording": "kept"},
    }
    line = json.dumps({"id": first, "rows": [row]}) + "\n"
    (tmp_path / "answers.jsonl").write_text(line + line.replace(first, "torn")[:50])
    AttackerExecutor().do(inputs, {"answers": tmp_path}, parameters)
    again = attacker.read(Artifact("Answers", tmp_path))
    assert set(again.loc[again["id"] == first, "recording"]) == {"kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    AttackerExecutor().do(inputs, {"answers": tmp_path}, parameters)
    assert (tmp_path / "answers.csv").read_bytes() == whole


def test_the_box_holds_the_random_draws(place):
    table = answers(place, white_box, defended=True)
    assert np.isfinite(table["radius"]).all() and (table["radius"] > 0).all()
    assert np.isfinite(table["margin"]).all() and (table["gradient_norm"] > 0).all()
    assert set(table["id"]) == set(answers(place, oblivious, defended=True)["id"])


def test_gradients_reach_the_sound_which_is_there_to_be_heard(place, tmp_path):
    record = attack_of(place, white_box, defended=True)
    settings = {**asdict(white_box_waveform.Settings()), "steps": 2, "utterances": 2}
    parameters = {**record["parameters"], "threat": white_box_waveform.NAME, "settings": settings}
    inputs = inputs_of(place, record)
    AttackerExecutor().do(inputs, {"answers": tmp_path}, {**parameters, "workers": 1, "quiet": True})
    table = attacker.read(Artifact("Answers", tmp_path))
    assert table["id"].nunique() == 2 and len(table) == 4
    assert set(table["id"]) < set(answers(place, white_box, defended=True)["id"])
    assert np.isfinite(table[["margin", "graph_margin", "gradient_norm", "snr_db"]].to_numpy()).all()
    # By another front end the margin is near, not the same.
    assert table["margin"].to_numpy() == pytest.approx(table["graph_margin"].to_numpy(), abs=0.5)

    example = attack_sounds.copy(tmp_path, "attack-3", tmp_path / "report")
    assert example["noise"] == white_box_waveform.NAME and example["utterance"] in set(table["id"])
    assert [each["file"] for each in example["versions"]] == ["attack-3-0.wav", "attack-3-1.wav", "attack-3-2.wav"]
    mine = table[table["id"] == example["utterance"]]
    for version in example["versions"][1:]:
        heard, rate = soundfile.read(tmp_path / "report" / version["file"], dtype="float32")
        row = mine[mine["target"] == version.get("epsilon", version.get("snr_db_target"))].iloc[0]
        frames = Egemaps()(heard)
        model = tf.saved_model.load(str(inputs["generator.0"].uri / "saved_model"))
        answer = model.signatures["evaluate"](
            features=tf.constant(frames[None]),
            lengths=tf.constant([len(frames)]),
            labels=tf.constant([example["label"]], tf.int32),
        )
        # The file is what was judged, bit for bit.
        assert rate == 16000 and float(answer["margin"][0]) == pytest.approx(row.margin, abs=1e-4)
        assert version["answers"]["gan"]["predicted"] == int(answer["predicted"][0])
        assert version["answers"]["gan"]["probability"] == pytest.approx(
            float(np.max(answer["probabilities"][0])), abs=1e-4
        )
    assert attack_sounds.copy(artifact(place, record["outputs"]["answers"]).uri, "x", tmp_path / "report") is None


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_benchmark_of_the_searches_prints_a_row_a_query(tmp_path):
    """Slow: two small classifiers are trained, one for each seed."""
    listing, noise = corpus.write(tmp_path)
    flags = [*corpus.arguments(listing, noise, tmp_path / "out"), "--threats.draws", "1", "--seeds", "[0, 1]"]
    result = run_tool("search_benchmark.py", *flags, "--threats.snrs_db", "[]", "--quiet", timeout=900)
    assert result.returncode == 0, result.stderr
    rows = [line for line in result.stdout.splitlines() if line.startswith("| ε = 2 |")]
    assert [row.split(" | ")[1] for row in rows] == ["1", "2"]
    # With one query both draw the same piece or another of the same kind; both lie between nothing and everything.
    assert all(0 <= float(cell.split(" ± ")[0]) <= 100 for row in rows for cell in row.strip("| ").split(" | ")[2:])
