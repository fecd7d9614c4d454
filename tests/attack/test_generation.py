import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kerasser import audio
from kerasser.attack import generation, perturbation
from kerasser.attack.budget import Budget
from kerasser.attack.generation import Plan, adversarial_examples, noisy_example, replay
from kerasser.features.clean import clean_example
from kerasser.features.opensmile import Egemaps
from kerasser.noise import bank
from kerasser.noise.bank import Recording

BUDGETS = (Budget("epsilon", 0.5), Budget("epsilon", 2.0), Budget("snr_db", 5.0))


class Identity:
    """Frames that are the waveform itself, so that a test sees what was made."""

    names = ("sample",)
    frame_rate_hz = 16000.0

    def __call__(self, waveform, name="waveform"):
        return waveform[:, None]


def rough(samples, seed, level=0.05):
    return (level * np.random.default_rng(seed).normal(size=samples)).astype(np.float32)


def speech(seed=0, samples=16000):
    clock = np.arange(samples) / 16000
    envelope = np.clip(np.sin(2 * np.pi * 2 * clock), 0, 1)
    return (0.4 * envelope * np.sin(2 * np.pi * 200 * clock) + rough(samples, seed, 0.01)).astype(np.float32)


def plan(noise_split="test", seed=0):
    noise = {place: [Recording(place, f"{place}/a", rough(50000, n))] for n, place in enumerate(("cafe", "station"))}
    return Plan(noise, noise_split, BUDGETS, 2, "lsa", seed)


def test_every_environment_budget_and_draw_comes_once():
    made = adversarial_examples(speech(), "u", plan(), Identity(), "u")
    conditions = [(facts["noise"], facts["budget"], facts["target"], facts["draw"]) for _, facts in made]
    assert len(conditions) == len(set(conditions)) == 2 * 3 * 2
    assert len({(facts["recording"], facts["offset"]) for _, facts in made}) > 10


def test_the_reference_noise_is_estimated_once(monkeypatch):
    calls = []
    estimate = generation.reference_noise
    monkeypatch.setattr(generation, "reference_noise", lambda *a, **k: calls.append(1) or estimate(*a, **k))
    adversarial_examples(speech(), "u", plan(), Identity(), "u")
    assert len(calls) == 1


def test_the_added_noise_has_the_reference_variance_times_epsilon_squared():
    clean = speech()
    for frames, facts in adversarial_examples(clean, "u", plan(), Identity(), "u"):
        if facts["budget"] == "epsilon":
            added = frames[:, 0].astype(float) - clean
            assert np.var(added) == pytest.approx(facts["target"] ** 2 * facts["reference_variance"], rel=1e-3)
            assert np.mean(added) == pytest.approx(facts["target"] * facts["reference_mean"], abs=1e-6)


def test_an_example_is_made_again_bit_for_bit_from_its_provenance():
    clean, made = speech(), plan()
    for frames, facts in adversarial_examples(clean, "u", made, Identity(), "u"):
        (recording,) = made.noise[facts["noise"]]
        np.testing.assert_array_equal(replay(clean, recording.waveform, facts), frames[:, 0])


def test_what_is_recorded_of_a_measurement_does_not_hold_its_last_bits():
    """The order of a sum, which threads may set, moves nothing but those; what makes an example again stays whole."""
    clean, made = speech(), plan()
    for _, facts in adversarial_examples(clean, "u", made, Identity(), "u"):
        assert facts["snr_db"] == round(facts["snr_db"], 6)
        assert facts["reference_snr_db"] == round(facts["reference_snr_db"], 6)
        assert facts["epsilon"] == float(f"{facts['epsilon']:.9g}")

    def wobbling(*arguments):
        result = perturbation.add(*arguments)
        return dataclasses.replace(result, snr_db=np.nextafter(result.snr_db, np.inf))

    steady, wobbled = (
        [facts for _, facts in adversarial_examples(clean, "u", made, Identity(), "u", add)]
        for add in (perturbation.add, wobbling)
    )
    assert steady == wobbled


def test_draws_depend_on_seed_utterance_and_stretch_and_not_on_order_or_threads():
    def offsets(utterance, **changes):
        return [f["offset"] for _, f in adversarial_examples(speech(), utterance, plan(**changes), Identity(), "u")]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(offsets, ["u", "v", "u"])) == [offsets("u"), offsets("v"), offsets("u")]
    assert (
        len({tuple(o) for o in (offsets("u"), offsets("v"), offsets("u", seed=1), offsets("u", noise_split="train"))})
        == 4
    )


def test_loud_speech_is_clipped_and_counted():
    loud = np.clip(3 * speech(), -1, audio.FULL_SCALE).astype(np.float32)
    for frames, facts in adversarial_examples(loud, "u", plan(), Identity(), "u"):
        assert frames.max() <= audio.FULL_SCALE
        if facts["budget"] == "snr_db":
            assert 0 < facts["clipped"] < loud.size


@pytest.mark.real_audio
def test_real_speech_in_real_noise_meets_its_budget_and_moves_the_features(real_data):
    file = audio.probe(real_data / "EMO-DB/wav/03a01Fa.wav")
    (waveform,) = audio.waveforms([file])
    sources = bank.read(real_data / "noise")
    noise = {}
    for source, recording in zip(sources, audio.waveforms([s.audio for s in sources]), strict=True):
        noise.setdefault(source.environment, []).append(Recording(source.environment, source.name, recording))
    egemaps = Egemaps()
    budgets = (Budget("epsilon", 0.0), Budget("snr_db", 20.0), Budget("snr_db", 0.0))
    clean, _ = clean_example(waveform, egemaps, "a")
    moved = {}
    for frames, facts in adversarial_examples(waveform, "a", Plan(noise, "test", budgets, 1, "lsa", 0), egemaps, "a"):
        assert frames.shape == clean.shape
        scale = clean.std(axis=0)
        moved.setdefault((facts["budget"], facts["target"]), []).append(np.mean(np.abs(frames - clean) / scale))
        if facts["budget"] == "snr_db":
            assert facts["snr_db"] == pytest.approx(facts["target"], abs=0.5)
    assert max(moved["epsilon", 0.0]) == 0.0
    assert max(moved["snr_db", 20.0]) < min(moved["snr_db", 0.0])


def test_drawn_conditions_are_some_of_all_and_even_over_the_environments():
    full = plan()
    every = {(place, budget) for place, budget in full.pairs("u")}
    some = dataclasses.replace(full, conditions=4)
    assert (full.size, some.size) == (12, 8)
    met = Counter()
    for number in range(60):
        pairs = some.pairs(f"u{number}")
        assert len(set(pairs)) == 4 and set(pairs) <= every
        assert Counter(place for place, _ in pairs) == {"cafe": 2, "station": 2}
        assert pairs == some.pairs(f"u{number}")
        met.update(pairs)
    # 240 draws over 6 pairs: 40 each, give or take.
    assert len(met) == 6 and min(met.values()) > 25
    assert set(dataclasses.replace(full, conditions=99).pairs("u")) == every


def test_a_condition_that_is_drawn_gives_the_same_example_as_when_all_are_made():
    full, some = plan(), dataclasses.replace(plan(), conditions=3)
    made = {
        (f["noise"], f["budget"], f["target"], f["draw"]): x
        for x, f in adversarial_examples(speech(), "u", full, Identity(), "u")
    }
    for frames, facts in adversarial_examples(speech(), "u", some, Identity(), "u"):
        key = tuple(facts[name] for name in ("noise", "budget", "target", "draw"))
        np.testing.assert_array_equal(frames, made[key])


def test_random_noise_is_white_as_loud_as_wanted_and_the_same_again():
    clean = speech(samples=64000)
    frames, facts = noisy_example(clean, "u", 0.5, "lsa", 0, Identity(), "u")
    added = frames[:, 0].astype(float) - clean
    assert np.var(added) == pytest.approx(0.25 * facts["reference_variance"], rel=0.02)
    power = np.abs(np.fft.rfft(added))[1:] ** 2
    bands = [band.mean() for band in np.array_split(power, 8)]
    assert max(bands) / min(bands) < 1.2
    again, _ = noisy_example(clean, "u", 0.5, "lsa", 0, Identity(), "u")
    np.testing.assert_array_equal(frames, again)
    for other in (
        noisy_example(clean, "v", 0.5, "lsa", 0, Identity(), "u"),
        noisy_example(clean, "u", 0.5, "lsa", 1, Identity(), "u"),
    ):
        assert not np.array_equal(frames, other[0])
