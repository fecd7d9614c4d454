"""Table 3: the GAN, beside the paper's, and what goes beyond it."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import TableRow
from kerasser.report import paper
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import name, percent, recovered
from kerasser.report.paper_columns import Comparison, draws
from kerasser.report.section import Section
from kerasser.report.selection import printed

_EXTRA = {
    "enhancement": "MMSE enhancement",
    "combined": "GAN + adversarial training",
    "consistency": "consistency",
    "gan_consistency": "GAN + consistency",
}


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns what the generator costs and recovers."""
    if not report.table3:
        return []
    rows = printed(report.table3)
    price = report.table3[0].score("clean_through_gan")
    extra = [column for column in _EXTRA if column in report.table3[0].values]
    beside = Comparison(report.corpus, "GAN", paper.TABLE3, shares=True)
    head = ["noise", "budget", "draw", "attacked", "GAN", "recovered share", *(_EXTRA[column] for column in extra)]
    lines = [
        [
            *(name(row.noise), str(row.budget), draw),
            *(percent(figures.score(column)) for column in ("attacked", "gan")),
            recovered(figures.score("recovered_share")),
            *(percent(figures.score(column)) for column in extra),
            *beside.cells(row, figures.values["attacked"], figures.values["gan"]),
        ]
        for row in rows
        for draw, figures in draws(row)
    ]
    return [
        text(
            f"The price: clean speech through the generator has an error of {percent(price)} %, "
            f"{percent(report.clean.score)} % without. The recovered share is (attacked − cleaned) / (attacked − "
            "clean); a dash where the attack does no certain harm, its interval holding 0 or a speaker being unharmed."
        ),
        Table([*head, *beside.head], lines),
    ]


def tables(report: ReproductionReport) -> dict[str, Sequence[TableRow]]:
    """Returns the rows for the CSV file."""
    return {"table3": report.table3}


SECTION = Section({ReproductionReport: "Table 3: the GAN"}, 60, blocks, tables)
