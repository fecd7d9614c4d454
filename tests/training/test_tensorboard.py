import io
import random

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

from kerasser.training.tensorboard.log import EventLog, flat, plain, table
from kerasser.training.tensorboard.pictures import confusion_matrix, heat_map
from kerasser.util.errors import InputError

pytestmark = pytest.mark.smoke


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def tensors(events, tag):
    return [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]


@pytest.fixture
def event_log(tmp_path):
    event_log = EventLog(tmp_path / "log")
    yield event_log
    event_log.close()


def test_a_curve_is_read_back(event_log, tmp_path):
    for step, value in enumerate((0.5, 0.25)):
        event_log.scalar("loss/train", value, step)
    event_log.flush()
    events = read(tmp_path / "log")
    assert tensors(events, "loss/train") == [(0, 0.5), (1, 0.25)]
    assert events.SummaryMetadata("loss/train").plugin_data.plugin_name == "scalars"


def test_a_picture_is_the_png_itself_with_its_size(event_log, tmp_path):
    png = confusion_matrix(np.array([[3, 1], [0, 4]]), ["negative", "positive"], "clean")
    event_log.picture("confusion/clean", png, 3, "what it is")
    event_log.flush()
    events = read(tmp_path / "log")
    ((step, (width, height, content)),) = tensors(events, "confusion/clean")
    pixels = tf.io.decode_png(content)
    assert (step, content) == (3, png)
    assert (int(height), int(width)) == pixels.shape[:2]
    metadata = events.SummaryMetadata("confusion/clean")
    assert (metadata.plugin_data.plugin_name, metadata.summary_description) == ("images", "what it is")


def test_a_sound_is_16_bit_wav_at_16_khz_and_clipped(event_log, tmp_path):
    waveform = np.linspace(-0.5, 1.5, 1600).astype(np.float32)
    event_log.sound("speech/1_original", waveform, 0)
    event_log.flush()
    ((_, sounds),) = tensors(read(tmp_path / "log"), "speech/1_original")
    samples, rate = soundfile.read(io.BytesIO(sounds.ravel()[0]))
    assert rate == 16000
    np.testing.assert_allclose(samples, waveform.clip(-1, 1), atol=2**-14)


def test_settings_become_hyperparameters_and_a_table(event_log, tmp_path):
    settings = {"seed": 3, "training": {"learning_rate": 0.002, "balance": False}, "layers": [1, 2], "form": "frame"}
    event_log.hyperparameters(settings)
    event_log.text("configuration", table(settings))
    event_log.close(finished=True)
    events = read(tmp_path / "log")
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    found = hparams_metadata.parse_session_start_info_plugin_data(content).hparams
    assert found["seed"].number_value == 3 and found["training.learning_rate"].number_value == 0.002
    assert found["layers"].string_value == "[1, 2]" and found["form"].string_value == "frame"
    assert not found["training.balance"].bool_value and found["training.balance"].HasField("bool_value")
    assert "_hparams_/session_end_info" in events.Tags()["tensors"]
    ((_, text),) = tensors(events, "configuration")
    assert "| training.learning\\_rate | 0.002 |" in text.ravel()[0].decode()


def test_flat_settings_are_numbers_bools_and_strings():
    assert flat({"a": {"b": {"c": 1}}, "d": None}) == {"a.b.c": 1, "d": "None"}


def test_names_from_data_stay_names():
    assert plain("<img src=x>\n| b | ![](y)") == "\\<img src=x\\> \\| b \\| \\!\\[\\](y)"


def test_a_training_that_goes_on_replaces_the_epochs_it_repeats(tmp_path):
    for start, values in ((0, [1.0, 2.0, 3.0]), (2, [30.0, 40.0])):
        event_log = EventLog(tmp_path, start)
        for step, value in enumerate(values, start):
            event_log.scalar("loss/train", value, step)
        event_log.close()
    assert tensors(read(tmp_path), "loss/train") == [(0, 1.0), (1, 2.0), (2, 30.0), (3, 40.0)]


def test_a_training_that_starts_anew_replaces_its_log_and_nothing_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/events.out.tfevents.1").write_text("another training's")
    for value in (1.0, 2.0):
        event_log = EventLog(tmp_path)
        event_log.scalar("loss/train", value, 0)
        event_log.close()
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1
    assert tensors(read(tmp_path), "loss/train") == [(0, 2.0)]
    assert (tmp_path / "notes.txt").is_file() and (tmp_path / "other/events.out.tfevents.1").is_file()


def test_a_heat_map_shows_a_descriptor_in_its_own_row_and_no_random_state_is_touched():
    before = random.getstate(), np.random.get_state()[1].tolist()
    still, moved = np.zeros((50, 25)), np.zeros((50, 25))
    moved[:, 20] = 3.0
    pictures = [
        tf.io.decode_png(heat_map({"clean": frames}, [f"descriptor {n}" for n in range(25)], "utterance 1")).numpy()
        for frames in (still, moved)
    ]
    assert pictures[0].shape == pictures[1].shape
    rows = np.flatnonzero((pictures[0] != pictures[1]).any(axis=(1, 2)))
    height = pictures[0].shape[0]
    # The axes reach from 14 % to 89 % of the height; row 20 of 25 lies in the lower part of it.
    top = height * (0.14 + 0.75 * 20 / 25)
    assert top - 2 <= rows.min() and rows.max() <= top + height * 0.75 / 25 + 2
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_log_that_cannot_be_written_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/log: expected a folder to log into. Received: Not a directory"):
        EventLog(tmp_path / "file/log")
