"""Figures and names as reports print them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from kerasser import defences

#: What reports call the defences.
NAMES = {name: defence.label for name, defence in defences.known().items()}


def percent(score: Mapping[str, Any]) -> str:
    """Returns an error with its interval, such as "31.2 [25.0, 38.1]"; a dash where it is undefined."""
    if score["error"] is None:
        return "–"
    interval = score["interval"]
    return f"{score['error']:.1f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


def number(value: float | None, signed: bool = False) -> str:
    """Returns a figure with one decimal; a dash where it is undefined."""
    # Adding zero makes of -0.0 what it is.
    return "–" if value is None else f"{round(value, 1) + 0.0:{'+' if signed else ''}.1f}"


def budget(row: Mapping[str, Any]) -> str:
    """Returns a row's budget, such as "ε = 2" or "10 dB"."""
    return f"ε = {row['epsilon']:g}" if "epsilon" in row else f"{row['snr_db_target']:g} dB"


def name(text: Any) -> str:
    """Returns a name from data as Markdown that reads as it stands: it breaks no table and makes no HTML."""
    plain = html.escape(" ".join(str(text).split()), quote=False)
    return "".join("\\" + character if character in "\\`*_{}[]#|!" else character for character in plain)


def count(number: int, noun: str) -> str:
    """Returns such as "1 speaker" and "2 speakers"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
