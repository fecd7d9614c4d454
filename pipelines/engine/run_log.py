"""What a command tells while it works: lines on standard error, and JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from kerasser import __version__
from kerasser.util.errors import InputError
from pipelines.engine.launcher import Event

#: Said before the longest silence there is.
LOADING = "loading TensorFlow"

_CURRENT: ContextVar[Journal | None] = ContextVar("journal", default=None)


@dataclass(frozen=True)
class _Work:
    """Seconds of audio in an artifact, and seconds of work that made it; None if that is not known of this run."""

    audio_s: float
    work_s: float | None
    cached: bool


class Journal:
    """Tells people and machines what a command does.

    As a context manager it is the one that `current` returns, and it notes the command's start and end.

    Args:
        command: Name of the command.
        quiet: Nothing on standard error.
        log_json: File to which one JSON object a line is appended, or None.

    Raises:
        InputError: If the file cannot be written.
    """

    def __init__(self, command: str, *, quiet: bool = False, log_json: str | None = None) -> None:
        self._command, self._quiet = command, quiet
        self._start = time.monotonic()
        self._work: dict[Path, _Work] = {}
        self._resumed: set[str] = set()
        self._paths: list[str] = []
        self._warned: set[str] = set()
        self.status = 0
        try:
            # Line by line, so that whoever follows the file sees an event when it happens.
            self._file = Path(log_json).expanduser().open("a", buffering=1, encoding="utf-8") if log_json else None
        except OSError as error:
            raise InputError(f"log_json: expected a file to write to. Received: {log_json}, {error.strerror}") from None

    def __enter__(self) -> Journal:
        self._token = _CURRENT.set(self)
        self._log("start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _CURRENT.reset(self._token)
        if error is not None and not isinstance(error, SystemExit):
            self.error(f"{type(error).__name__}: {error}", 1)
        self._log("end", status=self.status, seconds=round(self._seconds(), 3), paths=self._paths)
        if self._file:
            self._file.close()

    def say(self, text: str) -> None:
        """Prints a line on standard error, unless the command is quiet."""
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Prints a line that must not be missed on standard error, be the command quiet; a line is printed once."""
        if text not in self._warned:
            self._warned.add(text)
            print(f"warning: {text}", file=sys.stderr, flush=True)
            self._log("warning", message=text)

    def event(self, event: Event) -> None:
        """Tells what the launcher does."""
        self.say(str(event))
        paths = {name: str(artifact.uri) for name, artifact in event.outputs.items()}
        self._log(event.kind, component=event.component, seconds=event.seconds, paths=paths or None)
        if event.kind == "resume":
            self._resumed.add(event.component)
        work_s = None if event.component in self._resumed else event.seconds
        for artifact in event.outputs.values():
            audio_s = artifact.properties.get("audio_s")
            # Clean speech is described, not attacked.
            if audio_s is None or artifact.properties.get("noise") == "none" or artifact.uri in self._work:
                continue
            self._work[artifact.uri] = _Work(audio_s, work_s, event.kind == "hit")

    def error(self, message: str, status: int) -> None:
        """Notes why the command ends early; printing it is the command's."""
        self.status = status
        self._log("error", message=message)

    def finish(self, *paths: Path | str) -> None:
        """Says how long it took, and prints where the result is on standard output."""
        self.say(self.summary())
        for path in paths:
            self._paths.append(str(path))
            print(path)

    def summary(self) -> str:
        """Returns the seconds of speech that were attacked, how fast, and the wall time."""
        cached = sum(each.audio_s for each in self._work.values() if each.cached)
        made = [each for each in self._work.values() if not each.cached]
        # What an earlier run had begun took longer than this one knows.
        timed = [(each.audio_s, each.work_s) for each in made if each.work_s]
        parts = []
        if made:
            seconds, work_s = (sum(column) for column in zip(*timed, strict=True)) if timed else (0.0, 0.0)
            rate = f" at {seconds / work_s:,.3g} s/s" if timed else ""
            parts.append(f"attacked {sum(each.audio_s for each in made):,.0f} s of speech{rate}")
        if cached:
            parts.append(f"{cached:,.0f} s of attacked speech came from the cache")
        return "; ".join([*parts, f"{spelled(self._seconds())} in all"])

    def _seconds(self) -> float:
        return time.monotonic() - self._start

    def _log(self, event: str, **facts: Any) -> None:
        if self._file:
            head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "command": self._command}
            known = {name: value for name, value in facts.items() if value is not None}
            line = {**head, "version": __version__, "event": event, **known}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def current(quiet: bool = False) -> Journal:
    """Returns the journal of the command that runs; without one, a journal that only prints."""
    return _CURRENT.get() or Journal("", quiet=quiet)


def spelled(seconds: float) -> str:
    """Returns a duration in words, as 12 min 31 s."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
