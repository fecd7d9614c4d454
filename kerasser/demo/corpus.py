"""The demo corpus: synthetic speech in four emotions, made on the spot and the same bits for a seed.

It stands in for a licensed corpus, so that every command runs on a fresh clone. No human speaks: a figure
measured on it says that the machinery works, nothing about people.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile
from scipy import fft

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.corpora.base import SEXES, VALENCE, Corpus, Tally
from kerasser.demo import NAME
from kerasser.demo.speech import Prosody, Voice, draw_voice, synthesise
from kerasser.util import progress
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

SPEAKERS = 15
TAKES = 4

#: Scale of the emotions against the speakers' and utterances' own variety: larger is easier to tell apart.
EXPRESSIVENESS = 1.3

#: Level of the recording's own noise below neutral speech, in dB; drawn evenly, whatever the emotion.
BACKGROUND_SNR_DB = (12.0, 22.0)

#: Deviations at full expression, in the directions of Scherer (2003, table 2), Juslin & Laukka (2003, table 7)
#: and, for the formants of a smile, Tartter (1980).
EMOTIONS: Mapping[str, Prosody] = {
    "anger": Prosody(
        f0_semitones=5.0,
        range_log2=0.6,
        slope_semitones_per_s=-2.5,
        rate_log2=0.25,
        level_db=5.0,
        tilt_db=-7.0,
        breath_db=-3.0,
        roughness_log2=1.6,
        formant_log2=-0.02,
        pause_share=-0.03,
    ),
    "happiness": Prosody(
        f0_semitones=4.0,
        range_log2=0.8,
        slope_semitones_per_s=4.0,
        rate_log2=0.15,
        level_db=2.0,
        tilt_db=-2.0,
        roughness_log2=-0.2,
        formant_log2=0.10,
    ),
    "neutral": Prosody(),
    "sadness": Prosody(
        f0_semitones=-3.0,
        range_log2=-0.8,
        slope_semitones_per_s=-2.0,
        rate_log2=-0.35,
        level_db=-5.0,
        tilt_db=7.0,
        breath_db=5.0,
        roughness_log2=0.8,
        formant_log2=-0.05,
        pause_share=0.15,
    ),
}

# One standard deviation of what differs from utterance to utterance for no reason of emotion.
_VARIETY = Prosody(
    f0_semitones=1.2,
    range_log2=0.3,
    slope_semitones_per_s=1.5,
    rate_log2=0.12,
    level_db=1.5,
    tilt_db=1.5,
    breath_db=2.0,
    roughness_log2=0.35,
    formant_log2=0.025,
    pause_share=0.03,
)

# From hinted at to fully shown.
_DEGREE = (0.5, 1.3)
# Below 0 dB on the whole, so that hardly any angry peak has to be turned down.
_GAIN_DB = (-5.0, -1.0)
_SPEECH_S = (1.2, 1.8)
_LEAD_S = (0.12, 0.25)
_TAIL_S = (0.10, 0.18)
_NEUTRAL_DBFS = -26.0
_PEAK = 0.97
_FIELDS = ("path", "speaker", "emotion", "sex")


@dataclass(frozen=True)
class Take:
    """One recording that the corpus is made of: where it lies, who speaks, and the emotion."""

    path: str
    speaker: str
    emotion: str
    sex: str

    @property
    def id(self) -> str:
        """The file's stem."""
        return PurePosixPath(self.path).stem


def takes() -> list[Take]:
    """Returns all recordings of the corpus, in the order of its list."""
    return [
        Take(f"wav/{speaker}_{emotion}_{take}.wav", speaker, emotion, SEXES[number % 2])
        for number, speaker in enumerate(f"s{number + 1:02d}" for number in range(SPEAKERS))
        for emotion in EMOTIONS
        for take in range(1, TAKES + 1)
    ]


def samples(take: Take, seed: int) -> Array:
    """Makes one recording, int16 `[samples]` at 16 kHz; the same take and seed make the same samples."""
    voice = draw_voice(_generator(seed, take.speaker), female=take.sex == "female")
    waveform = utterance(voice, take.emotion, _generator(seed, take.id))
    recording: Array = np.round(waveform * 32767).astype(np.int16)
    return recording


def write(root: Path, seed: int = 0, *, quiet: bool | None = True) -> None:
    """Makes the corpus: `root/wav/<speaker>_<emotion>_<take>.wav` and `root/demo.csv`.

    Args:
        root: A folder, made if absent; files of the same names are replaced.
        seed: The same seed makes the same bytes.
        quiet: No progress bar.
    """
    (root / "wav").mkdir(parents=True, exist_ok=True)
    rows = takes()
    for take in progress.steps(rows, len(rows), "files", "synthetic speech", quiet=quiet):
        soundfile.write(root / take.path, samples(take, seed), SAMPLE_RATE_HZ, subtype="PCM_16")
    # Last, so that a killed run leaves no list of files that are not there.
    with open(root / "demo.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([_FIELDS, *map(astuple, rows)])


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads what `write` made.

    Args:
        root: The folder that holds `demo.csv`.
        valence: From emotion to "negative" or "positive".

    Returns:
        The corpus, marked as synthetic.

    Raises:
        InputError: `demo.csv` is absent or has other columns, or a file that it lists is absent.
    """
    listing = root / "demo.csv"
    if not listing.is_file():
        raise InputError(f"{listing}: expected the list that the demo corpus is written with. Received: no such file")
    tally = Tally(valence)
    with open(listing, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _FIELDS:
            raise InputError(f"{listing}: expected the columns {','.join(_FIELDS)}. Received: {reader.fieldnames}")
        for row in reader:
            if not (root / row["path"]).is_file():
                raise InputError(f"{listing}: expected every listed file. Received: no {row['path']}")
            tally.add(id=Path(row["path"]).stem, **row)
    return _corpus(tally, root)


def listed(valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Returns what `read` finds after `write`, without any file: `samples` makes the sound of each utterance.

    Args:
        valence: From emotion to "negative" or "positive".
    """
    tally = Tally(valence)
    for take in takes():
        tally.add(id=take.id, **asdict(take))
    return _corpus(tally, Path(NAME))


def _corpus(tally: Tally, root: Path) -> Corpus:
    remark = "synthetic speech: no human spoke, so figures show that the machinery works and nothing about people"
    return tally.corpus(NAME, root, remarks=(remark,), synthetic=True)


def utterance(voice: Voice, emotion: str, rng: np.random.Generator) -> Array:
    """Makes one recording: speech in an emotion of a drawn degree, in a room with its own noise.

    The noise is set against neutral speech, not against this utterance: otherwise loud emotions would bring
    loud rooms. The gain then moves both, as a recordist's hand would.

    Args:
        voice: Who speaks.
        emotion: A key of `EMOTIONS`.
        rng: Where every choice comes from.

    Returns:
        Waveform, float32 `[samples]` at 16 kHz, 1.4 to 2.3 s, within ±0.97.
    """
    degree = EXPRESSIVENESS * rng.uniform(*_DEGREE)
    prosody = EMOTIONS[emotion].scaled(degree).plus(_chance(rng))
    lead, tail = (int(rng.uniform(*bounds) * SAMPLE_RATE_HZ) for bounds in (_LEAD_S, _TAIL_S))
    speech = np.pad(synthesise(voice, prosody, rng.uniform(*_SPEECH_S), rng), (lead, tail))
    noise_dbfs = _NEUTRAL_DBFS - rng.uniform(*BACKGROUND_SNR_DB)
    recording = speech + 10 ** (noise_dbfs / 20) * background(len(speech), rng)
    recording *= 10 ** (rng.uniform(*_GAIN_DB) / 20)
    recording *= min(1.0, _PEAK / float(np.abs(recording).max()))
    result: Array = recording.astype(np.float32)
    return result


def background(count: int, rng: np.random.Generator) -> Array:
    """Makes the noise of a room and its recorder: coloured hiss, mains hum, a slowly changing level.

    Args:
        count: Number of samples, above 0.
        rng: Draws colour, hum and level changes.

    Returns:
        float32 `[count]` of unit RMS.
    """
    size = fft.next_fast_len(count, real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    colour = np.maximum(frequency, 60.0) ** -rng.uniform(0.3, 0.8)
    for _ in range(3):  # resonances of the room
        centre, height = rng.uniform(150, 3000), rng.uniform(0.3, 1.2)
        colour *= 1 + height * np.exp(-0.5 * (np.log2((frequency + 1) / centre) / 0.25) ** 2)
    hiss = fft.irfft(fft.rfft(rng.standard_normal(size, dtype=np.float32)) * colour, size)[:count]
    clock = np.arange(count) / SAMPLE_RATE_HZ
    harmonics = 50 * np.arange(1, 8)[:, None]
    phases, heights = rng.uniform(0, 2 * np.pi, (7, 1)), rng.exponential(1.0, (7, 1)) / np.arange(1, 8)[:, None]
    hum = (heights * np.sin(2 * np.pi * harmonics * clock + phases)).sum(0)
    noise = hiss / hiss.std() + rng.uniform(0.05, 0.35) * hum / hum.std()
    knots = rng.normal(0, 1.5, 6)
    noise *= 10 ** (np.interp(clock, np.linspace(0, clock[-1], 6), knots) / 20)
    result: Array = (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return result


def _chance(rng: np.random.Generator) -> Prosody:
    """Draws one utterance's deviation that has nothing to do with emotion."""
    return Prosody(**{name: spread * rng.normal() for name, spread in vars(_VARIETY).items()})


def _generator(seed: int, name: str) -> np.random.Generator:
    """Returns a generator that depends on the seed and the name alone, so that order changes nothing."""
    digest = hashlib.sha256(f"{NAME} {seed} {name}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype="<u4").tolist())
