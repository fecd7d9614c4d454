"""A report as one self-contained HTML page: pictures and sounds are inside, and nothing is asked of a network."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import markdown
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kerasser.report.document import Document

_TEMPLATE = "report_page.html"
_KINDS = {".svg": "image/svg+xml", ".png": "image/png", ".wav": "audio/wav"}
# What is wider than a phone scrolls by itself, by the keys as well.
_SCROLLED = 'role="region" aria-label="scrolls sideways" tabindex="0"'
# As the markdown library writes them; a name from data reaches neither, since it is escaped.
_PICTURE = re.compile(r'<p><img alt="([^"]*)" src="([A-Za-z0-9_./-]+\.(?:svg|png))" ?/?></p>')
_SOUND = re.compile(r'<a href="([A-Za-z0-9_./-]+\.wav)">([^<]*)</a>')


def page(document: Document, directory: Path, title: str) -> str:
    """Returns the page; pictures and sounds that the text leads to in `directory` are embedded.

    Args:
        document: What the report says.
        directory: Where its files lie.
        title: Of the window, plain text.
    """
    environment = Environment(
        loader=PackageLoader("kerasser", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(_TEMPLATE).render(
        title=title,
        heading=_inline(document.title),
        banners=[_inline(banner) for banner in document.banners],
        summary=[_inline(sentence) for sentence in document.summary],
        alarms=_html("\n".join(document.alarms), directory),
        sections=[
            {"anchor": each.anchor, "title": each.title, "body": _html("\n".join(each.lines), directory)}
            for each in document.sections
        ],
    )


def _converted(text: str) -> str:
    converter = markdown.Markdown(extensions=["tables"])
    # HTML in the text could only come from data; it is shown as it stands.
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    # A figure and its unit stay on one line.
    return re.sub(r"(?<=\d) (?=%|dB\b)|(?<=\]) (?=%)", "\u00a0", converter.convert(text))


def _inline(text: str) -> Markup:
    """Returns one line without the paragraph around it."""
    return Markup(_converted(text).removeprefix("<p>").removesuffix("</p>"))


def _html(text: str, directory: Path) -> Markup:
    body = _converted(text)
    body = body.replace("<table>", f'<div class="table" {_SCROLLED}><table>').replace("</table>", "</table></div>")
    body = _PICTURE.sub(
        lambda found: (
            f'<div class="figure" {_SCROLLED}><img alt="{found[1]}" src="{_embedded(directory, found[2])}"></div>'
        ),
        body,
    )
    body = _SOUND.sub(
        lambda found: (
            f'<audio controls preload="metadata" aria-label="{found[2]}" '
            f'src="{_embedded(directory, found[1])}"></audio>'
        ),
        body,
    )
    return Markup(body)


def _embedded(directory: Path, name: str) -> str:
    kind = _KINDS[Path(name).suffix]
    return f"data:{kind};base64," + base64.b64encode((directory / name).read_bytes()).decode()
