"""Pictures of a report, in one colour-blind-safe style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, safe for colour-blind readers; "any" is the envelope of the others.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_ANY = "#000000"


def figure1(path: Path, clean: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Draws error against ε and against SNR, for each noise, as a PNG.

    Args:
        path: The file to write.
        clean: `error` and `ci95` of clean speech.
        rows: Rows as of `kerasser.evaluation.curve.figure1`.
        title: Says corpus and fold, and whether the speech is synthetic.
    """
    figure = Figure(figsize=(10.5, 4.6), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    _panel(axes[0], rows, clean, "epsilon", "perturbation factor ε")
    _panel(axes[1], rows, clean, "snr_db_target", "signal-to-noise ratio (dB)")
    axes[1].invert_xaxis()
    axes[0].set_ylabel("error = 100 − UA (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    if not handles:
        handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, metadata={"Software": None})


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], clean: Mapping[str, Any], key: str, label: str) -> None:
    chosen = [row for row in rows if row.get(key) is not None and row["error"] is not None]
    environments = list(dict.fromkeys(row["noise"] for row in chosen))
    if clean["error"] is not None:
        axes.axhline(clean["error"], color="0.45", linewidth=1, label="clean speech")
    axes.axhline(50, color="0.75", linewidth=1, linestyle=":", label="chance")
    for number, environment in enumerate(environments):
        colour = _ANY if environment == "any" else _COLOURS[number % len(_COLOURS)]
        mine = sorted((row for row in chosen if row["noise"] == environment), key=lambda row: row[key])
        x = [row[key] for row in mine]
        name = "any of them" if environment == "any" else environment
        axes.plot(x, [row["error"] for row in mine], color=colour, marker="o", markersize=3.5, label=f"{name}, mean")
        worst = [row["error_worst_of"]["error"] for row in mine]
        count = mine[0]["error_worst_of"]["N"]
        axes.plot(x, worst, color=colour, linestyle="--", marker="v", markersize=3.5, label=f"{name}, worst of {count}")
        bands = [row["ci95"] for row in mine]
        if environment != "any" and all(bands):
            low, high = zip(*bands, strict=True)
            axes.fill_between(x, low, high, color=colour, alpha=0.10, linewidth=0)
    axes.set_xlabel(label)
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
