"""Error against queries: what an attacker gets who tries many pieces of all recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kerasser import defences
from kerasser.attack.budget import Budget
from kerasser.evaluation.metrics import guess_worst_of
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import QueriesRow
from kerasser.report import style
from kerasser.report.blocks import Block, Picture, Table, text
from kerasser.report.formatting import label, percent, recovered
from kerasser.report.section import Section


def blocks(report: Report) -> Sequence[Block]:
    """Returns the figure, and a table of the numbers of queries that were asked for."""
    rows = report.many_queries
    if not rows:
        return []
    counts = sorted(set(report.settings["threats"]["many_queries"]["counts"]))
    return [
        text(
            "The attacker tries random pieces through the system itself, one environment after the other and in each "
            "one recording after the other; an utterance counts as wrong as soon as one piece succeeds. All systems "
            "are asked about the same pieces in the same order."
        ),
        Picture("many_queries", "Error of each defence against the number of queries", lambda: draw(report)),
        _errors(rows, counts),
        *_shares(rows, counts),
    ]


def tables(report: Report) -> Mapping[str, Sequence[QueriesRow]]:
    """Returns the rows for the CSV file."""
    return {"many_queries": report.many_queries or []}


def draw(report: Report) -> Figure:
    """Draws the error after every query, with intervals as bands; a panel a budget."""
    rows = [row for row in report.many_queries or () if row.score.error is not None]
    panels = list(dict.fromkeys(row.budget for row in rows))
    figure, grid = style.below(style.caption(report), len(panels))
    for axes, budget in zip(grid, panels, strict=False):
        mine = [row for row in rows if row.budget == budget]
        axes.set_title(f"{budget} signal-to-noise ratio", fontsize=style.FONT)
        style.levels(axes, report.clean.score, report.chance_error)
        queries = sorted({row.queries for row in mine})
        guesses = [guess_worst_of(len(report.classes), n) for n in queries]
        axes.plot(queries, guesses, color="0.65", linewidth=1.2, linestyle="-.")
        for defence in dict.fromkeys(row.defence for row in mine):
            _line(axes, [row for row in mine if row.defence == defence])
        axes.set_xscale("log", base=2)
        axes.set_xticks(_ticks(queries[-1]), map(str, _ticks(queries[-1])))
        axes.set_xlabel("queries")
    guess = Line2D([], [], color="0.65", linestyle="-.", label="chance, as many guesses")
    handles = [*style.defence_handles(row.defence for row in rows), guess]
    return style.finish(figure, grid, handles, report.clean.score)


def _line(axes: Axes, rows: Sequence[QueriesRow]) -> None:
    colour = defences.get(rows[0].defence).colour
    queries = [row.queries for row in rows]
    axes.plot(queries, [style.height(row.score) for row in rows], color=colour)
    ends = [row.score.interval for row in rows if row.score.interval]
    if len(ends) == len(rows):
        low, high = zip(*ends, strict=True)
        axes.fill_between(queries, low, high, color=colour, alpha=0.10, linewidth=0)


def _ticks(most: int) -> list[int]:
    """Returns 1, 3, 12, 48, … and the largest number of queries."""
    return [*(number for number in (1, 3, 12, 48, 192, 768, 3072) if number < most), most]


def _errors(rows: Sequence[QueriesRow], counts: Sequence[int]) -> Table:
    lines = [
        [str(budget), label(defence), *(percent(mine[count].score) for count in counts)]
        for budget, defence, mine in _by_count(rows)
    ]
    return Table(["budget", "defence", *(f"worst of {count}" for count in counts)], lines)


def _shares(rows: Sequence[QueriesRow], counts: Sequence[int]) -> list[Block]:
    """Returns what the defences give back; nothing where there is none."""
    lines = [
        [str(budget), label(defence), *(recovered(mine[count].recovered) for count in counts)]
        for budget, defence, mine in _by_count(rows)
        if defence != defences.NONE
    ]
    if not lines:
        return []
    said = (
        "The recovered share is (attacked − defended) / (attacked − clean), of errors after as many queries, both "
        "without a defence but for the second; a dash where the attack does no certain harm."
    )
    return [text(said), Table(["budget", "defence", *(f"worst of {count}" for count in counts)], lines)]


def _by_count(rows: Sequence[QueriesRow]) -> list[tuple[Budget, str, dict[int, QueriesRow]]]:
    """Returns each budget and defence with its rows by their number of queries."""
    return [
        (budget, defence, {row.queries: row for row in rows if (row.budget, row.defence) == (budget, defence)})
        for budget, defence in dict.fromkeys((row.budget, row.defence) for row in rows)
    ]


TITLE = "Error against queries"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 82, blocks, tables)
