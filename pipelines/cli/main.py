"""What all commands share: flags and YAML from `Settings`, and errors of one line."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from argparse import Action
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, get_type_hints

import docstring_parser
from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace, set_parsing_settings

from kerasser.util.errors import InputError
from pipelines.cli import renamed
from pipelines.cli.config_files import ConfigFile, names, reworded
from pipelines.cli.unused import UNUSED
from pipelines.engine.run_log import Journal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from pipelines.config import Settings

AnySettings = TypeVar("AnySettings", bound="DataclassInstance")

_USERS_TO_MEND = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)

# What jsonargparse says of a group within a group.
_ABOUT_GROUPS = "Path to a configuration file."
# The sentence below each setting is its help.
set_parsing_settings(docstring_parse_attribute_docstrings=True)


def idle(name: str, action: Action) -> bool:
    """Returns whether a command accepts a flag and makes nothing of it."""
    return action.dest.partition(".")[0] in UNUSED.get(name, ())


class _Help(DefaultHelpFormatter):
    def add_argument(self, action: Action) -> None:
        # Suppressed, they would be missing from what --print-config prints.
        if not idle(self._prog.rpartition(".")[2], action):
            super().add_argument(action)

    def _get_type_str(self, action: Any) -> str | None:
        kind = super()._get_type_str(action)
        if not kind or kind.startswith("Literal["):
            # The choices are in front already.
            return None
        # As jsonargparse spells the shorter ones, and YAML the values.
        kind = re.sub(r"^Optional\[(.*)\]$", r"\1 | null", kind)
        return re.sub(r"Literal\[(.*?)\]", lambda found: found[1].replace("'", "").replace(", ", " | "), kind)


class _Parser(ArgumentParser):
    settings: type

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says what is wrong in one line; jsonargparse would print the usage as well."""
        raise InputError(reworded(str(message), self)) from ex


def parse(name: str, description: str, arguments: Sequence[str], settings: type[AnySettings]) -> AnySettings:
    """Reads flags and `--config` files into settings, a dataclass; a field without a default has no flag.

    Raises:
        InputError: If a flag, key or value is wrong.
    """
    parser, groups = build(name, description, settings)
    values = parser.parse_args(renamed.flags(arguments))
    for group in groups:
        if not isinstance(values[group], Namespace):
            raise InputError(f"{group}: expected settings, as in --{group}.NAME VALUE. Received: {values[group]!r}")
    instances = parser.instantiate(values)
    made: dict[str, Any] = {group: instances[group] for group in groups}
    scalars = {field.name: values[field.name] for field in fields(settings) if field.name not in made}
    return settings(**scalars, **made)


def build(
    name: str, description: str, settings: type[AnySettings], idle_too: bool = True
) -> tuple[ArgumentParser, list[str]]:
    """Returns the parser of a command, and the names of its groups of settings.

    Args:
        name: Of the command, such as "evaluate".
        description: What it does.
        settings: The dataclass whose fields are its flags.
        idle_too: Whether it accepts the flags that it makes nothing of.
    """
    hints, groups = get_type_hints(settings), []
    documented = descriptions(settings)
    wanted = [field for field in fields(settings) if field.default is field.default_factory is MISSING]
    asked = "".join(f" {field.name.upper()}" if hints[field.name] is str else " FILE …" for field in wanted)
    parser = _Parser(
        prog=f"python -m pipelines.{name}",
        description=description,
        print_config="--print-config",
        usage=f"python -m pipelines.{name} [--config FILE] [--NAME VALUE …]{asked}",
        formatter_class=_Help,
        # A mistyped flag must not silently mean another.
        allow_abbrev=False,
    )
    parser.settings = settings
    packaged = f", or the bare name of one that comes with kerasser: {', '.join(names())}" if "corpus" in hints else ""
    config = parser.add_argument(
        "--config",
        action=ConfigFile,
        metavar="FILE",
        help=f"YAML file with any of the settings below{packaged}. Flags behind it come on top.",
    )
    # Functions of the script in completion.py.
    config.complete = dict.fromkeys(("bash", "zsh"), "_kerasser_config")
    for field in fields(settings):
        if not idle_too and field.name in UNUSED.get(name, ()):
            continue
        if is_dataclass(hints[field.name]):
            parser.add_class_arguments(hints[field.name], field.name)
            groups.append(field.name)
            continue
        if field in wanted:
            one = hints[field.name] is str
            kind: dict[str, Any] = {"metavar": field.name.upper()} if one else {"nargs": "+", "metavar": "FILE"}
            parser.add_argument(field.name, type=str, help=documented[field.name], **kind)
            continue
        flag = "--" + field.name.replace("_", "-")
        default = field.default if field.default_factory is MISSING else field.default_factory()
        kind = {"action": "store_true"} if hints[field.name] is bool else {"type": hints[field.name]}
        if "nargs" in field.metadata:
            # Listed as a shell lists them.
            metavar = field.metadata.get("metavar", "FILE")
            kind = {"nargs": field.metadata["nargs"], "type": str, "metavar": metavar}
        parser.add_argument(flag, default=default, help=documented[field.name], **kind)
    if unused := UNUSED.get(name, ()):
        flags = ", ".join("--" + each.replace("_", "-") + (".*" if each in groups else "") for each in sorted(unused))
        parser.epilog = f"Accepted too, so that one file serves all commands, and without effect here: {flags}."
    for action in parser._actions:
        # The library's own words fit no setting of ours.
        if action.dest in groups or action.help == _ABOUT_GROUPS:
            action.metavar, action.help = "FILE", f"YAML file with the settings of {action.dest} alone."
        elif action.dest == "print_config":
            action.metavar, action.help = "", "Print all settings as YAML, for --config, and exit."
    return parser, groups


def descriptions(settings: type) -> dict[str, str]:
    """Returns the sentence below each setting, by name; those of the settings it extends too."""
    documented = [item for part in settings.__mro__[:-1] for item in docstring_parser.parse_from_object(part).params]
    return {item.arg_name: item.description or "" for item in reversed(documented)}


def main(
    name: str,
    description: str,
    run: Callable[[AnySettings], None],
    arguments: Sequence[str] | None = None,
    settings: type[AnySettings] | None = None,
) -> None:
    """Runs a command: status 0, or 2 and one line on standard error for something the user can mend."""
    try:
        # Those of a run need SciPy and more, which a command with settings of its own need not have.
        wanted: Any = import_module("pipelines.config").Settings if settings is None else settings
        chosen: Any = parse(name, description, sys.argv[1:] if arguments is None else arguments, wanted)
        journal = Journal(name, quiet=chosen.quiet, log_json=chosen.log_json)
    except InputError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    # TensorFlow is loaded by the components, after this: its start-up chatter helps nobody, nor does the
    # resampler's, which makes tf.data warn about speed once per pipeline.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with journal:
        _run(name, run, chosen, journal)


def _run(name: str, run: Callable[[AnySettings], None], chosen: AnySettings, journal: Journal) -> None:
    """Runs a command; what the user can mend ends it with one line, in the journal too."""

    def end(message: str, status: int) -> NoReturn:
        journal.error(message, status)
        print(f"{name}: {message}", file=sys.stderr)
        raise SystemExit(status) from None

    try:
        if hasattr(chosen, "noise") and "noise" not in UNUSED.get(name, ()):
            # Not before, and not for a look at a corpus: it needs SciPy, whose loading takes as long.
            from pipelines.validation import validate

            validate(name, cast("Settings", chosen))
        run(chosen)
    except InputError as error:
        end(" ".join(str(error).split()), 2)
    except BrokenPipeError:
        # Whoever read has had enough, as `head` has: what is left in the buffer must not be written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        journal.error("standard output was closed", 141)
        raise SystemExit(141) from None
    except OSError as error:
        if error.errno not in _USERS_TO_MEND:
            raise
        end(f"{error.filename or 'output'}: {error.strerror}", 2)
    except KeyboardInterrupt:
        end("interrupted; the same command goes on from here", 130)
