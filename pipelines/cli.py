"""What all commands share: flags and YAML from `Settings`, and errors of one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, get_type_hints

import docstring_parser
from jsonargparse import ActionConfigFile, ArgumentParser, set_parsing_settings

from kerasser.errors import InputError
from pipelines.config import Settings

_USERS_TO_MEND = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)

# The sentence below each setting is its help.
set_parsing_settings(docstring_parse_attribute_docstrings=True)


class _Parser(ArgumentParser):
    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Says what is wrong in one line; jsonargparse would print the usage as well."""
        raise InputError(" ".join(str(message).split())) from ex


def parse(name: str, description: str, arguments: Sequence[str]) -> Settings:
    """Reads flags and `--config` files into `Settings`.

    Raises:
        InputError: If a flag, key or value is wrong.
    """
    parser = _Parser(prog=f"python -m pipelines.{name}", description=description, print_config="--print-config")
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file with any of the settings below.")
    hints, defaults, groups = get_type_hints(Settings), Settings(), []
    documented = _descriptions()
    for field in fields(Settings):
        if is_dataclass(hints[field.name]):
            parser.add_class_arguments(hints[field.name], field.name)
            groups.append(field.name)
            continue
        flag = "--" + field.name.replace("_", "-")
        boolean = {"action": "store_true"} if hints[field.name] is bool else {"type": hints[field.name]}
        parser.add_argument(flag, default=getattr(defaults, field.name), help=documented[field.name], **boolean)
    values = parser.parse_args(list(arguments))
    instances = parser.instantiate(values)
    made: dict[str, Any] = {group: instances[group] for group in groups}
    scalars = {field.name: values[field.name] for field in fields(Settings) if field.name not in made}
    return Settings(**scalars, **made)


def _descriptions() -> dict[str, str]:
    """Returns the sentence below each setting, by name."""
    return {item.arg_name: item.description or "" for item in docstring_parser.parse_from_object(Settings).params}


def main(name: str, description: str, run: Callable[[Settings], None], arguments: Sequence[str] | None = None) -> None:
    """Runs a command: status 0, or 2 and one line on standard error for something the user can mend."""
    try:
        settings = parse(name, description, sys.argv[1:] if arguments is None else arguments)
        # TensorFlow is loaded by the components, after this: its start-up chatter helps nobody.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        run(settings)
    except InputError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno not in _USERS_TO_MEND:
            raise
        print(f"{name}: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
