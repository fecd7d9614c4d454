"""Figures and names as reports print them."""

from __future__ import annotations

import html
from typing import Any

from kerasser import defences
from kerasser.evaluation.metrics import guess_worst_of
from kerasser.evaluation.report import Report
from kerasser.evaluation.results import RANGE, Interval, Quartiles, Score, WorstOf
from kerasser.evaluation.statistics import RANGE_BELOW, WARN_UP_TO


def label(defence: str) -> str:
    """Returns what reports call a defence."""
    return defences.get(defence).label


def percent(score: Score) -> str:
    """Returns an error with its interval, such as "31.2 [25.0, 38.1]"; a dash where it is undefined."""
    if score.error is None:
        return "–"
    return f"{score.error:.1f}" + ends(score.interval, score.interval_kind, ".1f")


def ends(interval: Interval | None, kind: str | None, digits: str) -> str:
    """Returns the ends of an interval, " [25.0, 38.1]", or of a range over speakers, " (25.0 to 38.1)".

    One without width is " [no spread]": no speaker differs from another, which says nothing of others.

    Args:
        interval: The ends, if there are any.
        kind: `RANGE`, or None for an interval.
        digits: How numbers are printed, such as ".1f".
    """
    if interval is None:
        return ""
    low, high = (f"{end:{digits}}" for end in interval)
    if interval[0] == interval[1]:
        return " (no spread)" if kind == RANGE else " [no spread]"
    return f" ({low} to {high})" if kind == RANGE else f" [{low}, {high}]"


def number(value: float | None, signed: bool = False) -> str:
    """Returns a figure with one decimal; a dash where it is undefined."""
    # Adding zero makes of -0.0 what it is.
    return "–" if value is None else f"{round(value, 1) + 0.0:{'+' if signed else ''}.1f}"


def difference(value: float | None, interval: Interval | None, kind: str | None = None) -> str:
    """Returns a difference with its interval, such as "-2.0 [-5.1, +1.1]"."""
    return number(value, signed=True) + ends(interval, kind, "+.1f")


def recovered(share: Score) -> str:
    """Returns a recovered share with its interval, such as "0.82 [0.70, 0.93]"; a dash where there is none."""
    if share.error is None:
        return "–"
    return f"{share.error:.2f}" + ends(share.interval, share.interval_kind, ".2f")


def probability(p: float | None) -> str:
    """Returns a p, such as "0.012" or "< 0.001"; a dash where there is none."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def quartiles(part: Quartiles | None, digits: int) -> str:
    """Returns "31.2 (25.0 to 38.1)"; a dash where nothing was measured."""
    if part is None:
        return "–"
    middle, low, high = (f"{value:.{digits}f}" for value in (part.median, part.q25, part.q75))
    return f"{middle} ({low} to {high})"


def share(percentage: float | None) -> str:
    """Returns how a system with a share of adversarial examples is told apart: " (50 %)"; nothing without one."""
    return f" ({percentage:g} %)" if percentage else ""


def coverage(confidence: float) -> str:
    """Returns the coverage of intervals: "95 %"."""
    return f"{round(100 * confidence, 9):g} %"


def draw(kind: str, worst: WorstOf | None = None) -> str:
    """Returns what a kind of draw is called: "mean", or "worst of 3"."""
    return "mean" if kind == "mean" else f"worst of {worst.n if worst else 'N'}"


def name(text: Any) -> str:
    """Returns a name from data as Markdown that reads as it stands: it breaks no table and makes no HTML."""
    plain = html.escape(" ".join(str(text).split()), quote=False)
    return "".join("\\" + character if character in "\\`*_{}[]#|!" else character for character in plain)


def count(number: int, noun: str) -> str:
    """Returns such as "1 speaker" and "2 speakers"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def speakers_allow(p: float, speakers: int) -> str:
    """Says what no p of so few speakers can be below, where that matters."""
    return f" {count(speakers, 'speaker')} allow no p below {p:.3f}." if p >= 0.001 else ""


def spread(report: Report, over: str = "speakers") -> str:
    """Says what stands behind a figure: intervals, or the range over few speakers."""
    speakers = len(report.test_speakers)
    if speakers < RANGE_BELOW:
        return (
            f"parentheses hold the range over the {count(speakers, 'test speaker')}, from the least figure of one to "
            "the largest, and no interval"
        )
    said = f"brackets hold {coverage(report.confidence)} bootstrap intervals over {over}"
    return said + (f", too narrow over {speakers}" if speakers <= WARN_UP_TO else "")


def guesses(report: Report) -> str:
    """Says which error a guess has, and which the worst of as many guesses as there are draws."""
    counts = sorted({row.error_worst_of.n for row in report.figure1})
    worst = [f"worst of {n} {guess_worst_of(len(report.classes), n):.1f} %" for n in counts]
    return (
        f"Whoever guesses has an error of {report.chance_error:.1f} %; guessing anew at every draw, {', '.join(worst)}."
    )
