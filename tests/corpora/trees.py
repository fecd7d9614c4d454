"""Small trees in the layouts of the licensed corpora, for any test that needs one."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile

#: From speaker, emotion label and take to samples in [-1, 1] at 16 kHz.
Waveform = Callable[[str, str, int], np.ndarray]

SAMPLE_RATE_HZ = 16000
IEMOCAP_KEPT = ("neu", "hap", "exc", "ang", "sad")
IEMOCAP_LEFT_OUT = ("fru", "fea", "dis", "xxx")
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"


def hum(speaker: str, emotion: str, take: int) -> np.ndarray:
    """Gives a fifth of a second of a soft tone."""
    return 0.1 * np.sin(2 * np.pi * 200 * np.arange(3200) / SAMPLE_RATE_HZ)


def write_wav(path: Path, samples: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, hum("", "", 0) if samples is None else samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


def iemocap_line(turn: str, label: str) -> str:
    """One label line, and what raters add below it."""
    wanted = f"[140.2250 - 145.6000]\t{turn}\t{label}\t[1.5000, 4.0000, 4.5000]\n"
    return wanted + "C-E1:\tAnger;\t()\nA-E3:\tval 2; act 4; dom  4;\t()\n"


def make_iemocap(
    root: Path, *, sessions: Iterable[int] = range(1, 6), takes: int = 1, waveform: Waveform = hum
) -> Path:
    """Makes sessions of two speakers, each with `takes` turns of five wanted and four unwanted emotions.

    Both speakers' turns stand in the dialog of the woman's markers; lines end as on Windows; a "._" twin of the
    label file and a subfolder hold what must not be read.
    """
    for session in sessions:
        dialog, text = f"Ses0{session}F_impro01", f"{HEADER}\n\n"
        for sex in "FM":
            number = 0
            for label in IEMOCAP_KEPT + IEMOCAP_LEFT_OUT:
                for take in range(takes):
                    turn = f"{dialog}_{sex}{number:03d}"
                    number += 1
                    text += iemocap_line(turn, label)
                    samples = waveform(f"Ses0{session}{sex}", label, take)
                    write_wav(root / f"Session{session}/sentences/wav/{dialog}/{turn}.wav", samples)
        folder = root / f"Session{session}/dialog/EmoEvaluation"
        (folder / "Categorical").mkdir(parents=True)
        (folder / f"{dialog}.txt").write_bytes(text.replace("\n", "\r\n").encode())
        (folder / f"._{dialog}.txt").write_bytes(b"[\x00\x05\x16\x07")
        (folder / "Categorical" / f"{dialog}_e1.txt").write_text("[not a label line")
    return root


def make_fau_aibo(
    root: Path,
    *,
    speakers: int = 3,
    takes: int = 1,
    five: bool = True,
    labels: str = "labels/IS2009EmotionChallenge",
    waveform: Waveform = hum,
) -> Path:
    """Makes two schools of `speakers` children, each with `takes` chunks of every pair of two- and five-class label."""
    lines: dict[int, list[str]] = {2: [], 5: []}
    for school in ("Ohm", "Mont"):
        for child in range(1, speakers + 1):
            pairs = [("NEG", "A"), ("NEG", "E"), ("IDL", "N"), ("IDL", "P"), ("IDL", "R"), ("NEG", "R")]
            for number, (two, finer) in enumerate(pairs * takes):
                chunk = f"{school}_{child:02d}_{number:03d}_00"
                lines[2].append(f"{chunk} {two} 0.7143\n")
                lines[5].append(f"{chunk} {finer} 0.5\n")
                write_wav(root / "wav" / f"{chunk}.wav", waveform(f"{school}_{child:02d}", two, number // len(pairs)))
    (root / labels).mkdir(parents=True)
    for classes in (2, 5) if five else (2,):
        (root / labels / f"chunk_labels_{classes}cl_corpus.txt").write_text("".join(lines[classes]))
    return root
