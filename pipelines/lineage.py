"""Where an artifact comes from: `python -m pipelines.lineage ARTIFACT` prints the chain up to its roots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasser.util.errors import InputError
from pipelines.cli import main as cli
from pipelines.engine.hashes import read_sealed

DESCRIPTION = "Prints where an artifact comes from: who made it from what, up to the corpus and the noise."

_WIDTH = 100


def lineage(path: Path | str) -> dict[str, Any]:
    """Reads who made an artifact, from what.

    Args:
        path: The directory of an artifact in a store, or anything in it.

    Returns:
        The record of the component that made it, without its list of files, and with these keys changed or added:
        `output`, the name of the output it is; `inputs`, for each input name a dict of the same form. There, `changed`
        tells that the input has been made again since, with another content, and `missing` that its record is gone.

    Raises:
        InputError: If there is no such file, no store around it, or no record of it.
    """
    place = Path(path).resolve()
    if not place.exists():
        raise InputError(f"{path}: expected an artifact, or a file in one. Received: a path that does not exist")
    store = next((folder for folder in place.parents if (folder / "records").is_dir()), None)
    if store is None:
        raise InputError(f"{path}: expected a path inside a store, a folder that holds records/. Received: no store")
    uri = "/".join(place.relative_to(store).parts[:2])
    # The name of an artifact's directory begins as its key does.
    for file in sorted((store / "records").glob(f"{Path(uri).name[:16]}*.json")):
        record = _read(file)
        for name, output in (record or {"outputs": {}})["outputs"].items():
            if output["uri"] == uri:
                return _node(store, file.stem, name, None, {})
    raise InputError(
        f"{path}: expected an artifact with a record. Received: {uri}, which has none in {store / 'records'}"
    )


def ancestors(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lists what `lineage` found above an artifact, each once, an artifact after all that it was made from."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for source in node["inputs"].values():
        for ancestor in [*ancestors(source), source]:
            found.setdefault((ancestor["key"], ancestor["output"]), ancestor)
    return list(found.values())


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    record = read_sealed(file)
    if record is None:
        raise InputError(f"{file}: expected a record as it was written. Received: a damaged one")
    return record


def _node(
    store: Path, key: str, output: str, content: str | None, known: dict[tuple, dict[str, Any]]
) -> dict[str, Any]:
    """Reads the record of a key and, once each, of all it was made from."""
    if (key, output, content) in known:
        return known[key, output, content]
    node = known[key, output, content] = {"key": key, "output": output, "inputs": {}}
    record = _read(store / "records" / f"{key}.json")
    if record is None or output not in record["outputs"]:
        node["missing"] = True
        return node
    outputs = {name: {k: v for k, v in made.items() if k != "files"} for name, made in record["outputs"].items()}
    node.update(record, output=output, outputs=outputs)
    node["changed"] = content not in (None, outputs[output]["content_hash"])
    node["inputs"] = {
        name: _node(store, source["producer"], source["output"], source["content_hash"], known)
        for name, source in record["inputs"].items()
    }
    return node


def _tree(
    node: Mapping[str, Any], full: bool, label: str = "", depth: int = 0, shown: set | None = None
) -> Iterator[str]:
    """Yields the lines of an indented tree; what is made of the same twice is written out once."""
    shown = set() if shown is None else shown
    indent, name = "  " * depth, f"{label} ← " if label else ""
    if node.get("missing"):
        yield f"{indent}{name}{node['key'][:12]}: its record is gone"
        return
    made = node["outputs"][node["output"]]
    head = f"{indent}{name}{made['type']} {made['content_hash'][:12]} by {node['component']['id']}"
    if node["component"]["class"] != node["component"]["id"]:
        head += f" ({node['component']['class']})"
    if node["key"] in shown:
        yield f"{head}, as above"
        return
    shown.add(node["key"])
    changed = ", made again since with another content" if node["changed"] else ""
    yield f"{head}, key {node['key'][:12]}, {node['started_at']}, {node['duration_s']} s{changed}"
    values = {**node["parameters"], **(node["runtime_parameters"] if full else {})}
    pairs = (f"{name}={json.dumps(value)}" for name, value in values.items() if full or value not in (None, "", [], {}))
    line = " ".join(pairs)
    if line:
        yield f"{indent}  {line if full or len(line) <= _WIDTH else line[: _WIDTH - 1] + '…'}"
    for name, source in node["inputs"].items():
        yield from _tree(source, full, name, depth + 1, shown)


@dataclass(frozen=True)
class LineageSettings:
    """A question about an artifact."""

    artifact: str
    """Directory of an artifact, or a file in it."""
    output_dir: str | None = None
    """Where commands wrote, to name ARTIFACT from."""
    full: bool = False
    """All parameters, at full length."""
    json: bool = False
    """Everything, as JSON."""
    quiet: bool = False
    """Nothing on standard error but errors."""
    log_json: str | None = None
    """File that gets a line of JSON for the start and the end; /dev/stderr is one."""


def show(settings: LineageSettings) -> None:
    """Prints a lineage."""
    wanted, output = Path(settings.artifact), settings.output_dir
    places = [Path(), Path(output), Path(output) / "artifacts"] if output else [Path()]
    found = lineage(next((place / wanted for place in places if (place / wanted).exists()), wanted))
    print(json.dumps(found, indent=1) if settings.json else "\n".join(_tree(found, settings.full)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a lineage: status 0, or 2 and one line on standard error."""
    cli.main("lineage", DESCRIPTION, show, arguments, LineageSettings)


if __name__ == "__main__":
    main()
