"""NoiseGen: noise at 16 kHz, divided into a training and a test bank that share no sample, nor one's twin."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio, resampling, twins
from kerasser.attack.draws import derive_seed
from kerasser.audio import AudioError, Limits
from kerasser.corpora import usable
from kerasser.demo import noise
from kerasser.noise import bank, splits
from kerasser.noise.bank import Recording
from kerasser.noise.folders import Places, Wanted, remark, twins_of
from kerasser.twins import Twin
from kerasser.util import progress
from kerasser.util.errors import InputError
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types
from pipelines.io.banks import facts


class NoiseGenSpec(ComponentSpec):
    """Parameters: where the noise lies and how it is cut. Outputs: the training and the test bank.

    With `test_noise_dir` nothing is cut: its recordings test, those of `noise_dir` train.
    """

    PARAMETERS = {
        "noise_dir": str,
        "test_noise_dir": str,
        "environments": list,
        "channel": int,
        "split": str,
        "test_environments": list,
        "test_share": float,
        "guard_s": float,
        "demo_duration_s": float,
        "skip_unusable": bool,
        "longest_s": float,
        "largest_bytes": int,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    OUTPUTS = {"train": types.NOISE, "test": types.NOISE}


class NoiseGenExecutor(Executor):
    """Writes every stretch as 16-bit WAV, and `bank.json` with its source, hash and place in time.

    `bank.json` also says which `twins` the recordings have, what a reader must know (`remarks`) and, where whole
    recordings or environments test, what of them is `unheard`: see `kerasser.noise.splits.unheard`.
    """

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the name, the environment or the bytes of any recording that is wanted."""
        return _fingerprint(_wanted(parameters)[0])

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Reads every recording to compare and divide them, then again to cut and write it."""
        wanted, refused = _wanted(parameters)
        self.seen = _fingerprint(wanted)
        if parameters["skip_unusable"]:
            wanted = _heard(parameters, wanted, refused)
        sounds, shared = _compared(parameters, wanted)
        options = _options(parameters)
        division = splits.divide(sounds, shared, options)
        index: dict[str, list[dict[str, Any]]] = {side: [] for side in splits.SIDES}
        for number, (recording, one) in enumerate(zip(_recordings(parameters, wanted, "noise"), wanted, strict=True)):
            for side, parts in (("train", division.train[number]), ("test", division.test[number])):
                for piece, (start, end) in enumerate(parts):
                    file = f"{recording.environment}/{number:02d}{f'-{piece}' if piece else ''}.wav"
                    path = outputs[side] / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    audio.write(path, recording.waveform[start:end])
                    row = {
                        "environment": recording.environment,
                        "name": recording.name if len(parts) == 1 else f"{recording.name}#{piece + 1}",
                        "file": file,
                        "source": recording.name,
                        "source_sha256": one.sha256,
                        "resampler": resampling.by(one.source.audio.sample_rate_hz) if one.source else "",
                        "start_sample": start,
                        "end_sample": end,
                    }
                    index[side].append(row)
        unheard = splits.unheard(sounds, division, options.way)
        whole = [remark(wanted)] if parameters["test_noise_dir"] else []
        common = {
            "split": options.way,
            **({"unheard": unheard} if unheard else {}),
            "remarks": [*whole, *_left_out(refused), *division.remarks],
            "twins": [_told(twin, sounds, wanted) for twin in shared],
        }
        for side, rows in index.items():
            outputs[side].mkdir(parents=True, exist_ok=True)
            synthetic = all(one.source is None for one in wanted if one.side in ("", side))
            told = {"noise_split": side, "synthetic": synthetic, **common, "recordings": rows}
            (outputs[side] / "bank.json").write_text(json.dumps(told, indent=1))
        return {side: {"noise_split": side} for side in outputs}


def _options(parameters: Mapping[str, Any]) -> splits.Options:
    return splits.Options(
        "folder" if parameters["test_noise_dir"] else parameters["split"],
        parameters["test_share"],
        parameters["guard_s"],
        tuple(parameters["test_environments"]),
        parameters["seed"],
    )


def _compared(parameters: Mapping[str, Any], wanted: Sequence[Wanted]) -> tuple[list[splits.Sound], list[Twin]]:
    """Returns what is known of the recordings and what they share; one recording at a time is held whole."""
    sounds: list[splits.Sound] = []

    def waveforms() -> Iterator[np.ndarray]:
        for recording, one in zip(_recordings(parameters, wanted, "twins"), wanted, strict=True):
            silence = splits.silence(recording.waveform)
            sounds.append(splits.Sound(one.environment, one.told, recording.waveform.size, silence, one.side))
            yield recording.waveform

    try:
        found = twins.find(waveforms())
    except AudioError as error:
        raise usable.left_out(error, skip=False) from error
    return sounds, twins_of(wanted, [sound.samples for sound in sounds], found)


def _told(twin: Twin, sounds: Sequence[splits.Sound], wanted: Sequence[Wanted]) -> dict[str, Any]:
    """Returns a twin as plain JSON types; recordings are known by the hash of their file, else by their name."""
    names = [wanted[number].sha256 or sounds[number].name for number in (twin.first, twin.second)]
    return {
        "names": [sounds[number].name for number in (twin.first, twin.second)],
        "recordings": names,
        "start_samples": [twin.first_start, twin.second_start],
        "samples": twin.samples,
        "correlation": round(twin.correlation, 3),
    }


def _wanted(parameters: Mapping[str, Any]) -> tuple[list[Wanted], dict[str, AudioError]]:
    """Returns the recordings that are wanted, and what is wrong with those whose headers cannot be used.

    Each that lies on disk has the SHA-256 that its bytes must have when they are decoded.
    """
    limits = Limits(parameters["longest_s"], parameters["largest_bytes"])
    refused: dict[str, AudioError] = {}
    found = Places(parameters["noise_dir"], parameters["test_noise_dir"]).wanted(
        parameters["environments"],
        noise.ENVIRONMENTS,
        parameters["channel"],
        limits,
        refused if parameters["skip_unusable"] else None,
    )
    steps = progress.steps(found, len(found), "recordings", "hashes", quiet=parameters.get("quiet"))
    return [_hashed(each) for each in steps], refused


def _hashed(one: Wanted) -> Wanted:
    if one.source is None:
        return one
    file = one.source.audio
    return replace(one, source=replace(one.source, audio=replace(file, sha256=hashes.sha256(file.path))))


def _heard(parameters: Mapping[str, Any], wanted: Sequence[Wanted], refused: dict[str, AudioError]) -> list[Wanted]:
    """Returns the recordings in which something can be heard, and adds the others to those that are refused."""
    kept = []
    for one in progress.steps(wanted, len(wanted), "recordings", "listening", quiet=parameters.get("quiet")):
        try:
            if one.source:
                audio.decode(one.source.audio)
            kept.append(one)
        except AudioError as error:
            refused[one.told] = error
    for root, side in Places(parameters["noise_dir"], parameters["test_noise_dir"]).sides:
        gone = {one.environment for one in wanted if one.side == side}
        gone -= {one.environment for one in kept if one.side == side}
        if gone:
            raise InputError(
                f"{root}: expected recordings of {', '.join(sorted(gone))} that can be used. "
                f"Received: none; {bank.told_refused(refused)}"
            )
    return kept


def _left_out(refused: Mapping[str, AudioError]) -> list[str]:
    return [f"Recordings of noise that cannot be used were {bank.told_refused(refused)}."] if refused else []


def _fingerprint(wanted: Sequence[Wanted]) -> str:
    return hashes.digest([[one.side, one.environment, one.name, one.sha256] for one in wanted])


def _recordings(parameters: Mapping[str, Any], wanted: Sequence[Wanted], title: str) -> Iterator[Recording]:
    """Yields each recording, whole."""
    read = audio.waveforms([one.source.audio for one in wanted if one.source])
    for one in progress.steps(wanted, len(wanted), "recordings", title, quiet=parameters.get("quiet")):
        if one.source:
            waveform = audio.clip(next(read))[0]
        else:
            seed = int(derive_seed(parameters["seed"], one.environment), 16) % 2**32
            waveform = noise.synthesise(one.environment, parameters["demo_duration_s"], seed)
        yield Recording(one.environment, one.name, waveform)


def load(artifact: Artifact, wanted: Collection[str] | None = None) -> tuple[str, bool, dict[str, list[Recording]]]:
    """Returns a bank's stretch, whether it is synthetic, and environment → recordings.

    Args:
        artifact: A bank.
        wanted: Names of the recordings to read; None for all.
    """
    told = facts(artifact)
    noise: dict[str, list[Recording]] = {}
    ours = Limits(float("inf"), 2**63)
    rows = [row for row in told["recordings"] if wanted is None or row["name"] in wanted]
    files = [audio.probe(artifact.uri / row["file"], limits=ours) for row in rows]
    for row, waveform in zip(rows, audio.waveforms(files), strict=True):
        recording = Recording(row["environment"], row["name"], np.asarray(waveform))
        noise.setdefault(row["environment"], []).append(recording)
    return told["noise_split"], told["synthetic"], noise


def stretches(artifact: Artifact, *, with_twins: bool = False) -> dict[str, list[tuple[int, int]]]:
    """Returns recording → its stretches in this bank, in samples: known by the hash of its file, else by its name.

    Args:
        artifact: A bank.
        with_twins: Also where else the same sound lies, in recordings that share it.
    """
    bank_facts = facts(artifact)
    found: dict[str, list[tuple[int, int]]] = {}
    for row in bank_facts["recordings"]:
        name = row["source_sha256"] or row.get("source", row["name"])
        found.setdefault(name, []).append((row["start_sample"], row["end_sample"]))
    if with_twins:
        heard = {name: list(each) for name, each in found.items()}
        for told in bank_facts.get("twins", ()):
            first, second = told["start_samples"]
            twin = Twin(0, 1, first, second, told["samples"], told["correlation"])
            for number, name in enumerate(told["recordings"]):
                for other, start, end in splits.images(heard.get(name, []), twin, number):
                    found.setdefault(told["recordings"][other], []).append((start, end))
    return found


class NoiseGen(Component):
    """Divides environmental noise into a training and a test bank."""

    SPEC = NoiseGenSpec
    EXECUTOR = NoiseGenExecutor
