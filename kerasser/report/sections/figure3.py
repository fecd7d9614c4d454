"""Figure 3: the error of every defence."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kerasser import defences
from kerasser.evaluation.report import ReproductionReport
from kerasser.evaluation.results import ANY, Figure3Row
from kerasser.report import style
from kerasser.report.blocks import Block, Picture, Table
from kerasser.report.formatting import draw as draw_name
from kerasser.report.formatting import label, name, percent, share
from kerasser.report.section import Section
from kerasser.report.selection import printed


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns the figure and its table: a column a defence."""
    rows = printed(report.figure3)
    systems = dict.fromkeys((row.defence, share(row.percent)) for row in rows)
    lines = []
    for budget, noise in dict.fromkeys((row.budget, row.noise) for row in rows):
        mine = [row for row in rows if (row.budget, row.noise) == (budget, noise)]
        about = [name(noise), str(budget)]
        if noise != ANY:
            lines.append([*about, draw_name("mean"), *(percent(row.score) for row in mine)])
        worst = [row.error_worst_of for row in mine]
        lines.append([*about, draw_name("worst", worst[0]), *(percent(each.score) for each in worst)])
    return [
        Picture("figure3", "Error of each defence", lambda: draw(report)),
        Table(["noise", "budget", "draw", *(label(defence) + each for defence, each in systems)], lines),
    ]


def tables(report: ReproductionReport) -> dict[str, Sequence[Figure3Row]]:
    """Returns the rows for the CSV file."""
    return {"figure3": report.figure3}


def draw(report: ReproductionReport) -> Figure:
    """Draws the error of every defence, for each noise and the mean over them."""
    rows, clean = [row for row in report.figure3 if row.noise != ANY], report.clean.score
    panels = style.panels(rows)
    figure, grid = style.below(style.caption(report), len(panels))
    for axes, (title, part) in zip(grid, panels, strict=False):
        axes.set_title(title, fontsize=style.FONT)
        places = style.bars(axes, part, [row.noise for row in part], clean, report.chance_error)
        style.guess_levels(axes, report.chance_error, part)
        for number, row in enumerate(part):
            error, colour = style.height(row.error_worst_of.score), defences.get(row.defence).colour
            place = places[number]
            axes.plot(place, error, "v", color=colour, markersize=8, markeredgecolor="white", markeredgewidth=0.8)
    worst = Line2D([], [], color="0.4", marker="v", linestyle="", label=style.worst_of(rows))
    handles = [*style.defence_handles(row.defence for row in rows), worst, style.guess_handle(rows)]
    return style.finish(figure, grid, handles, clean)


SECTION = Section({ReproductionReport: "Figure 3: the defences"}, 70, blocks, tables)
