"""How pictures of a report look: one colour-blind-safe style; each as SVG for pages and as PNG for everything else."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kerasser import defences
from kerasser.attack.budget import Budget, typical
from kerasser.evaluation.metrics import guess_worst_of
from kerasser.evaluation.report import Report
from kerasser.evaluation.results import ANY, MEAN, Score, WorstOf
from kerasser.evaluation.statistics import RANGE_BELOW
from kerasser.report.formatting import label

# Okabe and Ito's palette, safe for colour-blind readers; "any" is the envelope of the others.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_ANY = "#000000"
_DPI = 150
# Printed between A4's margins, 18 cm, a picture of this width, in inches, shrinks to two thirds: 12 pt is left with 8.
WIDTH, FONT = 10.5, 12
_HEIGHT = 5.0


class Picture(Figure):
    """A figure that a notebook shows although pyplot, which would keep every one in memory, has not made it."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


class Scored(Protocol):
    """A row with an error at a budget."""

    @property
    def budget(self) -> Budget:
        """How much noise there is."""

    @property
    def score(self) -> Score:
        """The error of the mean draw."""


class Drawn(Scored, Protocol):
    """A row with the errors of the mean draw and of the worst of N."""

    @property
    def error_worst_of(self) -> WorstOf:
        """The error of the worst of N draws."""


class Defended(Scored, Protocol):
    """A row with the error of a defence."""

    @property
    def defence(self) -> str:
        """Its name."""


Row = TypeVar("Row", bound=Scored)


def caption(report: Report) -> str:
    """Returns the title of a report's pictures: corpus and folds, and whether the speech is synthetic."""
    kind = "synthetic speech" if report.synthetic else "recorded speech"
    few = f", bars and bands: range over {len(report.test_speakers)} speakers"
    return f"{report.corpus} ({kind}), {report.scope}" + (few if len(report.test_speakers) < RANGE_BELOW else "")


def figure(title: str, width: float = WIDTH, height: float = _HEIGHT) -> Figure:
    """Returns an empty figure with its title; sizes in inches."""
    found = Picture(figsize=(width, height), dpi=_DPI, layout="constrained")
    found.suptitle("\n".join(textwrap.wrap(plain(title), int(9 * width))), fontsize=FONT)
    return found


def beside(title: str, panels: int) -> tuple[Figure, list[Axes]]:
    """Returns a figure with so many panels beside each other, at least one."""
    found = figure(title, width=WIDTH if panels > 1 else WIDTH / 2 + 1)
    return found, list(found.subplots(1, max(panels, 1), sharey=True, squeeze=False)[0])


def below(title: str, panels: int) -> tuple[Figure, list[Axes]]:
    """Returns a figure with so many panels below each other: many bars need the whole width."""
    found = figure(title, height=1.8 + 3.2 * max(panels, 1))
    return found, list(found.subplots(max(panels, 1), 1, sharex=True, squeeze=False)[:, 0])


def panels(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Returns the rows of the largest ε and those of the signal-to-noise ratio nearest to 10 dB, with their titles."""
    budgets = {row.budget for row in rows}
    epsilons, snrs_db = ([each.value for each in budgets if each.kind == kind] for kind in ("epsilon", "snr_db"))
    chosen = [Budget("epsilon", max(epsilons))] if epsilons else []
    chosen += [Budget("snr_db", value) for value in typical(snrs_db)]
    parts = [
        (f"{budget} signal-to-noise ratio" if budget.kind == "snr_db" else str(budget), _known(rows, budget))
        for budget in chosen
    ]
    # A test without one of the classes has no error to draw.
    return [(title, part) for title, part in parts if part]


def _known(rows: Sequence[Row], budget: Budget) -> list[Row]:
    return [row for row in rows if row.budget == budget and row.score.error is not None]


def colours(noises: Iterable[str]) -> dict[str, str]:
    """Returns a colour for each kind of noise; black for all of them together."""
    names = list(dict.fromkeys(noises))
    found = dict(zip((name for name in names if name != ANY), _COLOURS * len(names), strict=False))
    return {name: found.get(name, _ANY) for name in names}


def bars(axes: Axes, rows: Sequence[Defended], groups: Sequence[str], clean: Score, chance: float) -> dict[int, float]:
    """Draws a group of bars for each kind of row, a bar a defence, with intervals.

    Args:
        axes: Where.
        rows: What has an error.
        groups: The group of each row, as it is called below the axis.
        clean: Of clean speech without a defence.
        chance: The error of a guess.

    Returns:
        Where the bar of each row stands, by its place in `rows`.
    """
    levels(axes, clean, chance)
    names, systems = list(dict.fromkeys(groups)), list(dict.fromkeys(row.defence for row in rows))
    width, places = 0.84 / len(systems), {}
    for number, (row, group) in enumerate(zip(rows, groups, strict=True)):
        places[number] = names.index(group) + (systems.index(row.defence) - (len(systems) - 1) / 2) * width
        axes.bar(places[number], height(row.score), width * 0.9, color=defences.get(row.defence).colour, alpha=0.85)
        if row.score.interval:
            # White below grey: to be seen on a bar of any colour.
            axes.vlines(places[number], *row.score.interval, color="white", linewidth=3)
            axes.vlines(places[number], *row.score.interval, color="0.35", linewidth=1.2)
    axes.set_xticks(range(len(names)), ["\n".join(textwrap.wrap(plain(name), 15)) for name in names])
    axes.tick_params(axis="x", length=0)
    return places


def line(axes: Axes, points: Mapping[float, Drawn], colour: str, band: bool = False) -> None:
    """Draws the mean draw, solid, and the worst of N, dashed; with its interval as a band if that is wanted.

    Args:
        axes: Where.
        points: Place on the axis → row, in order.
        colour: Of both.
        band: Whether there is a band.
    """
    x, rows = list(points), list(points.values())
    axes.plot(x, [height(row.score) for row in rows], color=colour, marker="o", markersize=5)
    worst = [height(row.error_worst_of.score) for row in rows]
    axes.plot(x, worst, color=colour, linestyle="--", marker="v", markersize=5)
    ends = [row.score.interval for row in rows if row.score.interval]
    if band and ends and len(ends) == len(rows):
        low, high = zip(*ends, strict=True)
        axes.fill_between(x, low, high, color=colour, alpha=0.10, linewidth=0)


def height(score: Score) -> float:
    """Returns where an error is drawn: nowhere if it is undefined."""
    return float("nan") if score.error is None else score.error


def levels(axes: Axes, clean: Score, chance: float) -> None:
    """Draws what clean speech and chance reach."""
    if clean.error is not None:
        axes.axhline(clean.error, color="0.45", linewidth=1.2)
    axes.axhline(chance, color="0.65", linewidth=1.2, linestyle=":")


def guess_levels(axes: Axes, chance: float, rows: Sequence[Drawn]) -> None:
    """Draws what the worst of as many guesses reaches as the rows have draws."""
    for n in sorted({row.error_worst_of.n for row in rows}):
        axes.axhline(guess_worst_of(round(100 / (100 - chance)), n), color="0.65", linewidth=1.2, linestyle="-.")


def defence_handles(names: Iterable[str]) -> list[Artist]:
    """Returns what the legend says of the defences."""
    return [
        Patch(
            color=defences.get(name).colour,
            alpha=0.85,
            label="no defence" if name == defences.NONE else label(name),
        )
        for name in dict.fromkeys(names)
    ]


def noise_handles(found: Mapping[str, str]) -> list[Artist]:
    """Returns what the legend says of the kinds of noise, by their colours."""
    return [
        Line2D([], [], color=colour, label=plain("any of them" if name == ANY else name))
        for name, colour in found.items()
        if name != MEAN
    ]


def draw_handles(rows: Sequence[Drawn]) -> list[Artist]:
    """Returns what the legend says of the kinds of line."""
    return [
        Line2D([], [], color="0.4", marker="o", markersize=5, label="mean draw"),
        Line2D([], [], color="0.4", marker="v", markersize=5, linestyle="--", label=worst_of(rows)),
        guess_handle(rows),
    ]


def guess_handle(rows: Sequence[Drawn]) -> Artist:
    """Returns what the legend says of the worst of as many guesses."""
    return Line2D([], [], color="0.65", linestyle="-.", label=f"chance, {worst_of(rows)}")


def worst_of(rows: Sequence[Drawn]) -> str:
    """Returns what the legend calls the worst draw."""
    counts = sorted({row.error_worst_of.n for row in rows if row.score.error is not None})
    return "worst of " + (" or ".join(map(str, counts)) or "N")


def finish(found: Figure, grid: Sequence[Axes], handles: Sequence[Artist], clean: Score) -> Figure:
    """Gives all panels their style and the figure its legend, and returns it."""
    for axes in grid:
        axes.set_ylim(0, 100)
        axes.grid(axis="y", alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=FONT)
        axes.xaxis.label.set_fontsize(FONT)
    found.supylabel("error = 100 − UA (%)", fontsize=FONT)
    known = [Line2D([], [], color="0.45", label="clean speech, no defence")] if clean.error is not None else []
    known.append(Line2D([], [], color="0.65", linestyle=":", label="chance"))
    # So many of the longest names are as wide as the figure.
    columns = 3 if found.get_figwidth() >= WIDTH else 2
    found.legend(handles=[*handles, *known], loc="outside lower center", ncols=columns, frameon=False, fontsize=FONT)
    return found


def save(found: Figure, path: Path) -> None:
    """Writes a figure as SVG and PNG; `path` has no suffix."""
    # Neither date nor random ids: the same figures give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "kerasser"}):
        found.savefig(path.with_name(f"{path.name}.svg"), metadata={"Date": None, "Creator": None})
    found.savefig(path.with_name(f"{path.name}.png"), metadata={"Software": None})


def plain(text: str) -> str:
    """Returns a name from data so that matplotlib takes no dollar for mathematics."""
    return " ".join(text.split()).replace("$", r"\$")
