"""A corpus in one picture: who says how much of what, how long, how loud."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kerasser.corpora.survey import Survey

_DPI = 100
_COLOUR, _OTHER = "#0072B2", "#E69F00"
# With more speakers than that, names are not legible.
_NAMED = 40
_BINS = 30


def drawn(found: Survey) -> bytes:
    """Returns a PNG of speakers and emotions, lengths, and levels beside noise floors."""
    figure = Figure(figsize=(10.5, 7.5), dpi=_DPI)
    FigureCanvasAgg(figure)
    panels = figure.subplot_mosaic([["who", "who"], ["length", "level"]])
    # By hand: a layout engine draws all of it once more.
    figure.subplots_adjust(left=0.13, right=0.97, bottom=0.08, top=0.93, hspace=0.45, wspace=0.25)
    _counts(figure, panels["who"], found)
    _lengths(panels["length"], found)
    _levels(panels["level"], found)
    minutes = found.durations_s.sum() / 60
    title = f"{found.corpus.name}: {len(found.files)} utterances, {len(found.speakers)} speakers, {minutes:.1f} min"
    # A dollar in a name is no mathematics.
    figure.suptitle(title.replace("$", r"\$"))
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _counts(figure: Figure, axes: Axes, found: Survey) -> None:
    """Draws how often each speaker speaks in each emotion."""
    speakers, emotions = list(found.speakers), list(found.emotions)
    counts = np.array([[found.speakers[speaker][emotion] for speaker in speakers] for emotion in emotions])
    image = axes.imshow(counts, aspect="auto", cmap="Blues", vmin=0)
    axes.set_yticks(range(len(emotions)), [name.replace("$", r"\$") for name in emotions])
    if len(speakers) <= _NAMED:
        axes.set_xticks(range(len(speakers)), [name.replace("$", r"\$") for name in speakers], rotation=90)
    axes.set_xlabel("speaker")
    figure.colorbar(image, ax=axes, label="utterances")


def _lengths(axes: Axes, found: Survey) -> None:
    axes.hist(found.durations_s, bins=_BINS, color=_COLOUR)
    axes.set_xlabel("length, s")
    axes.set_ylabel("utterances")


def _levels(axes: Axes, found: Survey) -> None:
    for values, colour, name in (
        ([each.level_dbfs for each in found.levels], _COLOUR, "level"),
        ([each.floor_dbfs for each in found.levels], _OTHER, "noise floor"),
    ):
        axes.hist(values, bins=_BINS, color=colour, alpha=0.7, label=name)
    axes.set_xlabel("dBFS")
    axes.set_ylabel(f"utterances, of {len(found.levels)}")
    if found.levels:
        # Above the panel: to find the best place within, every bar is tried, and warned of on a busy machine.
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
