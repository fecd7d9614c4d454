"""From a corpus to a published model and back: export, predict, roll back."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasser.features.graph import Graph
from kerasser.serving import versions
from kerasser.util.errors import InputError
from pipelines import attack, export, predict
from pipelines.cli.main import main
from pipelines.components import pusher
from pipelines.components.infra_validator import InfraValidatorExecutor
from pipelines.components.pusher import PusherExecutor
from pipelines.config import ExportSettings, VictimRunSettings
from pipelines.engine.artifacts import Artifact, content_hash
from pipelines.io.own_models import CARD
from pipelines.lineage import ancestors, lineage
from pipelines.predict import PredictSettings
from tests.pipelines import corpus

ROOT = Path(__file__).parents[2]
#: Enough training to be better than chance.
LEARNS = ["--training.epochs", "25", "--training.learning_rate", "0.01"]


def run_export(arguments, capsys):
    main("export", export.DESCRIPTION, export.export, arguments, ExportSettings)
    return capsys.readouterr()


def run_predict(arguments, capsys):
    main("predict", predict.DESCRIPTION, predict.predict, [*arguments, "--quiet"], PredictSettings)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refusal(command, arguments, capsys):
    """Returns the one line that a command ends with."""
    runs = {
        "export": (export.DESCRIPTION, export.export, ExportSettings),
        "predict": (predict.DESCRIPTION, predict.predict, PredictSettings),
        "attack": (attack.DESCRIPTION, attack.attack, VictimRunSettings),
    }
    description, function, settings = runs[command]
    with pytest.raises(SystemExit) as stopped:
        main(command, description, function, arguments, settings)
    assert stopped.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("export")
    listing, noise = corpus.write(root, each=6)
    models = root / "saved_models"
    arguments = [*corpus.arguments(listing, noise, root / "out"), *LEARNS, "--models-dir", str(models)]
    made = subprocess.run(
        [sys.executable, "-m", "pipelines.export", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return root, models, arguments, made


def test_it_ends_with_the_path_of_a_pushed_version(place):
    _, models, _, made = place
    assert made.stdout.splitlines()[-1] == str(models / "manifest" / "1")
    assert str(models / "docker-run.sh") in made.stderr
    assert (models / "manifest" / "1" / "saved_model.pb").is_file()
    assert (models / "perturbation" / "1" / "saved_model.pb").is_file()
    assert {path.name for path in models.iterdir()} == {
        "manifest",
        "perturbation",
        "models.config",
        "batching_parameters.txt",
        "monitoring.config",
        "compose.yaml",
        "docker-run.sh",
    }
    assert 'base_path: "/models/manifest"' in (models / "models.config").read_text()


def test_the_card_says_what_it_is_and_how_it_was_measured(place):
    root, models, _, _ = place
    card = json.loads((models / "manifest" / "1" / CARD).read_text())
    assert card["classes"] == ["negative", "positive"]
    assert len(card["features"]) == 25
    assert (card["sample_rate_hz"], card["frame_rate_hz"]) == (16000, 100.0)
    assert (card["corpus"], card["fold"], card["seed"]) == ("manifest", "1", 0)
    assert card["versions"]["tensorflow"] == tf.__version__
    assert card["training"]["classifier"]["dev_ua"] > 50
    evaluations = {
        json.loads(path.read_text())["clean"]["error"]
        for path in (root / "out/artifacts/Evaluation").glob("*/metrics.json")
    }
    assert {card["evaluation"][name]["clean"]["error"] for name in ("defended", "undefended")} == evaluations
    heard = {"cafe": ["cafe/a"], "station": ["station/a"]}
    assert card["noise"] == {"trained": heard, "tested": heard}
    assert str(root) not in json.dumps(card)


def test_an_attack_on_it_refuses_the_speakers_that_it_was_trained_with(place, capsys):
    _, models, arguments, _ = place
    card = json.loads((models / "manifest" / "1" / CARD).read_text())
    assert len(card["trained_speakers"]) > 2
    cut = arguments[: arguments.index("--models-dir")]
    victim = ["--victim.model", str(models / "manifest" / "1")]
    for more in ([], ["--fold", "2"]):
        line = refusal("attack", [*cut, *victim, *more], capsys)
        assert "as by --fold 1, the one that it was made for. Received:" in line


def test_the_same_model_is_not_pushed_twice(place, capsys):
    _, models, arguments, _ = place
    again = run_export(arguments, capsys)
    assert again.out.splitlines()[-1] == str(models / "manifest" / "1")
    assert versions.versions(models / "manifest") == [1]
    assert versions.versions(models / "perturbation") == [1]


def test_it_is_made_from_the_blessed_and_measured(place):
    root, *_ = place
    pushed = next((root / "out/artifacts/Pushed").glob("*/pushed.json"))
    chain = ancestors(lineage(pushed.parent))
    classes = {node["component"]["class"] for node in chain}
    assert classes >= {"Trainer", "GanTrainer", "Evaluator", "Exporter", "InfraValidator", "PerturbationExporter"}


def test_the_evaluator_asks_what_is_served(place):
    """Answers of the published model to the test speech are those that were measured."""
    root, models, _, _ = place
    served = tf.saved_model.load(str(models / "manifest" / "1"))
    (index,) = [
        json.loads(p.read_text()) | {"place": p.parent}
        for p in (root / "out/artifacts/Examples").glob("*/examples.json")
        if _is_clean(p)
    ]
    answers = {}
    for path in (root / "out/artifacts/Evaluation").glob("*/predictions.csv"):
        facts = json.loads(path.with_name("metrics.json").read_text())["model"]
        rows = [line.split(",") for line in path.read_text().splitlines()]
        head = rows[0]
        answers["generator" in facts] = {
            row[0]: float(row[head.index("p_positive")]) for row in rows[1:] if not row[head.index("noise")]
        }
    for shard in index["shards"]:
        for serialized in tf.data.TFRecordDataset(str(index["place"] / shard["file"])).as_numpy_iterator():
            example = tf.train.SequenceExample.FromString(serialized)
            name = example.context.feature["id"].bytes_list.value[0].decode()
            for defended, signature in ((True, "serialized"), (False, "serialized_undefended")):
                if name in answers[defended]:
                    found = served.signatures[signature](serialized=tf.constant([serialized]))["probabilities"][0, 1]
                    assert float(found) == pytest.approx(answers[defended][name], abs=1e-5)
    assert len(answers[True]) == len(answers[False]) == 12


def _is_clean(index):
    record = next(index.parents[2].glob(f"records/{index.parent.name}*.json"))
    return json.loads(record.read_text())["component"]["class"] == "FeatureGen"


def test_predict_answers_from_the_saved_model_with_and_without_the_defence(place, capsys):
    root, models, _, _ = place
    lines = run_predict(
        [str(root / "corpus"), "--local", "--models-dir", str(models), "--compare", "--batch-size", "7"], capsys
    )
    assert [Path(line["file"]).name for line in lines] == sorted(p.name for p in (root / "corpus").glob("*.wav"))
    for line in lines:
        for answer in (line, line["undefended"]):
            assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert any(line["probabilities"] != line["undefended"]["probabilities"] for line in lines)
    # What it was trained on, it has learnt.
    right = [
        line["undefended"]["label"] == ("negative", "positive")[int(Path(line["file"]).stem[-1]) % 2] for line in lines
    ]
    assert np.mean(right) > 0.7


def test_predict_takes_features_as_the_card_says_unless_told_otherwise(place, tmp_path, monkeypatch, capsys):
    root, models, _, _ = place
    shutil.copytree(models, tmp_path / "models")
    for card in (tmp_path / "models").glob(f"*/*/{CARD}"):
        card.write_text(json.dumps({**json.loads(card.read_text()), "front_end": "graph"}))
    asked = [str(root / "corpus/s0_0.wav"), "--local", "--models-dir", str(tmp_path / "models"), "--features", "local"]
    described, plain = [], Graph.__call__
    monkeypatch.setattr(Graph, "__call__", lambda *arguments: described.append(arguments) or plain(*arguments))
    (ours,) = run_predict(asked, capsys)
    assert len(described) == 1
    (opensmiles,) = run_predict([*asked, "--front-end", "opensmile"], capsys)
    assert len(described) == 1
    assert ours["probabilities"] == pytest.approx(opensmiles["probabilities"], abs=1e-3)
    assert "front_end: expected one of graph, opensmile. Received: other" in refusal(
        "predict", [*asked, "--front-end", "other"], capsys
    )


@pytest.mark.parametrize("features", ["server", "local"])
def test_predict_asks_a_server_over_rest_and_grpc(place, features, capsys):
    from tests.serving import server

    root, models, _, _ = place
    sounds = sorted(map(str, (root / "corpus").glob("s0_*.wav")))
    chosen = ["--compare", "--features", features]
    expected = run_predict([*sounds, "--local", "--models-dir", str(models), *chosen], capsys)
    with server.loopback(models, "manifest") as served:
        for url in (served.rest, f"grpc://{served.grpc}"):
            found = run_predict([*sounds, "--server", url, "--model", "manifest", *chosen], capsys)
            assert [line["label"] for line in found] == [line["label"] for line in expected]
            for one, other in zip(found, expected, strict=True):
                assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_who_takes_the_features_hardly_matters(place, capsys):
    root, models, _, _ = place
    asked = [str(root / "corpus"), "--local", "--models-dir", str(models)]
    by_default, by_server, by_opensmile = (
        run_predict([*asked, *more], capsys) for more in ([], ["--features", "server"], ["--features", "local"])
    )
    assert by_default == by_server
    gaps = [
        abs(one["probabilities"]["positive"] - other["probabilities"]["positive"])
        for one, other in zip(by_server, by_opensmile, strict=True)
    ]
    assert np.median(gaps) < 0.01
    # They are two front ends.
    assert max(gaps) > 0


def test_a_model_that_takes_no_sound_is_asked_about_frames(place, tmp_path, capsys):
    root, models, _, _ = place
    trained = next((root / "out/artifacts/Generator").glob("*/saved_model"))
    versions.publish(trained, tmp_path / "deaf")
    asked = [str(root / "corpus" / "s0_0.wav"), "--local", "--models-dir", str(tmp_path)]
    (line,) = run_predict(asked, capsys)
    (other,) = run_predict([*asked[:-1], str(models), "--features", "local"], capsys)
    assert line == other
    said = refusal("predict", [*asked, "--features", "server"], capsys)
    assert "features: expected a model with the signature audio, or --features local. Received: clean, " in said


def test_a_reader_that_has_had_enough_sees_no_traceback(place):
    root, models, _, _ = place
    ask = f"{sys.executable} -m pipelines.predict {root / 'corpus'} --local --models-dir {models} --batch-size 1"
    said = subprocess.run(
        ["bash", "-c", f"{ask} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(said.stdout.splitlines()) == 1
    assert "Traceback" not in said.stderr
    assert said.returncode in (0, 141)


@pytest.fixture
def sounds(place, tmp_path):
    good = place[0] / "corpus" / "s0_0.wav"
    shutil.copy(good, tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"RIFF nothing")
    # The header promises more than there is: only decoding finds out.
    (tmp_path / "c.wav").write_bytes(good.read_bytes()[:9000])
    soundfile.write(tmp_path / "d.wav", np.zeros(16000), 16000)
    soundfile.write(tmp_path / "e.flac", np.random.default_rng(0).uniform(-1, 1, (22050, 2)), 22050)
    return tmp_path


def test_a_bad_file_is_named_and_nothing_is_answered(place, sounds, capsys):
    said = refusal("predict", [str(sounds), "--local", "--models-dir", str(place[1])], capsys)
    assert str(sounds / "b.wav") in said


def test_bad_files_can_be_passed_over(place, sounds, capsys):
    lines = run_predict([str(sounds), "--local", "--models-dir", str(place[1]), "--skip-unusable"], capsys)
    assert [Path(line["file"]).name for line in lines] == ["a.wav", "b.wav", "c.wav", "d.wav", "e.flac"]
    assert ["error" in line for line in lines] == [False, True, True, True, False]
    assert all(line["file"] in line["error"] for line in lines if "error" in line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SOUND"], "expected --server URL or --local. Received: neither"),
        (["SOUND", "--local", "--server", "http://h:1"], "Received: both"),
        (["SOUND", "--server", "http://h:1"], "model: expected the name"),
        (["SOUND", "--server", "h:1", "--model", "m"], "server: expected http://HOST:PORT"),
        (["SOUND", "--local", "--models-dir", "nowhere"], "python -m pipelines.export publishes one"),
        (["SOUND", "--local", "--models-dir", "MODELS", "--model", "other"], "manifest. Received: other"),
        (["SOUND", "--local", "--models-dir", "MODELS", "--version", "9"], "version: expected one of 1. Received: 9"),
        (["missing.wav", "--local", "--models-dir", "MODELS"], "missing.wav: expected an audio file"),
        (["EMPTY", "--local", "--models-dir", "MODELS"], "a folder without any"),
        (["--local", "--models-dir", "MODELS"], "files"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_predict_refuses(place, arguments, words, tmp_path, capsys):
    places = {"SOUND": place[0] / "corpus" / "s0_0.wav", "MODELS": place[1], "EMPTY": tmp_path}
    assert words in refusal("predict", [str(places.get(each, each)) for each in arguments], capsys)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "perturbation", "x" * 65])
def test_what_is_no_name_for_a_model(place, name, capsys):
    said = refusal("export", [*place[2], "--model", name], capsys)
    assert said.startswith("export: model: expected")
    assert not (place[1].parent / "up").exists()


# What follows pushes exports made by hand: the gates need no training.


def an_export(tmp_path, name, clean=20.0, attacked=30.0, interval=(10.0, 30.0), **changes):
    """Writes an export whose SavedModels are no more than a file each."""
    place = tmp_path / name
    measured_on = {"utterances": "0123456789", "noise": "n", "fold": "1"} | changes
    figures = {
        "clean": {"error": clean, "interval": list(interval) if interval else None},
        "attacked": [{"noise": "cafe", "epsilon": 2.0, "error": attacked}],
    }
    card = {
        "classes": ["negative", "positive"],
        "corpus": "c",
        "fold": measured_on["fold"],
        "evaluation": {"measured_on": measured_on, "defended": figures, "undefended": figures},
    }
    for folder, text in (("defended", json.dumps(card)), ("perturbation", "{}")):
        (place / folder / CARD).parent.mkdir(parents=True)
        (place / folder / CARD).write_text(text)
        (place / folder / "saved_model.pb").write_text(name if folder == "defended" else "the same")
    return Artifact("Export", place, {}, content_hash(place))


def push(tmp_path, export_artifact, **parameters):
    blessing = tmp_path / f"blessing-{export_artifact.uri.name}"
    blessing.mkdir(exist_ok=True)
    (blessing / "blessing.json").write_text(json.dumps({"export": export_artifact.content_hash}))
    chosen = {"models_dir": str(tmp_path / "models"), "model": "m", "keep": 2, "margin": 2.0} | parameters
    made = PusherExecutor().do(
        {"export": export_artifact, "blessing": Artifact("Blessing", blessing)}, {"pushed": tmp_path / "pushed"}, chosen
    )
    return made["pushed"]["version"]


def test_a_better_model_follows_and_old_ones_go(tmp_path):
    assert push(tmp_path, an_export(tmp_path, "a")) == 1
    assert push(tmp_path, an_export(tmp_path, "b", clean=21.9, attacked=31.9)) == 2
    assert push(tmp_path, an_export(tmp_path, "c", clean=5.0)) == 3
    assert versions.versions(tmp_path / "models" / "m") == [2, 3]
    # It has not changed meanwhile.
    assert versions.versions(tmp_path / "models" / "perturbation") == [1]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"clean": 22.1}, r"clean speech of at most 20.0 \+ 2 %, as of version 1. Received: 22.1 %"),
        ({"attacked": 32.1}, "attacked speech of at most 30.0"),
        ({"clean": 45.0, "interval": (30.0, 50.0)}, "below chance, 50 %. Received: 45.0 %, at most 50.0 %"),
        ({"clean": 50.0, "interval": None}, "below chance"),
        ({"clean": None, "interval": None}, "an undefined error"),
        ({"fold": "2"}, "fold 1. Received: .*fold 2; give it another name with --model"),
        ({"utterances": "other"}, "give it another name"),
    ],
    ids=str,
)
def test_a_worse_model_is_not_published(tmp_path, second, words):
    push(tmp_path, an_export(tmp_path, "a"))
    before = content_hash(tmp_path / "models")
    with pytest.raises(InputError, match=words):
        push(tmp_path, an_export(tmp_path, "b", **second))
    assert content_hash(tmp_path / "models") == before


def test_the_margin_is_the_users(tmp_path):
    push(tmp_path, an_export(tmp_path, "a"))
    assert push(tmp_path, an_export(tmp_path, "b", clean=28.0, attacked=38.0), margin=8.0) == 2


def test_a_blessing_of_something_else_is_no_blessing(tmp_path):
    first, second = an_export(tmp_path, "a"), an_export(tmp_path, "b")
    push(tmp_path, first)
    shutil.copytree(tmp_path / "blessing-a", tmp_path / "blessing-b")
    blessing = Artifact("Blessing", tmp_path / "blessing-b")
    parameters = {"models_dir": str(tmp_path / "models"), "model": "m", "keep": 2, "margin": 2.0}
    with pytest.raises(AssertionError, match="another export's"):
        PusherExecutor().do({"export": second, "blessing": blessing}, {"pushed": tmp_path / "p"}, parameters)


def test_what_was_rolled_back_does_not_come_back_by_itself(tmp_path, capsys):
    first, second = an_export(tmp_path, "a"), an_export(tmp_path, "b")
    push(tmp_path, first)
    push(tmp_path, second)
    arguments = ["--models-dir", str(tmp_path / "models"), "--model", "m", "--rollback"]
    assert run_export(arguments, capsys).out.strip() == str(tmp_path / "models" / "m" / "1")
    assert "Received: version 1 alone" in refusal("export", arguments, capsys)
    with pytest.raises(InputError, match="not rolled back. Received: version 2 again"):
        push(tmp_path, second)
    assert push(tmp_path, an_export(tmp_path, "c")) == 3


def test_the_state_of_the_folder_is_part_of_the_key(tmp_path):
    parameters = {"models_dir": str(tmp_path / "models"), "model": "m", "keep": 2, "margin": 2.0}
    before = PusherExecutor.fingerprint(parameters)
    push(tmp_path, an_export(tmp_path, "a"))
    after = PusherExecutor.fingerprint(parameters)
    assert before != after == PusherExecutor.fingerprint(parameters)
    shutil.rmtree(tmp_path / "models" / "m" / "1")
    assert PusherExecutor.fingerprint(parameters) != after


def test_a_damaged_export_gets_no_blessing(place, tmp_path):
    (whole,) = (place[0] / "out/artifacts/Export").glob("*")
    damaged = shutil.copytree(whole, tmp_path / "export")
    variables = damaged / "defended" / "variables" / "variables.data-00000-of-00001"
    data = bytearray(variables.read_bytes())
    data[len(data) // 2] ^= 0xFF
    variables.write_bytes(data)
    with pytest.raises(InputError, match="expected a SavedModel that loads and answers"):
        InfraValidatorExecutor().do(
            {"export": Artifact("Export", damaged, {}, "hash")}, {"blessing": tmp_path / "blessing"}, {}
        )
    assert not (tmp_path / "blessing").exists()


def test_a_name_is_checked_before_it_is_a_path(tmp_path):
    with pytest.raises(InputError, match="model: expected"):
        pusher.model_dir({"models_dir": str(tmp_path)}, "../x")
