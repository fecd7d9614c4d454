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
from kerasser.noise.bank import Recording, Source
from kerasser.twins import Twin
from kerasser.util import progress
from kerasser.util.errors import InputError
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types
from pipelines.io.banks import facts


class NoiseGenSpec(ComponentSpec):
    """Parameters: where the noise lies and how it is cut. Outputs: the training and the test bank."""

    PARAMETERS = {
        "noise_dir": str,
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

    `bank.json` also says which `twins` the recordings have and what a reader must know (`remarks`).
    """

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the name, the environment or the bytes of any recording that is wanted."""
        return _fingerprint(_sources(parameters)[0]) if parameters["noise_dir"] else ""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Reads every recording to compare and divide them, then again to cut and write it."""
        files, refused = _sources(parameters) if parameters["noise_dir"] else ([], {})
        self.seen = _fingerprint(files) if files else ""
        if parameters["skip_unusable"]:
            files = _heard(parameters, files, refused)
        sounds, shared = _compared(parameters, files)
        division = splits.divide(sounds, shared, _options(parameters))
        index: dict[str, list[dict[str, Any]]] = {side: [] for side in splits.SIDES}
        sources = []
        for number, (recording, source) in enumerate(_recordings(parameters, files, "noise")):
            sources.append(source)
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
                        "source_sha256": source,
                        "resampler": resampling.by(files[number].audio.sample_rate_hz) if files else "",
                        "start_sample": start,
                        "end_sample": end,
                    }
                    index[side].append(row)
        common = {
            "synthetic": not parameters["noise_dir"],
            "split": parameters["split"],
            "remarks": [*_left_out(refused), *division.remarks],
            "twins": [_told(twin, sounds, sources) for twin in shared],
        }
        for side, rows in index.items():
            outputs[side].mkdir(parents=True, exist_ok=True)
            told = {"noise_split": side, **common, "recordings": rows}
            (outputs[side] / "bank.json").write_text(json.dumps(told, indent=1))
        return {side: {"noise_split": side} for side in outputs}


def _options(parameters: Mapping[str, Any]) -> splits.Options:
    return splits.Options(
        parameters["split"],
        parameters["test_share"],
        parameters["guard_s"],
        tuple(parameters["test_environments"]),
        parameters["seed"],
    )


def _compared(parameters: Mapping[str, Any], files: Sequence[Source]) -> tuple[list[splits.Sound], list[Twin]]:
    """Returns what is known of the recordings and what they share; one recording at a time is held whole."""
    sounds: list[splits.Sound] = []

    def waveforms() -> Iterator[np.ndarray]:
        for recording, _ in _recordings(parameters, files, "twins"):
            silence = splits.silence(recording.waveform)
            sounds.append(splits.Sound(recording.environment, recording.name, recording.waveform.size, silence))
            yield recording.waveform

    try:
        found = twins.find(waveforms())
    except AudioError as error:
        raise usable.left_out(error, skip=False) from error
    return sounds, found


def _told(twin: Twin, sounds: Sequence[splits.Sound], sources: Sequence[str]) -> dict[str, Any]:
    """Returns a twin as plain JSON types; recordings are known by the hash of their file, else by their name."""
    names = [sources[number] or sounds[number].name for number in (twin.first, twin.second)]
    return {
        "names": [sounds[number].name for number in (twin.first, twin.second)],
        "recordings": names,
        "start_samples": [twin.first_start, twin.second_start],
        "samples": twin.samples,
        "correlation": round(twin.correlation, 3),
    }


def _sources(parameters: Mapping[str, Any]) -> tuple[list[Source], dict[str, AudioError]]:
    """Returns the recordings that are wanted, and what is wrong with those whose headers cannot be used.

    Each has the SHA-256 that its bytes must have when they are decoded.
    """
    limits = Limits(parameters["longest_s"], parameters["largest_bytes"])
    refused: dict[str, AudioError] = {}
    found = bank.read(
        Path(parameters["noise_dir"]), parameters["channel"], limits, refused if parameters["skip_unusable"] else None
    )
    wanted = bank.environments(found, parameters["environments"])
    chosen = [source for source in found if source.environment in wanted]
    steps = progress.steps(chosen, len(chosen), "recordings", "hashes", quiet=parameters.get("quiet"))
    return [replace(each, audio=replace(each.audio, sha256=hashes.sha256(each.audio.path))) for each in steps], refused


def _heard(parameters: Mapping[str, Any], files: Sequence[Source], refused: dict[str, AudioError]) -> list[Source]:
    """Returns the recordings in which something can be heard, and adds the others to those that are refused."""
    kept = []
    for source in progress.steps(files, len(files), "recordings", "listening", quiet=parameters.get("quiet")):
        try:
            audio.decode(source.audio)
            kept.append(source)
        except AudioError as error:
            refused[source.name] = error
    gone = {source.environment for source in files} - {source.environment for source in kept}
    if gone:
        raise InputError(
            f"{parameters['noise_dir']}: expected recordings of {', '.join(sorted(gone))} that can be used. "
            f"Received: none; {bank.told_refused(refused)}"
        )
    return kept


def _left_out(refused: Mapping[str, AudioError]) -> list[str]:
    return [f"Recordings of noise that cannot be used were {bank.told_refused(refused)}."] if refused else []


def _fingerprint(sources: Sequence[Source]) -> str:
    return hashes.digest([[source.environment, source.name, source.audio.sha256] for source in sources])


def _recordings(
    parameters: Mapping[str, Any], sources: Sequence[Source], title: str
) -> Iterator[tuple[Recording, str]]:
    """Yields each recording, whole, with the SHA-256 of its file; synthetic noise has none."""
    quiet = parameters.get("quiet")
    if not sources:
        wanted = parameters["environments"] or noise.ENVIRONMENTS
        for environment in progress.steps(wanted, len(wanted), "recordings", title, quiet=quiet):
            seed = int(derive_seed(parameters["seed"], environment), 16) % 2**32
            waveform = noise.synthesise(environment, parameters["demo_duration_s"], seed)
            yield Recording(environment, f"demo/{environment}", waveform), ""
        return
    decoded = zip(sources, audio.waveforms([source.audio for source in sources]), strict=True)
    for source, waveform in progress.steps(decoded, len(sources), "recordings", title, quiet=quiet):
        yield Recording(source.environment, source.name, audio.clip(waveform)[0]), source.audio.sha256


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
