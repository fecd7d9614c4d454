"""`kerasser NAME …`, or `python -m pipelines NAME …`: every command, by its name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import kerasser
from pipelines.cli import main as cli
from pipelines.cli.commands import COMMANDS
from pipelines.cli.config_files import perhaps

_NAMES = (*COMMANDS, "completion")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command that the first argument names, as `python -m pipelines.NAME` does.

    Args:
        arguments: The name, and what the command is given; those of the process by default.

    Raises:
        SystemExit: With status 2 for an unknown name, else with that of the command.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(kerasser.__version__)
        return
    if not given or given[0] in ("-h", "--help"):
        print(_help())
        return
    # As shells' users write it.
    name = given[0].replace("-", "_")
    if name not in _NAMES:
        near = perhaps(name.rpartition(".")[2], _NAMES)
        print(f"kerasser: expected one of {', '.join(_NAMES)}{near}. Received: {given[0]!r}", file=sys.stderr)
        raise SystemExit(2)
    module = _module(name)
    settings = COMMANDS.get(name) or module.CompletionSettings
    # `lineage.lineage` is what a program calls.
    function = module.show if name == "lineage" else getattr(module, name)
    cli.main(name, module.DESCRIPTION, function, given[1:], settings)


def _module(name: str) -> ModuleType:
    return import_module(f"pipelines.cli.{name}" if name == "completion" else f"pipelines.{name}")


def _help() -> str:
    width = max(map(len, _NAMES))
    listed = "\n".join(f"  {name:{width}}  {_module(name).DESCRIPTION}" for name in _NAMES)
    return (
        "usage: kerasser [--version] COMMAND [--help] [--config FILE] [--NAME VALUE …]\n\n"
        f"{kerasser.__doc__.splitlines()[0]}\n\ncommands:\n{listed}"
    )


if __name__ == "__main__":
    main()
