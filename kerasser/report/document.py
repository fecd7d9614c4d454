"""A report before it is a page: what is said, in order; Markdown and HTML are two ways to write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Its heading, plain text.
        lines: Markdown with tables.
    """

    title: str
    lines: Sequence[str]

    @property
    def anchor(self) -> str:
        """What a link to it ends with."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: Its heading, Markdown.
        banners: What must be known before any figure is read, Markdown; none where there is nothing.
        summary: The report in three sentences, Markdown.
        alarms: Which alarms rang, Markdown lines.
        sections: The rest, in order.
    """

    title: str
    banners: Sequence[str]
    summary: Sequence[str]
    alarms: Sequence[str]
    sections: Sequence[Section]


def markdown(document: Document) -> str:
    """Returns a report as one Markdown page."""
    lines = [f"# {document.title}", ""]
    for banner in document.banners:
        lines += [f"> {banner}", ""]
    lines += [*(f"{number}. {sentence}" for number, sentence in enumerate(document.summary, 1)), "", *document.alarms]
    for section in document.sections:
        lines += ["", f"## {section.title}", "", *section.lines]
    # Two empty lines say no more than one.
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).rstrip()) + "\n"
