"""A report before it is a page: what is said, in order; Markdown and HTML are two ways to write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from kerasser.evaluation.report import EvaluationReport, Report
from kerasser.report import alarms, sections, summary
from kerasser.report.blocks import Block, Picture, SoundLink, Table, Text
from kerasser.report.formatting import name


@dataclass(frozen=True)
class Part:
    """A section of a document.

    Attributes:
        title: Its heading, plain text.
        blocks: What it says.
    """

    title: str
    blocks: Sequence[Block]

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
        alarms: Which alarms rang.
        parts: The rest, in order.
    """

    title: str
    banners: Sequence[str]
    summary: Sequence[str]
    alarms: Sequence[Block]
    parts: Sequence[Part]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures of it."""
        return [block for part in self.parts for block in part.blocks if isinstance(block, Picture)]


def compose(report: Report) -> Document:
    """Returns what a report says."""
    found = [(section.titles[type(report)], section.blocks(report)) for section in sections.of(type(report))]
    return Document(
        title=_title(report),
        banners=summary.banners(report),
        summary=summary.sentences(report),
        alarms=alarms.blocks(report),
        parts=[Part(title, blocks) for title, blocks in found if blocks],
    )


def _title(report: Report) -> str:
    if isinstance(report, EvaluationReport):
        fold = "" if report.fold is None else f", fold {name(report.fold)}"
        return f"{name(report.corpus)}{fold}: error under real-world noise"
    return f"{name(report.corpus)}: real-world noise and three defences, {name(report.scope)}"


def markdown(document: Document) -> str:
    """Returns a report as one Markdown page."""
    environment = templates()
    environment.filters |= {"kind": kind, "cell": _cell}
    return environment.get_template("report.md.j2").render(document=document)


def templates() -> Environment:
    """Returns the templates of the reports, in which whatever is not marked as safe is escaped in HTML."""
    return Environment(
        loader=PackageLoader("kerasser", "report/templates"),
        autoescape=lambda template: template is not None and ".html" in template,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def kind(block: Block) -> str:
    """Returns what a template calls a kind of block."""
    return {Text: "text", Table: "table", Picture: "picture"}[type(block)]


def _cell(cell: str | SoundLink) -> str:
    return f"[{cell.label}]({cell.file})" if isinstance(cell, SoundLink) else cell
