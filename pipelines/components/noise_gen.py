"""NoiseGen: noise at 16 kHz, cut in time into a training and a test bank that share no sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack.draws import derive_seed
from kerasser.demo import noise
from kerasser.noise import bank
from kerasser.noise.bank import Recording, Source
from kerasser.util import progress
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types


class NoiseGenSpec(ComponentSpec):
    """Parameters: where the noise lies and how it is cut. Outputs: the training and the test bank."""

    PARAMETERS = {
        "noise_dir": str,
        "environments": list,
        "channel": int,
        "test_share": float,
        "guard_s": float,
        "demo_duration_s": float,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    OUTPUTS = {"train": types.NOISE, "test": types.NOISE}


class NoiseGenExecutor(Executor):
    """Writes every stretch as 16-bit WAV, and `bank.json` with its source, hash and place in time."""

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with the name, the environment or the bytes of any recording that is wanted."""
        return _fingerprint(_sources(parameters)) if parameters["noise_dir"] else ""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Decodes, cuts and writes every recording."""
        index: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
        sources = _sources(parameters) if parameters["noise_dir"] else []
        self.seen = _fingerprint(sources) if sources else ""
        for number, (recording, source) in enumerate(_recordings(parameters, sources)):
            stretches = bank.split(recording.waveform, recording.name, parameters["test_share"], parameters["guard_s"])
            for noise_split, part in zip(("train", "test"), stretches, strict=True):
                file = f"{recording.environment}/{number:02d}.wav"
                path = outputs[noise_split] / file
                path.parent.mkdir(parents=True, exist_ok=True)
                audio.write(path, recording.waveform[part])
                index[noise_split].append(
                    {
                        "environment": recording.environment,
                        "name": recording.name,
                        "file": file,
                        "source_sha256": source,
                        "start_sample": part.start,
                        "end_sample": part.stop,
                    }
                )
        for noise_split, rows in index.items():
            facts = {"noise_split": noise_split, "synthetic": not parameters["noise_dir"], "recordings": rows}
            (outputs[noise_split] / "bank.json").write_text(json.dumps(facts, indent=1))
        return {noise_split: {"noise_split": noise_split} for noise_split in outputs}


def _sources(parameters: Mapping[str, Any]) -> list[Source]:
    """Returns the recordings that are wanted, each with the SHA-256 that its bytes must have when they are decoded."""
    found = bank.read(Path(parameters["noise_dir"]), parameters["channel"])
    wanted = bank.environments(found, parameters["environments"])
    chosen = [source for source in found if source.environment in wanted]
    steps = progress.steps(chosen, len(chosen), "recordings", "hashes", quiet=parameters.get("quiet"))
    return [replace(each, audio=replace(each.audio, sha256=hashes.sha256(each.audio.path))) for each in steps]


def _fingerprint(sources: Sequence[Source]) -> str:
    return hashes.digest([[source.environment, source.name, source.audio.sha256] for source in sources])


def _recordings(parameters: Mapping[str, Any], sources: Sequence[Source]) -> Iterator[tuple[Recording, str]]:
    """Yields each recording, whole, with the SHA-256 of its file; synthetic noise has none."""
    quiet = parameters.get("quiet")
    if not sources:
        wanted = parameters["environments"] or noise.ENVIRONMENTS
        for environment in progress.steps(wanted, len(wanted), "recordings", "noise", quiet=quiet):
            seed = int(derive_seed(parameters["seed"], environment), 16) % 2**32
            waveform = noise.synthesise(environment, parameters["demo_duration_s"], seed)
            yield Recording(environment, f"demo/{environment}", waveform), ""
        return
    decoded = zip(sources, audio.waveforms([source.audio for source in sources]), strict=True)
    for source, waveform in progress.steps(decoded, len(sources), "recordings", "noise", quiet=quiet):
        yield Recording(source.environment, source.name, audio.clip(waveform)[0]), source.audio.sha256


def load(artifact: Artifact) -> tuple[str, bool, dict[str, list[Recording]]]:
    """Returns a bank's stretch, whether it is synthetic, and environment → recordings."""
    facts = json.loads((artifact.uri / "bank.json").read_text())
    noise: dict[str, list[Recording]] = {}
    files = [audio.probe(artifact.uri / row["file"]) for row in facts["recordings"]]
    for row, waveform in zip(facts["recordings"], audio.waveforms(files), strict=True):
        recording = Recording(row["environment"], row["name"], np.asarray(waveform))
        noise.setdefault(row["environment"], []).append(recording)
    return facts["noise_split"], facts["synthetic"], noise


def stretches(artifact: Artifact) -> dict[str, list[tuple[int, int]]]:
    """Returns recording → its stretches in this bank, in samples: known by the hash of its file, else by its name."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in json.loads((artifact.uri / "bank.json").read_text())["recordings"]:
        found.setdefault(row["source_sha256"] or row["name"], []).append((row["start_sample"], row["end_sample"]))
    return found


class NoiseGen(Component):
    """Cuts environmental noise into a training and a test bank."""

    SPEC = NoiseGenSpec
    EXECUTOR = NoiseGenExecutor
