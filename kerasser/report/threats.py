"""The threat models in words: error by what the attacker knows, how efficient a search is, and unseen noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser import threats
from kerasser.report.formatting import NAMES, budget, name, number, percent
from kerasser.threats import unseen_environment, white_box


def markdown(report: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the section for a report as `report.json` holds it."""
    rows = report["threats"]
    if not rows:
        return []
    present = [threat for threat in threats.known() if any(row["threat"] == threat for row in rows)]
    settings = report["settings"]["threats"]
    most = max(row["queries"] for row in rows)
    lines = [
        f"N = {most} queries for each utterance, over all environments. An utterance counts as wrong as soon as one "
        "query succeeds."
        + (
            f" White box: {settings['white_box']['steps']} steps × {settings['white_box']['restarts']} restarts."
            if white_box.NAME in present
            else ""
        ),
        "",
        *(f"- **{threat}**: {threats.get(threat).explanation}." for threat in present),
        "",
        *(["![Error of each defence under each threat model](figure4.svg)", ""] if report.get("figure3") else []),
        f"| budget | defence | {' | '.join(present)} |",
        "| --- | --- |" + " --- |" * len(present),
    ]
    for key in dict.fromkeys((budget(row), row["defence"]) for row in rows):
        mine = {row["threat"]: row for row in rows if (budget(row), row["defence"]) == key}
        cells = [percent(mine[threat]) + _spent(mine[threat]) for threat in present]
        lines.append(f"| {key[0]} | {NAMES[key[1]]} | {' | '.join(cells)} |")
    lines += [
        "",
        "In parentheses: queries asked for an utterance on average, by an attacker who stops at a success, or the "
        "radius in standard deviations."
        + (
            " What trains on no environment meets them all unseen: its error there is the oblivious one."
            if unseen_environment.NAME in present
            else ""
        ),
        "",
    ]
    return [*lines, *_curve(report["search_curve"]), *_unseen(report.get("unseen", []))]


def _spent(row: Mapping[str, Any]) -> str:
    if row["radius"] is not None:
        return f" (r = {row['radius']:.2f})"
    return f" ({row['queries_mean']:.1f})" if row["queries"] else ""


def _curve(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says what each search reaches with half of the queries and with all."""
    if not rows:
        return []
    most = max(row["queries"] for row in rows)
    counts = sorted({max(most // 2, 1), most})
    names = [f"{kind}, {count}" for count in counts for kind in ("random", "Bayesian")]
    lines = [
        "### How efficient the search is",
        "",
        "Attack success rate, in percent of the utterances that are right when clean, by queries spent.",
        "",
        f"| budget | defence | {' | '.join(names)} |",
        "| --- | --- |" + " --- |" * len(names),
    ]
    for key in dict.fromkeys((budget(row), row["defence"]) for row in rows):
        mine = {row["queries"]: row for row in rows if (budget(row), row["defence"]) == key}
        cells = [number(mine[count][kind]) for count in counts for kind in ("random", "bayesian")]
        lines.append(f"| {key[0]} | {NAMES[key[1]]} | {' | '.join(cells)} |")
    return [*lines, ""]


def _unseen(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Shows the error by noise that trained and noise that tests."""
    if not rows:
        return []
    noises = list(dict.fromkeys(row["noise"] for row in rows))
    lines = [
        "### Noise that was never heard",
        "",
        "Error for one random piece, by the environments that trained the defence (rows) and the one that tests "
        "(columns); bold where it was left out.",
        "",
        f"| budget | defence | trained on | {' | '.join(map(name, noises))} |",
        "| --- | --- | --- |" + " --- |" * len(noises),
    ]
    for key in dict.fromkeys((budget(row), row["defence"], row["trained_without"]) for row in rows):
        mine = {row["noise"]: row for row in rows if (budget(row), row["defence"], row["trained_without"]) == key}
        cells = [f"**{percent(mine[noise])}**" if noise == key[2] else percent(mine[noise]) for noise in noises]
        heard = f"all but {name(key[2])}" if key[2] else "all"
        lines.append(f"| {key[0]} | {NAMES[key[1]]} | {heard} | {' | '.join(cells)} |")
    return [*lines, ""]
