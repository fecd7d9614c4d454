"""A report in three sentences, and what must be known before any figure is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report.formatting import NAMES, budget, count, name, number, percent

#: With fewer test speakers than these, intervals over speakers are too narrow.
FEW_SPEAKERS = 6


def few_speakers(speakers: Sequence[str]) -> str | None:
    """Returns what to say where few speakers test, None where there are enough."""
    if len(speakers) >= FEW_SPEAKERS:
        return None
    return f"Only {count(len(speakers), 'test speaker')}: the intervals are too narrow to be trusted."


def banners(report: Mapping[str, Any]) -> list[str]:
    """Returns what a reader must see first, from a report as `report.json` holds it, as Markdown."""
    found = []
    if report["synthetic"]:
        found.append("**Synthetic speech.** These figures say nothing about human voices.")
    if report["noise_synthetic"]:
        found.append("**Synthetic noise.** It only resembles a café, a meeting or a station.")
    if said := few_speakers(report["test_speakers"]):
        found.append(f"**Few speakers.** {said}")
    return found


def sentences(report: Mapping[str, Any]) -> list[str]:
    """Returns what the attack does, what the best defence gives back, and what a reader must know, as Markdown."""
    return [_attack(report), _defence(report), _care(report)]


def hardest(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Returns the row over all noises whose speech lies deepest in noise, of rows as of figure 1; None if undefined."""
    known = [row for row in rows if row["noise"] == "any"] or list(rows)
    known = [row for row in known if row["error"] is not None]
    levels = [row["snr_db_median"] for row in known]
    if not known or None in levels:
        # Where nothing was added there is no ratio: the largest factor is what is left to go by.
        return max(known, key=lambda row: row.get("epsilon", 0.0), default=None)
    return min(known, key=lambda row: row["snr_db_median"])


def best(report: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]] | None:
    """Returns what the defence with the least error gives back, at the hardest budget at which defences are compared.

    The attacker tries N pieces of each noise on the very model that is judged; errors are means over the noises.

    Returns:
        The row of `differences` (that defence less none), that of `figure3` and that of `figure3` for none; None where
        no defence was measured or an error is undefined.
    """
    rows = [row for row in report.get("figure3", ()) if row["noise"] == "mean" and _worst(row) is not None]
    undefended = [row for row in rows if row["defence"] == "none"]
    for none in sorted(undefended, key=_worst, reverse=True):
        others = [row for row in rows if row["defence"] != "none" and budget(row) == budget(none)]
        if not others:
            continue
        least = min(others, key=_worst)
        for row in report["differences"]:
            if (row["first"], row["second"], row["draw"]) == (least["defence"], "none", "worst"):
                if budget(row) == budget(none) and row["difference"] is not None:
                    return row, least, none
    return None


def _worst(row: Mapping[str, Any]) -> Any:
    return row["error_worst_of"]["error"]


def _attack(report: Mapping[str, Any]) -> str:
    row, clean = hardest(report["figure1"]), report["clean"]
    if row is None or clean["error"] is None:
        return "What the attack does is undefined: a class has no test utterance."
    worst, chance = row["error_worst_of"], 100 - 100 / len(report["classes"])
    return (
        f"**The attack.** Without a defence the error is {percent(clean)} % on clean speech; at the hardest budget, "
        f"{budget(row)}, it is {percent(row)} % for a random piece of noise and {percent(worst)} % for the worst of "
        f"{worst['N']} pieces over all noises ({chance:.0f} % is chance)."
    )


def _defence(report: Mapping[str, Any]) -> str:
    if "victim" in report:
        return _search(report)
    if not report.get("figure3"):
        return "**The defences.** None was measured here: `python -m pipelines.reproduce` trains and measures them."
    if (found := best(report)) is None:
        return "**The defences.** What they give back is undefined: an error or all defences are missing."
    difference, least, none = found
    gain, interval = -difference["difference"], difference["interval"]
    measured = len({row["defence"] for row in report["figure3"]} - {"none"})
    which = "The only one measured" if measured == 1 else f"The best of {measured}"
    against = (
        f"against an attacker who tries {count(none['error_worst_of']['N'], 'piece')} of each noise on the very model "
        f"({budget(none)})"
    )
    errors = f"an error of {number(_worst(least))} % instead of {number(_worst(none))} %"
    low, high = (number(-end, signed=True) for end in reversed(interval or (0.0, 0.0)))
    shown = f" [{low}, {high}]" if interval else ", without an interval"
    if gain <= 0:
        return (
            f"**The defences.** {which}, {NAMES[least['defence']]}, gives nothing back {against}: {errors}, "
            f"{number(gain, signed=True)} points{shown}."
        )
    chance = " The interval holds 0: that may be chance." if interval and -interval[1] <= 0 <= -interval[0] else ""
    return (
        f"**The defences.** {which}, {NAMES[least['defence']]}, gives back {number(gain)} points{shown} {against}: "
        f"{errors}.{chance}"
    )


def _search(report: Mapping[str, Any]) -> str:
    """Says what whoever asks somebody's recogniser often enough reaches."""
    victim = report["victim"]
    asked = f"**The victim.** {name(victim['name'])} was asked {count(victim['queries'], 'time')}"
    rows = [row for row in report.get("threats", ()) if row["queries"] and row["error"] is not None]
    if not rows:
        return f"{asked}; nothing was searched."
    worst = max(rows, key=lambda row: row["error"])
    return (
        f"{asked}; an attacker with {worst['queries']} queries an utterance ({worst['threat']}) reaches an error of "
        f"{percent(worst)} % at {budget(worst)}."
    )


def _care(report: Mapping[str, Any]) -> str:
    speech = "synthetic" if report["synthetic"] else "recorded"
    noise = "synthetic" if report["noise_synthetic"] else "recorded"
    rang = len(report.get("alarms", ()))
    alarms = f"{count(rang, 'alarm')} rang, listed below" if rang else "no alarm rang"
    speakers = count(len(report["test_speakers"]), "speaker")
    few = ", too few for intervals to be trusted" if few_speakers(report["test_speakers"]) else ""
    return (
        f"**With care.** {name(report['corpus'])} is {speech} speech, under {noise} noise; "
        f"{count(report['clean']['n'], 'utterance')} of {speakers} test{few}; {alarms}."
    )
