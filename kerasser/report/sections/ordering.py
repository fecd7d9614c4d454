"""Whether the paper's order of the defences holds."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.statistics import least_p
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import difference, draw, label, probability, speakers_allow
from kerasser.report.section import Section


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns the order, with how certain it is at each budget."""
    rows = report.ordering
    if not rows or len(rows[0].order) < 2:
        return []
    names = [label(defence).removesuffix(" (waveform)") for defence in rows[0].order]
    pairs = [f"{label(pair.better)} − {label(pair.worse)}" for pair in rows[0].pairs]
    cells = [
        [
            *(str(row.budget), draw(row.draw), "holds" if row.holds else "does not hold", probability(row.p)),
            *(difference(pair.difference, pair.interval, pair.interval_kind) for pair in row.pairs),
        ]
        for row in rows
    ]
    speakers = len(report.test_speakers)
    return [
        text(f"The paper's order of errors, tried on the mean over the noises: {' < '.join(names)}."),
        Table(["budget", "draw", "order", "p", *pairs], cells),
        text(
            "p is the largest of the neighbours' one-sided paired bootstrap p: small where the whole order is certain. "
            "It is not adjusted for the number of budgets and draws." + speakers_allow(least_p(speakers), speakers)
        ),
    ]


SECTION = Section({ReproductionReport: "The order of the defences"}, 20, blocks)
