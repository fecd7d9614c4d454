"""Trainings through their components, read back as TensorBoard reads them."""

import csv
import io
import json
import re

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

from kerasser.training.tensorboard.log import GAN_TAGS
from pipelines.cli.main import parse
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.models import Models
from pipelines.run import run
from tests.pipelines import browser, corpus
from tests.pipelines.board_server import ask, serving
from tests.tools import run as run_tool

GAN = "gan for classifier, fold 1, seed 0"
TRAINING = "adversarial training 50 %25, fold 1, seed 0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A GAN and classifiers on clean, adversarial and noisy speech; returns the log folder and what was made."""
    root = tmp_path_factory.mktemp("board")
    listing, noise = corpus.write(root)
    arguments = [*corpus.arguments(listing, noise, root / "out"), "--logdir", str(root / "logs"), "--quiet"]
    graph = Dag(parse("train", "", arguments, Settings), ["1"])
    models = Models(graph, "1", 0)
    gan = models.generator(models.classifier())
    adversarial = models.classifier("adversarial training 50 %", adversarial_share=0.5)
    random = models.classifier("random noise", white_noise=0.5)
    made = run(graph.settings, gan, adversarial, random)
    return root / "logs", {component.id: outputs for component, outputs in made.items()}


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def values(events, tag):
    return [tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)]


def steps(events, tag):
    return [event.step for event in events.Tensors(tag)]


def test_the_curves_of_a_gan_are_its_history(trained):
    log, made = trained
    with (made[GAN]["generator"].uri / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for phase, left_out in (("gan", ()), ("pretraining", ("d_", "g_adversarial"))):
        events, mine = read(log / GAN / phase), [row for row in rows if row["phase"] == phase]
        for name, tag in GAN_TAGS.items():
            if not name.startswith(left_out or ("\0",)):
                assert [float(value) for value in values(events, tag)] == pytest.approx(
                    [float(row[name]) for row in mine], rel=1e-5
                )
                assert steps(events, tag) == list(range(len(mine)))
            else:
                assert tag not in events.Tags()["tensors"]
    # Each optimiser's own rate: Adam's in pre-training, then RMSProp's for both networks.
    assert values(read(log / GAN / "pretraining"), "learning_rate/generator")[0] == pytest.approx(0.002)
    for network in ("generator", "discriminator"):
        assert values(read(log / GAN / "gan"), f"learning_rate/{network}")[0] == pytest.approx(1e-4)
        assert values(read(log / GAN / "gan"), f"gradient_norm/{network}")[0] > 0


def test_the_last_figures_are_those_of_the_generator_that_is_kept(trained):
    log, made = trained
    facts = json.loads((made[GAN]["generator"].uri / "generator.json").read_text())
    events = read(log / GAN / "gan")
    assert 100 - values(events, "final/dev_ua")[0] == pytest.approx(facts["dev_error"], abs=1e-4)
    shown = {tag for tag in events.Tags()["tensors"] if tag.startswith("final/")}
    assert shown == {
        f"final/dev_{name}" for name in ("ua", "error_clean", "error_adversarial", "error_cafe", "error_station")
    }
    # Clean and adversarial make up all that is measured: 4 clean utterances, 8 under noise, both classes alike.
    clean, attacked = (float(values(events, f"final/dev_error_{name}")[0]) for name in ("clean", "adversarial"))
    assert (clean + 2 * attacked) / 3 == pytest.approx(facts["dev_error"], abs=1e-3)


def test_pictures_come_after_the_first_epoch_and_of_the_model_that_is_kept(trained):
    events = read(trained[0] / GAN / "gan")
    for tag in ("features/1", "features/2", "features/3", "confusion/clean", "confusion/adversarial"):
        assert steps(events, tag) == [0, 2]
        for width, height, png in values(events, tag):
            assert tf.io.decode_png(png).shape[:2] == (int(height), int(width))


def test_an_adversarially_trained_classifier_shows_clean_and_adversarial_speech_apart(trained):
    events = read(trained[0] / TRAINING / "layers-1")
    found = set(events.Tags()["tensors"])
    assert {
        "error/dev",
        "error/dev_clean",
        "error/dev_adversarial",
        "confusion/clean",
        "confusion/adversarial",
    } <= found
    assert {"final/dev_error_cafe", "final/dev_error_station", "speech/1_adversarial"} <= found
    assert steps(events, "error/dev") == [0, 1, 2] and steps(events, "error/dev_adversarial") == [0, 3]
    # What no epoch changes is drawn once.
    assert steps(events, "features/1") == [0]


def test_a_classifier_of_clean_speech_shows_no_noise(trained):
    events = read(trained[0] / "classifier, fold 1, seed 0/layers-1")
    tags = events.Tags()["tensors"]
    assert "error/dev_clean" in tags and not [tag for tag in tags if "adversarial" in tag or tag.startswith("speech")]


def test_what_is_heard_is_the_utterance_and_it_under_as_much_noise_as_its_picture_says(trained):
    events = read(trained[0] / GAN / "gan")
    for number in (1, 2, 3):
        (original, _), (adversarial, rate) = (
            soundfile.read(io.BytesIO(values(events, f"speech/{number}_{name}")[0].ravel()[0]))
            for name in ("original", "adversarial")
        )
        described = events.SummaryMetadata(f"features/{number}").summary_description
        snr_db = float(re.search(r"(cafe|station), (-?[0-9.]+) dB", described).group(2))
        path = trained[0].parent / "corpus" / described.split(",")[0].replace("\\", "")
        assert rate == 16000
        np.testing.assert_allclose(original, soundfile.read(path)[0], atol=2**-14)
        found = 10 * np.log10(np.mean(original**2) / np.mean((adversarial - original) ** 2))
        assert found == pytest.approx(snr_db, abs=0.3)


def test_only_development_speakers_are_shown(trained):
    log, made = trained
    fold = json.loads((made[GAN]["generator"].uri / "generator.json").read_text())["fold"]
    for folder in log.glob("*/*"):
        events = read(folder)
        speakers = {
            re.search(r"speaker ([^,]+),", events.SummaryMetadata(tag).summary_description).group(1)
            for tag in events.Tags()["tensors"]
            if tag.startswith(("features/", "speech/"))
        }
        assert speakers and speakers <= set(fold["dev"])


def test_the_card_and_the_settings_say_what_it_is(trained):
    events = read(trained[0] / TRAINING / "layers-1")
    card, settings = (values(events, tag)[0].ravel()[0].decode() for tag in ("model_card", "configuration"))
    for fact in ("Corpus: manifest", "Fold: 1: 3 speakers train, 1 steer, 2 test", "Seed: 0", "50 %", "Not for"):
        assert fact in card
    assert "| seed | 0 |" in settings and "| share | 0.5 |" in settings
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    found = hparams_metadata.parse_session_start_info_plugin_data(content).hparams
    assert (found["seed"].number_value, found["share"].number_value, found["layers"].number_value) == (0, 0.5, 1)


def test_the_log_is_beside_the_model_if_no_folder_is_given(trained, tmp_path):
    assert not (trained[1][GAN]["generator"].uri / "logs").exists()


@pytest.fixture(scope="module")
def server(trained):
    with serving(trained[0], runs=5) as address:
        yield address


def test_a_real_tensorboard_serves_every_kind(server):
    run = f"{GAN}/gan"
    assert set(ask(server, "data/plugin/scalars/tags")[run]) >= set(GAN_TAGS.values())
    points = ask(server, "data/plugin/scalars/scalars", run=run, tag="learning_rate/discriminator")
    assert [point[1:] for point in points] == [[0, pytest.approx(1e-4)], [1, pytest.approx(1e-4)]]
    assert "features/1" in ask(server, "data/plugin/images/tags")[run]
    (sound, *_) = ask(server, "data/plugin/audio/audio", run=run, tag="speech/1_original", sample=0)
    assert sound["contentType"] == "audio/wav"
    wav = ask(server, "data/plugin/audio/individualAudio?" + sound["query"])
    assert soundfile.info(io.BytesIO(wav)).samplerate == 16000
    assert {"model_card", "configuration"} <= set(ask(server, "data/plugin/text/tags")[run])


def test_the_hparams_page_has_a_row_for_each_training_with_its_figures(server):
    groups = ask(server, "data/plugin/hparams/experiment", {"experimentName": ""})
    assert {"seed", "share"} <= {each["name"] for each in groups["hparamInfos"]}
    metrics = {(each["name"]["tag"]) for each in groups["metricInfos"]}
    assert {"final/dev_ua", "final/dev_error_cafe"} <= metrics
    wanted = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "startIndex": 0, "sliceSize": 100}
    rows = ask(server, "data/plugin/hparams/session_groups", {**wanted, "colParams": []})["sessionGroups"]
    phases = [each["hparams"].get("phase") for each in rows]
    assert sorted(each["hparams"]["speech"] for each, phase in zip(rows, phases, strict=True) if not phase) == [
        "cafe, clean, station",
        "clean",
        "white",
    ]
    assert sorted(filter(None, phases)) == ["gan", "pretraining"]


@pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium is installed")
def test_the_page_shows_the_tags(server, tmp_path):
    with browser.page(tmp_path / "profile") as page:
        page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
        page.call("Page.navigate", url=f"{server}?tagFilter=discriminator|dev_adversarial#timeseries")
        for tag in ("accuracy/discriminator", "error/dev_adversarial"):
            # A long tag is cut into two parts, the second of which stays when there is little room.
            shown = "document.body && document.body.innerText.replace(/\\s/g, '')"
            page.wait(f"{shown}.includes({json.dumps(tag)})", 120)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_benchmark_says_what_share_of_each_training_the_log_takes(tmp_path):
    """Slow: it trains a small classifier and a small GAN."""
    flags = corpus.arguments(*corpus.write(tmp_path), tmp_path)
    result = run_tool("tensorboard_benchmark.py", *flags, "--quiet", timeout=900)
    assert result.returncode == 0, result.stderr
    rows = [line.strip("| %").split(" | ") for line in result.stdout.splitlines() if ", seed 0 |" in line]
    assert [row[0] for row in rows] == ["classifier, fold 1, seed 0", GAN]
    for _, took, logged, share in rows:
        assert 0 < float(logged) < float(took)
        assert float(share) == pytest.approx(100 * float(logged) / float(took), abs=1)
    # Nothing stays but what was there.
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "noise"}
