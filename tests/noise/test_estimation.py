"""How much of a known background is found again, in synthetic and in real speech."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.noise.estimation import (
    SNR_RANGE_DB,
    analyse,
    enhance,
    noise_power,
    pause_variance,
    reference_noise,
    spelled,
    synthesise,
)
from kerasser.util.errors import InputError

RATE_HZ = 16000
SNRS_DB = (0, 5, 10, 15, 20)
ENVIRONMENTS = ("cafe", "meeting", "station")
UTTERANCES_PER_CORPUS = 10


def speech_like(generator, seconds=3.0):
    """Syllables of 150 to 300 ms with pauses of 50 ms: harmonics that glide, and every third one a burst of hiss."""
    pieces, total, count = [], 0, 0
    while total < seconds * RATE_HZ:
        size = int(generator.uniform(0.15, 0.3) * RATE_HZ)
        time = np.arange(size) / RATE_HZ
        pitch = 2 * np.pi * np.cumsum(generator.uniform(110, 240) * (1 + 0.3 * time)) / RATE_HZ
        voiced = sum(np.sin(k * pitch) / k for k in range(1, 20))
        syllable = voiced if count % 3 else generator.standard_normal(size) * 0.5
        pieces += [syllable * np.hanning(size), np.zeros(800)]
        total, count = total + size + 800, count + 1
    return np.concatenate(pieces)[: int(seconds * RATE_HZ)]


def at_snr(speech, noise, snr_db):
    return noise * np.sqrt(speech.var() / noise.var() / 10 ** (snr_db / 10))


def error_db(estimated, true):
    return 10 * np.log10(estimated / true)


@pytest.fixture(scope="module")
def studio_speech(real_data):
    """Utterances spread over the speakers of EMO-DB and RAVDESS."""
    generator = np.random.default_rng(11)
    chosen = []
    for folder, speaker in (("EMO-DB", lambda file: file.name[:2]), ("RAVDESS", lambda file: file.parent.name)):
        files = sorted((real_data / folder).rglob("*.wav"))
        speakers = generator.permutation(sorted({speaker(file) for file in files}))[:UTTERANCES_PER_CORPUS]
        chosen += [generator.choice([file for file in files if speaker(file) == name]) for name in speakers]
    return [soundfile.read(file)[0] for file in chosen]


def real_noise(real_data, environment, samples, generator):
    if environment == "white":
        return generator.standard_normal(samples)
    files = sorted((real_data / "noise" / environment).glob("*.wav"))
    recording = soundfile.read(generator.choice(files))[0]
    recording = np.concatenate([recording, recording[::-1]])
    start = generator.integers(recording.size - samples)
    return recording[start : start + samples]


@pytest.mark.real_audio
@pytest.mark.parametrize("environment", ("white", *ENVIRONMENTS))
def test_added_noise_is_found_within_3_db_in_the_median_utterance(
    studio_speech, real_data, environment, record_property
):
    generator = np.random.default_rng(5)
    errors = np.empty((len(studio_speech), len(SNRS_DB)))
    for row, speech in enumerate(studio_speech):
        noise = real_noise(real_data, environment, speech.size, generator)
        for column, snr_db in enumerate(SNRS_DB):
            added = at_snr(speech, noise, snr_db)
            errors[row, column] = error_db(reference_noise(speech + added).variance, added.var())
    bias = dict(zip(SNRS_DB, np.median(errors, axis=0).round(2).tolist(), strict=True))
    print(f"{environment}: median error in dB by SNR in dB {bias}")
    record_property(f"bias_db_{environment}", bias)
    assert all(abs(error) < 3 for error in bias.values()), bias


@pytest.mark.real_audio
def test_both_estimators_agree_on_real_speech(studio_speech):
    generator = np.random.default_rng(6)
    for speech in studio_speech[::4]:
        noisy = speech + at_snr(speech, generator.standard_normal(speech.size), 10)
        variances = [reference_noise(noisy, estimator=name).variance for name in ("lsa", "stsa")]
        assert variances[0] != variances[1]
        assert abs(error_db(*variances)) < 1


@pytest.mark.real_audio
def test_studio_recordings_are_told_to_be_clean(studio_speech):
    emodb = [reference_noise(speech).snr_db for speech in studio_speech[:UTTERANCES_PER_CORPUS]]
    ravdess = [reference_noise(speech).snr_db for speech in studio_speech[UTTERANCES_PER_CORPUS:]]
    print(f"median SNR in dB: EMO-DB {np.median(emodb):.1f}, RAVDESS {np.median(ravdess):.1f}")
    assert np.median(emodb) > 25
    assert np.median(ravdess) > 35


@pytest.mark.parametrize("estimator", ["lsa", "stsa", "lsa+minimum_statistics"])
@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_white_noise_under_speech_like_sound_is_found_within_3_db(estimator, snr_db):
    generator = np.random.default_rng(snr_db)
    speech = speech_like(generator)
    added = at_snr(speech, generator.standard_normal(speech.size), snr_db)
    found = reference_noise(speech + added, estimator=estimator)
    assert abs(error_db(found.variance, added.var())) < 3
    assert found.snr_db == pytest.approx(snr_db, abs=3)


@pytest.mark.parametrize("estimator", ["lsa", "stsa", "lsa+minimum_statistics"])
def test_noise_alone_is_all_reference_noise(estimator):
    noise = np.random.default_rng(1).standard_normal(2 * RATE_HZ)
    found = reference_noise(noise, estimator=estimator)
    assert abs(error_db(found.variance, noise.var())) < (1.0 if "+" in estimator else 0.5)
    assert found.snr_db < 0
    assert np.corrcoef(found.waveform, noise)[0, 1] > 0.9


def test_the_estimate_follows_noise_that_grows():
    generator = np.random.default_rng(2)
    half = 2 * RATE_HZ
    level = np.repeat([0.03, 0.1], half)
    speech = speech_like(generator, 4.0)
    found = reference_noise(speech * 0.1 / speech.std() + level * generator.standard_normal(2 * half)).waveform
    # The turn itself, 250 ms either way, is left out.
    quiet, loud = found[: half - 4000].var(), found[half + 4000 :].var()
    assert abs(error_db(quiet, 9e-4)) < 3
    assert abs(error_db(loud, 1e-2)) < 3


def test_a_climb_is_followed_for_15_db_and_no_further():
    climb = 10 ** np.linspace(0, 6, 300)
    power = np.tile(np.concatenate([np.ones(40), climb]), (3, 1))
    followed = noise_power(power, 1e-9)
    start = 3.42
    assert 10 * start < followed.max() <= 10**1.5 * start * (1 + 1e-9)


def test_padding_with_digital_silence_leaves_the_noise_alone():
    generator = np.random.default_rng(10)
    speech = speech_like(generator)
    added = at_snr(speech, generator.standard_normal(speech.size), 10)
    found = reference_noise(np.pad(speech + added, RATE_HZ)).waveform
    assert abs(error_db(found[RATE_HZ:-RATE_HZ].var(), added.var())) < 3
    assert error_db(np.square(found[: RATE_HZ - 512]).max(), added.var()) < -30


def test_the_noise_is_tracked_alike_in_both_directions_of_time():
    power = np.random.default_rng(3).exponential(size=(5, 60))
    np.testing.assert_allclose(noise_power(power, 1e-9)[:, ::-1], noise_power(power[:, ::-1], 1e-9), rtol=1e-9)


@pytest.mark.parametrize("estimator", ["lsa", "stsa"])
def test_enhancement_brings_the_waveform_closer_to_the_speech(estimator):
    generator = np.random.default_rng(4)
    speech = speech_like(generator)
    added = at_snr(speech, generator.standard_normal(speech.size), 5)
    enhanced = enhance(speech + added, estimator=estimator)
    assert enhanced.shape == speech.shape
    assert error_db(added.var(), (enhanced - speech).var()) > 3


def test_the_log_estimator_suppresses_more_than_the_amplitude_estimator():
    generator = np.random.default_rng(13)
    speech = speech_like(generator)
    noisy = speech + at_snr(speech, generator.standard_normal(speech.size), 5)
    assert enhance(noisy, estimator="lsa").var() < 0.99 * enhance(noisy, estimator="stsa").var()


@settings(max_examples=40, deadline=None)
@given(samples=st.integers(1, 5000), rate_hz=st.sampled_from([8000, 16000, 44100]), seed=st.integers(0, 99))
def test_an_unchanged_spectrum_gives_the_waveform_back(samples, rate_hz, seed):
    waveform = np.random.default_rng(seed).standard_normal(samples)
    spectrum = analyse(waveform, rate_hz)
    np.testing.assert_allclose(synthesise(spectrum, samples, rate_hz), waveform, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(exponent=st.floats(-8, 8), estimator=st.sampled_from(["lsa", "stsa"]), seed=st.integers(0, 99))
def test_a_louder_utterance_has_louder_noise(exponent, estimator, seed):
    waveform = np.random.default_rng(seed).standard_normal(4000) + np.sin(np.arange(4000) / 5)
    scale = 10.0**exponent
    plain = reference_noise(waveform, estimator=estimator)
    scaled = reference_noise(scale * waveform, estimator=estimator)
    assert scaled.variance == pytest.approx(scale**2 * plain.variance, rel=1e-6)
    assert scaled.snr_db == pytest.approx(plain.snr_db, abs=1e-4)


def test_the_same_input_gives_the_same_bits():
    waveform = np.random.default_rng(7).standard_normal(9000).astype(np.float32)
    before = waveform.copy()
    first, second = reference_noise(waveform), reference_noise(waveform)
    assert first.waveform.tobytes() == second.waveform.tobytes()
    assert (first.mean, first.variance, first.snr_db) == (second.mean, second.variance, second.snr_db)
    assert waveform.tobytes() == before.tobytes()


@settings(max_examples=15, deadline=None)
@given(offset=st.floats(-2, 2), seed=st.integers(0, 99))
def test_a_constant_offset_belongs_to_the_noise_alone(offset, seed):
    waveform = np.random.default_rng(seed).standard_normal(4000)
    waveform -= waveform.mean()
    plain, shifted = reference_noise(waveform), reference_noise(waveform + offset)
    assert shifted.mean == pytest.approx(offset, abs=1e-9)
    assert shifted.variance == pytest.approx(plain.variance, rel=1e-6)
    np.testing.assert_allclose(enhance(waveform + offset), enhance(waveform), atol=1e-6)


def test_mean_and_variance_are_those_of_the_waveform():
    noise = reference_noise(0.2 + np.random.default_rng(8).standard_normal(5000))
    assert noise.waveform.shape == (5000,)
    assert noise.mean == noise.waveform.mean()
    assert noise.variance == noise.waveform.var()


@pytest.mark.parametrize("level", [0.0, 0.1, -0.3])
@pytest.mark.parametrize("samples", [1, 100, 8000])
def test_digital_silence_has_no_noise(level, samples):
    noise = reference_noise(np.full(samples, level))
    np.testing.assert_array_equal(noise.waveform, np.full(samples, level))
    assert (noise.mean, noise.variance, noise.snr_db) == (level, 0.0, SNR_RANGE_DB[0])
    assert not enhance(np.full(samples, level)).any()
    assert pause_variance(np.full(samples, level)) == 0.0


def test_sound_between_stretches_of_digital_silence_stays_finite():
    waveform = np.zeros(RATE_HZ)
    waveform[6000:8000] = np.sin(np.arange(2000) * 0.3) * np.hanning(2000)
    noise = reference_noise(waveform)
    assert np.isfinite(noise.waveform).all()
    assert noise.variance < waveform.var() / 10


def test_a_nearly_clean_recording_is_told_to_be_clean():
    generator = np.random.default_rng(12)
    speech = speech_like(generator)
    faint = at_snr(speech, generator.standard_normal(speech.size), 60)
    assert reference_noise(speech + faint).snr_db > 40


@pytest.mark.parametrize("samples", [2, 3, 128, 255, 511, 512, 513, 1000])
def test_very_short_input_is_padded(samples):
    shares = []
    for seed in range(9):
        waveform = np.random.default_rng(seed).standard_normal(samples)
        noise = reference_noise(waveform)
        assert noise.waveform.shape == enhance(waveform).shape == (samples,)
        shares.append(noise.variance / waveform.var())
    # Zeros as padding would take a quarter of the power at 255 samples.
    assert 0.85 < np.median(shares) < 1.1


@pytest.mark.parametrize("call", [reference_noise, enhance])
@pytest.mark.parametrize(
    ("waveform", "options", "message"),
    [
        (np.zeros(0), {}, r"waveform: expected .* Received: shape \(0,\)"),
        (np.zeros((2, 100)), {}, r"waveform: expected .* Received: shape \(2, 100\)"),
        (np.array([0.1, np.nan]), {}, "waveform: expected finite .* Received: NaN"),
        (np.array([0.1, -np.inf]), {}, "waveform: expected finite .* Received: NaN or infinity"),
        (np.ones(100), {"estimator": "wiener"}, "estimator: expected one of lsa, stsa. Received: 'wiener'"),
        (np.ones(100), {"estimator": "lsa+imm"}, "noise_tracker: expected one of mmse, minimum_statistics. Received"),
        (np.ones(100), {"sample_rate_hz": 0}, "sample_rate_hz: expected at least 1000. Received: 0"),
    ],
)
def test_input_that_cannot_be_used_is_refused_by_name(call, waveform, options, message):
    with pytest.raises(InputError, match=message):
        call(waveform, **options)


@pytest.mark.parametrize("samples", [300, 512, 4000, 16123])
def test_the_pauses_are_the_quietest_tenth_of_the_frames(samples):
    generator = np.random.default_rng(samples)
    waveform = generator.normal(size=samples) * (1.1 + np.sin(np.arange(samples) / 700)) + 0.2
    size = min(512, samples)
    variances = sorted(waveform[start : start + size].var() for start in range(0, samples - size + 1, 128))
    quietest = variances[: max(1, round(0.1 * len(variances)))]
    assert pause_variance(waveform) == pytest.approx(np.mean(quietest), rel=1e-9)


def test_the_level_of_the_pauses_is_that_of_the_quiet_part():
    generator = np.random.default_rng(14)
    waveform = generator.standard_normal(4 * RATE_HZ)
    waveform[RATE_HZ : 2 * RATE_HZ] *= 0.1
    # The quietest of few samples is quieter than all of them.
    assert error_db(reference_noise(waveform).pause_variance, 1e-2) == pytest.approx(-0.5, abs=0.5)
    padded = np.concatenate([np.zeros(RATE_HZ), waveform])
    assert error_db(reference_noise(padded).pause_variance, 1e-2) == pytest.approx(-0.5, abs=1.0)
    assert reference_noise(np.zeros(RATE_HZ)).pause_variance == 0.0


@pytest.mark.real_audio
def test_minimum_statistics_depend_less_on_the_emotion(real_data):
    spreads = {}
    for tracker in ("mmse", "minimum_statistics"):
        medians = []
        for letter in "WFNT":
            files = sorted((real_data / "EMO-DB/wav").glob(f"?????{letter}*.wav"))[::6]
            found = [reference_noise(soundfile.read(f)[0], estimator=spelled("lsa", tracker)) for f in files]
            medians.append(np.median([error_db(each.variance, each.pause_variance) for each in found]))
        spreads[tracker] = max(medians) - min(medians)
    print({tracker: round(float(spread), 1) for tracker, spread in spreads.items()})
    assert spreads["minimum_statistics"] < spreads["mmse"] - 1.5
