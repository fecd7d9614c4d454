"""Progress bars: one look for all of them, and none where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def bar(total: float, unit: str, title: str, *, quiet: bool | None = False, initial: float = 0) -> tqdm:
    """Returns a bar that shows rate and remaining time, and goes when it is done.

    Args:
        total: Units of work in all.
        unit: Their name.
        title: What is being done.
        quiet: No bar; there is none either where standard error is no terminal.
        initial: Units that were done before.
    """
    return tqdm(
        total=round(total),
        initial=round(initial),
        unit=unit,
        desc=title,
        disable=quiet or None,
        leave=False,
        dynamic_ncols=True,
    )


def steps(items: Iterable[Item], total: int, unit: str, title: str, *, quiet: bool | None = False) -> Iterable[Item]:
    """Passes items on while a bar counts them; the arguments are those of `bar`."""
    with bar(total, unit, title, quiet=quiet) as shown:
        for item in items:
            yield item
            shown.update()


def say(text: str) -> None:
    """Prints one line on standard error, above any bar."""
    tqdm.write(text, file=sys.stderr)
