"""How certain each difference between defences is."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import DifferenceRow
from kerasser.evaluation.statistics import least_p
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import difference, draw, label, number, probability, speakers_allow
from kerasser.report.section import Section

_HEAD = ("budget", "draw", "pair", "difference", "p", "McNemar", "least")


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns every pair with both tests; nothing where speakers are too few for any."""
    if not any(row.interval for row in report.differences):
        return []
    speakers = len(report.test_speakers)
    return [
        text(
            "Points of error, the first less the second: for the mean draw over the mean of the noises, for the worst "
            "over all draws of all noises. p: paired bootstrap over speakers, two-sided; McNemar: exact, on the "
            "utterances that are right under every one of these draws, and too small where speakers differ. Both are "
            "adjusted after Holm over the pairs of a budget and draw, not over budgets and draws. Least: the "
            "difference that these speakers would show with 80 % power."
            + speakers_allow(2 * least_p(speakers), speakers)
            + _contradiction(report)
        ),
        Table(_HEAD, [_cells(row) for row in report.differences]),
    ]


def _contradiction(report: ReproductionReport) -> str:
    """Explains an interval beside which p says something else."""
    for row in report.differences:
        p, interval = row.bootstrap.p_holm, row.interval
        if p is not None and interval and interval[0] * interval[1] > 0 and p > 1 - report.confidence:
            what = "a range" if row.interval_kind else "an interval"
            return (
                f" Where {what} lies on one side of 0 beside a large p, these speakers lean that way, and are too few, "
                "or the pairs too many, to say so of others."
            )
    return ""


def _cells(row: DifferenceRow) -> list[str]:
    return [
        *(str(row.budget), draw(row.draw), f"{label(row.first)} − {label(row.second)}"),
        *(difference(row.difference, row.interval, row.interval_kind), probability(row.bootstrap.p_holm)),
        *(probability(row.mcnemar.p_holm), number(row.minimum_detectable)),
    ]


def tables(report: ReproductionReport) -> dict[str, Sequence[DifferenceRow]]:
    """Returns the rows for the CSV file."""
    return {"differences": report.differences}


SECTION = Section({ReproductionReport: "Which differences are certain"}, 90, blocks, tables)
