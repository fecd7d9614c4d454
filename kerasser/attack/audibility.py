"""How audible an attack is: signal-to-noise ratios, intelligibility (STOI) and quality (PESQ).

All functions take the clean and the adversarial waveform, float `[samples]`, 16 kHz, both of the same length. Those
that ask a package need the extra `perception`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.errors import InputError

#: Name of each measure → the package that it asks.
MEASURES = {"snr_db": None, "segmental_snr_db": None, "stoi": "pystoi", "pesq": "pesq"}
#: Bounds of the SNR of one frame, in dB (Hansen & Pellom 1998): beyond them a difference is not heard.
SEGMENTAL_BOUNDS_DB = (-10.0, 35.0)
#: Frame and step of segmental SNR, in samples: 30 ms, three quarters of them shared (Loizou 2013, section 11.1).
_FRAME, _STEP = 480, 120
#: pystoi works at 10 kHz and wants 31 frames of 256 samples, 128 apart; on less than three frames it fails.
_STOI_SHORTEST = 6554
#: PESQ tells at most 50 stretches of speech apart and crashes beyond; each takes 0.4 s with its pause.
_PESQ_LONGEST = 20 * SAMPLE_RATE_HZ


def packages() -> dict[str, str]:
    """Returns the version of each package that a measure asks, "absent" where there is none."""
    found = {}
    for name in filter(None, MEASURES.values()):
        try:
            import_module(name)
            found[name] = version(name)
        except (ModuleNotFoundError, PackageNotFoundError):
            found[name] = "absent"
    return found


def measures(
    clean: np.ndarray, adversarial: np.ndarray, names: Sequence[str] = tuple(MEASURES)
) -> dict[str, float | None]:
    """Returns measures of this module by name, by default all: `snr_db`, `segmental_snr_db`, `stoi`, `pesq`.

    Raises:
        InputError: If the waveforms differ in length, or a package is missing.
    """
    functions = {"snr_db": snr_db, "segmental_snr_db": segmental_snr_db, "stoi": stoi, "pesq": pesq}
    return {name: functions[name](clean, adversarial) for name in names}


def snr_db(clean: np.ndarray, adversarial: np.ndarray) -> float:
    """Returns the ratio of the utterance's variance to the mean square of what was added, in dB.

    It is what `Perturbed.snr_db` says against the whole utterance: infinite when nothing was added.

    Raises:
        InputError: If the waveforms differ in length.
    """
    signal, added = _signal_and_added(clean, adversarial)
    noise = np.mean(np.square(added))
    if noise == 0:
        return float("inf")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.var(signal) / noise))


def segmental_snr_db(clean: np.ndarray, adversarial: np.ndarray) -> float | None:
    """Returns the mean of the SNRs of short frames, each held to [−10, 35] dB.

    Unlike the SNR of the whole it counts what pauses and soft sounds lose (Hansen & Pellom, "An effective quality
    evaluation protocol for speech enhancement algorithms", ICSLP 1998; frames and window as in Loizou, "Speech
    Enhancement", 2013). A frame to which nothing was added counts as 35 dB, be it silent or not.

    Returns:
        dB in [−10, 35]; None for less than one frame of 30 ms.

    Raises:
        InputError: If the waveforms differ in length.
    """
    signal, added = _signal_and_added(clean, adversarial)
    if signal.size < _FRAME:
        return None
    window = np.hanning(_FRAME + 2)[1:-1]

    def energies(waveform: np.ndarray) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(waveform, _FRAME)[::_STEP]
        return np.sum(np.square(frames * window), axis=1)

    low, high = SEGMENTAL_BOUNDS_DB
    signals, noises = energies(signal), energies(added)
    # Bounding the energy first keeps frames without speech or noise out of the logarithm.
    ratios = np.full(signals.shape, 10 ** (high / 10))
    np.divide(signals, noises, out=ratios, where=noises > 0)
    return float(np.mean(10 * np.log10(np.clip(ratios, 10 ** (low / 10), 10 ** (high / 10)))))


def stoi(clean: np.ndarray, adversarial: np.ndarray) -> float | None:
    """Returns the short-time objective intelligibility (Taal et al. 2011), by pystoi.

    Returns:
        1 for speech that is as intelligible as the clean; None where less than 0.41 s is left without pauses.

    Raises:
        InputError: If the waveforms differ in length, or pystoi is missing.
    """
    package = _package("pystoi")
    _signal_and_added(clean, adversarial)
    if clean.size < _STOI_SHORTEST:
        return None
    with warnings.catch_warnings():
        # Beside this warning pystoi returns 1e-5, which would pass for a score.
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(package.stoi(clean, adversarial, SAMPLE_RATE_HZ))
        except RuntimeWarning:
            return None


def pesq(clean: np.ndarray, adversarial: np.ndarray) -> float | None:
    """Returns the wide-band PESQ (ITU-T P.862.2), by the package pesq.

    It was made for coded telephone speech and grades how good it sounds, not whether noise is noticed.

    Returns:
        A mean opinion score in [1, 4.65]; None where PESQ finds no speech, below 0.25 s, and above 20 s, where the
        package may crash.

    Raises:
        InputError: If the waveforms differ in length, or the package is missing.
    """
    package = _package("pesq")
    _signal_and_added(clean, adversarial)
    if clean.size > _PESQ_LONGEST or not (clean.any() and adversarial.any()):
        return None
    try:
        return float(package.pesq(SAMPLE_RATE_HZ, clean, adversarial, "wb"))
    except (package.BufferTooShortError, package.NoUtterancesError):
        return None


def _signal_and_added(clean: np.ndarray, adversarial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if clean.ndim != 1 or clean.shape != adversarial.shape or clean.size == 0:
        shapes = f"{list(clean.shape)} and {list(adversarial.shape)}"
        raise InputError(f"perception: expected two waveforms [samples] of one length. Received: shapes {shapes}")
    signal = clean.astype(np.float64)
    return signal, adversarial.astype(np.float64) - signal


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(
            f'perception: expected the package {name}, which pip install "kerasser[perception]" brings. '
            "Received: an environment without it"
        ) from error
