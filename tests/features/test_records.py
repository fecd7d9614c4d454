import json

import numpy as np
import pytest
import tensorflow as tf

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.training.batches import TrainingBatches, batches

CLASSES = 2


def examples(count=200, seed=0):
    generator = np.random.default_rng(seed)
    for number in range(count):
        frames = generator.normal(number % 7, 1 + number % 3, size=(5 + number % 60, 3)).astype(np.float32)
        yield Example(f"u{number:03d}", f"s{number % 5}", "anger", int(number % 3 == 0), frames, {"snr_db": 1 / 3})


@pytest.fixture
def path(tmp_path):
    records.write(tmp_path / "a.tfrecord", examples())
    return tmp_path / "a.tfrecord"


def test_what_is_written_is_read_again_bit_for_bit(path):
    for written, read in zip(examples(), records.dataset([path], 3).as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(read["features"], written.features)
        assert read["lengths"] == len(written.features)
        assert (read["id"].decode(), read["speaker"].decode()) == (written.id, written.speaker)
        assert read["label"] == written.label
        assert json.loads(read["provenance"]) == {"snr_db": 1 / 3}


def test_records_are_standard_sequence_examples(path):
    serialized = next(iter(tf.data.TFRecordDataset(str(path)))).numpy()
    parsed = tf.train.SequenceExample.FromString(serialized)
    assert len(parsed.feature_lists.feature_list["features"].feature) == 5
    assert parsed.context.feature["speaker"].bytes_list.value[0] == b"s0"


def test_a_failed_write_leaves_nothing_that_looks_whole(tmp_path):
    def broken():
        yield from examples(3)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        records.write(tmp_path / "a.tfrecord", broken())
    assert not (tmp_path / "a.tfrecord").exists()


def seen(training):
    """The utterances of one pass, each as its bytes, in order."""
    order = []
    for inputs, labels, _ in training.dataset:
        for frames, length, label in zip(inputs["features"].numpy(), inputs["lengths"].numpy(), labels, strict=True):
            assert not frames[length:].any()
            order.append((frames[:length].tobytes(), int(label)))
    return order


def test_an_epoch_holds_every_utterance_once(path):
    training = TrainingBatches([path], 3, batch_size=16, seed=0)
    assert sorted(seen(training)) == sorted((e.features.tobytes(), e.label) for e in examples())
    assert len(list(training.dataset)) == training.dataset.cardinality()


@pytest.mark.parametrize("global_seed", [0, 7])
def test_the_order_depends_on_seed_and_epoch_alone(path, global_seed):
    def order(seed, epoch, *, first=()):
        tf.random.set_seed(global_seed)
        training = TrainingBatches([path], 3, batch_size=16, seed=seed)
        for earlier in first:
            training.epoch.assign(earlier)
            seen(training)
        training.epoch.assign(epoch)
        return seen(training)

    assert order(3, 2) == order(3, 2, first=(0, 1))
    assert order(3, 2) != order(3, 1)
    assert order(3, 2) != order(4, 2)


def test_buckets_leave_little_padding(path):
    training = TrainingBatches([path], 3, batch_size=16, seed=0)
    padded = sum(inputs["features"].shape[0] * inputs["features"].shape[1] for inputs, _, _ in training.dataset)
    real = sum(len(example.features) for example in examples())
    assert padded / real < 1.3


def test_statistics_are_those_of_all_frames_together(path):
    frames = np.concatenate([example.features for example in examples()]).astype(float)
    mean, variance = TrainingBatches([path], 3, batch_size=16, seed=0).frame_statistics()
    np.testing.assert_allclose(mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, frames.var(axis=0), rtol=1e-5)


def test_balanced_weights_give_both_classes_the_same_say(path):
    training = TrainingBatches([path], 3, batch_size=16, seed=0, balance_classes=True)
    weight = np.zeros(CLASSES)
    for _, labels, weights in training.dataset:
        np.add.at(weight, labels.numpy(), weights.numpy())
    assert weight == pytest.approx([100, 100], rel=1e-5)


def test_evaluation_batches_keep_the_order_of_the_file(path):
    labels = np.concatenate([label.numpy() for _, label in batches([path], 3, batch_size=64)])
    np.testing.assert_array_equal(labels, [example.label for example in examples()])
