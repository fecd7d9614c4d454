"""The command line that makes a report again, without saying where anything lies."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from kerasser.defences.gan import CompanionSettings
from pipelines.cli.unused import UNUSED
from pipelines.config import Settings

#: Settings that no figure depends on: where things lie, and how a run is watched.
UNREPORTED = (
    *("corpus_dir", "noise_dir", "test_noise_dir", "output_dir", "logdir"),
    *("workers", "quiet", "log_json", "all_corpora"),
)


# Stands for the place of the user's own room responses.
_ROOMS = "ROOMS_DIR"
# Of a line that a shell reads on with a backslash.
_WIDTH = 90


def reported(name: str, settings: Settings) -> dict[str, Any]:
    """Returns the settings that a figure of a command depends on: not where things lie, nor how they were watched.

    Args:
        name: Of the command, such as "evaluate".
        settings: The run.
    """
    names = [field.name for field in fields(Settings) if field.name not in (*UNREPORTED, *UNUSED[name])]
    kept = {each: value for each, value in asdict(settings).items() if each in names}
    if kept["attack"]["rooms_dir"]:
        kept["attack"]["rooms_dir"] = _ROOMS
    if "defences" in kept:
        kept["defences"]["gan"]["corpora"] = [other["corpus"] for other in kept["defences"]["gan"]["corpora"]]
    return kept


def command_line(name: str, settings: Settings, more: Sequence[tuple[str, str]] = ()) -> str:
    """Returns the command with every setting that is not its default, on as many lines as it takes.

    Words in capitals stand for the folders and files of whoever runs it: paths are private.

    Args:
        name: Of the command, such as "evaluate".
        settings: The run.
        more: Further flags with their values.
    """
    flags: list[tuple[str, str]] = []
    if settings.corpus != Settings.corpus:
        flags.append(("--corpus", settings.corpus))
    if settings.corpus_dir:
        flags.append(("--corpus-dir", _place(settings.corpus)))
    if settings.noise_dir:
        flags.append(("--noise-dir", "NOISE_DIR"))
    if settings.test_noise_dir:
        flags.append(("--test-noise-dir", "TEST_NOISE_DIR"))
    chosen, default = asdict(settings), asdict(Settings())
    if chosen["attack"]["rooms_dir"]:
        chosen["attack"]["rooms_dir"] = _ROOMS
    for field in fields(Settings):
        if field.name not in (*UNREPORTED, *UNUSED[name], "corpus"):
            changed = _changed(chosen[field.name], default[field.name], field.name)
            flags += [(f"--{key}", _spelled(key, value)) for key, value in changed]
    lines = [f"python -m pipelines.{name}"]
    for word in map(shlex.join, [*flags, *more]):
        if len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return " \\\n".join(lines)


def _changed(value: Any, default: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yields the settings that differ from their defaults; a mapping whose keys are not settings is one of them."""
    if isinstance(value, Mapping) and isinstance(default, Mapping):
        for name, each in value.items():
            yield from _changed(each, default[name], f"{key}.{name}")
    elif value != default:
        yield key, value


def _spelled(key: str, value: Any) -> str:
    if key == "defences.gan.corpora":
        value = [_companion(CompanionSettings(**each)) for each in value]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _companion(settings: CompanionSettings) -> dict[str, Any]:
    given = {name: value for name, value in asdict(settings).items() if value is not None}
    return given | ({"corpus_dir": _place(settings.corpus)} if settings.corpus_dir else {})


def _place(corpus: str) -> str:
    """Returns what stands for a corpus' place."""
    name = corpus.upper().replace("-", "_")
    return f"{name}.csv" if corpus == "manifest" else f"{name}_DIR"
