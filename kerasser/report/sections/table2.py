"""Table 2: random noise in training, beside the paper's."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import TableRow
from kerasser.report import paper
from kerasser.report.blocks import Block, Table
from kerasser.report.formatting import name, percent
from kerasser.report.paper_columns import Comparison, draws
from kerasser.report.section import Section
from kerasser.report.selection import printed

_TITLES = {"attacked": "attacked", "random_noise": "random noise", "random_noise_on_features": "on features"}


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns the table; a column a way to train with random noise."""
    rows = printed(report.table2)
    if not rows:
        return []
    columns = [column for column in _TITLES if column in rows[0].values]
    beside = Comparison(report.corpus, "random noise", paper.TABLE2)
    lines = [
        [
            *(name(row.noise), str(row.budget), draw, *(percent(figures.score(column)) for column in columns)),
            *beside.cells(row, figures.values["attacked"], figures.values["random_noise"]),
        ]
        for row in rows
        for draw, figures in draws(row)
    ]
    return [Table(["noise", "budget", "draw", *(_TITLES[column] for column in columns), *beside.head], lines)]


def tables(report: ReproductionReport) -> dict[str, Sequence[TableRow]]:
    """Returns the rows for the CSV file."""
    return {"table2": report.table2}


SECTION = Section({ReproductionReport: "Table 2: random noise in training"}, 50, blocks, tables)
