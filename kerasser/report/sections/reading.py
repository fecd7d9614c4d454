"""How to read the figures of a reproduction, and every system on clean speech."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.report.blocks import Block, text
from kerasser.report.formatting import guesses, label, percent, share, spread
from kerasser.report.section import Section


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns what an error is, and those on clean speech."""
    over = "speakers and seeds" if len(report.seeds) > 1 else "speakers"
    clean = (f"{label(row.defence)}{share(row.percent)} {percent(row.score)} %" for row in report.clean_defended)
    return [
        text(
            f"Error is 100 − UA; {spread(report, over)}. Each figure stands twice: for the mean draw of noise, and for "
            f"the worst of N draws, each tried on the model that is judged. {guesses(report)} "
            "At a signal-to-noise ratio, the tables of the defences give the mean over the noises and any of them; the "
            "CSV files and `report.json` hold the rest."
        ),
        text("Clean speech: " + ", ".join(clean) + "."),
    ]


SECTION = Section({ReproductionReport: "How to read the figures"}, 10, blocks)
