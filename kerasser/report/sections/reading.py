"""How to read the figures of a reproduction, and every system on clean speech."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.report.blocks import Block, text
from kerasser.report.formatting import coverage, label, percent, share
from kerasser.report.section import Section


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns what an error is, and those on clean speech."""
    over = "speakers and seeds" if len(report.seeds) > 1 else "speakers"
    clean = (f"{label(row.defence)}{share(row.percent)} {percent(row.score)} %" for row in report.clean_defended)
    return [
        text(
            f"Error is 100 − UA; {report.chance_error:.3g} % is chance; brackets hold {coverage(report.confidence)} "
            f"bootstrap intervals over {over}. Each figure stands twice: for the mean draw of noise, and for the worst "
            "of N draws, each tried on the model that is judged. At a signal-to-noise ratio, the tables of the "
            "defences give the mean over the noises and any of them; the CSV files and `report.json` hold the rest."
        ),
        text("Clean speech: " + ", ".join(clean) + "."),
    ]


SECTION = Section({ReproductionReport: "How to read the figures"}, 10, blocks)
