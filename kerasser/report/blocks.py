"""What a section is made of: text, tables, pictures and sounds; Markdown and HTML are two ways to write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Text:
    """Paragraphs, lists or a heading, as Markdown; names from data are escaped by `kerasser.report.formatting.name`."""

    markdown: str


@dataclass(frozen=True)
class SoundLink:
    """A sound file beside the report, and what it is called."""

    file: str
    label: str


#: One line of Markdown, or a sound.
Cell = str | SoundLink


@dataclass(frozen=True)
class Table:
    """A table; every row has a cell for each heading."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.head)]
        if wrong:
            raise ValueError(f"expected {len(self.head)} cells in a row. Received: {wrong[0]}")


@dataclass(frozen=True)
class Picture:
    """A picture: the name of its files without their suffix, what it shows in words, and what draws it."""

    file: str
    alternative: str
    draw: Callable[[], Figure]


Block = Text | Table | Picture


def text(*lines: str) -> Text:
    """Returns lines of Markdown as a block."""
    return Text("\n".join(lines))
