"""The attackers who know more, in a whole reproduction on a tiny corpus."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from kerasser import audio
from kerasser.attack import draws, perturbation
from kerasser.attack.budget import Budget
from kerasser.evaluation import threats
from kerasser.features.opensmile import Egemaps
from kerasser.noise.estimation import reference_noise
from kerasser.util.errors import InputError
from pipelines.components import noise_gen, reproducer, searcher, white_box
from pipelines.components.searcher import SearcherExecutor
from pipelines.engine.artifacts import Artifact
from pipelines.io import breakdowns, utterances
from tests.pipelines import corpus
from tests.pipelines.test_commands import run
from tests.tools import run as run_tool


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Slow for what it makes: two classifiers and a GAN, and two of each again without one environment."""
    root = tmp_path_factory.mktemp("threats")
    listing, noise = corpus.write(root)
    few = ["--defence.shares", "[1]", "--defence.random_noise_epsilon", "0", "--defence.gaussian_noise", "0"]
    known = ["--threats.draws", "3", "--threats.white_box_steps", "3", "--threats.unseen", "true"]
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
    every = [threats.OBLIVIOUS, threats.GREY_BOX, threats.ADAPTIVE_RANDOM, threats.ADAPTIVE, threats.WHITE_BOX]
    for budget in ({"epsilon": 2.0}, {"snr_db_target": 10.0}):
        for defence in ("none", "adversarial training", "gan"):
            mine = [r for r in report["threats"] if r["defence"] == defence and budget.items() <= r.items()]
            assert [row["threat"] for row in mine] == [*every, threats.UNSEEN]
            assert all(0 <= row["error"] <= 100 for row in mine)
            by_name = {row["threat"]: row for row in mine}
            assert by_name[threats.ADAPTIVE_RANDOM]["queries"] == by_name[threats.ADAPTIVE]["queries"] == 6
            assert 1 <= by_name[threats.ADAPTIVE]["queries_mean"] <= 6
            assert by_name[threats.ADAPTIVE_RANDOM]["error"] >= by_name[threats.OBLIVIOUS]["error"]
            assert by_name[threats.WHITE_BOX]["radius"] > 0


def test_they_are_named_in_the_report_with_their_queries(place):
    text = (place[1] / "report.md").read_text()
    assert "N = 6 queries" in text and "White box: 3 steps × 3 restarts." in text
    for name in ("grey-box", "adaptive, Bayesian search", "white-box", "unseen environment", "all but cafe"):
        assert name in text
    assert {"figure4.png", "threats.csv", "search_curve.csv", "unseen.csv"} <= {p.name for p in place[1].iterdir()}


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


def test_a_system_that_heard_what_it_was_to_be_trained_without_is_refused(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"trained_noises": ["cafe", "station"]}))
    parameters = {"threatened": [], "unseen_systems": [{"defence": "gan", "without": "cafe", "fold": "1", "seed": 0}]}
    with pytest.raises(AssertionError, match="without cafe, and heard it"):
        reproducer._attacks({"unseen.0": Artifact("Evaluation", tmp_path, {})}, parameters, None)


def test_every_question_can_be_asked_again(place):
    """The margin of a question comes out of the waveform that its row describes."""
    record = next(each for each in records(place, "Searcher") if "transfer.0" not in each["inputs"])
    inputs = inputs_of(place, record)
    table = searcher.read(artifact(place, record["outputs"]["search"]))
    _, _, noise = noise_gen.load(inputs["noise"])
    waveforms = {(name, each.name): each.waveform for name, found in noise.items() for each in found}
    files = {utterance.id: file for utterance, file in utterances.read(inputs["utterances"])}
    model = tf.saved_model.load(str(inputs["model"].uri / "saved_model"))
    assert (table["correct"] == (table["margin"] > 0)).all() and np.isfinite(table["snr_db"]).all()
    for row in table.groupby("method").head(2).itertuples():
        (waveform,) = audio.waveforms([files[row.id]])
        clean, _ = audio.clip(waveform)
        reference = reference_noise(clean)
        piece = draws.segment(waveforms[row.noise, row.recording], row.offset, clean.size)
        made = perturbation.attack(
            clean, piece, reference.mean, reference.variance, Budget(row.budget, float(row.target))
        )
        assert row.snr_db == pytest.approx(made.snr_db, abs=1e-6)
        assert row.clipped == made.clipped / clean.size
        frames = Egemaps()(made.waveform)
        answer = model.signatures["evaluate"](
            features=tf.constant(frames[None]),
            lengths=tf.constant([len(frames)]),
            labels=tf.constant([row.label], tf.int32),
        )
        assert float(answer["margin"][0]) == pytest.approx(row.margin, abs=1e-5)


def test_the_search_begins_with_the_random_draws_it_is_compared_with(place):
    """What a search answered first is what the pool of random draws answered to the same piece of noise."""
    search = next(each for each in records(place, "Searcher") if "transfer.0" not in each["inputs"])
    asked = searcher.read(artifact(place, search["outputs"]["search"]))
    asked = asked[asked["method"] == threats.BAYESIAN]
    pools = [
        breakdowns.read(artifact(place, record["outputs"]["evaluation"]).uri / "predictions.csv")
        for record in records(place, "Evaluator")
        if record["component"]["id"].startswith("random search on none")
    ]
    pool = next(iter(pools))
    pool = pool[pool["noise"].notna()].sort_values(["draw", "noise"])
    keys = ["id", "budget", "target"]
    for key, mine in asked.sort_values("query").groupby(keys):
        drawn = pool[(pool[keys] == key).all(axis=1)]
        assert mine["noise"].tolist()[:2] == drawn["noise"].tolist()[:2] == ["cafe", "station"]
        # Through the graph and the library: the sound differs in its last bits at most.
        assert mine["margin"].tolist()[:2] == pytest.approx(drawn["margin"].tolist()[:2], abs=1e-3)
        assert mine["snr_db"].tolist()[:2] == pytest.approx(drawn["snr_db"].tolist()[:2], abs=1e-4)


def test_the_grey_box_sends_what_the_undefended_model_finds_hardest(place):
    tables = {
        "transfer.0" in record["inputs"]: searcher.read(artifact(place, record["outputs"]["search"]))
        for record in records(place, "Searcher")
    }
    undefended, defended = tables[False], tables[True]
    # The undefended model's own copy spends every query.
    assert (undefended[undefended["method"] == "bayesian"].groupby(["id", "budget"]).size() == 6).all()
    keys = ["id", "budget", "target"]
    hardest = undefended[undefended["method"] == "bayesian"].sort_values("margin").groupby(keys).first()
    sent = defended[defended["method"] == threats.GREY_BOX].set_index(keys).sort_index()
    assert (sent["draw_seed"] == hardest["draw_seed"]).all() and (sent["offset"] == hardest["offset"]).all()


def test_a_killed_search_goes_on_to_the_same_answers(place, tmp_path):
    record = next(each for each in records(place, "Searcher") if "transfer.0" in each["inputs"])
    inputs, done = inputs_of(place, record), artifact(place, record["outputs"]["search"])
    parameters = {**record["parameters"], "workers": 2, "quiet": True}
    whole = (done.uri / "search.csv").read_bytes()
    table = searcher.read(done)
    first = next(iter(table["id"].unique()))
    rows = table[table["id"] == first].astype({"target": float}).to_dict("records")
    marked = [{**row, "recording": "kept"} for row in rows]
    line = json.dumps({"id": first, "rows": marked}) + "\n"
    (tmp_path / "answers.jsonl").write_text(line + line.replace(first, "torn")[:50])
    SearcherExecutor().do(inputs, {"search": tmp_path}, parameters)
    again = pd.read_csv(tmp_path / "search.csv", keep_default_na=False, dtype={"id": str})
    assert set(again.loc[again["id"] == first, "recording"]) == {"kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["search.csv"]
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    SearcherExecutor().do(inputs, {"search": tmp_path}, parameters)
    assert (tmp_path / "search.csv").read_bytes() == whole


def test_the_box_holds_the_random_draws(place):
    record = records(place, "WhiteBox")[0]
    table = white_box.read(artifact(place, record["outputs"]["white_box"]))
    assert np.isfinite(table["radius"]).all() and (table["radius"] > 0).all()
    assert np.isfinite(table["margin"]).all() and (table["gradient_norm"] > 0).all()
    assert sorted(table["id"].unique()) == sorted(
        utterance.id
        for utterance, _ in utterances.read(inputs_of(place, records(place, "Searcher")[0])["utterances"])
        if utterance.speaker in set(table["speaker"])
    )


def test_the_white_box_refuses_a_budget_without_draws(place):
    record = records(place, "WhiteBox")[0]
    inputs = inputs_of(place, record)
    parameters = {**record["parameters"], "snrs_db": [10.0, 3.0], "quiet": True}
    with pytest.raises(InputError, match="expected a budget of the attack.* Received: 3 dB, with no draw for"):
        white_box.WhiteBoxExecutor().do(inputs, {"white_box": Path("unused")}, parameters)


@pytest.mark.slow
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
