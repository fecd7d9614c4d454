"""YAML files of settings: where they are, and whether they hold known names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from jsonargparse import ActionConfigFile, ArgumentParser

from kerasser.util.errors import InputError
from pipelines.cli import renamed

#: Files that come with kerasser, known by their bare names.
PACKAGED = Path(__file__).parents[1] / "configs"
# What jsonargparse says of a wrong value, and how we say it.
_WORDS = (
    (r"Expected a typing\.Literal\[(.*?)\]\. Got value: (.*)", r"expected one of \1. Received: \2"),
    (r"Expected a <class '(\w+)'>\. Got value: (.*)", r"expected a \1. Received: \2"),
)


class ConfigFile(ActionConfigFile):
    """`--config`: a path, the bare name of a packaged file, or settings in braces."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: str | None = None) -> None:
        """Checks every name, and lets jsonargparse check the values.

        Raises:
            InputError: If there is no such file, or what it holds cannot be used; the file and the key are named.
        """
        if str(values).lstrip().startswith("{"):
            where, text = "--config", values
        else:
            place = find(values)
            where, text = str(place), _text(place)
        given = _mapping(text, where)
        content = renamed.content(given)
        if content != given:
            text = yaml.safe_dump(content)
        check(content, parser.settings, where)
        # --print-config writes null for what must be given without a flag; that takes nothing back.
        needed = {field.name for field in fields(parser.settings) if field.default is field.default_factory is MISSING}
        if absent := [name for name in needed if name in content and content[name] is None]:
            content = {name: value for name, value in content.items() if name not in absent}
            text = yaml.safe_dump(content)
        if not content:
            return
        try:
            super().__call__(parser, cfg, text, option_string)
            # Alone, so that a wrong value is found while its file is known.
            parser.parse_object(content, defaults=True, _skip_required=True)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        except TypeError as error:
            raise InputError(f"{where}: {reworded(str(error), parser)}") from None


def names() -> list[str]:
    """Returns the bare names of the packaged files."""
    return sorted(path.stem for path in PACKAGED.glob("*.yaml"))


def find(name: str) -> Path:
    """Returns the file that is meant.

    Args:
        name: A path, or the bare name of a packaged file; a file in the working directory comes first.

    Raises:
        InputError: If there is none.
    """
    if Path(name).expanduser().is_file():
        return Path(name).expanduser()
    known = names()
    if name in known:
        return PACKAGED / f"{name}.yaml"
    if re.fullmatch(r"[\w-]+", name):
        listed = f"one of {', '.join(known)}{perhaps(name, known)}; or the path of a YAML file"
        raise InputError(f"--config: expected {listed}. Received: {name!r}")
    received = "a folder" if Path(name).is_dir() else "nothing"
    raise InputError(f"{name}: expected a YAML file of settings. Received: {received}")


def check(content: Mapping[str, Any], settings: type, where: str, above: str = "") -> None:
    """Refuses names that no setting has.

    Args:
        content: What a file holds.
        settings: The dataclass whose fields are the names.
        where: The file.
        above: Names of the groups around, each with its dot.

    Raises:
        InputError: At the first unknown name, or where a group holds no settings.
    """
    hints = get_type_hints(settings)
    known = [field.name for field in fields(settings)]
    for key, value in content.items():
        name = f"{above}{key}"
        if key not in known:
            raise InputError(f"{where}: {name}: expected a known setting{perhaps(str(key), known)}. Received: {key!r}")
        kind = hints[key]
        if kind is bool and not isinstance(value, bool):
            raise InputError(f"{where}: {name}: expected true or false. Received: {value!r}")
        inner = next((each for each in (kind, *get_args(kind)) if is_dataclass(each)), None)
        if not isinstance(inner, type):
            continue
        if (inner is kind) != isinstance(value, Mapping) or not isinstance(value, list | Mapping):
            wanted = "settings below it" if inner is kind else "a list"
            raise InputError(f"{where}: {name}: expected {wanted}. Received: {value!r}")
        for number, each in enumerate([value] if inner is kind else value):
            place = name if inner is kind else f"{name}[{number}]"
            if not isinstance(each, Mapping):
                raise InputError(f"{where}: {place}: expected settings below it. Received: {each!r}")
            check(each, inner, where, f"{place}.")


def perhaps(name: str, known: Iterable[str]) -> str:
    """Returns ", perhaps " and the known name that is nearest; nothing if none is near.

    Args:
        name: What was written.
        known: Names; of one with dots, the last part is compared as well.
    """
    names = {each.lstrip("-"): each for each in known}
    tails = {each.rpartition(".")[2]: names[each] for each in reversed(names)}
    names = {**tails, **names}
    found = get_close_matches(name.lstrip("-"), names, 1)
    return f", perhaps {names[found[0]]}" if found else ""


def reworded(message: str, parser: ArgumentParser) -> str:
    """Turns a message of jsonargparse into one line in our words, with the nearest known name."""
    message = " ".join(message.split())
    flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]
    if found := re.match(r"unrecognized arguments: (.*)", message):
        unknown = next((each.partition("=")[0] for each in found[1].split() if each.startswith("-")), None)
        if unknown is None:
            return f"expected flags, each with its value. Received: {found[1]}"
        return f"{unknown}: expected a flag that --help lists{perhaps(unknown, flags)}. Received: an unknown one"
    message = re.sub(r'Parser key "([^"]*)": *', r"\1: ", message).removeprefix("config: ")
    for words, ours in _WORDS:
        message = re.sub(words, ours, message)
    if found := re.search(r"[Oo]ption '([\w.-]+)'(?: is not accepted)?$", message):
        head = f"{message.partition(':')[0]}: " if re.match(r"[\w.]+:", message) else ""
        names = [flag.lstrip("-") for flag in flags]
        return f"{head}expected a known setting{perhaps(found[1], names)}. Received: {found[1]!r}"
    return message


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise InputError(f"{place}: expected a YAML file of settings. Received: {reason}") from None


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: expected YAML. Received: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{where}: expected names of settings with their values. Received: {type(content).__name__}")
    return content
