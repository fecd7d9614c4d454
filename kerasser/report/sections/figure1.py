"""Figure 1: error against noise, without a defence."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasser.evaluation.report import Report, ReproductionReport
from kerasser.evaluation.results import ANY, Figure1Row, Score
from kerasser.report import paper, style
from kerasser.report.blocks import Block, Picture, Table, text
from kerasser.report.formatting import name, number, percent
from kerasser.report.section import Section

_HEAD = ("noise", "budget", "SNR (dB)", "error, mean draw", "error, worst of N", "N", "attack success (%)")
_AXES = {"epsilon": "perturbation factor ε", "snr_db": "signal-to-noise ratio (dB)"}
# Where there are no more budgets than these, the axis names each.
_TICKS = 6


def blocks(report: ReproductionReport) -> Sequence[Block]:
    """Returns the figure beside the paper's."""
    said = (
        f"The paper's largest error at ε = 2: {paper.pair(paper.FIGURE1_MAX)}; "
        f"on clean speech {paper.pair(paper.CLEAN)}."
    )
    if own := paper.NAMES.get(report.corpus):
        errors = [
            row.score.error
            for row in report.figure1
            if paper.comparable(row.budget, row.noise) and row.score.error is not None
        ]
        ours = (max(errors) if errors else None, report.clean.score.error)
        theirs = (paper.FIGURE1_MAX[own], paper.CLEAN[own])
        points = [number(paper.difference(*pair), signed=True) for pair in zip(ours, theirs, strict=True)]
        said += f" Ours less the paper's, in points: {points[0]} and {points[1]}."
    return [picture(report), text(said), table(report.figure1)]


def picture(report: Report) -> Picture:
    """Returns the figure."""
    return Picture("figure1", "Error against ε and against SNR", lambda: draw(report))


def table(rows: Sequence[Figure1Row]) -> Table:
    """Returns a line an environment and budget."""
    return Table((*_HEAD, "clipped (%)"), [_cells(row) for row in rows])


def tables(report: Report) -> dict[str, Sequence[Figure1Row]]:
    """Returns the rows for the CSV file."""
    return {"figure1": report.figure1}


def draw(report: Report) -> Figure:
    """Draws error against ε and against SNR, for each noise."""
    return curves(report.figure1, report.clean.score, style.caption(report), report.chance_error)


def curves(measured: Sequence[Figure1Row], clean: Score, caption: str, chance: float) -> Figure:
    """Draws error against ε and against SNR, for each noise.

    Args:
        measured: One row an environment and budget.
        clean: The error on clean speech.
        caption: What stands above.
        chance: The error of a guess, in percent.
    """
    rows = [row for row in measured if row.score.error is not None]
    kinds = [kind for kind in _AXES if any(row.budget.kind == kind for row in rows)]
    figure, grid = style.beside(caption, len(kinds))
    colours = style.colours(row.noise for row in rows)
    for axes, kind in zip(grid, kinds, strict=False):
        style.levels(axes, clean, chance)
        mine = [row for row in rows if row.budget.kind == kind]
        style.guess_levels(axes, chance, mine)
        for noise, colour in colours.items():
            points = {row.budget.value: row for row in mine if row.noise == noise}
            style.line(axes, dict(sorted(points.items())), colour, band=noise != ANY)
        _axis(axes, kind, sorted({row.budget.value for row in mine}))
    return style.finish(figure, grid, [*style.noise_handles(colours), *style.draw_handles(rows)], clean)


def _axis(axes: Axes, kind: str, values: Sequence[float]) -> None:
    axes.set_xlabel(_AXES[kind])
    if len(values) <= _TICKS:
        axes.set_xticks(values, [f"{value:g}" for value in values])
    if kind == "snr_db":
        # Harder to the right, as with ε.
        axes.invert_xaxis()


def _cells(row: Figure1Row) -> list[str]:
    worst = row.error_worst_of
    return [
        *(name(row.noise), str(row.budget), number(row.snr_db_median)),
        *(percent(row.score), percent(worst.score), str(worst.n), number(row.attack_success_rate)),
        f"{100 * row.clipped_share:.3f}",
    ]


SECTION = Section({ReproductionReport: "Figure 1: error against noise, no defence"}, 30, blocks, tables)
