"""The launcher: runs the components below some targets, each only if no artifact of its key is there."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasser.util import files
from kerasser.util.errors import InputError, UnfinishedError
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact, File, hash_files, inventory, shown, untouched
from pipelines.engine.component import Channel, Component, canonical
from pipelines.engine.hashes import FileHashes
from pipelines.engine.source_hash import code_hash, package_versions

# Raised when what the key or a record means changes, so that older stores are not misread.
FORMAT = 2

_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@dataclass(frozen=True)
class Event:
    """Something to tell the user.

    Attributes:
        kind: "hit", "run", "resume", "wait" or "done".
        component: Id of the component.
        text: One line.
        seconds: How long the component worked, once it is done.
        outputs: What there is now, after "hit" and "done".
    """

    kind: str
    component: str
    text: str
    seconds: float | None = None
    outputs: Mapping[str, Artifact] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.component}: {self.text}"


def _log(event: Event) -> None:
    logging.getLogger(__name__).info("%s", event)


@dataclass(frozen=True)
class _Surroundings:
    """What is taken once for a whole run: an edit made while it trains must not be blamed on what runs afterwards."""

    packages: Mapping[str, str]
    code: Mapping[Component, str]


class Launcher:
    """Runs components and keeps what they made.

    The store holds artifacts in `<Type>/<key>`, who made them from what in `records/<key>.json`, what is not finished
    in `work/<key>`, `locks/<key>`, and the hashes of files that were read in `hashes.json`. All paths to what is in it
    are relative, so that it can be moved.

    Args:
        store: The folder; made if it is not there.
        on_event: Called with each `Event`; the logger `pipelines.engine.launcher` by default.
        quiet: No progress bars while files are hashed.

    Raises:
        InputError: If the store cannot be made.
    """

    def __init__(self, store: Path | str, *, on_event: Callable[[Event], None] = _log, quiet: bool = True) -> None:
        self.store = Path(store).absolute()
        self._on_event, self._quiet = on_event, quiet
        for folder in ("records", "locks", "work"):
            try:
                (self.store / folder).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{store}: expected a folder to write to. Received: {error.strerror}") from error
        self._hashes = FileHashes(self.store / "hashes.json")

    def run(self, *targets: Channel | Component) -> dict[Component, dict[str, Artifact]]:
        """Makes what the targets need, in order.

        Args:
            *targets: What is wanted; a channel stands for its component.

        Returns:
            For every component that the targets need, and themselves: artifacts by output name.

        Raises:
            InputError: If an executor says that the user must mend something; it leaves nothing behind.
            ValueError: If two components have one id, or an executor leaves an output empty.
        """
        components = _below(targets)
        modules = {each: tuple(sorted({*each.EXECUTOR.modules(each.parameters)})) for each in components}
        code = {names: code_hash(list(names)) for names in set(modules.values())}
        surroundings = _Surroundings(package_versions(), {each: code[names] for each, names in modules.items()})
        records: dict[Component, dict[str, Any]] = {}
        with hashes.remembered_by(self._hashes):
            for component in components:
                records[component] = self._provide(component, self._inputs(component, records), surroundings)
        return {component: self._artifacts(record) for component, record in records.items()}

    def _inputs(self, component: Component, records: Mapping[Component, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Returns what the record says about each input."""
        inputs = {}
        for name, channel in component.inputs.items():
            made = records[channel.component]
            output = made["outputs"][channel.output]
            wanted = {key: output[key] for key in ("type", "uri", "content_hash", "properties")}
            inputs[name] = {**wanted, "producer": made["key"], "output": channel.output}
        return inputs

    def _provide(self, component: Component, inputs: dict[str, Any], surroundings: _Surroundings) -> dict[str, Any]:
        """Returns the record of a component, after running it if there is none that holds."""
        spec, code = component.SPEC, surroundings.code[component]
        artifacts = {name: self._artifact(value) for name, value in inputs.items()}
        fingerprint = component.EXECUTOR.fingerprint(component.parameters)
        material = {
            "format": FORMAT,
            "component": type(component).__name__,
            "inputs": dict(component.EXECUTOR.key_inputs(artifacts, component.parameters)),
            "outputs": {name: [type_.name, type_.volatile] for name, type_ in spec.OUTPUTS.items()},
            "parameters": component.key_parameters,
            "fingerprint": fingerprint,
            "code": code,
            "packages": surroundings.packages,
        }
        key = hashes.digest(material)
        with self._locked(key, component):
            record = self._read(key)
            if record and self._holds(record):
                self._clear(key)
                self._on_event(Event("hit", component.id, "made before", outputs=self._artifacts(record)))
                return record
            if record:
                # In this order: what a publication left is taken up below only where there is no record.
                self._clear(key)
                self._record_path(key).unlink()
            head = {
                "format": FORMAT,
                "key": key,
                "component": {"id": component.id, "class": type(component).__name__},
                "inputs": {
                    name: {fact: value[fact] for fact in value if fact != "properties"}
                    for name, value in inputs.items()
                },
                "parameters": component.key_parameters,
                "runtime_parameters": {
                    name: canonical(component.parameters[name], name) for name in spec.RUNTIME_PARAMETERS
                },
                "packages": dict(surroundings.packages),
                "code_hash": code,
            }
            return self._make(component, artifacts, head, fingerprint)

    def _make(
        self, component: Component, inputs: dict[str, Artifact], head: dict[str, Any], fingerprint: str
    ) -> dict[str, Any]:
        """Runs the executor in the work directory, and publishes."""
        key = head["key"]
        self._take_up(component, key)
        work = self.store / "work" / key
        outputs = {name: work / name for name in component.SPEC.OUTPUTS}
        resumed = work.exists() and any(path.is_file() for path in work.rglob("*"))
        for path in outputs.values():
            path.mkdir(parents=True, exist_ok=True)
        self._on_event(Event("resume" if resumed else "run", component.id, "goes on" if resumed else "starts"))
        started_at, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        executor = component.EXECUTOR()
        try:
            properties = dict(executor.do(inputs, outputs, component.parameters) or {})
            if executor.seen not in (None, fingerprint):
                raise InputError(
                    f"{component.id}: expected the files it reads to stay as they are meanwhile. "
                    "Received: an edit; the same command reads them again"
                )
        except Exception as error:
            damaged = self._damaged(head["inputs"], error)
            # After the user has mended it, what is there was made from something else.
            if damaged or (isinstance(error, InputError) and not isinstance(error, UnfinishedError)):
                shutil.rmtree(work)
            if damaged:
                raise InputError(
                    f"{damaged}: expected the file as it was published. Received: other bytes, so the disk is failing "
                    "or somebody wrote there; the same command makes it again"
                ) from error
            if full := next((reason for reason in _FULL if reason in str(error)), None):
                # TensorFlow's writers raise errors of their own.
                raise UnfinishedError(f"{work}: expected room to write. Received: {full}") from error
            raise
        if unknown := set(properties) - set(outputs):
            raise ValueError(f"{component.id}: expected properties of {sorted(outputs)}. Received: {sorted(unknown)}")
        made = {}
        for name, type_ in component.SPEC.OUTPUTS.items():
            found = inventory(outputs[name], quiet=self._quiet)
            content_hash = hash_files(found, type_.volatile)
            if content_hash == hash_files(()):
                # All such outputs would look alike to what comes after.
                raise ValueError(f"{component.id}.{name}: expected files that are not volatile. Received: none")
            made[name] = {
                "type": type_.name,
                "uri": self._uri(component, key, name),
                "content_hash": content_hash,
                "properties": canonical(properties.get(name, {}), f"{component.id}.{name}"),
                "files": found,
            }
        duration_s = round(time.monotonic() - start, 3)
        record = {**head, "outputs": made, "started_at": started_at, "duration_s": duration_s, "resumed": resumed}
        self._publish(record)
        # A run of hours that is killed later must not leave gigabytes to be read again.
        self._hashes.save()
        artifacts = self._artifacts(record)
        places = ", ".join(shown(artifact.uri) for artifact in artifacts.values())
        self._on_event(Event("done", component.id, f"done in {duration_s:.1f} s: {places}", duration_s, artifacts))
        return record

    def _publish(self, record: Mapping[str, Any]) -> None:
        """Moves finished outputs to their places and writes the record, which makes them valid."""
        work, ready = self._work(record["key"])
        os.rename(work, ready)
        for name, output in record["outputs"].items():
            place = self.store / output["uri"]
            place.parent.mkdir(exist_ok=True)
            if place.exists():
                shutil.rmtree(place)
            os.rename(ready / name, place)
            self._hashes.moved(work / name, place)
        self._write(record)
        shutil.rmtree(ready)

    def _take_up(self, component: Component, key: str) -> None:
        """Brings what a publication cut short had moved back into the work directory; its executor had finished."""
        work, ready = self._work(key)
        if not ready.exists():
            return
        moved = {name: self.store / self._uri(component, key, name) for name in component.SPEC.OUTPUTS}
        moved = {name: place for name, place in moved.items() if not (ready / name).exists()}
        if all(place.is_dir() for place in moved.values()):
            for name, place in moved.items():
                os.rename(place, ready / name)
            os.rename(ready, work)
        else:
            shutil.rmtree(ready)

    @contextmanager
    def _locked(self, key: str, component: Component) -> Iterator[None]:
        """Keeps a second run of the same key waiting; the lock dies with its process, its file stays."""
        with (self.store / "locks" / key).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._on_event(Event("wait", component.id, "another run is making the same; waiting for it"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _holds(self, record: Mapping[str, Any]) -> bool:
        return all(
            untouched(self.store / output["uri"], (File(*file) for file in output["files"]))
            for output in record["outputs"].values()
        )

    def _damaged(self, inputs: Mapping[str, Mapping[str, Any]], error: Exception) -> Path | None:
        """Reads the inputs again after a failure; returns the first file that is not what was published.

        A disk that loses a bit tells no other time. The memory learns what is there now, so the next run makes it anew.
        """
        if isinstance(error, InputError) and str(self.store) not in str(error):
            return None
        for source in inputs.values():
            output = (self._read(source["producer"]) or {"outputs": {}})["outputs"].get(source["output"])
            for file in (File(*each) for each in output["files"]) if output else ():
                path = self.store / output["uri"] / file.path
                if not path.is_file() or self._hashes.read(path) != file.sha256:
                    return path
        return None

    def _read(self, key: str) -> dict[str, Any] | None:
        """Returns the record of a key, None if there is none, or a byte of it is not what was written."""
        record = hashes.read_sealed(self._record_path(key))
        return record if record and record.get("key") == key and record.get("format") == FORMAT else None

    def _write(self, record: Mapping[str, Any]) -> None:
        with files.whole(self._record_path(record["key"])) as part:
            part.write_text(json.dumps(hashes.sealed(record), allow_nan=False), encoding="utf-8")

    def _clear(self, key: str) -> None:
        """Removes what an earlier run of the key left in work."""
        for path in self._work(key):
            shutil.rmtree(path, ignore_errors=True)

    def _work(self, key: str) -> tuple[Path, Path]:
        """Returns where a run works, and where its outputs are once they are all finished."""
        return self.store / "work" / key, self.store / "work" / f"{key}.ready"

    def _record_path(self, key: str) -> Path:
        return self.store / "records" / f"{key}.json"

    def _uri(self, component: Component, key: str, output: str) -> str:
        outputs = component.SPEC.OUTPUTS
        alone = len(outputs) == 1
        return f"{outputs[output].name}/{key[:16]}" + ("" if alone else f"-{output}")

    def _artifacts(self, record: Mapping[str, Any]) -> dict[str, Artifact]:
        return {name: self._artifact(output) for name, output in record["outputs"].items()}

    def _artifact(self, output: Mapping[str, Any]) -> Artifact:
        return Artifact(output["type"], self.store / output["uri"], output["properties"], output["content_hash"])


def _below(targets: Iterable[Channel | Component]) -> list[Component]:
    """Returns the targets' components and all they need, each after its inputs."""
    ordered: dict[Component, None] = {}

    def visit(component: Component) -> None:
        if component not in ordered:
            for channel in component.inputs.values():
                visit(channel.component)
            ordered[component] = None

    for target in targets:
        visit(target.component if isinstance(target, Channel) else target)
    ids: set[str] = set()
    for component in ordered:
        if component.id in ids:
            raise ValueError(
                f"pipeline: expected an id of its own for each component. Received: {component.id!r} twice"
            )
        ids.add(component.id)
    return list(ordered)
