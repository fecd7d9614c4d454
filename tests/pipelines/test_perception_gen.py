"""How audible the attack is, measured on the tiny corpus with the packages, without them, and with stand-ins."""

import csv
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kerasser import audio
from kerasser.attack import audibility, perturbation_graph
from kerasser.attack.budget import Epsilon
from kerasser.attack.generation import replay
from kerasser.corpora.base import Utterance
from kerasser.evaluation.results import AttackWorstOf, Figure1Row, Score
from kerasser.features import records
from pipelines.cli.main import main
from pipelines.components import noise_gen, perception_gen
from pipelines.components.perception_gen import PerceptionGenExecutor, spread
from pipelines.dag import Dag
from pipelines.engine.artifacts import Artifact
from pipelines.evaluation import perception
from pipelines.io import breakdowns, shards, utterances
from pipelines.run import run
from tests.pipelines import corpus


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    root, seen = tmp_path_factory.mktemp("perception"), []
    listing, noise = corpus.write(root, seconds=1.0)
    main("evaluate", "", seen.append, [*corpus.arguments(listing, noise, root / "out"), "--quiet"])
    return seen[0]


def measured(settings):
    """Runs the component and all below it; returns its component and its artifact."""
    (channel,) = perception(Dag(settings, ["1"]), "1")
    return channel.component, run(settings, channel.component)[channel.component]["perception"]


def rows(artifact):
    with (artifact.uri / "perception.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def absent(monkeypatch):
    for name in ("pystoi", "pesq"):
        monkeypatch.setitem(sys.modules, name, None)


STAND_INS = {
    "pystoi": "def stoi(clean, adversarial, rate):\n    return 0.25\n",
    "pesq": (
        "class BufferTooShortError(Exception): pass\nclass NoUtterancesError(Exception): pass\n"
        "def pesq(rate, clean, adversarial, mode):\n    return float(clean.size)\n"
    ),
}


@pytest.fixture
def stand_ins(monkeypatch, tmp_path):
    """Packages that a process of its own finds as well."""
    for name, source in STAND_INS.items():
        (tmp_path / f"{name}.py").write_text(source)
        (tmp_path / f"{name}-9.9.dist-info").mkdir()
        (tmp_path / f"{name}-9.9.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in STAND_INS:
        sys.modules.pop(name, None)


def test_without_the_packages_their_columns_are_empty(settings, absent):
    _, artifact = measured(settings)
    found = rows(artifact)
    # Three utterances of two speakers, under two noises and three budgets.
    assert len(found) == 3 * 2 * 3
    assert set(Counter(row["id"] for row in found).values()) == {6}
    assert len({row["speaker"] for row in found}) == 2
    assert {row["draw"] for row in found} == {"0"}
    for row in found:
        assert row["stoi"] == row["pesq"] == ""
        assert -10 <= float(row["segmental_snr_db"]) <= 35
    at_ten = [float(row["snr_db"]) for row in found if row["budget"] == "snr_db"]
    assert at_ten == pytest.approx([10.0] * len(at_ten), abs=0.2)
    facts = json.loads((artifact.uri / "perception.json").read_text())
    assert facts == {"utterances": 3, "missing": ["pystoi", "pesq"]}


def test_packages_that_come_are_asked_and_the_cache_knows(settings, stand_ins):
    _, artifact = measured(settings)
    assert {(row["stoi"], row["pesq"]) for row in rows(artifact)} == {("0.25", "16000.0")}
    assert json.loads((artifact.uri / "perception.json").read_text())["missing"] == []
    assert json.loads(PerceptionGenExecutor.fingerprint({"channels": [], "rooms_dir": ""})) == {
        "pystoi": "9.9",
        "pesq": "9.9",
    }


def test_the_draws_are_those_that_are_judged(settings, absent):
    """They are replayed from what the attack wrote down, and compared with the originals again."""
    graph = Dag(settings, ["1"])
    _, artifact = measured(settings)
    made = run(settings, graph.attack("1"), graph.corpus, graph.noise, graph.perturbation)
    examples, table = made[graph.attack("1")]["examples"], made[graph.corpus]["utterances"]
    _, _, noise = noise_gen.load(made[graph.noise]["test"])
    add = perturbation_graph.load(made[graph.perturbation]["perturbation"].uri / "saved_model")
    speech = {utterance.id: next(audio.waveforms([file])) for utterance, file in utterances.read(table)}
    content = json.loads((examples.uri / "examples.json").read_text())
    files, judged = shards.files(examples.uri, sorted({shard["speaker"] for shard in content["shards"]})), {}
    for example in records.dataset(files, len(shards.features(examples.uri))):
        facts = json.loads(example["provenance"].numpy())
        if facts["draw"] == 0:
            judged[example["id"].numpy().decode(), facts["noise"], facts["budget"], facts["target"]] = facts
    for row in rows(artifact):
        facts = judged[row["id"], row["noise"], row["budget"], float(row["target"])]
        clean, _ = audio.clip(speech[row["id"]])
        (recording,) = (each for each in noise[facts["noise"]] if each.name == facts["recording"])
        adversarial = replay(clean, recording.waveform, facts, add)
        for name in ("snr_db", "segmental_snr_db"):
            assert float(row[name]) == getattr(audibility, name)(clean, adversarial)
        assert float(row["epsilon"]) == facts["epsilon"]


def test_the_real_packages_answer_as_they_do_in_this_process(settings):
    pytest.importorskip("pesq", reason="the extra perception is not installed")
    pytest.importorskip("pystoi", reason="the extra perception is not installed")
    _, artifact = measured(settings)
    found = rows(artifact)
    # The same in one process as in several.
    graph = Dag(settings, ["1"])
    made = run(settings, graph.corpus, graph.noise, graph.perturbation)
    _, _, noise = noise_gen.load(made[graph.noise]["test"])
    add = perturbation_graph.load(made[graph.perturbation]["perturbation"].uri / "saved_model")
    plan = perception_gen.Plan(noise, "test", [perception_gen.Budget("epsilon", 2.0)], 1, "lsa", 0)
    speech = {
        each.id: next(audio.waveforms([file])) for each, file in utterances.read(made[graph.corpus]["utterances"])
    }
    for name in {row["id"] for row in found}:
        clean, _ = audio.clip(speech[name])
        waveforms = [adversarial for adversarial, _ in perception_gen.attacks(clean, name, plan, add)]
        expected = perception_gen._all_measures(None, clean, waveforms, list(audibility.MEASURES))
        mine = [row for row in found if row["id"] == name and row["target"] == "2.0"]
        for row, values in zip(mine, expected, strict=True):
            for measure, value in values.items():
                assert row[measure] == ("" if value is None else str(value))


def test_training_noise_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(perception_gen, "read_fold", lambda *_: type("Fold", (), {"test": ("a",)}))
    monkeypatch.setattr(noise_gen, "load", lambda _: ("train", False, {}))
    with pytest.raises(AssertionError, match="the train stretch"):
        PerceptionGenExecutor().do({"folds": None, "noise": None}, {"perception": tmp_path}, {"fold": "1"})


def items(**counts):
    return [
        (Utterance(f"{speaker}{number:02d}", "x.wav", speaker, "anger", "negative"), None)
        for speaker, count in counts.items()
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (4, ["a00", "a04", "b00", "c00"]),
        (7, ["a00", "a02", "a04", "a06", "b00", "c00", "c01"]),
        (99, [f"a{n:02d}" for n in range(8)] + ["b00", "c00", "c01"]),
        (0, []),
    ],
)
def test_utterances_are_spread_over_speakers_and_ids(limit, expected):
    chosen = [item[0].id for item in spread(items(b=1, a=8, c=2), limit)]
    assert chosen == expected


def test_zero_utterances_make_no_component(settings):
    none = replace(settings, perception=replace(settings.perception, utterances=0))
    assert perception(Dag(none, ["1"]), "1") == []


def test_a_speaker_called_na_is_read_at_its_word(tmp_path):
    (tmp_path / "perception.csv").write_text(
        "id,speaker,noise,budget,target,draw,epsilon,snr_db,segmental_snr_db,stoi,pesq\n"
        "u,NA,NA,epsilon,2.0,0,2.0,9.0,5.0,,\n"
    )
    (tmp_path / "perception.json").write_text('{"utterances": 1, "missing": ["pystoi", "pesq"]}')
    worst = AttackWorstOf(1, Score(1.0, None), 1.0)
    figure1 = [Figure1Row("NA", Epsilon(2), 9.0, Score(1.0, None), worst, 1.0, 0.0, 1)]
    adversarial = breakdowns.read(Path(tmp_path / "perception.csv"))
    part = breakdowns.perception([Artifact("Perception", tmp_path)], figure1, adversarial)
    (row,) = part.rows
    assert row.segmental_snr_db.median == 5.0 and row.stoi is None
    assert part.missing == ["pesq", "pystoi"] and np.isfinite(row.snr_db.median)
