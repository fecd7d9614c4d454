"""Examples on disk: TFRecord shards of one speaker each, written in parallel, resumed after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.audio import AudioFile
from kerasser.corpora import CLASSES
from kerasser.corpora.base import Utterance
from kerasser.features import records
from kerasser.features.base import FrontEnd
from kerasser.util import progress
from kerasser.util.files import whole
from kerasser.util.parallel import ordered_map
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact

Item = tuple[Utterance, AudioFile]
Make = Callable[[np.ndarray, Utterance, str], list[tuple[np.ndarray, dict[str, Any]]]]
_INDEX = "examples.json"


def write(
    directory: Path,
    items: Sequence[Item],
    make: Make,
    front_end: FrontEnd,
    *,
    per_shard: int,
    workers: int,
    quiet: bool,
    bar_title: str,
    each: int = 1,
) -> dict[str, Any]:
    """Writes all examples of some utterances; shards that an earlier run finished are kept.

    Args:
        directory: Where `examples.json` and the shards go.
        items: Utterances with their audio.
        make: From waveform, utterance and name to features and provenance, any number of them.
        front_end: Names and rate of the features.
        per_shard: Most utterances in a shard.
        workers: Threads; 0 takes every core.
        quiet: No progress bar.
        bar_title: What the progress bar says.
        each: Examples that `make` returns.

    Returns:
        Properties of the artifact: `utterances`, and `audio_s`, the seconds of audio in all examples.
    """
    directory.mkdir(parents=True, exist_ok=True)
    shards = _plan(items, per_shard)
    missing = [(name, part) for name, part in shards if not (directory / name).exists()]
    seconds = sum(file.duration_s for _, part in shards for _, file in part)
    left = sum(file.duration_s for _, part in missing for _, file in part)
    with progress.bar(seconds, "s", bar_title, quiet=quiet, initial=seconds - left) as bar:
        heard = seconds - left
        finished = _made([item for _, part in missing for item in part], make, workers)
        for name, part in missing:
            examples = []
            for _, file in part:
                examples += next(finished)
                heard += file.duration_s
                bar.update(round(heard) - bar.n)
            records.write(directory / name, examples)
    index = {
        "features": list(front_end.names),
        "front_end": front_end.name,
        "frame_rate_hz": front_end.frame_rate_hz,
        "classes": list(CLASSES),
        "shards": [
            {"file": name, "speaker": part[0][0].speaker, "utterances": len(part), "examples": len(part) * each}
            for name, part in shards
        ],
    }
    with whole(directory / _INDEX) as part_file:
        part_file.write_text(json.dumps(index, indent=1))
    return {"utterances": len(items), "audio_s": round(seconds * each, 3)}


def _plan(items: Sequence[Item], per_shard: int) -> list[tuple[str, list[Item]]]:
    """Cuts the utterances into shards that hold one speaker each, so that a fold reads its own alone."""
    ordered = sorted(items, key=lambda item: (item[0].speaker, item[0].id))
    parts: list[list[Item]] = []
    for _, group in groupby(ordered, key=lambda item: item[0].speaker):
        mine = list(group)
        parts += [mine[start : start + per_shard] for start in range(0, len(mine), per_shard)]
    return [(f"{number:05d}-of-{len(parts):05d}.tfrecord", part) for number, part in enumerate(parts)]


def _made(items: Sequence[Item], make: Make, workers: int) -> Iterator[list[records.Example]]:
    """Yields each utterance's examples in order."""

    def task(pair: tuple[Item, np.ndarray]) -> list[records.Example]:
        (utterance, file), waveform = pair
        label = CLASSES.index(utterance.valence)
        return [
            records.Example(utterance.id, utterance.speaker, utterance.emotion, label, features, facts)
            for features, facts in make(waveform, utterance, str(file.path))
        ]

    return ordered_map(task, zip(items, audio.waveforms([file for _, file in items]), strict=True), workers)


def files(directory: Path | Sequence[Path], speakers: Iterable[str]) -> list[Path]:
    """Returns the shards of some speakers; the others' are not even opened.

    Args:
        directory: Where they lie; several if each holds some of the speakers.
        speakers: Whose shards are wanted.

    Returns:
        The shards, sorted by speaker, wherever they lie.

    Raises:
        AssertionError: If a speaker has none.
    """
    wanted = frozenset(speakers)
    found = [
        (shard["speaker"], place / shard["file"])
        for place in ([directory] if isinstance(directory, Path) else directory)
        for shard in json.loads((place / _INDEX).read_text())["shards"]
        if shard["speaker"] in wanted
    ]
    if lacking := wanted - {speaker for speaker, _ in found}:
        raise AssertionError(f"no examples of the speakers {sorted(lacking)}")
    return [path for _, path in sorted(found, key=lambda pair: pair[0])]


def digest(artifact: Artifact, speakers: Iterable[str]) -> str:
    """Hashes the shards of some speakers, and what is known of all: names and rate of the features."""
    wanted = frozenset(speakers)
    index = json.loads((artifact.uri / _INDEX).read_text())
    found = [
        (shard["speaker"], hashes.sha256(artifact.uri / shard["file"]))
        for shard in index.pop("shards")
        if shard["speaker"] in wanted
    ]
    return hashes.digest([index, found])


def count(directory: Path, speakers: Iterable[str]) -> int:
    """Returns how many examples some speakers have."""
    wanted = frozenset(speakers)
    shards = json.loads((directory / _INDEX).read_text())["shards"]
    return sum(shard["examples"] for shard in shards if shard["speaker"] in wanted)


def front_end(directory: Path) -> dict[str, Any]:
    """Returns `front_end`, the name of what took the features, and `frame_rate_hz`."""
    index = json.loads((directory / _INDEX).read_text())
    return {name: index[name] for name in ("front_end", "frame_rate_hz")}


def features(directory: Path) -> list[str]:
    """Returns the names of the features, in order."""
    return json.loads((directory / _INDEX).read_text())["features"]
