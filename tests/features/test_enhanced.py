import numpy as np
import pytest

from kerasser import audio
from kerasser.attack import perturbation
from kerasser.attack.budget import Budget
from kerasser.features.enhanced import Enhanced
from kerasser.features.opensmile import Egemaps
from kerasser.noise.estimation import enhance


class Identity:
    name = "identity"
    names = ("sample",)
    frame_rate_hz = 16000.0

    def __call__(self, waveform, name="waveform"):
        return waveform[:, None]


def test_it_hears_the_enhanced_waveform_within_full_scale():
    clock = np.arange(16000) / 16000
    loud = np.clip(1.2 * np.sin(2 * np.pi * 200 * clock), -1, audio.FULL_SCALE).astype(np.float32)
    heard = Enhanced(Identity(), "stsa")(loud)
    np.testing.assert_allclose(heard[:, 0], np.clip(enhance(loud, estimator="stsa"), -1, audio.FULL_SCALE), atol=1e-6)
    assert heard.dtype == np.float32
    assert (Enhanced(Identity()).names, Enhanced(Identity()).frame_rate_hz) == (("sample",), 16000.0)


@pytest.mark.real_audio
def test_white_noise_moves_the_features_of_real_speech_less_once_it_is_enhanced(real_data):
    (waveform,) = audio.waveforms([audio.probe(real_data / "EMO-DB/wav/03a01Fa.wav")])
    clean, _ = audio.clip(waveform)
    white = np.random.default_rng(0).normal(size=clean.size).astype(np.float32)
    attacked = perturbation.attack(clean, white, 0.0, 1e-4, Budget("snr_db", 10.0)).waveform
    plain, enhanced = Egemaps(), Enhanced(Egemaps())
    scale = plain(clean).std(axis=0)
    loudness = plain.names.index("Loudness_sma3")

    def moved(front_end):
        return (np.abs(front_end(attacked) - plain(clean)) / scale)[:, loudness].mean()

    assert moved(enhanced) < 0.7 * moved(plain)
