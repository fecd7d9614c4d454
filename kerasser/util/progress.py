"""Progress bars: one look for all of them, in a terminal or a notebook, and none where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")


def bar(total: float, unit: str, title: str, *, quiet: bool | None = False, initial: float = 0) -> tqdm:
    """Returns a bar that shows rate and remaining time, and goes when it is done.

    Args:
        total: Units of work in all.
        unit: Their name.
        title: What is being done.
        quiet: No bar; there is none either where standard error is no terminal, unless it is a notebook's.
        initial: Units that were done before.
    """
    return tqdm(
        total=round(total),
        initial=round(initial),
        unit=unit,
        desc=title,
        # None asks for a terminal, which a notebook is not.
        disable=bool(quiet) or (False if in_notebook() else None),
        leave=False,
        dynamic_ncols=True,
    )


def in_notebook() -> bool:
    """Returns whether a Jupyter kernel runs this, and not a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def steps(items: Iterable[Item], total: int, unit: str, title: str, *, quiet: bool | None = False) -> Iterable[Item]:
    """Passes items on while a bar counts them; the arguments are those of `bar`."""
    with bar(total, unit, title, quiet=quiet) as shown:
        for item in items:
            yield item
            shown.update()


def say(text: str) -> None:
    """Prints one line on standard error, above any bar."""
    tqdm.write(text, file=sys.stderr)
