"""`python -m pipelines.cli.completion bash`: a script that completes commands, flags and values on Tab.

shtab and argcomplete complete a program by its name; these commands are modules, all of one program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from kerasser.util.errors import InputError
from pipelines.cli.commands import COMMANDS
from pipelines.cli.config_files import names, perhaps
from pipelines.cli.main import build, idle, main

DESCRIPTION = (
    'Prints the completion of all commands for a shell, as in: eval "$(python -m pipelines.cli.completion bash)"'
)

# zsh runs the same function, once it knows bash's builtins.
_BEFORE = {
    "bash": "",
    "zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
    "autoload -Uz bashcompinit && bashcompinit\n",
}
_SCRIPT = """{before}_kerasser() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" flag="${{COMP_WORDS[COMP_CWORD-1]}}" command="" words="" place
  COMPREPLY=()
  # bash takes --flag=value for three words.
  if [[ "$current" == "=" ]]; then current=""; elif [[ "$flag" == "=" ]]; then flag="${{COMP_WORDS[COMP_CWORD-2]}}"; fi
  case "${{COMP_WORDS[0]}}" in
    */listening_test) command=pipelines.listening_test ;;
    */demo) command=pipelines.evaluate ;;
    kerasser | */kerasser)
      if ((COMP_CWORD == 1)); then words="{commands}"; else command="pipelines.${{COMP_WORDS[1]//-/_}}"; fi ;;
  esac
  for ((place = 1; place < COMP_CWORD; place++)); do
    if [[ "${{COMP_WORDS[place]}}" == "-m" ]]; then command="${{COMP_WORDS[place+1]}}"; break; fi
  done
  if [[ "$flag" == "-m" ]]; then
    words="{modules}"
  elif [[ "$command" == pipelines.* ]]; then
    case "$flag" in
{values}
    esac
    if [[ -z "$words" && "$current" == -* ]]; then
      case "$command" in
{flags}
      esac
    fi
  fi
  # Without words, the shell completes the names of files.
  if [[ -n "$words" ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
  if [[ "$flag" == "--config" ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}}
complete -o bashdefault -o default -F _kerasser python python3 kerasser tools/demo tools/listening_test
"""


@dataclass(frozen=True)
class CompletionSettings:
    """What is printed."""

    shell: str
    """bash or zsh."""
    quiet: bool = False
    """Nothing on standard error but errors."""
    log_json: str | None = None
    """File that gets a line of JSON for the start and the end; /dev/stderr is one."""


def completion(settings: CompletionSettings) -> None:
    """Prints the script.

    Raises:
        InputError: If the shell is another.
    """
    if settings.shell not in _BEFORE:
        near = perhaps(settings.shell, _BEFORE)
        raise InputError(f"shell: expected one of {', '.join(_BEFORE)}{near}. Received: {settings.shell!r}")
    values, flags = {"--config": names()}, {}
    for name, kind in COMMANDS.items():
        parser, _ = build(name, "", kind)
        # Those with a + append to a list, and are for those who know them.
        flags[name] = [
            flag
            for flag, action in parser._option_string_actions.items()
            if flag.startswith("--") and flag[-1] != "+" and not idle(name, action)
        ]
        values.update((flag, words) for flag, words in _choices(kind) if flag in flags[name])
    print(
        _SCRIPT.format(
            before=_BEFORE[settings.shell],
            commands=" ".join([*COMMANDS, "completion"]),
            modules=" ".join(f"pipelines.{name}" for name in COMMANDS),
            values="\n".join(f'      {flag}) words="{" ".join(words)}" ;;' for flag, words in sorted(values.items())),
            flags="\n".join(f'        pipelines.{name}) words="{" ".join(each)}" ;;' for name, each in flags.items()),
        ),
        end="",
    )


def _choices(settings: type, group: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yields the flags whose values can be listed, with these."""
    for name, hint in get_type_hints(settings).items():
        if is_dataclass(hint):
            yield from _choices(hint, f"{name}.")  # type: ignore[arg-type]
            continue
        flag = f"--{group}{name}" if group else f"--{name.replace('_', '-')}"
        words = list(_words(hint))
        # Bare flags of the first level take no value.
        if words and not (hint is bool and not group):
            yield flag, words


def _words(hint: Any) -> Iterator[str]:
    if hint is bool:
        yield from ("true", "false")
    elif get_origin(hint) is Literal:
        yield from map(str, get_args(hint))
    elif len(choices := [each for each in get_args(hint) if get_origin(each) is Literal]) == 1:
        yield from (*map(str, get_args(choices[0])), "null")


if __name__ == "__main__":
    main("completion", DESCRIPTION, completion, settings=CompletionSettings)
