import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kerasser import audio
from kerasser.attack import audibility, draws, perturbation
from kerasser.attack.budget import Budget
from kerasser.demo import corpus
from kerasser.demo import noise as demo_noise
from kerasser.demo.speech import draw_voice
from kerasser.noise import bank
from kerasser.noise.estimation import reference_noise
from kerasser.util.errors import InputError

WHERE = "the extra perception is not installed"
pesq_package = pytest.importorskip("pesq", reason=WHERE)
pystoi = pytest.importorskip("pystoi", reason=WHERE)

FUNCTIONS = [audibility.snr_db, audibility.segmental_snr_db, audibility.stoi, audibility.pesq]
MEASURES = ["snr_db", "segmental_snr_db", "stoi", "pesq"]


def hiss(samples, seed=0, scale=0.01):
    return (scale * np.random.default_rng(seed).normal(size=samples)).astype(np.float32)


def sine(samples=16000, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(samples) / 16000)


@pytest.fixture(scope="module")
def speech():
    generator = np.random.default_rng(3)
    return corpus.utterance(draw_voice(generator, female=True), "neutral", generator)


def attacked(speech, epsilon, environment="cafe"):
    noise = demo_noise.synthesise(environment, 5.0, 1)[: speech.size]
    reference = reference_noise(speech)
    return perturbation.attack(speech, noise, reference.mean, reference.variance, Budget("epsilon", epsilon)).waveform


def segmental_by_loops(clean, adversarial):
    """Loizou's frames: 30 ms, a quarter of it from frame to frame, Hann without its zeros."""
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 481) / 481))
    found = []
    for start in range(0, len(clean) - 480 + 1, 120):
        signal = window * clean[start : start + 480].astype(float)
        added = window * (adversarial[start : start + 480].astype(float) - clean[start : start + 480])
        power, noise = float(signal @ signal), float(added @ added)
        if noise == 0:
            found.append(35.0)
        elif power == 0:
            found.append(-10.0)
        else:
            found.append(min(max(10 * np.log10(power / noise), -10.0), 35.0))
    return sum(found) / len(found)


@given(st.floats(0.001, 3.0), st.sampled_from([-1, 1]))
def test_a_scaled_copy_has_the_snr_of_its_gain(change, sign):
    clean = sine()
    adversarial = clean * (1 + sign * change)
    expected = -20 * np.log10(change)
    assert audibility.snr_db(clean, adversarial) == pytest.approx(expected, abs=1e-6)
    assert audibility.segmental_snr_db(clean, adversarial) == pytest.approx(np.clip(expected, -10, 35), abs=1e-6)


def test_a_constant_shift_changes_no_variance():
    assert audibility.snr_db(sine(), sine() + 0.1) > 200
    assert audibility.snr_db(np.full(500, 0.5), np.full(500, 0.5) + hiss(500)) == -np.inf


@given(st.integers(480, 3000), st.floats(-30, 60), st.integers(0, 99))
def test_segmental_snr_is_that_of_an_independent_reference(samples, level_db, seed):
    generator = np.random.default_rng(seed)
    clean = hiss(samples, seed, 0.1) * generator.integers(0, 2, samples // 200 + 1).repeat(200)[:samples]
    added = hiss(samples, seed + 1, 0.1 * 10 ** (-level_db / 20))
    adversarial = clean + added * generator.integers(0, 2, samples // 200 + 1).repeat(200)[:samples]
    adversarial = adversarial.astype(np.float32)
    expected = segmental_by_loops(clean, adversarial)
    assert audibility.segmental_snr_db(clean, adversarial) == pytest.approx(expected, abs=1e-6)


def test_the_snr_is_what_the_attack_realised(speech):
    noise = demo_noise.synthesise("station", 5.0, 1)[: speech.size]
    result = perturbation.attack(speech, noise, 0.0, 1e-4, Budget("snr_db", 7.0))
    assert audibility.snr_db(speech, result.waveform) == pytest.approx(result.snr_db, abs=1e-9)


@pytest.mark.parametrize("environment", demo_noise.ENVIRONMENTS)
def test_every_measure_falls_as_epsilon_grows(speech, environment):
    rows = [audibility.measures(speech, attacked(speech, epsilon, environment)) for epsilon in (0.1, 0.5, 1, 2, 4, 8)]
    for name in MEASURES:
        scores = [row[name] for row in rows]
        assert all(np.diff(scores) < 0), (name, scores)


def test_the_packages_are_asked_as_they_want_to_be(speech):
    adversarial = attacked(speech, 1.0)
    assert audibility.measures(speech, adversarial) == {
        "snr_db": audibility.snr_db(speech, adversarial),
        "segmental_snr_db": audibility.segmental_snr_db(speech, adversarial),
        "stoi": pystoi.stoi(speech, adversarial, 16000, extended=False),
        "pesq": pesq_package.pesq(16000, speech, adversarial, "wb"),
    }


def test_identical_signals_have_the_best_scores(speech):
    scores = audibility.measures(speech, speech)
    assert scores["snr_db"] == np.inf
    assert scores["segmental_snr_db"] == pytest.approx(35)
    assert scores["stoi"] == pytest.approx(1)
    assert scores["pesq"] == pytest.approx(4.644, abs=1e-3)


def test_too_little_for_a_measure_is_none():
    short = hiss(400)
    assert audibility.measures(short, 2 * short) == {
        "snr_db": pytest.approx(0),
        "segmental_snr_db": None,
        "stoi": None,
        "pesq": None,
    }


@pytest.mark.parametrize(("samples", "missing"), [(6553, True), (6554, False)])
def test_stoi_starts_where_pystoi_does(samples, missing):
    clean = hiss(samples)
    assert (audibility.stoi(clean, clean + hiss(samples, 1)) is None) == missing
    if missing:
        with pytest.warns(RuntimeWarning, match="Not enough STFT frames"):
            assert pystoi.stoi(clean, clean, 16000) == 1e-5


def test_pauses_do_not_count_for_stoi():
    """A second of sound, of which a fifth is above STOI's dynamic range."""
    clean = hiss(16000) * np.where(np.arange(16000) < 3200, 1, 1e-4)
    assert audibility.stoi(clean, clean + hiss(16000, 1)) is None


@pytest.mark.parametrize(("samples", "missing"), [(3999, True), (4000, False), (320000, False), (320001, True)])
def test_pesq_answers_from_a_quarter_of_a_second_to_twenty(samples, missing):
    clean = hiss(samples, scale=0.1) * np.where(np.arange(samples) % 16000 < 12000, 1, 0).astype(np.float32)
    assert (audibility.pesq(clean, clean + hiss(samples, 1)) is None) == missing


def test_pesq_survives_as_many_pauses_as_twenty_seconds_hold():
    """The package crashes with more stretches of speech than it has room for."""
    clean = hiss(320000, scale=0.1) * np.where(np.arange(320000) % 6500 < 3280, 1, 0).astype(np.float32)
    assert 1 < audibility.pesq(clean, clean + hiss(320000, 1, 0.001)) < 4.65


def test_without_speech_there_is_no_pesq(speech):
    silence = np.zeros_like(speech)
    for clean, adversarial in [(silence, silence), (silence, speech), (speech, silence)]:
        assert audibility.pesq(clean, adversarial) is None


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shapes", [((500,), (501,)), ((500, 1), (500, 1)), ((0,), (0,))])
def test_waveforms_that_do_not_match_are_refused(function, shapes):
    with pytest.raises(InputError, match=r"two waveforms \[samples\] of one length. Received: shapes"):
        function(*map(np.zeros, shapes))


@pytest.mark.parametrize("name", ["pystoi", "pesq"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf'package {name}, which pip install "kerasser\[perception\]" brings'):
        audibility.measures(hiss(8000), hiss(8000, 1))


@pytest.mark.real_audio
def test_real_recordings_fall_in_every_measure(real_data):
    noise = next(audio.waveforms([bank.read(real_data / "noise")[0].audio]))
    for path in sorted((real_data / "EMO-DB/wav").glob("*.wav"))[::90]:
        clean, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000
        piece, reference = draws.segment(noise, 0, clean.size), reference_noise(clean)
        rows = [
            audibility.measures(
                clean,
                perturbation.attack(
                    clean, piece, reference.mean, reference.variance, Budget("epsilon", epsilon)
                ).waveform,
            )
            for epsilon in (0.5, 2.0, 8.0, 32.0)
        ]
        for name in MEASURES:
            scores = [row[name] for row in rows]
            assert all(np.diff(scores) < 0), (path.name, name, scores)
        assert rows[0]["stoi"] > 0.9
