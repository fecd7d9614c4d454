"""Pictures of a report, in one colour-blind-safe style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasser.report.page import chance
from kerasser.report.words import NAMES

# Okabe and Ito's palette, safe for colour-blind readers; "any" is the envelope of the others.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_ANY = "#000000"


def figure1(
    path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str, classes: int = 2
) -> None:
    """Draws error against ε and against SNR, for each noise, as a PNG.

    Args:
        path: The file to write.
        clean: `error` and `ci95` of clean speech.
        rows: Rows as of `kerasser.evaluation.curve.figure1`.
        title: Says corpus and fold, and whether the speech is synthetic.
        classes: How many there are to guess from.
    """
    figure = Figure(figsize=(10.5, 4.6), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    _panel(axes[0], rows, clean, "epsilon", "perturbation factor ε", classes)
    _panel(axes[1], rows, clean, "snr_db_target", "signal-to-noise ratio (dB)", classes)
    axes[1].invert_xaxis()
    axes[0].set_ylabel("error = 100 − UA (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    if not handles:
        handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, metadata={"Software": None})


def _panel(
    axes: Axes, rows: Sequence[Mapping[str, Any]], clean: Mapping[str, Any], key: str, label: str, classes: int
) -> None:
    chosen = [row for row in rows if row.get(key) is not None and row["error"] is not None]
    environments = list(dict.fromkeys(row["noise"] for row in chosen))
    _levels(axes, clean, classes)
    for number, environment in enumerate(environments):
        colour = _ANY if environment == "any" else _COLOURS[number % len(_COLOURS)]
        mine = sorted((row for row in chosen if row["noise"] == environment), key=lambda row: row[key])
        _line(axes, mine, key, colour, "any of them" if environment == "any" else environment)
        x = [row[key] for row in mine]
        bands = [row["ci95"] for row in mine]
        if environment != "any" and all(bands):
            low, high = zip(*bands, strict=True)
            axes.fill_between(x, low, high, color=colour, alpha=0.10, linewidth=0)
    axes.set_xlabel(label)
    _style(axes)


def figure2(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws error against the share of adversarial training examples, for each noise, as a PNG.

    Args:
        path: The file to write.
        clean: `error` and `ci95` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.comparison.Comparison.figure2`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    figure, panels = _panels(rows, title)
    for axes, part in panels:
        _levels(axes, clean)
        names = [name for name in dict.fromkeys(row["noise"] for row in part) if name not in ("mean", "any")]
        for colour, name in zip(_COLOURS, names, strict=False):
            mine = sorted((row for row in part if row["noise"] == name), key=lambda row: row["percent"])
            _line(axes, mine, "percent", colour, name)
        axes.set_xlabel("adversarial share of the training examples (%)")
    _finish(figure, panels, path)


def figure3(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws the error of every defence, for each noise and the mean over them, as a PNG.

    Args:
        path: The file to write.
        clean: `error` and `ci95` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.comparison.Comparison.figure3`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    figure, panels = _panels(rows, title)
    for axes, part in panels:
        _levels(axes, clean)
        noises = [name for name in dict.fromkeys(row["noise"] for row in part) if name != "any"]
        defences = list(dict.fromkeys(row["defence"] for row in part))
        width = 0.8 / len(defences)
        for number, defence in enumerate(defences):
            mine = {row["noise"]: row for row in part if row["defence"] == defence}
            places = [place + (number - (len(defences) - 1) / 2) * width for place in range(len(noises))]
            errors = [mine[noise]["error"] for noise in noises]
            colour = _ANY if defence == "none" else _COLOURS[number - 1]
            axes.bar(places, errors, width * 0.92, color=colour, alpha=0.85, label=f"{defence}, mean")
            worst = [mine[noise]["error_worst_of"]["error"] for noise in noises]
            axes.plot(places, worst, "v", color=colour, markersize=5, markeredgecolor="white", markeredgewidth=0.5)
            for place, noise in zip(places, noises, strict=True):
                if mine[noise]["ci95"]:
                    axes.vlines(place, *mine[noise]["ci95"], color="0.35", linewidth=1)
        axes.plot([], [], "v", color="0.4", label=f"worst of {part[0]['error_worst_of']['N']}")
        axes.set_xticks(range(len(noises)), noises)
    _finish(figure, panels, path)


def figure4(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws the error of every defence under every threat model, as a PNG.

    Args:
        path: The file to write.
        clean: `error` and `ci95` of the undefended classifier on clean speech.
        rows: Rows as of `kerasser.evaluation.threats.rows`.
        title: Says corpus and folds, and whether the speech is synthetic.
    """
    figure, panels = _panels(rows, title)
    for axes, part in panels:
        _levels(axes, clean)
        threats = list(dict.fromkeys(row["threat"] for row in part))
        defences = list(dict.fromkeys(row["defence"] for row in part))
        width = 0.8 / len(defences)
        for number, defence in enumerate(defences):
            mine = {row["threat"]: row for row in part if row["defence"] == defence}
            colour = _ANY if defence == "none" else _COLOURS[number - 1]
            places = {name: threats.index(name) + (number - (len(defences) - 1) / 2) * width for name in mine}
            errors = [row["error"] for row in mine.values()]
            axes.bar(list(places.values()), errors, width * 0.92, color=colour, alpha=0.85, label=NAMES[defence])
            for name, place in places.items():
                if mine[name]["ci95"]:
                    axes.vlines(place, *mine[name]["ci95"], color="0.35", linewidth=1)
        axes.set_xticks(range(len(threats)), [name.replace(" ", "\n") for name in threats], fontsize=7)
    _finish(figure, panels, path)


def _panels(rows: Sequence[Mapping[str, Any]], title: str) -> tuple[Figure, list[tuple[Axes, list[Mapping[str, Any]]]]]:
    """Returns a figure with a panel for the largest ε and one for the signal-to-noise ratio nearest to 10 dB."""
    shown = []
    if epsilons := {row["epsilon"] for row in rows if "epsilon" in row}:
        shown.append(("epsilon", max(epsilons), f"ε = {max(epsilons):g}"))
    if levels := {row["snr_db_target"] for row in rows if "snr_db_target" in row}:
        level = min(levels, key=lambda value: abs(value - 10))
        shown.append(("snr_db_target", level, f"{level:g} dB"))
    figure = Figure(figsize=(5.25 * len(shown), 4.6), dpi=150, layout="constrained")
    grid = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    panels = []
    for axes, (key, value, label) in zip(grid, shown, strict=True):
        axes.set_title(label, fontsize=9)
        part = [row for row in rows if row.get(key) == value and row["error"] is not None]
        # A test without one of the classes has no error to draw.
        panels += [(axes, part)] if part else []
    grid[0].set_ylabel("error = 100 − UA (%)")
    figure.suptitle(title, fontsize=10)
    return figure, panels


def _levels(axes: Axes, clean: Mapping[str, Any], classes: int = 2) -> None:
    """Draws what clean speech and chance reach."""
    if clean["error"] is not None:
        axes.axhline(clean["error"], color="0.45", linewidth=1, label="clean speech")
    axes.axhline(chance(classes), color="0.75", linewidth=1, linestyle=":", label="chance")


def _line(axes: Axes, rows: Sequence[Mapping[str, Any]], key: str, colour: str, name: str) -> None:
    """Draws the mean draw, solid, and the worst of N, dashed."""
    x = [row[key] for row in rows]
    axes.plot(x, [row["error"] for row in rows], color=colour, marker="o", markersize=3.5, label=f"{name}, mean")
    worst = [row["error_worst_of"]["error"] for row in rows]
    count = rows[0]["error_worst_of"]["N"]
    axes.plot(x, worst, color=colour, linestyle="--", marker="v", markersize=3.5, label=f"{name}, worst of {count}")


def _finish(figure: Figure, panels: Sequence[tuple[Axes, Any]], path: Path) -> None:
    for axes, _ in panels:
        _style(axes)
    handles, labels = panels[0][0].get_legend_handles_labels() if panels else ([], [])
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Software": None})


def _style(axes: Axes) -> None:
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
