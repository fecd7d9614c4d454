"""A report as files: `report.json`, `report.md`, `report.html`, each table as CSV and each figure as SVG and PNG."""

from __future__ import annotations

from pathlib import Path

from kerasser.evaluation.report import Report
from kerasser.report import document, html, sections, style, tables


def write(report: Report, directory: Path) -> None:
    """Writes all files of a report but its sounds, which lie in `directory` already."""
    report.write(directory)
    for section in sections.of(type(report)):
        for name, rows in section.tables(report).items():
            if rows:
                tables.write(directory / f"{name}.csv", rows)
    said = document.compose(report)
    for picture in said.pictures:
        style.save(picture.draw(), directory / picture.file)
    (directory / "report.md").write_text(document.markdown(said), encoding="utf-8")
    (directory / "report.html").write_text(html.page(said, directory, style.caption(report)), encoding="utf-8")
