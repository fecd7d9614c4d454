"""What all commands share: flags and YAML from `Settings`, and errors of one line."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_type_hints

import docstring_parser
from jsonargparse import ActionConfigFile, ArgumentParser, set_parsing_settings

from kerasser.errors import InputError
from pipelines.config import Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

AnySettings = TypeVar("AnySettings", bound="DataclassInstance")

_USERS_TO_MEND = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)

# The sentence below each setting is its help.
set_parsing_settings(docstring_parse_attribute_docstrings=True)


class _Parser(ArgumentParser):
    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says what is wrong in one line; jsonargparse would print the usage as well."""
        raise InputError(" ".join(str(message).split())) from ex


def parse(name: str, description: str, arguments: Sequence[str], settings: type[AnySettings]) -> AnySettings:
    """Reads flags and `--config` files into settings, a dataclass; a field without a default has no flag.

    Raises:
        InputError: If a flag, key or value is wrong.
    """
    parser = _Parser(prog=f"python -m pipelines.{name}", description=description, print_config="--print-config")
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file with any of the settings below.")
    hints, groups = get_type_hints(settings), []
    documented = _descriptions(settings)
    for field in fields(settings):
        if is_dataclass(hints[field.name]):
            parser.add_class_arguments(hints[field.name], field.name)
            groups.append(field.name)
            continue
        if field.default is MISSING and field.default_factory is MISSING:
            parser.add_argument(field.name, nargs="+", metavar="FILE", help=documented[field.name])
            continue
        flag = "--" + field.name.replace("_", "-")
        default = field.default if field.default_factory is MISSING else field.default_factory()
        kind: dict[str, Any] = {"action": "store_true"} if hints[field.name] is bool else {"type": hints[field.name]}
        if "nargs" in field.metadata:
            # Files, listed as a shell lists them.
            kind = {"nargs": field.metadata["nargs"], "type": str, "metavar": "FILE"}
        parser.add_argument(flag, default=default, help=documented[field.name], **kind)
    values = parser.parse_args(list(arguments))
    instances = parser.instantiate(values)
    made: dict[str, Any] = {group: instances[group] for group in groups}
    scalars = {field.name: values[field.name] for field in fields(settings) if field.name not in made}
    return settings(**scalars, **made)


def _descriptions(settings: type) -> dict[str, str]:
    """Returns the sentence below each setting, by name; those of the settings it extends too."""
    documented = [item for part in settings.__mro__[:-1] for item in docstring_parser.parse_from_object(part).params]
    return {item.arg_name: item.description or "" for item in reversed(documented)}


def main(
    name: str,
    description: str,
    run: Callable[[AnySettings], None],
    arguments: Sequence[str] | None = None,
    settings: type[AnySettings] = Settings,  # type: ignore[assignment]
) -> None:
    """Runs a command: status 0, or 2 and one line on standard error for something the user can mend."""
    try:
        chosen = parse(name, description, sys.argv[1:] if arguments is None else arguments, settings)
        # TensorFlow is loaded by the components, after this: its start-up chatter helps nobody, nor does the
        # resampler's, which makes tf.data warn about speed once per pipeline.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        run(chosen)
    except InputError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        # Whoever read has had enough, as `head` has: what is left in the buffer must not be written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        if error.errno not in _USERS_TO_MEND:
            raise
        print(f"{name}: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
