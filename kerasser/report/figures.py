"""Pictures of a report, in one colour-blind-safe style; each as SVG for pages and as PNG for everything else."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kerasser import defences
from kerasser.report.formatting import NAMES

# Okabe and Ito's palette, safe for colour-blind readers; "any" is the envelope of the others.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_ANY = "#000000"
#: A defence has the same colour in every picture.
_DEFENCES = {name: defence.colour for name, defence in defences.known().items()}
_DPI = 150
# Printed between A4's margins, 18 cm, a picture of this width, in inches, shrinks to two thirds: 12 pt is left with 8.
_WIDTH, _FONT = 10.5, 12
_HEIGHT = 5.0
# Where there are no more budgets than these, the axis names each.
_TICKS = 6


class Picture(Figure):
    """A figure that a notebook shows although pyplot, which would keep every one in memory, has not made it."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def figure1(
    path: Path | None, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str, classes: int = 2
) -> Figure:
    """Draws error against ε and against SNR, for each noise.

    Args:
        path: The PNG to write, with an SVG beside it; None writes none.
        clean: `error` and `interval` of clean speech.
        rows: Rows as of `kerasser.evaluation.curve.figure1`.
        title: Says corpus and fold, and whether the speech is synthetic.
        classes: How many there are to guess from.
    """
    drawn = [row for row in rows if row["error"] is not None]
    kinds = {"epsilon": "perturbation factor ε", "snr_db_target": "signal-to-noise ratio (dB)"}
    panels = [key for key in kinds if any(row.get(key) is not None for row in drawn)]
    figure = _figure(title, width=_WIDTH if len(panels) > 1 else _WIDTH / 2 + 1)
    grid = figure.subplots(1, max(len(panels), 1), sharey=True, squeeze=False)[0]
    environments = list(dict.fromkeys(row["noise"] for row in drawn))
    colours = dict(zip((name for name in environments if name != "any"), _COLOURS * len(environments), strict=False))
    colours |= {"any": _ANY}
    for axes, key in zip(grid, panels, strict=False):
        _levels(axes, clean, classes)
        for environment in environments:
            mine = [row for row in drawn if row["noise"] == environment and row.get(key) is not None]
            _line(axes, sorted(mine, key=lambda row: row[key]), key, colours[environment], environment != "any")
        axes.set_xlabel(kinds[key])
        budgets = sorted({row[key] for row in drawn if row.get(key) is not None})
        if len(budgets) <= _TICKS:
            axes.set_xticks(budgets, [f"{value:g}" for value in budgets])
        if key == "snr_db_target":
            # Harder to the right, as with ε.
            axes.invert_xaxis()
    names = [(_plain("any of them" if name == "any" else name), colours[name]) for name in environments]
    lines = [Line2D([], [], color=colour, label=name) for name, colour in names]
    _finish(figure, grid, path, [*lines, *_draws(drawn)], clean)
    return figure


def figure2(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws error against the share of adversarial training examples, for each noise.

    Args:
        path: The PNG to write; an SVG lies beside it.
        clean: `error` and `interval` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.comparison.Comparison.figure2`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    panels = _panels(rows)
    figure = _figure(title, width=_WIDTH if len(panels) > 1 else _WIDTH / 2 + 1)
    grid = figure.subplots(1, max(len(panels), 1), sharey=True, squeeze=False)[0]
    names = [name for name in dict.fromkeys(row["noise"] for row in rows) if name not in ("mean", "any")]
    colours = dict(zip(names, _COLOURS * len(names), strict=False))
    for axes, (label, part) in zip(grid, panels, strict=False):
        _levels(axes, clean)
        axes.set_title(label, fontsize=_FONT)
        for name, colour in colours.items():
            mine = sorted((row for row in part if row["noise"] == name), key=lambda row: row["percent"])
            _line(axes, mine, "percent", colour)
        axes.set_xlabel("adversarial share of the training examples (%)")
    lines: list[Artist] = [Line2D([], [], color=colour, label=_plain(name)) for name, colour in colours.items()]
    _finish(figure, grid, path, [*lines, *_draws(rows)], clean)


def figure3(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws the error of every defence, for each noise and the mean over them.

    Args:
        path: The PNG to write; an SVG lies beside it.
        clean: `error` and `interval` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.comparison.Comparison.figure3`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    shown = [row for row in rows if row["noise"] != "any"]
    figure, grid, panels = _rows_of_panels(shown, title)
    for axes, (label, part) in zip(grid, panels, strict=False):
        axes.set_title(label, fontsize=_FONT)
        _bars(axes, part, "noise", clean, worst=True)
    worst = Line2D([], [], color="0.4", marker="v", linestyle="", label=_worst_of(shown))
    _finish(figure, grid, path, [*_patches(shown), worst], clean)


def figure4(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws the error of every defence under every threat model.

    Args:
        path: The PNG to write; an SVG lies beside it.
        clean: `error` and `interval` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.threats.rows`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    figure, grid, panels = _rows_of_panels(rows, title)
    for axes, (label, part) in zip(grid, panels, strict=False):
        axes.set_title(label, fontsize=_FONT)
        _bars(axes, part, "threat", clean)
    _finish(figure, grid, path, _patches(rows), clean)


def _figure(title: str, width: float = _WIDTH, height: float = _HEIGHT) -> Figure:
    figure = Picture(figsize=(width, height), dpi=_DPI, layout="constrained")
    figure.suptitle("\n".join(textwrap.wrap(_plain(title), int(9 * width))), fontsize=_FONT)
    return figure


def _panels(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Returns the rows of the largest ε and those of the signal-to-noise ratio nearest to 10 dB, with their titles."""
    chosen = []
    if epsilons := {row["epsilon"] for row in rows if "epsilon" in row}:
        chosen.append(("epsilon", max(epsilons), f"ε = {max(epsilons):g}"))
    if levels := {row["snr_db_target"] for row in rows if "snr_db_target" in row}:
        level = min(levels, key=lambda value: abs(value - 10))
        chosen.append(("snr_db_target", level, f"{level:g} dB signal-to-noise ratio"))
    parts = [
        (label, [row for row in rows if row.get(key) == value and row["error"] is not None])
        for key, value, label in chosen
    ]
    # A test without one of the classes has no error to draw.
    return [(label, part) for label, part in parts if part]


def _rows_of_panels(
    rows: Sequence[Mapping[str, Any]], title: str
) -> tuple[Figure, Sequence[Axes], list[tuple[str, list[Mapping[str, Any]]]]]:
    """Returns a figure with its panels below each other: many bars need the whole width."""
    panels = _panels(rows)
    figure = _figure(title, height=1.8 + 3.2 * max(len(panels), 1))
    return figure, list(figure.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]), panels


def _bars(
    axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, clean: Mapping[str, Any], *, worst: bool = False
) -> None:
    """Draws a group of bars for each value of a key, a bar a defence, with intervals."""
    _levels(axes, clean)
    groups, defences = (list(dict.fromkeys(row[name] for row in rows)) for name in (key, "defence"))
    width = 0.84 / len(defences)
    for row in rows:
        place = groups.index(row[key]) + (defences.index(row["defence"]) - (len(defences) - 1) / 2) * width
        colour = _DEFENCES[row["defence"]]
        axes.bar(place, row["error"], width * 0.9, color=colour, alpha=0.85)
        if row["interval"]:
            # White below grey: to be seen on a bar of any colour.
            axes.vlines(place, *row["interval"], color="white", linewidth=3)
            axes.vlines(place, *row["interval"], color="0.35", linewidth=1.2)
        if worst:
            error = row["error_worst_of"]["error"]
            axes.plot(place, error, "v", color=colour, markersize=8, markeredgecolor="white", markeredgewidth=0.8)
    labels = ["\n".join(textwrap.wrap(_plain(str(name)), 15)) for name in groups]
    axes.set_xticks(range(len(groups)), labels)
    axes.tick_params(axis="x", length=0)


def _patches(rows: Sequence[Mapping[str, Any]]) -> list[Artist]:
    """Returns what the legend says of the defences."""
    return [
        Patch(color=_DEFENCES[name], alpha=0.85, label="no defence" if name == "none" else NAMES[name])
        for name in dict.fromkeys(row["defence"] for row in rows)
    ]


def _draws(rows: Sequence[Mapping[str, Any]]) -> list[Artist]:
    """Returns what the legend says of the kinds of line."""
    return [
        Line2D([], [], color="0.4", marker="o", markersize=5, label="mean draw"),
        Line2D([], [], color="0.4", marker="v", markersize=5, linestyle="--", label=_worst_of(rows)),
    ]


def _worst_of(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = sorted({row["error_worst_of"]["N"] for row in rows if row["error"] is not None})
    return "worst of " + (" or ".join(map(str, counts)) or "N")


def _levels(axes: Axes, clean: Mapping[str, Any], classes: int = 2) -> None:
    """Draws what clean speech and chance reach."""
    if clean["error"] is not None:
        axes.axhline(clean["error"], color="0.45", linewidth=1.2)
    axes.axhline(100 - 100 / classes, color="0.65", linewidth=1.2, linestyle=":")


def _line(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, colour: str, band: bool = False) -> None:
    """Draws the mean draw, solid, and the worst of N, dashed; with its interval as a band if that is wanted."""
    x = [row[key] for row in rows]
    axes.plot(x, [row["error"] for row in rows], color=colour, marker="o", markersize=5)
    worst = [row["error_worst_of"]["error"] for row in rows]
    axes.plot(x, worst, color=colour, linestyle="--", marker="v", markersize=5)
    bands = [row["interval"] for row in rows]
    if band and bands and all(bands):
        low, high = zip(*bands, strict=True)
        axes.fill_between(x, low, high, color=colour, alpha=0.10, linewidth=0)


def _finish(
    figure: Figure, grid: Sequence[Axes], path: Path | None, handles: Sequence[Artist], clean: Mapping[str, Any]
) -> None:
    """Gives all panels their style and the figure its legend, and writes both files if they are wanted."""
    for axes in grid:
        axes.set_ylim(0, 100)
        axes.grid(axis="y", alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=_FONT)
        axes.xaxis.label.set_fontsize(_FONT)
    figure.supylabel("error = 100 − UA (%)", fontsize=_FONT)
    levels = [Line2D([], [], color="0.45", label="clean speech, no defence")] if clean["error"] is not None else []
    levels.append(Line2D([], [], color="0.65", linestyle=":", label="chance"))
    # So many of the longest names are as wide as the figure.
    columns = 3 if figure.get_figwidth() >= _WIDTH else 2
    figure.legend(handles=[*handles, *levels], loc="outside lower center", ncols=columns, frameon=False, fontsize=_FONT)
    if path is None:
        return
    # Neither date nor random ids: the same figures give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "kerasser"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    figure.savefig(path.with_suffix(".png"), metadata={"Software": None})


def _plain(text: str) -> str:
    """Returns a name from data so that matplotlib takes no dollar for mathematics."""
    return " ".join(text.split()).replace("$", r"\$")
