"""Three synthetic environments: a café, a meeting and a station, made on the spot.

They stand in for recordings: speech-like where people talk, impulsive where things clatter, slow and low
where trains pass. All is drawn from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from scipy import fft, signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.demo.speech import Prosody, draw_voice
from kerasser.demo.speech import synthesise as speak
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

ENVIRONMENTS = ("cafe", "meeting", "station")

_RMS = 0.07
_PEAK = 0.9


def synthesise(environment: str, duration_s: float, seed: int) -> Array:
    """Makes the noise of an environment.

    Args:
        environment: One of `ENVIRONMENTS`.
        duration_s: Length, at least 0.1.
        seed: The same seed makes the same samples.

    Returns:
        Waveform, float32 `[duration_s · 16000]` at 16 kHz, RMS at most 0.07, within ±0.9.

    Raises:
        InputError: There is no such environment, or the duration is too short.
    """
    if environment not in _MAKERS:
        raise InputError(f"environment: expected one of {', '.join(ENVIRONMENTS)}. Received: {environment!r}")
    if not duration_s >= 0.1:
        raise InputError(f"duration_s: expected at least 0.1. Received: {duration_s}")
    digest = hashlib.sha256(f"{environment} {seed}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype="<u4").tolist())
    noise = _MAKERS[environment](int(round(duration_s * SAMPLE_RATE_HZ)), rng)
    noise *= _RMS / np.sqrt(np.mean(noise**2))
    # A rare clash is rounded off as an overdriven microphone would, instead of turning everything down.
    result: Array = (_PEAK * np.tanh(noise / _PEAK)).astype(np.float32)
    return result


def cafe(count: int, rng: np.random.Generator) -> Array:
    """Ten people at their tables in a lively room, cups and plates, a faint machine hum: `[count]`."""
    babble = np.zeros(count)
    for _ in range(10):
        babble += rng.uniform(0.4, 1.0) * _talk(count, rng, talking=0.65)
    babble = _reverberant(_unit(babble), 0.6, 0.5, rng)
    clatter = np.zeros(count)
    for start in _events(count, 1.2, rng):
        _add(clatter, start, rng.lognormal(0, 0.6) * _clink(rng))
    clatter = _reverberant(clatter, 0.5, 0.3, rng)
    result: Array = babble + 1.1 * clatter + 0.15 * _coloured(count, rng, 1.0)
    return result


def meeting(count: int, rng: np.random.Generator) -> Array:
    """Three people who take turns in a furnished room, ventilation, typing and paper: `[count]`."""
    voices = [draw_voice(rng, bool(female)) for female in (0, 1, rng.integers(2))]
    speech = np.zeros(count)
    now, last = 0, 0
    while now < count:
        last = int((last + rng.integers(1, 3)) % 3)
        turn = speak(voices[last], _manner(rng), rng.uniform(1.5, 5.0), rng)
        _add(speech, now, rng.uniform(0.7, 1.2) * turn)
        # Below zero the next speaker cuts in.
        now += len(turn) + int(rng.uniform(-0.3, 1.0) * SAMPLE_RATE_HZ)
    speech = _reverberant(_unit(speech), 0.35, 0.4, rng)
    return speech + 0.18 * _coloured(count, rng, 0.8) + _desk(count, rng)


def station(count: int, rng: np.random.Generator) -> Array:
    """A hall with rumble, trains that swell and pass, squealing brakes and announcements: `[count]`."""
    clock = np.arange(count) / SAMPLE_RATE_HZ
    rumble = _coloured(count, rng, 2.0, 30.0)
    hall = _coloured(count, rng, 1.2, 100.0)
    noise = 0.9 * rumble * _wander(count, rng, 1.5, 2.5) + 0.12 * hall
    for start in np.append(_events(count, 1 / 15, rng), rng.integers(count)):
        swell = np.exp(-0.5 * ((clock - start / SAMPLE_RATE_HZ) / rng.uniform(2.0, 4.0)) ** 2)
        wheels = _coloured(count, rng, 1.5, 60.0) * _wander(count, rng, 0.1, 2.0)
        noise += rng.uniform(0.8, 1.6) * swell * wheels
        if rng.random() < 0.5:
            _add(noise, int(start), rng.uniform(0.08, 0.25) * _squeal(rng))
    announcements = np.zeros(count)
    for start in np.append(_events(count, 1 / 20, rng), rng.integers(count)):
        voice = draw_voice(rng, bool(rng.integers(2)))
        _add(announcements, int(start), speak(voice, _manner(rng), rng.uniform(3.0, 6.0), rng))
    # A horn loudspeaker passes the telephone band and little else.
    horn = signal.butter(2, (400, 3400), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    announcements = _reverberant(signal.sosfilt(horn, announcements), 1.5, 0.9, rng)
    result: Array = noise + 6.0 * announcements
    return result


_MAKERS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "cafe": cafe,
    "meeting": meeting,
    "station": station,
}


def _talk(count: int, rng: np.random.Generator, talking: float) -> Array:
    """One person's phrases and silences, speaking a share `talking` of the time: `[count]`."""
    voice = draw_voice(rng, bool(rng.integers(2)))
    out = np.zeros(count)
    now = -int(rng.uniform(0, 2.0) * SAMPLE_RATE_HZ)
    while now < count:
        phrase = speak(voice, _manner(rng), rng.uniform(1.0, 3.5), rng)
        _add(out, now, phrase)
        now += int(len(phrase) * (1 + rng.exponential((1 - talking) / talking)))
    return out


def _manner(rng: np.random.Generator) -> Prosody:
    """Draws a way of speaking that leans to no emotion."""
    return Prosody(
        f0_semitones=rng.normal(0, 2.0),
        range_log2=rng.normal(0, 0.4),
        slope_semitones_per_s=rng.normal(0, 1.5),
        rate_log2=rng.normal(0, 0.15),
        level_db=rng.normal(0, 3.0),
        tilt_db=rng.normal(0, 2.0),
        breath_db=rng.normal(0, 3.0),
    )


def _desk(count: int, rng: np.random.Generator) -> Array:
    """Bursts of typing and the rustle of paper: `[count]`."""
    out = np.zeros(count)
    for start in _events(count, 0.15, rng):
        strokes = start + np.cumsum(rng.gamma(4.0, 0.04, rng.integers(5, 20))) * SAMPLE_RATE_HZ
        for stroke in strokes.astype(int):
            _add(out, stroke, rng.uniform(0.5, 1.5) * _burst(rng, 0.012, (1500, 6000)))
    for start in _events(count, 0.1, rng):
        length = int(rng.uniform(0.3, 1.0) * SAMPLE_RATE_HZ)
        paper = _burst(rng, 0.4, (2500, 7000), length) * _wander(length, rng, 0.03, 5.0)
        _add(out, start, rng.uniform(0.3, 0.6) * paper)
    return out


def _clink(rng: np.random.Generator) -> Array:
    """A cup against a plate: a few high resonances that die within a tenth of a second."""
    clock = np.arange(int(0.25 * SAMPLE_RATE_HZ))[:, None] / SAMPLE_RATE_HZ
    modes = rng.uniform(1800, 7200, 5)
    decays = rng.uniform(0.008, 0.04, 5)
    ring = np.exp(-clock / decays) * np.sin(2 * np.pi * modes * clock + rng.uniform(0, 6.28, 5))
    result: Array = (ring * rng.uniform(0.3, 1.0, 5)).sum(1)
    return result


def _burst(rng: np.random.Generator, decay_s: float, band_hz: tuple[float, float], length: int = 1600) -> Array:
    """Noise in a band that dies away: `[length]`."""
    sos = signal.butter(1, band_hz, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    result: Array = signal.sosfilt(sos, rng.standard_normal(length)) * np.exp(
        -np.arange(length) / decay_s / SAMPLE_RATE_HZ
    )
    return result


def _squeal(rng: np.random.Generator) -> Array:
    """A brake: three high partials that waver and fade in and out."""
    count = int(rng.uniform(1.0, 2.5) * SAMPLE_RATE_HZ)
    clock = np.arange(count) / SAMPLE_RATE_HZ
    drift = 1 + 0.01 * np.sin(2 * np.pi * rng.uniform(2, 6) * clock) - 0.03 * clock
    partials = rng.uniform(1800, 5500, 3)
    phase = 2 * np.pi * np.cumsum(drift) / SAMPLE_RATE_HZ
    result: Array = np.sin(phase[:, None] * partials).sum(1) * np.sin(np.pi * clock / clock[-1]) ** 2
    return result


def _coloured(count: int, rng: np.random.Generator, slope: float, corner_hz: float = 40.0) -> Array:
    """Noise of unit RMS whose amplitude falls as frequency to the minus `slope` above `corner_hz`: `[count]`."""
    size = fft.next_fast_len(count, real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    shape = np.maximum(frequency, corner_hz) ** -slope * (frequency > 15)
    return _unit(fft.irfft(fft.rfft(rng.standard_normal(size)) * shape, size)[:count])


def _wander(count: int, rng: np.random.Generator, every_s: float, spread_db: float) -> Array:
    """A gain that changes every `every_s` seconds with a standard deviation of `spread_db`: `[count]`."""
    knots = max(2, int(count / SAMPLE_RATE_HZ / every_s) + 2)
    level_db = np.interp(np.linspace(0, knots - 1, count), np.arange(knots), rng.normal(0, spread_db, knots))
    return 10 ** (level_db / 20)


def _reverberant(dry: Array, rt60_s: float, wet: float, rng: np.random.Generator) -> Array:
    """Adds a room: noise that decays by 60 dB in `rt60_s`, its energy `wet`² of the direct sound's (Polack 1988)."""
    length = int(rt60_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= wet / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    result: Array = signal.oaconvolve(dry, tail)[: len(dry)]
    return result


def _events(count: int, per_s: float, rng: np.random.Generator) -> Array:
    """Start samples of a Poisson process."""
    return np.sort(rng.integers(0, count, rng.poisson(per_s * count / SAMPLE_RATE_HZ)))


def _add(out: Array, start: int, piece: Array) -> None:
    """Adds `piece` to `out` from `start` on, in place; what falls outside is dropped."""
    piece = piece[max(0, -start) :]
    start = max(0, start)
    end = min(len(out), start + len(piece))
    if end > start:
        out[start:end] += piece[: end - start]


def _unit(signal_in: Array) -> Array:
    """Scales to unit RMS."""
    return signal_in / max(float(np.sqrt(np.mean(signal_in**2))), 1e-9)
