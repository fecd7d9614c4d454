"""The shell commands of README.md, CONTRIBUTING.md and docs/."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_SHELL = ("", "sh", "bash", "console")
#: Scripts that hand their arguments to a command.
_SCRIPTS = {
    "tools/demo": ("evaluate", "--config", "demo"),
    "tools/listening_test": ("listening_test",),
    "tools/completion": ("completion",),
}


@dataclass(frozen=True)
class Command:
    """One command line.

    Attributes:
        page: Where it stands, relative to the checkout.
        line: As a shell gets it, on one line, without its comment.
        module: The command of `pipelines` that it runs; "" for another program.
        arguments: What that command is given.
    """

    page: str
    line: str
    module: str
    arguments: tuple[str, ...]


def commands(text: str, page: str) -> list[Command]:
    """Returns the commands of a page, in order."""
    found = []
    for block in _BLOCK.finditer(text):
        if block["language"] in _SHELL:
            for line in block["body"].replace("\\\n", " ").splitlines():
                if words := shlex.split(line, comments=True):
                    found.append(_command(words, page))
    return found


def _command(words: list[str], page: str) -> Command:
    line = shlex.join(words).replace("'", "") if words[0] != "eval" else " ".join(words)
    if words[0] == "eval":
        # eval "$(COMMAND)": what it evaluates is what has to work.
        words = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
    if words[:2] == ["python", "-m"] and words[2].startswith("pipelines."):
        return Command(page, line, words[2].removeprefix("pipelines."), tuple(words[3:]))
    if words[0] == "kerasser":
        return Command(page, line, words[1].replace("-", "_"), tuple(words[2:]))
    if words[0] in _SCRIPTS:
        module, *before = _SCRIPTS[words[0]]
        return Command(page, line, module, (*before, *words[1:]))
    return Command(page, line, "", ())


def every() -> list[Command]:
    """Returns the commands of all pages."""
    return [
        each for page in PAGES for each in commands(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())
    ]
