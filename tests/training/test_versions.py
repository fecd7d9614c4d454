"""Batches of an utterance's versions: they are its own, together, and drawn anew."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.training.versions import VersionBatches, development

COUNT, VERSIONS = 40, 4


def utterance(number, version):
    """Frames that tell which utterance they are of and under which noise; version 0 is clean."""
    return np.full((5 + number % 9, 2), [number, version], np.float32)


def write(path, versions, numbers=range(COUNT)):
    """The environment is the version's number."""
    records.write(
        path,
        (
            Example(
                f"u{number:02d}",
                f"s{number % 4}",
                "anger",
                number % 2,
                utterance(number, version),
                {"noise": f"place {version}" if version else ""},
            )
            for number in numbers
            for version in versions
        ),
    )
    return [path]


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "clean", [0]), write(tmp_path / "attacked", range(1, VERSIONS + 1), reversed(range(COUNT)))


def read(data, epoch=0):
    """Utterance → label and its versions, in their order; everything else about a batch is asserted."""
    data.epoch.assign(epoch)
    found = []
    for batch in data.dataset:
        features, lengths = batch["features"].numpy(), batch["lengths"].numpy()
        assert features.shape[2] == lengths.max() and len(features) == len(batch["labels"]) == len(batch["weights"])
        for versions, length, label in zip(features, lengths, batch["labels"].numpy(), strict=True):
            number = int(versions[0, 0, 0])
            noises = [int(each[0, 1]) for each in versions]
            for version, frames in zip(noises, versions, strict=True):
                np.testing.assert_array_equal(frames[:length], utterance(number, version))
                assert not frames[length:].any()
            found.append((number, int(label), noises))
    return {number: (label, noises) for number, label, noises in sorted(found)} if len(found) == COUNT else found


def batches_of(files, versions=2, seed=0, **options):
    return VersionBatches(*files, 2, versions=versions, batch_size=8, seed=seed, **options)


@pytest.mark.parametrize("versions", [1, 3, VERSIONS])
def test_every_utterance_comes_once_clean_and_in_different_versions_of_its_own(files, versions):
    found = read(batches_of(files, versions))
    assert list(found) == list(range(COUNT))
    for number, (label, noises) in found.items():
        assert label == number % 2 and noises[0] == 0
        assert len(set(noises[1:])) == versions and 0 not in noises[1:]


def test_more_versions_than_there_are_come_again(files):
    for _, noises in read(batches_of(files, VERSIONS + 2)).values():
        assert Counter(Counter(noises[1:]).values()) == {1: VERSIONS - 2, 2: 2}


def test_versions_are_drawn_anew_each_epoch_each_pair_as_often_by_seed_and_epoch_alone(files):
    data = batches_of(files)
    epochs = [read(data, epoch) for epoch in range(20)]
    # Twice the same, and after a restart.
    assert read(data, 3) == epochs[3] == read(batches_of(files), 3)
    assert read(batches_of(files, seed=1), 3) != epochs[3]
    pairs = Counter(frozenset(noises[1:]) for each in epochs for _, noises in each.values())
    expected = 20 * COUNT / len(list(combinations(range(VERSIONS), 2)))
    # Five standard deviations of a binomial.
    assert len(pairs) == 6 and max(abs(n - expected) for n in pairs.values()) < 5 * np.sqrt(expected)
    assert all(len({tuple(each[number][1]) for each in epochs}) > 5 for number in range(COUNT))


def test_utterances_of_like_length_come_together(files):
    padded, real = 0, 0
    for batch in batches_of(files).dataset:
        padded += np.prod(batch["features"].shape[::2])
        real += batch["lengths"].numpy().sum()
    assert padded / real < 1.4


def test_a_place_that_is_left_out_is_not_heard(files):
    data = batches_of(files, without=["place 2"])
    assert data.noises == {"place 1", "place 3", "place 4"} and data.speakers == {"s0", "s1", "s2", "s3"}
    assert {version for _, noises in read(data).values() for version in noises} == {0, 1, 3, 4}


def test_statistics_are_those_of_clean_speech(files):
    mean, variance = batches_of(files).frame_statistics()
    assert (mean[1], variance[1]) == (0, 0)


def test_classes_are_weighed_alike_where_that_is_wanted(tmp_path):
    def of(numbers):
        return write(tmp_path / "c", [0], numbers), write(tmp_path / "a", [1, 2], numbers)

    # Eight of class 0, two of class 1.
    data = batches_of(of([*range(0, 16, 2), 1, 3]), balance_classes=True)
    found = [np.stack([batch["labels"], batch["weights"]], axis=1) for batch in data.dataset]
    assert set(map(tuple, np.concatenate(found))) == {(0, 0.625), (1, 2.5)}


def test_an_utterance_without_a_noisy_version_is_an_error(tmp_path, files):
    with pytest.raises(ValueError, match="adversarial version of every utterance"):
        batches_of((files[0], write(tmp_path / "few", [1], range(3))))


def test_development_speech_is_clean_once_and_then_under_each_noise_in_turn(files):
    found = []
    for inputs, labels in development(*files, 2, batch_size=16, rounds=3, without=["place 1"]):
        kinds = inputs["adversarial"].numpy()
        for frames, noisy, label in zip(inputs["features"].numpy(), kinds, labels.numpy(), strict=True):
            number, version = frames[0]
            assert label == number % 2 and noisy == (version > 0)
            found.append((int(number), int(version)))
    assert sorted(found) == [(number, version) for number in range(COUNT) for version in (0, 2, 3, 4)]
