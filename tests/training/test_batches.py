from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.training.batches import PairedBatches, TrainingBatches, batches, refuse_absent_classes
from kerasser.util.errors import InputError

COUNT, VERSIONS = 40, 3


def utterance(number, version):
    """Frames that tell which utterance they are of and under which noise; version 0 is clean."""
    return np.full((5 + number % 9, 2), [number, version], np.float32)


def write(path, versions):
    """Adversarial versions lie in another order than the clean utterances, as shards of speakers may."""
    numbers = range(COUNT) if versions == [0] else reversed(range(COUNT))
    records.write(
        path,
        (
            Example(f"u{number:02d}", f"s{number % 4}", "anger", number % 2, utterance(number, version))
            for number in numbers
            for version in versions
        ),
    )
    return [path]


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "clean", [0]), write(tmp_path / "attacked", list(range(1, VERSIONS + 1)))


def read(dataset):
    """Which utterance, in which version, with which label."""
    found = []
    for inputs, labels, *_ in dataset:
        for frames, length, label in zip(inputs["features"].numpy(), inputs["lengths"].numpy(), labels, strict=True):
            number, version = frames[0]
            np.testing.assert_array_equal(frames[:length], utterance(int(number), version))
            assert not frames[length:].any()
            found.append((int(number), int(version), int(label)))
    return sorted(found)


def epoch(files, share, number=0, seed=0):
    data = TrainingBatches(files[0], 2, batch_size=8, seed=seed, adversarial=files[1], share=share)
    data.epoch.assign(number)
    return read(data.dataset)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_share_of_adversarial_examples_is_exact_and_every_utterance_comes_once(files, share):
    found = epoch(files, share)
    assert [(number, label) for number, _, label in found] == [(number, number % 2) for number in range(COUNT)]
    assert sum(version > 0 for _, version, _ in found) == round(share * COUNT)


def test_who_is_adversarial_stays_and_the_noise_changes_from_epoch_to_epoch(files):
    epochs = [epoch(files, 0.5, number) for number in range(12)]
    who = [{number for number, version, _ in found if version} for found in epochs]
    assert all(each == who[0] for each in who)
    versions = [{number: version for number, version, _ in found} for found in epochs]
    drawn = [{each[number] for each in versions} for number in who[0]]
    assert all(len(each) > 1 for each in drawn)
    counts = np.bincount([version for each in versions for version in each.values() if version])[1:]
    assert len(counts) == VERSIONS and counts.min() > 0.6 * counts.mean()


def test_a_smaller_share_is_part_of_a_larger_one(files):
    who = [{number for number, version, _ in epoch(files, tenth / 10) if version} for tenth in range(11)]
    assert all(one <= other for one, other in zip(who, who[1:], strict=False))


def test_statistics_are_those_of_clean_speech(files):
    data = TrainingBatches(files[0], 2, batch_size=8, seed=0, adversarial=files[1], share=1.0)
    mean, variance = data.frame_statistics()
    assert (mean[1], variance[1]) == (0, 0)


def test_development_batches_mix_as_training_does_and_come_under_several_noises(files):
    found = read(batches(files[0], 2, batch_size=7, adversarial=files[1], share=0.5, rounds=3))
    attacked = {number for number, version, _ in found if version}
    assert len(found) == 3 * COUNT and len(attacked) == COUNT // 2
    for number in range(COUNT):
        assert sorted(v for n, v, _ in found if n == number) == ([1, 2, 3] if number in attacked else [0, 0, 0])


def test_an_utterance_without_adversarial_version_is_an_error(tmp_path, files):
    few = tmp_path / "few"
    records.write(few, [Example("u00", "s0", "anger", 0, utterance(0, 1))])
    with pytest.raises(ValueError, match="adversarial version of every utterance"):
        TrainingBatches(files[0], 2, batch_size=8, seed=0, adversarial=[few], share=1.0)


def pairs(data, group):
    """Who meets whom: utterance, version of the input, version of the target."""
    found = []
    for element in data.dataset(group):
        features, clean = element["features"].numpy(), element["clean"].numpy()
        assert features.shape[0] == group and features.shape == clean.shape
        lengths = element["lengths"].numpy()
        for place in np.ndindex(lengths.shape):
            length = lengths[place]
            (number, version), (same, target) = features[place][0], clean[place][0]
            np.testing.assert_array_equal(features[place][:length], utterance(int(number), version))
            np.testing.assert_array_equal(clean[place][:length], utterance(int(same), target))
            assert same == number and target == 0
            assert not features[place][length:].any() and not clean[place][length:].any()
            found.append((int(number), int(version)))
    return found


def test_every_adversarial_example_meets_its_own_clean_speech(files):
    data = PairedBatches([files], 2, batch_size=8, seed=0, clean_share=0.25)
    found = pairs(data, 1)
    assert set(found) == {(number, version) for number in range(COUNT) for version in range(VERSIONS + 1)}
    # 120 adversarial pairs and 40 clean ones fill 20 batches.
    assert len(found) == len(set(found)) == 160


def test_groups_are_full_and_of_like_length(files):
    data = PairedBatches([files], 2, batch_size=8, seed=0, clean_share=0.25)
    assert len(pairs(data, 3)) == 7 * 3 * 8
    assert data.dataset(3).cardinality() == 7
    padded, real = 0, 0
    for element in data.dataset(3):
        padded += np.prod(element["features"].shape[:3])
        real += element["lengths"].numpy().sum()
    assert padded / real < 1.4


def test_what_fills_the_last_group_is_drawn_from_all_alike_and_anew_for_each_epoch(files):
    data = PairedBatches([files], 2, batch_size=8, seed=0, clean_share=0.25)
    twice = []
    for number in range(60):
        data.epoch.assign(number)
        found = Counter(pairs(data, 3))
        # Of 160 pairs, 8 come again to fill 7 groups of 24.
        assert len(found) == 160 and set(found.values()) <= {1, 2}
        twice.append({pair for pair, count in found.items() if count == 2})
        assert len(twice[-1]) == 8
    assert len({frozenset(each) for each in twice}) == 60
    again = Counter(pair for each in twice for pair in each)
    lengths = np.array([len(utterance(number, 0)) for number, _ in again.elements()])
    every = np.array([len(utterance(number, 0)) for number in range(COUNT)])
    # Each comes again 3 times on average, and of any length: four standard errors of the mean.
    assert abs(lengths.mean() - every.mean()) < 4 * every.std() / np.sqrt(lengths.size)
    assert len(again) > 140 and max(again.values()) < 12


def test_development_speech_without_a_class_is_refused():
    dev = tf.data.Dataset.from_tensor_slices(({"features": np.zeros((3, 2))}, np.array([1, 1, 1]))).batch(2)
    with pytest.raises(InputError, match="development speakers: expected utterances of every class.*none of class 0"):
        refuse_absent_classes(dev, 2)


def test_a_corpus_smaller_than_a_group_still_gives_one(tmp_path):
    clean, attacked = tmp_path / "a", tmp_path / "b"
    records.write(clean, [Example("u00", "s0", "anger", 0, utterance(0, 0))])
    records.write(attacked, [Example("u00", "s0", "anger", 0, utterance(0, 1))])
    data = PairedBatches([([clean], [attacked])], 2, batch_size=8, seed=0)
    assert set(pairs(data, 3)) == {(0, 0), (0, 1)}


def test_the_order_of_pairs_depends_on_seed_and_epoch_alone(files):
    def order(seed, number, first=()):
        data = PairedBatches([files], 2, batch_size=8, seed=seed)
        for each in (*first, number):
            data.epoch.assign(each)
            found = pairs(data, 3)
        return found

    assert order(1, 2) == order(1, 2, first=(0, 1))
    assert order(1, 2) != order(1, 1)
    assert order(1, 2) != order(2, 2)


def test_two_corpora_with_the_same_ids_are_kept_apart(tmp_path, files):
    other = tmp_path / "other"
    other.mkdir()
    second = write(other / "clean", [0]), write(other / "attacked", [1])
    data = PairedBatches([files, second], 2, batch_size=8, seed=0, clean_share=0.0)
    found = pairs(data, 1)
    assert len(data.speakers) == 2
    assert sum(version == 1 for _, version in found) >= 2 * COUNT


def test_adversarial_speech_without_clean_speech_is_an_error(tmp_path, files):
    stranger = tmp_path / "stranger"
    records.write(stranger, [Example("v00", "s0", "anger", 0, utterance(0, 1))])
    with pytest.raises(ValueError, match="v00"):
        PairedBatches([(files[0], [stranger])], 2, batch_size=8, seed=0)
