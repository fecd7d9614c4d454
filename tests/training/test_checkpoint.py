"""A checkpoint gives back what it saved, and one that is damaged costs the epochs before it and no more."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.training.checkpoint import Checkpoint
from kerasser.training.rules import rule
from kerasser.training.schedule import Schedule


def trained(path, units=2, epochs=0):
    """A model with its checkpoint, after some epochs."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    schedule = Schedule(rule())
    checkpoint = Checkpoint(path, schedule, tf.Variable(0, dtype=tf.int64))
    checkpoint.set_model(model)
    schedule.best_weights = model.get_weights()
    model.stop_training = False
    for epoch in range(epochs):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    return model, checkpoint


def test_what_was_saved_is_restored(tmp_path):
    model, _ = trained(tmp_path / "c.npz", epochs=2)
    fresh, checkpoint = trained(tmp_path / "c.npz")
    assert checkpoint.restore() == 2
    for one, other in zip(fresh.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


def damaged(content, how):
    if how == "cut":
        return content[: len(content) // 2]
    if how == "a bit":
        place = content.index(b"NUMPY") + 200
        return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]
    return {"empty": b"", "no archive": b"nothing of the kind", "zeros": bytes(len(content))}[how]


@pytest.mark.parametrize("how", ["cut", "empty", "a bit", "no archive", "zeros"])
def test_one_that_cannot_be_read_is_said_and_counts_as_none(tmp_path, capsys, how):
    path = tmp_path / "c.npz"
    trained(path, epochs=1)
    path.write_bytes(damaged(path.read_bytes(), how))
    model, checkpoint = trained(path)
    before = model.get_weights()
    assert checkpoint.restore() == 0
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"{path}: expected a checkpoint. Received: ")
    assert line.endswith("; the training starts anew")
    assert not path.exists()
    assert checkpoint.restore() == 0


def test_one_of_another_network_counts_as_none(tmp_path, capsys):
    trained(tmp_path / "c.npz", units=3, epochs=1)
    _, checkpoint = trained(tmp_path / "c.npz", units=2)
    assert checkpoint.restore() == 0
    assert "another network" in capsys.readouterr().err
