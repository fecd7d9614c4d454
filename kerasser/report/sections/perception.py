"""How audible the attack is, beside its errors."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import Perception, PerceptionRow
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import name, percent, quartiles
from kerasser.report.section import Section

_HEAD = ("noise", "budget", "SNR (dB)", "segmental SNR (dB)", "STOI", "PESQ", "error, mean draw", "error, worst of N")


def blocks(report: Report) -> Sequence[Block]:
    """Returns the measures of every noise and budget."""
    part = report.perception
    return [
        text(
            "Look for an error that has grown while the noise is still faint: what is plain to hear is no hidden "
            "attack. Medians, with quartiles in parentheses. "
            f"The SNR is that of every draw, {_against(report)}. "
            f"The rest is measured on the first draw for {part.utterances} utterances: segmental SNR from −10 to 35 "
            "dB, where pauses count; STOI, 1 for as intelligible as before; wide-band PESQ, up to 4.64, how good it "
            "sounds, not whether noise is noticed."
        ),
        *_unmeasured(part),
        Table((*_HEAD, "N"), [_cells(row) for row in part.rows]),
    ]


def tables(report: Report) -> dict[str, Sequence[PerceptionRow]]:
    """Returns the rows for the CSV file."""
    return {"perception": report.perception.rows}


def _cells(row: PerceptionRow) -> list[str]:
    worst = row.error_worst_of
    return [
        *(name(row.noise), str(row.budget), quartiles(row.snr_db, 1), quartiles(row.segmental_snr_db, 1)),
        *(quartiles(row.stoi, 2), quartiles(row.pesq, 2)),
        *(percent(row.score), percent(worst.score), str(worst.n)),
    ]


def _against(report: Report) -> str:
    """Says what signal-to-noise ratios are measured against."""
    active = report.settings.get("attack", {}).get("speech_level") == "active"
    return "against the active speech (ITU-T P.56)" if active else "against the whole utterance, pauses included"


def _unmeasured(part: Perception) -> list[Block]:
    """Says which columns are empty, and why."""
    if not part.utterances:
        return [text("Only the SNR was measured, as `perception.utterances` is 0.")]
    names = {"pystoi": "STOI", "pesq": "PESQ"}
    absent = [f"{names[package]} is empty: the package {package} would fill it" for package in part.missing]
    return [text("; ".join(absent) + ' (`pip install "kerasser[perception]"`).')] if absent else []


TITLE = "Can the attack be heard?"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 100, blocks, tables)
