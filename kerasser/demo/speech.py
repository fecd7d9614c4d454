"""Source–filter speech made from nothing: a pulse train, breath and friction through moving formants.

A `Score` says what is articulated and when, `plan` draws one from a voice and a prosody, and `render`
turns it into a waveform (Fant 1960; Klatt & Klatt 1990). No words are meant.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import fft, signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

#: Mean formants of men's American English vowels in Hz (Hillenbrand et al. 1995, table V).
VOWELS = np.array(
    [
        (342, 2322, 3000),
        (427, 2034, 2684),
        (580, 1799, 2605),
        (588, 1952, 2601),
        (768, 1333, 2522),
        (652, 997, 2538),
        (469, 1122, 2434),
        (378, 997, 2343),
        (623, 1200, 2550),
    ],
    dtype=float,
)

# Each row: voicing, friction, centre of friction in Hz, duration in s, loci of F1, F2, F3 in Hz.
_CONTINUANTS = np.array(
    [
        (0.00, 0.50, 5600, 0.100, 320, 1700, 2600),  # s
        (0.00, 0.45, 3400, 0.100, 320, 1900, 2500),  # sh
        (0.00, 0.12, 4500, 0.080, 320, 1100, 2300),  # f
        (0.35, 0.20, 5600, 0.070, 300, 1700, 2600),  # z
        (0.35, 0.00, 3000, 0.065, 270, 1100, 2300),  # m
        (0.35, 0.00, 3000, 0.060, 270, 1650, 2600),  # n
        (0.55, 0.00, 3000, 0.060, 350, 1100, 2700),  # l
        (0.55, 0.00, 3000, 0.060, 330, 1250, 1700),  # r
    ]
)
_PLOSIVES = np.array(
    [
        (0.00, 0.50, 4500, 0.075, 300, 1750, 2700),  # t
        (0.00, 0.50, 2000, 0.080, 300, 1900, 2300),  # k
        (0.00, 0.30, 1000, 0.075, 300, 1000, 2200),  # p
        (0.12, 0.30, 4000, 0.060, 280, 1750, 2700),  # d
        (0.12, 0.25, 1000, 0.060, 280, 1000, 2200),  # b
    ]
)
_SHARE_OF_PLOSIVES = 0.35
_VOWEL_S = 0.135
_PAUSE_S = 0.2

# Formants above the third move little: one fixed pole a kilohertz, scaled by the speaker's tract.
_UPPER_FORMANTS_HZ = (3500.0, 4500.0, 5500.0, 6500.0)
_BANDWIDTHS_HZ = (70.0, 90.0, 130.0, 200.0, 260.0, 340.0, 420.0)
_TILT_AT_HZ = 3000.0

_HOP = 100
_WINDOW = 4 * _HOP
_FFT = 1024
# Windowed-sinc pulses: half their length in samples. Shorter ones dull the top octave.
_PULSE_REACH = 8
_ACTIVE_LEVEL_DBFS = -26.0


@dataclass(frozen=True)
class Voice:
    """What stays with a speaker.

    Attributes:
        f0_hz: Mean fundamental frequency of neutral speech.
        formant_ratio: Formants relative to a 17.5 cm tract; above 1 is a shorter one.
        tilt_db: Loss of the source at 3 kHz beyond −6 dB an octave, above 0.
        breath_db: Aspiration noise relative to the voiced source.
        jitter: Standard deviation of a pulse's time, in periods.
        shimmer: Standard deviation of a pulse's amplitude, relative.
        range_semitones: Standard deviation of the pitch accents.
        rate: Speed relative to about 4.5 syllables a second.
    """

    f0_hz: float = 120.0
    formant_ratio: float = 1.0
    tilt_db: float = 9.0
    breath_db: float = -22.0
    jitter: float = 0.006
    shimmer: float = 0.05
    range_semitones: float = 2.0
    rate: float = 1.0


@dataclass(frozen=True)
class Prosody:
    """How an utterance deviates from its speaker's neutral manner; all zero is neutral.

    Attributes:
        f0_semitones: Shift of the mean pitch.
        range_log2: Binary logarithm of the factor on the pitch range.
        slope_semitones_per_s: Rise of the pitch contour, on top of a slight declination.
        rate_log2: Binary logarithm of the factor on the speed.
        level_db: Shift of the speech level.
        tilt_db: Added loss of the source at 3 kHz.
        breath_db: Added aspiration noise.
        roughness_log2: Binary logarithm of the factor on jitter and shimmer.
        formant_log2: Binary logarithm of the factor on the formants; a smile shortens the tract.
        pause_share: Added share of time spent in pauses, on top of 5 %.
    """

    f0_semitones: float = 0.0
    range_log2: float = 0.0
    slope_semitones_per_s: float = 0.0
    rate_log2: float = 0.0
    level_db: float = 0.0
    tilt_db: float = 0.0
    breath_db: float = 0.0
    roughness_log2: float = 0.0
    formant_log2: float = 0.0
    pause_share: float = 0.0

    def scaled(self, degree: float) -> Prosody:
        """Returns the same manner, `degree` times as strong."""
        return Prosody(**{name: value * degree for name, value in asdict(self).items()})

    def plus(self, other: Prosody) -> Prosody:
        """Returns the sum of two deviations."""
        second = asdict(other)
        return Prosody(**{name: value + second[name] for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Score:
    """Breakpoints of an utterance; everything runs in straight lines between them.

    Attributes:
        times_s: Float `[points]`, ascending.
        f0_hz: Float `[points]`.
        voicing: Float `[points]`, amplitude of the voice, 0 to 1.
        friction: Float `[points]`, amplitude of friction relative to the voiced level.
        friction_hz: Float `[points]`, centre of the friction noise.
        formants_hz: Float `[points, 3]`.
    """

    times_s: Array
    f0_hz: Array
    voicing: Array
    friction: Array
    friction_hz: Array
    formants_hz: Array


def draw_voice(rng: np.random.Generator, female: bool) -> Voice:
    """Draws a speaker of the usual adult spread (F0 and formants after Hillenbrand et al. 1995)."""
    return Voice(
        f0_hz=float((205 if female else 118) * 2 ** (rng.normal(0, 1.8) / 12)),
        formant_ratio=float((1.15 if female else 1.0) * 2 ** rng.normal(0, 0.04)),
        tilt_db=float(np.clip(rng.normal(11 if female else 9, 2.0), 4, 16)),
        breath_db=float(rng.normal(-20 if female else -23, 2.0)),
        jitter=float(0.006 * 2 ** rng.normal(0, 0.4)),
        shimmer=float(0.05 * 2 ** rng.normal(0, 0.4)),
        range_semitones=float(2.0 * 2 ** rng.normal(0, 0.25)),
        rate=float(2 ** rng.normal(0, 0.12)),
    )


def plan(voice: Voice, prosody: Prosody, duration_s: float, rng: np.random.Generator) -> Score:
    """Draws syllables, pauses and a pitch contour that fill `duration_s`.

    Args:
        voice: Who speaks.
        prosody: In which manner.
        duration_s: Length of the speech, above 0.
        rng: Where every choice comes from.

    Returns:
        The score, from 0 to `duration_s`.
    """
    rows: list[Array] = []  # time, voicing, friction, friction_hz, F1, F2, F3
    accents: list[tuple[float, float]] = []
    speed = voice.rate * 2.0**prosody.rate_log2
    share = float(np.clip(0.05 + prosody.pause_share, 0.0, 0.6))
    syllable_s = 0.21 / speed
    pause_odds = min(0.9, share / (1 - share) * syllable_s / _PAUSE_S)
    ratio = voice.formant_ratio * 2.0**prosody.formant_log2
    now = 0.0
    while now < duration_s:
        if rows and rng.random() < pause_odds:
            now += _PAUSE_S * rng.uniform(0.6, 1.4)
        syllable, length_s = _syllable(now, speed, rng)
        syllable[:, 4:] *= ratio
        rows.append(syllable)
        accents.append((now + length_s / 2, rng.normal()))
        now += length_s
    table = np.concatenate(rows)
    # Stretched to the asked length instead of cut, so that no vowel ends abruptly.
    noise_split = duration_s / now
    times = table[:, 0] * noise_split
    at, heights = np.array(accents).T
    heights -= heights.mean()
    contour = np.interp(times, at * noise_split, heights) * voice.range_semitones * 2.0**prosody.range_log2
    slope = prosody.slope_semitones_per_s - 1.0
    semitones = prosody.f0_semitones + contour + slope * (times - duration_s / 2)
    f0 = np.clip(voice.f0_hz * 2.0 ** (semitones / 12), 55.0, 520.0)
    return Score(times, f0, table[:, 1], table[:, 2], table[:, 3], table[:, 4:])


def _syllable(start_s: float, speed: float, rng: np.random.Generator) -> tuple[Array, float]:
    """Returns breakpoints `[points, 7]` of one consonant and vowel, and their length in seconds."""
    plosive = rng.random() < _SHARE_OF_PLOSIVES
    inventory = _PLOSIVES if plosive else _CONTINUANTS
    voicing, friction, centre, onset_s, *loci = inventory[rng.integers(len(inventory))]
    # A vowel seldom reaches its target: a tenth of spread around it stands for coarticulation.
    vowel = VOWELS[rng.integers(len(VOWELS))] * 2 ** rng.normal(0, 0.07, 3)
    stress = rng.uniform(0.55, 1.0)
    onset = start_s + onset_s / speed
    end = onset + _VOWEL_S * rng.uniform(0.7, 1.4) / speed
    glide = 0.02
    before, after = (0.0, 0.0) if plosive else (friction, friction)
    rows = [
        (start_s, 0.0, 0.0, centre, *loci),
        (start_s + 0.008, voicing, before, centre, *loci),
        (onset - 0.016, voicing, before, centre, *loci),
        (onset - 0.010, voicing, friction, centre, *loci),
        (onset, max(voicing, 0.1), after, centre, *loci),
        (onset + glide, stress, 0.0, centre, *vowel),
        (end - glide, 0.8 * stress, 0.0, centre, *vowel),
        (end, 0.0, 0.0, centre, *vowel),
    ]
    return np.array(rows), end - start_s


def render(score: Score, voice: Voice, prosody: Prosody, duration_s: float, rng: np.random.Generator) -> Array:
    """Turns a score into sound.

    Args:
        score: What is articulated, and when.
        voice: Tilt, breath, jitter and shimmer of the speaker.
        prosody: Their deviations, and the level: −26 dBFS (ITU-T P.56's nominal one) plus `level_db`.
        duration_s: Length of the waveform, above 0.
        rng: Where jitter, shimmer and noises come from.

    Returns:
        Waveform, float32 `[duration_s · 16000]`, not clipped.
    """
    count = int(round(duration_s * SAMPLE_RATE_HZ))
    clock = np.arange(count) / SAMPLE_RATE_HZ
    voicing = np.interp(clock, score.times_s, score.voicing).astype(np.float32)
    roughness = 2.0**prosody.roughness_log2
    pulses = _pulses(np.interp(clock, score.times_s, score.f0_hz), voice, roughness, voicing, rng)
    source = _glottal(pulses, voice.f0_hz * 2 ** (prosody.f0_semitones / 12), voice.tilt_db + prosody.tilt_db)
    breath = 10 ** ((voice.breath_db + prosody.breath_db) / 20)
    # Turbulence at the glottis loses its top, unlike friction at the teeth.
    hiss = signal.lfilter([0.8], [1.0, -0.6], rng.standard_normal(count, dtype=np.float32)).astype(np.float32)
    source += breath * voicing * hiss

    frames = np.arange(count // _HOP + 5) * _HOP / SAMPLE_RATE_HZ - 0.5 * _WINDOW / SAMPLE_RATE_HZ
    moving = np.stack([np.interp(frames, score.times_s, track) for track in score.formants_hz.T])
    fixed = np.array(_UPPER_FORMANTS_HZ) * voice.formant_ratio
    voiced = _filtered(source, _tract(moving, fixed))
    loud = voicing > 0.3
    voiced /= max(float(np.sqrt(np.mean(voiced[loud] ** 2))) if loud.any() else 1.0, 1e-9)

    friction = np.interp(clock, score.times_s, score.friction).astype(np.float32)
    friction *= rng.standard_normal(count, dtype=np.float32)
    noisy = _filtered(friction, _constriction(np.interp(frames, score.times_s, score.friction_hz)))
    return ((voiced + noisy) * 10 ** ((_ACTIVE_LEVEL_DBFS + prosody.level_db) / 20)).astype(np.float32)


def synthesise(voice: Voice, prosody: Prosody, duration_s: float, rng: np.random.Generator) -> Array:
    """Returns `duration_s` of speech by `voice` in the manner of `prosody`, float32 `[samples]`."""
    return render(plan(voice, prosody, duration_s, rng), voice, prosody, duration_s, rng)


def _pulses(f0_hz: Array, voice: Voice, roughness: float, voicing: Array, rng: np.random.Generator) -> Array:
    """Places one band-limited pulse a period, at fractions of a sample: float32 `[samples]` of unit power."""
    phase = np.cumsum(f0_hz) / SAMPLE_RATE_HZ
    times = np.interp(np.arange(1, int(phase[-1]) + 1), phase, np.arange(len(phase)))
    period = SAMPLE_RATE_HZ / f0_hz[times.astype(int)]
    height = np.sqrt(period) * (1 + voice.shimmer * roughness * rng.standard_normal(len(times)))
    height *= voicing[times.astype(int)]
    times = times + voice.jitter * roughness * period * rng.standard_normal(len(times))
    taps = np.arange(-_PULSE_REACH, _PULSE_REACH + 1)
    at = np.round(times)[:, None] + taps
    distance = at - times[:, None]
    shape = np.sinc(distance) * np.cos(np.pi * distance / (2 * _PULSE_REACH + 2)) ** 2
    index = np.clip(at + _PULSE_REACH, 0, len(f0_hz) + 2 * _PULSE_REACH - 1).astype(int)
    train = np.bincount(index.ravel(), (height[:, None] * shape).ravel(), len(f0_hz) + 2 * _PULSE_REACH)
    return train[_PULSE_REACH:-_PULSE_REACH].astype(np.float32)


def _glottal(pulses: Array, corner_hz: float, tilt_db: float) -> Array:
    """Shapes pulses as the derivative of glottal flow, with `tilt_db` of further loss at 3 kHz."""
    size = fft.next_fast_len(len(pulses) + _FFT, real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    flow = 1j * frequency / corner_hz / (1 + 1j * frequency / corner_hz) ** 2
    tilt_hz = _TILT_AT_HZ / np.sqrt(10 ** (max(tilt_db, 0.5) / 10) - 1)
    response = flow / (1 + 1j * frequency / tilt_hz)
    response /= np.sqrt(np.mean(np.abs(response) ** 2))
    spectrum = fft.rfft(pulses, size) * response.astype(np.complex64)
    result: Array = fft.irfft(spectrum, size)[: len(pulses)]
    return result


def _tract(moving_hz: Array, fixed_hz: Array) -> Array:
    """Returns the response `[frames, bins]` of a cascade of two-pole resonators (Klatt 1980).

    Args:
        moving_hz: Formants that change, `[formants, frames]`.
        fixed_hz: Formants that do not, `[formants]`; those above 7.5 kHz are left out.
    """
    delay = np.exp(-2j * np.pi * fft.rfftfreq(_FFT)).astype(np.complex64)
    response = np.ones((1, len(delay)), np.complex64)
    tracks = [track[:, None] for track in moving_hz] + [np.full((1, 1), pole) for pole in fixed_hz if pole < 7500]
    for centre, bandwidth in zip(reversed(tracks), reversed(_BANDWIDTHS_HZ[: len(tracks)]), strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE_HZ)
        first = (2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE_HZ)).astype(np.complex64)
        second = np.complex64(-(radius**2))
        response = response * ((1 - first - second) / (1 - delay * (first + second * delay)))
    return response


def _constriction(centre_hz: Array) -> Array:
    """Returns the response `[frames, bins]` of unit power of friction noise around `centre_hz` `[frames]`."""
    frequency = fft.rfftfreq(_FFT, 1 / SAMPLE_RATE_HZ)
    response = np.exp(-0.5 * ((frequency - centre_hz[:, None]) / (0.25 * centre_hz[:, None])) ** 2)
    response /= np.sqrt(np.mean(response**2, axis=1, keepdims=True))
    result: Array = response.astype(np.float32)
    return result


def _filtered(wave: Array, response: Array) -> Array:
    """Filters `wave` `[samples]` with a response `[frames, bins]` that changes every hop, by overlap-add.

    Hann windows at a quarter of their length sum to two, so that a constant response is a plain filter.
    """
    frames = len(wave) // _HOP + 5
    padded = np.zeros((frames + 3) * _HOP, np.float32)
    padded[_WINDOW : _WINDOW + len(wave)] = wave
    window = (0.25 - 0.25 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * window
    pieces = fft.irfft(fft.rfft(pieces, _FFT) * response, _FFT)
    blocks = -(-_FFT // _HOP)
    pieces = np.pad(pieces, ((0, 0), (0, blocks * _HOP - _FFT))).reshape(frames, blocks, _HOP)
    out = np.zeros((frames + blocks, _HOP), np.float32)
    for block in range(blocks):
        out[block : block + frames] += pieces[:, block]
    return out.ravel()[_WINDOW : _WINDOW + len(wave)]
