"""Pictures of a training: what a model hears, and how it answers; PNGs in one colour-blind-safe colour map."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kerasser.util.arrays import Array

# Nuñez, Anderton, Renslow 2018: made for readers with a colour vision deficiency.
_COLOURS = "cividis"
_DPI = 100


def heat_map(panels: Mapping[str, Array], names: Sequence[str], title: str, bound: float = 3.0) -> bytes:
    """Draws the descriptors of one utterance under several conditions, beside each other.

    Args:
        panels: What the condition is called → normalised frames, `[frames, descriptors]`, in standard deviations.
        names: Names of the descriptors, from top to bottom.
        title: Which noise. Names from a corpus do not belong here: the font may lack their letters.
        bound: Deviations at which the colours end.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(2.1 + 2.6 * len(panels), 4.3), dpi=_DPI)
    figure.subplots_adjust(left=2.0 / (2.1 + 2.6 * len(panels)), right=0.93, top=0.86, bottom=0.11, wspace=0.06)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for place, (name, frames) in zip(axes, panels.items(), strict=True):
        image = place.imshow(
            frames.T,
            aspect="auto",
            cmap=_COLOURS,
            vmin=-bound,
            vmax=bound,
            interpolation="nearest",
            # Frames are 10 ms apart.
            extent=(0.0, len(frames) / 100, len(names) - 0.5, -0.5),
        )
        place.set_title(name, fontsize=8)
        place.set_xlabel("time (s)", fontsize=7)
        place.tick_params(labelsize=6)
        place.set_yticks([])
    axes[0].set_yticks(range(len(names)), names)
    colours = figure.colorbar(image, cax=figure.add_axes((0.94, 0.11, 0.012, 0.75)))
    colours.ax.tick_params(labelsize=6)
    colours.ax.set_title("SD", fontsize=6)
    figure.suptitle(title, fontsize=8)
    return _png(figure)


def confusion_matrix(counts: Array, classes: Sequence[str], title: str) -> bytes:
    """Draws a confusion matrix.

    Args:
        counts: int `[classes, classes]`: rows are the truth, columns the answer.
        classes: Their names.
        title: Whose answers, to what.

    Returns:
        A PNG; colours are shares of the truth, the numbers are counts.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(3.2, 2.8), dpi=_DPI)
    figure.subplots_adjust(left=0.26, right=0.97, top=0.86, bottom=0.18)
    axes = figure.subplots()
    axes.imshow(shares, cmap=_COLOURS, vmin=0.0, vmax=1.0)
    for (row, column), share in np.ndenumerate(shares):
        colour = "black" if share > 0.5 else "white"
        text = f"{counts[row, column]}\n{100 * share:.0f} %"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, fontsize=7)
    axes.set_yticks(range(len(classes)), classes, fontsize=7)
    axes.set_xlabel("answer", fontsize=7)
    axes.set_ylabel("truth", fontsize=7)
    axes.set_title(title, fontsize=8)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return file.getvalue()
