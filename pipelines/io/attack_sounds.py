"""A test utterance to listen to, before and after an attack that made its own sound; beside the attack's answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser import audio
from kerasser.corpora import CLASSES
from kerasser.threats.base import Answer
from pipelines.io.shards import Item

#: The folder beside the answers.
FOLDER = "sounds"
_FILE = "sounds.json"
# Longer utterances would make the page heavy.
_LONGEST_S = 8.0


def write(
    answers: Sequence[Answer], items: Sequence[Item], drawn: pd.DataFrame, defence: str, threat: str, directory: Path
) -> None:
    """Writes one utterance, as it is and as it was sent at each budget, as WAV of the very 16 bits that were judged.

    It is one that was right when clean, is wrong at most budgets and lasts up to 8 s, the first by id; none where no
    answer has a sound.

    Args:
        answers: What the attack got out of the system.
        items: The test utterances.
        drawn: The system's answers to them as they are, and to random draws.
        defence: What the system is.
        threat: Name of the threat model.
        directory: That of the answers.
    """
    made: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.waveform is not None:
            made.setdefault(answer.utterance, []).append(answer)
    clean = drawn[drawn["noise"].isna()].drop_duplicates("id").set_index("id")
    fitting = {item[0].id: item for item in items if item[0].id in made and item[1].duration_s <= _LONGEST_S}
    if not fitting:
        return

    def rank(name: str) -> tuple[bool, float, str]:
        right = clean.loc[name, "predicted"] == clean.loc[name, "label"]
        return not right, sum(each.correct for each in made[name]), name

    name = min(fitting, key=rank)
    (utterance, file), label = fitting[name], CLASSES.index(fitting[name][0].valence)
    directory = directory / FOLDER
    directory.mkdir(parents=True, exist_ok=True)
    heard = audio.read(file)
    predicted = int(clean.loc[name, "predicted"])
    own = {"predicted": predicted, "probability": float(clean.loc[name, f"p_{CLASSES[predicted]}"])}
    versions: list[dict[str, Any]] = [{"file": "0.wav", "snr_db": None, "answers": {defence: own}}]
    audio.write(directory / "0.wav", heard)
    for number, answer in enumerate(made[name], 1):
        sound = np.asarray(answer.waveform, np.float32)
        audio.write(directory / f"{number}.wav", sound)
        versions.append(
            {
                "file": f"{number}.wav",
                "snr_db": answer.facts["snr_db"],
                **answer.budget.row(),
                "answers": {defence: _answer(label, answer.facts["margin"])},
            }
        )
    example = {
        "utterance": utterance.id,
        "speaker": utterance.speaker,
        "emotion": utterance.emotion,
        "label": label,
        "noise": threat,
        "duration_s": heard.size / audio.SAMPLE_RATE_HZ,
        "versions": versions,
    }
    (directory / _FILE).write_text(json.dumps(example, indent=1, allow_nan=False))


def _answer(label: int, margin: float) -> dict[str, Any]:
    """Returns the answer of two classes that a margin in logits stands for."""
    truth = 1 / (1 + float(np.exp(-margin)))
    return {"predicted": label if margin > 0 else 1 - label, "probability": max(truth, 1 - truth)}


def copy(directory: Path, prefix: str, destination: Path) -> dict[str, Any] | None:
    """Copies the sounds beside some answers into a folder, under names that begin alike; returns what they are.

    Returns:
        As `sounds.json` of `ListeningGen` holds an utterance; None where there is nothing to listen to.
    """
    if not (directory / FOLDER / _FILE).exists():
        return None
    example: dict[str, Any] = json.loads((directory / FOLDER / _FILE).read_text())
    destination.mkdir(exist_ok=True)
    versions: list[Mapping[str, Any]] = []
    for version in example["versions"]:
        name = f"{prefix}-{version['file']}"
        shutil.copyfile(directory / FOLDER / version["file"], destination / name)
        versions.append({**version, "file": name})
    return {**example, "versions": versions}
