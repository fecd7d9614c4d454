"""`python -m pipelines.cli.completion bash`: a script that completes commands, flags and values on Tab.

shtab writes it for one program, `kerasser NAME`; `python -m pipelines.NAME` and the tools are completed as that.
"""

from __future__ import annotations

from dataclasses import dataclass

from jsonargparse import ArgumentParser

from kerasser.util.errors import InputError
from pipelines.cli.commands import COMMANDS
from pipelines.cli.config_files import names, perhaps
from pipelines.cli.main import build, main

DESCRIPTION = (
    'Prints the completion of all commands for a shell, as in: eval "$(python -m pipelines.cli.completion bash)"'
)

#: The program that the script completes.
PROGRAM = "kerasser"
# What shtab does not know: the packaged files of --config, and commands that are modules or scripts.
_BEHIND = {
    "bash": r"""
_kerasser_config() {
  compgen -W "CONFIGS" -- "$1"
  compgen -f -- "$1"
}
_kerasser() {
  local word place
  local -a words=()
  # bash takes --flag=value for three words.
  for ((place = 0; place <= COMP_CWORD; place++)); do
    word="${COMP_WORDS[place]}"
    if [[ "$word" != "=" || $place == $COMP_CWORD ]]; then words+=("${word#=}"); fi
  done
  case "${words[0]}" in
    kerasser | */kerasser) words=(kerasser "${words[@]:1}") ;;
    */listening_test) words=(kerasser listening_test "${words[@]:1}") ;;
    */demo) words=(kerasser evaluate "${words[@]:1}") ;;
    *)
      for ((place = 1; place < ${#words[@]} - 1; place++)); do [[ "${words[place]}" != "-m" ]] || break; done
      word="${words[place+1]-}"
      COMPREPLY=()
      if ((place + 2 == ${#words[@]})); then
        COMPREPLY=($(compgen -W "MODULES" -- "$word"))
        return
      elif [[ "$word" != pipelines.* ]]; then
        return
      fi
      words=(kerasser "${word#pipelines.}" "${words[@]:place+2}")
      ;;
  esac
  local -a COMP_WORDS=("${words[@]}")
  local COMP_CWORD=$((${#words[@]} - 1))
  _shtab_kerasser
}
# Without words of ours, the shell completes the names of files.
complete -o bashdefault -o default -F _kerasser kerasser python python3 tools/demo tools/listening_test
""",
    "zsh": r"""
_kerasser_config() {
  compadd -- ${(s: :):-"CONFIGS"}
  _files
}
_kerasser() {
  local place=${words[(i)-m]}
  case "$words[1]" in
    */listening_test) words=(kerasser listening_test "${(@)words[2,-1]}"); ((CURRENT++)) ;;
    */demo) words=(kerasser evaluate "${(@)words[2,-1]}"); ((CURRENT++)) ;;
    *)
      if ((CURRENT == place + 1)); then
        compadd -- ${(s: :):-"MODULES"}
        return
      elif [[ "$words[place+1]" != pipelines.* ]]; then
        _files
        return
      fi
      words=(kerasser "${words[place+1]#pipelines.}" "${(@)words[place+2,-1]}")
      ((CURRENT -= place - 1))
      ;;
  esac
  service=kerasser _shtab_kerasser
}
compdef _kerasser python python3 tools/demo tools/listening_test
""",
}
# compdef is there once compinit has run.
_BEFORE = {"bash": "", "zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"}


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
    print(script(settings.shell), end="")


def script(shell: str) -> str:
    """Returns what a shell evaluates.

    Args:
        shell: "bash" or "zsh".

    Raises:
        InputError: If the shell is another.
    """
    if shell not in _BEFORE:
        near = perhaps(shell, _BEFORE)
        raise InputError(f"shell: expected one of {', '.join(_BEFORE)}{near}. Received: {shell!r}")
    program = ArgumentParser(prog=PROGRAM, description="Measures what noise does to speech emotion recognition.")
    commands = program.add_subcommands()
    for name, kind in COMMANDS.items():
        parser, _ = build(name, f"python -m pipelines.{name}", kind, idle_too=False)
        commands.add_subcommand(name, parser)
    modules = " ".join(f"pipelines.{name}" for name in COMMANDS)
    behind = _BEHIND[shell].replace("CONFIGS", " ".join(names())).replace("MODULES", modules)
    return f"{_BEFORE[shell]}{program.get_completion_script(f'shtab-{shell}')}\n{behind}"


if __name__ == "__main__":
    main("completion", DESCRIPTION, completion, settings=CompletionSettings)
