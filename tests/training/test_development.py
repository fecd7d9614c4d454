import numpy as np
import pytest

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.training.development import Answers, DevelopmentSpeech, one_each, padded, to_show


def example(id, noise="", label=0, snr_db=10.0, speaker="a", frames=3):
    provenance = {"noise": noise, "snr_db": snr_db} if noise else {"noise": ""}
    return Example(id, speaker, "anger", label, np.full((frames, 2), label, np.float32), provenance)


def test_errors_are_told_apart_by_noise():
    examples = [example("u", noise, label) for noise in ("", "cafe", "station") for label in (0, 0, 1)]
    #                     clean    cafe     station
    predicted = np.array([0, 0, 1, 0, 1, 1, 1, 1, 1])
    errors = Answers(examples, predicted).errors()
    # Recalls of the two classes: 1, 1; 1/2, 1; 0, 1; of both noises together 1/4, 1.
    assert errors == pytest.approx({"clean": 0, "cafe": 25, "station": 50, "adversarial": 37.5})
    found = Answers(examples, predicted).confusions()
    assert found.keys() == {"clean", "adversarial"}
    np.testing.assert_array_equal(found["adversarial"], [[1, 3], [0, 2]])


def test_white_noise_is_no_attack_and_a_missing_class_has_no_error():
    examples = [example("u", "white", 0), example("v", "white", 1), example("w", "cafe", 1)]
    assert Answers(examples, np.array([0, 1, 1])).errors() == {"white": 0}


def test_one_of_each_utterance_and_noise_is_chosen_over_all_budgets():
    noises = [(noise, snr) for noise in ("cafe", "station") for snr in (0, 9)]
    contexts = [example(f"u{n}", noise, snr_db=snr) for n in range(4) for noise, snr in noises]
    contexts += [example(f"u{n}") for n in range(4)]
    places = one_each(contexts)
    chosen = [contexts[place] for place in places]
    assert sorted((each.id, each.provenance["noise"]) for each in chosen) == sorted(
        {(each.id, each.provenance["noise"]) for each in contexts}
    )
    for noise in ("cafe", "station"):
        assert [each.provenance["snr_db"] for each in chosen if each.provenance["noise"] == noise] == [0, 9, 0, 9]


def test_the_utterances_shown_spread_over_speakers_and_noises_and_are_the_noisiest():
    contexts = [example(f"{speaker}{n}", speaker=speaker) for speaker in "abc" for n in range(4)]
    contexts += [
        example(each.id, noise, snr_db=snr, speaker=each.speaker)
        for each in contexts[:12]
        for noise, snr in (("cafe", 9.0), ("cafe", 1.0), ("station", 5.0), ("station", None))
    ]
    pairs = to_show(contexts)
    assert [contexts[own].speaker for own, _ in pairs] == ["a", "b", "c"]
    assert all(contexts[own].id == contexts[attacked].id for own, attacked in pairs)
    found = [contexts[attacked].provenance for _, attacked in pairs]
    assert [(each["noise"], each["snr_db"]) for each in found] == [("cafe", 1.0), ("station", 5.0), ("cafe", 1.0)]


def test_clean_speech_alone_has_no_adversarial_version():
    assert to_show([example("u"), example("v")]) == [(0, None), (1, None)]


def test_answers_come_back_in_the_order_of_the_examples():
    generator = np.random.default_rng(0)
    examples = [
        example(f"u{n}", label=int(generator.integers(2)), frames=int(generator.integers(1, 9))) for n in range(20)
    ]

    def model(batch):
        last = np.asarray(batch["features"])[:, 0, 0]
        return np.stack([1 - last, last], axis=1)

    assert DevelopmentSpeech(examples, batch_size=3).answers(model).errors() == {"clean": 0}


def test_padding_is_zero_beyond_the_lengths():
    batch = padded([np.ones((2, 3)), np.ones((4, 3))])
    np.testing.assert_array_equal(batch["lengths"], [2, 4])
    assert batch["features"].shape == (2, 4, 3) and float(np.sum(batch["features"][0, 2:])) == 0


def test_contexts_and_single_examples_are_read_from_several_files(tmp_path):
    written = [example(f"u{n}", "cafe" if n % 2 else "", n % 2, frames=n + 1) for n in range(6)]
    for number in range(2):
        records.write(tmp_path / f"{number}.tfrecord", written[3 * number : 3 * number + 3])
    files = [tmp_path / "0.tfrecord", tmp_path / "1.tfrecord"]
    facts = [(each.id, each.speaker, each.emotion, each.label, each.provenance) for each in written]
    assert [
        (each.id, each.speaker, each.emotion, each.label, each.provenance) for each in records.contexts(files)
    ] == facts
    for place, found in zip((4, 1), records.read(files, 2, [4, 1]), strict=True):
        assert found.id == f"u{place}"
        np.testing.assert_array_equal(found.features, written[place].features)
    assert records.contexts([]) == [] and records.read(files, 2, []) == []
