"""MadeNoiseGen: a training bank of made noise, its babble spoken by those whose speech it will meet, nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.noise import made
from kerasser.noise.made import Voice
from kerasser.util import progress
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.engine.source_hash import members
from pipelines.io import keys, types, utterances
from pipelines.io.folds import chosen
from pipelines.io.shards import Item

#: Most speech that babble is made of, in seconds: all of a large corpus would fill the memory and sound no different.
_MOST_SPEECH_S = 900.0


class MadeNoiseGenSpec(ComponentSpec):
    """Inputs: utterances, folds. Output: a training bank as NoiseGen's, whose noise was recorded nowhere.

    Babble is made of the speech of one part of some folds, none being the first fold, as AdversarialGen's utterances
    are. All environments are made of `seed`.
    """

    PARAMETERS = {"fold_names": list, "part": str, "environments": int, "duration_s": float, "seed": int}
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    INPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}
    OUTPUTS = {"train": types.NOISE}


class MadeNoiseGenExecutor(Executor):
    """Writes every environment as 16-bit WAV, and `bank.json` with its kind, seed, what was drawn and who speaks."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the kinds of made noise."""
        return [cls.__module__, *members("kerasser.noise.made")]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes of utterances and folds no more than who speaks."""
        return keys.of_speakers(keys.without(inputs, "folds"), _speakers(inputs, parameters))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Makes one environment after the other.

        Raises:
            AssertionError: If noise for training would be made of speech that tests, or of anybody else's.
        """
        part, quiet = parameters["part"], parameters.get("quiet")
        if part == "test":
            raise AssertionError("made noise is for training: no speech that tests may be heard in it")
        speakers, count = _speakers(inputs, parameters), parameters["environments"]
        known = [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in speakers]
        voices = _voices(spread(known, _MOST_SPEECH_S, parameters["seed"]))
        found = made.bank(parameters["seed"], count, parameters["duration_s"], voices)
        directory, rows = outputs["train"], list[dict[str, Any]]()
        directory.mkdir(parents=True, exist_ok=True)
        group = "+".join(parameters["fold_names"])
        for each in progress.steps(found, count, "environments", "made noise", quiet=quiet):
            file = f"{each.name}.wav"
            audio.write(directory / file, each.waveform)
            row = {
                "environment": each.name,
                # Each group of speakers has other people in the same environment.
                "name": f"{each.name}/{part} {group}".rstrip(),
                "file": file,
                "source": each.name,
                "source_sha256": "",
                "resampler": "",
                "start_sample": 0,
                "end_sample": each.waveform.size,
                "kind": each.kind,
                "seed": list(each.seed),
                "speakers": each.speakers,
                "drawn": each.facts,
            }
            rows.append(row)
        heard = sorted({speaker for row in rows for speaker in row["speakers"]})
        if set(heard) - speakers:
            raise AssertionError(f"speakers of another group would be heard in made noise: {set(heard) - speakers}")
        told = {
            "noise_split": "train",
            "synthetic": True,
            "made": {"environments": count, "duration_s": parameters["duration_s"], "seed": parameters["seed"]},
            "speakers": heard,
            "remarks": [],
            "twins": [],
            "recordings": rows,
        }
        (directory / "bank.json").write_text(json.dumps(told, indent=1))
        return {"train": {"noise_split": "train"}}


def _speakers(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> frozenset[str]:
    return chosen(inputs["folds"], parameters["fold_names"], parameters["part"])


def spread(items: Sequence[Item], most_s: float, seed: int) -> list[Item]:
    """Chooses utterances at random, one of each speaker in turn, until there is enough speech.

    Args:
        items: All of them.
        most_s: Enough, in seconds.
        seed: Chooses.

    Returns:
        They, in the order of `items`.
    """
    rng = np.random.default_rng(seed)
    mine: dict[str, list[int]] = {}
    for number in rng.permutation(len(items)):
        mine.setdefault(items[number][0].speaker, []).append(int(number))
    turns = sorted((turn, number) for numbers in mine.values() for turn, number in enumerate(numbers))
    taken, seconds = [], 0.0
    for _, number in turns:
        if seconds >= most_s:
            break
        taken.append(number)
        seconds += items[number][1].duration_s
    return [items[number] for number in sorted(taken)]


def _voices(items: Sequence[Item]) -> list[Voice]:
    """Reads what is said; digital silence is nobody's voice."""
    waveforms = audio.waveforms([file for _, file in items])
    voices = [Voice(utterance.speaker, each) for (utterance, _), each in zip(items, waveforms, strict=True)]
    return [voice for voice in voices if np.ptp(voice.waveform) > 0]


class MadeNoiseGen(Component):
    """Makes a training bank that was recorded nowhere."""

    SPEC = MadeNoiseGenSpec
    EXECUTOR = MadeNoiseGenExecutor
