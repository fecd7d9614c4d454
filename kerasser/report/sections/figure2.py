"""Figure 2: error against the share of adversarial training examples."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import ANY, MEAN, Figure2Row
from kerasser.report import style
from kerasser.report.blocks import Block, Picture, Table
from kerasser.report.formatting import draw as draw_name
from kerasser.report.formatting import name, number
from kerasser.report.section import Section
from kerasser.report.selection import printed


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns the figure and its table, without intervals: a column a share."""
    rows = printed(report.figure2)
    if not rows:
        return []
    shares = list(dict.fromkeys(row.percent for row in rows))
    lines = []
    for budget, noise in dict.fromkeys((row.budget, row.noise) for row in rows):
        mine = [row for row in rows if (row.budget, row.noise) == (budget, noise)]
        about = [name(noise), str(budget)]
        if noise != ANY:
            lines.append([*about, draw_name("mean"), *(number(row.score.error) for row in mine)])
        worst = [row.error_worst_of for row in mine]
        lines.append([*about, draw_name("worst", worst[0]), *(number(each.score.error) for each in worst)])
    return [
        Picture("figure2", "Error against the share of adversarial training examples", lambda: draw(report)),
        Table(["noise", "budget", "draw", *(f"{share:g} %" for share in shares)], lines),
    ]


def tables(report: ReproductionReport) -> dict[str, Sequence[Figure2Row]]:
    """Returns the rows for the CSV file."""
    return {"figure2": report.figure2}


def draw(report: ReproductionReport) -> Figure:
    """Draws error against the share of adversarial training examples, for each noise."""
    rows, clean = report.figure2, report.clean.score
    panels = style.panels(rows)
    figure, grid = style.beside(style.caption(report), len(panels))
    colours = style.colours(row.noise for row in rows if row.noise not in (MEAN, ANY))
    for axes, (title, part) in zip(grid, panels, strict=False):
        style.levels(axes, clean, report.chance_error)
        style.guess_levels(axes, report.chance_error, [row for row in part if row.noise in colours])
        axes.set_title(title, fontsize=style.FONT)
        for noise, colour in colours.items():
            points = {row.percent: row for row in part if row.noise == noise}
            style.line(axes, dict(sorted(points.items())), colour)
        axes.set_xlabel("adversarial share of the training examples (%)")
    return style.finish(figure, grid, [*style.noise_handles(colours), *style.draw_handles(rows)], clean)


SECTION = Section({ReproductionReport: "Figure 2: adversarial training"}, 40, blocks, tables)
