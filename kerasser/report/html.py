"""A report as one self-contained HTML page: pictures and sounds are inside, and nothing is asked of a network."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import markdown
from markupsafe import Markup

from kerasser.report.blocks import Cell, SoundLink
from kerasser.report.document import Document, kind, templates

_KINDS = {".svg": "image/svg+xml", ".png": "image/png", ".wav": "audio/wav"}
# What makes more of a line than a line.
_BLOCKS = ("indent", "code", "hashheader", "setextheader", "hr", "olist", "ulist", "quote", "reference")


def page(document: Document, directory: Path, title: str) -> str:
    """Returns the page; its pictures and sounds, which lie in `directory`, are embedded.

    Args:
        document: What the report says.
        directory: Where its files lie.
        title: Of the window, plain text.
    """
    paragraphs, line = _converter(), _converter()
    for name in _BLOCKS:
        line.parser.blockprocessors.deregister(name)
    environment = templates()
    environment.filters |= {
        "kind": kind,
        "is_sound": _is_sound,
        "paragraphs": lambda text: _converted(paragraphs, text),
        # One paragraph, without its tags.
        "line": lambda text: Markup(_converted(line, text).removeprefix("<p>").removesuffix("</p>")),
    }
    return environment.get_template("report.html.j2").render(
        document=document, title=title, embedded=lambda name: _embedded(directory, name)
    )


def _converter() -> markdown.Markdown:
    converter = markdown.Markdown()
    # HTML in the text could only come from data; it is shown as it stands.
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    # As in a table, where Markdown would end a cell with it.
    converter.ESCAPED_CHARS.append("|")
    return converter


def _converted(converter: markdown.Markdown, text: str) -> Markup:
    # A figure and its unit stay on one line.
    spaced = re.sub(r"(?<=\d) (?=%|dB\b)|(?<=\]) (?=%)", "\u00a0", text)
    return Markup(converter.reset().convert(spaced))


def _is_sound(cell: Cell) -> bool:
    return isinstance(cell, SoundLink)


def _embedded(directory: Path, name: str) -> str:
    kind = _KINDS[Path(name).suffix]
    return f"data:{kind};base64," + base64.b64encode((directory / name).read_bytes()).decode()
