"""The report in words: a Markdown page beside the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report import document, provenance, sections, sounds, summary
from kerasser.report.document import Document, Section
from kerasser.report.words import budget, name, number, percent

_TRIED = "the model answers the same when it is asked again"


def figure1_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the lines of figure 1's table."""
    return [
        "| noise | budget | SNR (dB) | error, mean draw | error, worst of N | N | attack success (%) | clipped (%) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_row(row) for row in rows),
    ]


def markdown(report: Mapping[str, Any]) -> str:
    """Returns the page for a report as `report.json` holds it."""
    return document.markdown(evaluation(report))


def evaluation(report: Mapping[str, Any]) -> Document:
    """Returns what the report of an evaluation says."""
    clean = report["clean"]
    confusion = (
        f"Confusion on clean speech (rows: truth, columns: answer; {', '.join(map(name, report['classes']))}): "
        f"{name(clean['confusion'])}."
    )
    return Document(
        title=f"{name(report['corpus'])}, fold {name(report['fold'])}: error under real-world noise",
        banners=summary.banners(report),
        summary=summary.sentences(report),
        alarms=sections.alarms(report, _TRIED),
        sections=[
            Section(
                "Error against noise",
                [
                    "Error is 100 − UA; brackets hold 95 % bootstrap intervals over speakers.",
                    "",
                    "![Error against ε and against SNR](figure1.svg)",
                    "",
                    *figure1_table(report["figure1"]),
                    "",
                    confusion,
                ],
            ),
            *sections.given("Can the attack be heard?", sections.perception(report)),
            *sections.given("Listen", sounds.lines(report)),
            *sections.given("Does the label survive?", sections.label_survival(report)),
            Section("How to make this again", provenance.lines(report)),
        ],
    )


def _row(row: Mapping[str, Any]) -> str:
    worst = row["error_worst_of"]
    snr, success = number(row["snr_db_median"]), number(row["attack_success_rate"])
    cells: Sequence[str] = [
        *(name(row["noise"]), budget(row), snr, percent(row), percent(worst), str(worst["N"]), success),
        f"{100 * row['clipped_share']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"
