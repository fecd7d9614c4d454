"""A report in three sentences, and what must be known before any figure is read."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser import defences
from kerasser.evaluation.metrics import guess_worst_of
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import ANY, DifferenceRow, Figure1Row, Figure3Row, VictimFacts
from kerasser.evaluation.statistics import RANGE_BELOW, WARN_UP_TO
from kerasser.report.formatting import count, ends, label, name, number, percent


def headlines(report: Report) -> str:
    """Returns a line for clean speech and one an environment at its hardest ε, plain text."""
    lines = [f"clean speech: error {percent(report.clean.score)} %"]
    # ε ascends within an environment, so its last row is its hardest.
    last = {row.noise: row for row in report.figure1 if row.budget.kind == "epsilon"}
    for noise, row in last.items():
        worst = row.error_worst_of
        lines.append(
            f"{noise} at {row.budget}: error {percent(row.score)} %, worst of {worst.n} {percent(worst.score)} %"
        )
    return "\n".join(lines)


def few_speakers(speakers: Sequence[str]) -> str | None:
    """Returns what to say where few speakers test, None where there are enough."""
    said = f"Only {count(len(speakers), 'test speaker')}"
    if len(speakers) < RANGE_BELOW:
        return f"{said}: beside the figures stands the range over them, which is no interval."
    if len(speakers) <= WARN_UP_TO:
        return f"{said}: the intervals are too narrow; in simulations, those of 95 % hold the truth in 83 to 90 %."
    return None


def banners(report: Report) -> list[str]:
    """Returns what a reader must see first, as Markdown."""
    found = []
    if report.synthetic:
        found.append("**Synthetic speech.** These figures say nothing about human voices.")
    if report.noise_synthetic:
        found.append("**Synthetic noise.** It only resembles a café, a meeting or a station.")
    if said := few_speakers(report.test_speakers):
        found.append(f"**Few speakers.** {said}")
    return found


def sentences(report: Report) -> list[str]:
    """Returns what the attack does, what the best defence gives back, and what a reader must know, as Markdown."""
    return [_attack(report), _defence(report), _care(report)]


def hardest(rows: Sequence[Figure1Row]) -> Figure1Row | None:
    """Returns the row over all noises whose speech lies deepest in noise; None if all errors are undefined."""
    found = [row for row in rows if row.noise == ANY] or rows
    known = [row for row in found if row.score.error is not None]
    levels = {row.budget: row.snr_db_median for row in known}
    if not known or None in levels.values():
        # Where nothing was added there is no ratio: the largest factor is what is left to go by.
        return max(known, key=lambda row: row.budget.value if row.budget.kind == "epsilon" else 0.0, default=None)
    return min(known, key=lambda row: row.snr_db_median or 0.0)


def best(report: ReproductionReport) -> tuple[DifferenceRow, Figure3Row, Figure3Row] | None:
    """Returns what the defence with the least error gives back, at the hardest budget at which defences are compared.

    The attacker tries N pieces, all draws of all noises, on the very model that is judged. Which defence is best is
    seen from the test figures themselves.

    Returns:
        The difference of that defence and none, the row of that defence and that of none; None where no defence was
        measured or an error is undefined.
    """
    rows = [row for row in report.figure3 if row.noise == ANY and row.error_worst_of.score.error is not None]
    undefended = [row for row in rows if row.defence == defences.NONE]
    for none in sorted(undefended, key=_worst, reverse=True):
        others = [row for row in rows if row.defence != defences.NONE and row.budget == none.budget]
        if not others:
            continue
        least = min(others, key=_worst)
        for row in report.differences:
            if (row.first, row.second, row.draw) == (least.defence, defences.NONE, "worst"):
                if row.budget == none.budget and row.difference is not None:
                    return row, least, none
    return None


def _worst(row: Figure3Row) -> float:
    return row.error_worst_of.score.error or 0.0


def _attack(report: Report) -> str:
    row, clean = hardest(report.figure1), report.clean.score
    if row is None or clean.error is None:
        return "What the attack does is undefined: a class has no test utterance."
    worst = row.error_worst_of
    return (
        f"**The attack.** {_who(report)} the error is {percent(clean)} % on clean speech; at the hardest budget, "
        f"{row.budget}, it is {percent(row.score)} % for a random piece of noise and {percent(worst.score)} % for the "
        f"worst of {worst.n} pieces over all noises (a guess has {report.chance_error:.0f} %, the worst of so many "
        f"guesses {guess_worst_of(len(report.classes), worst.n):.1f} %)."
    )


def _who(report: Report) -> str:
    """Says whose error it is: of somebody's recogniser, nobody knows whether it has a defence, unless its card says."""
    if not isinstance(report, EvaluationReport) or not report.victim:
        return "Without a defence"
    defence = report.victim.defence
    return f"Of the victim, defended ({label(defence)})," if defence else "Of the victim"


def _defence(report: Report) -> str:
    if isinstance(report, EvaluationReport) and report.victim:
        return _search(report, report.victim)
    if not isinstance(report, ReproductionReport) or not report.figure3:
        return "**The defences.** None was measured here: `python -m pipelines.reproduce` trains and measures them."
    if (found := best(report)) is None:
        return "**The defences.** What they give back is undefined: an error or all defences are missing."
    measured = len({row.defence for row in report.figure3} - {defences.NONE})
    if measured == 1:
        return _gain(*found, "The only one measured")
    chosen = " The best is chosen on these very test figures, so its lead is optimistic."
    return _gain(*found, f"The best of {measured}") + chosen


def _gain(difference: DifferenceRow, least: Figure3Row, none: Figure3Row, which: str) -> str:
    """Says what a defence gives back, and whether that may be chance."""
    gain, interval = -(difference.difference or 0.0), difference.interval
    against = (
        f"against an attacker who tries {count(none.error_worst_of.n, 'piece')} of all noises on the very model "
        f"({none.budget})"
    )
    errors = f"an error of {number(_worst(least))} % instead of {number(_worst(none))} %"
    # Adding zero makes of -0.0 what it is.
    turned = (0.0 - interval[1], 0.0 - interval[0]) if interval else None
    shown = ends(turned, difference.interval_kind, "+.1f") or ", without an interval"
    if gain <= 0:
        return (
            f"**The defences.** {which}, {label(least.defence)}, gives nothing back {against}: {errors}, "
            f"{number(gain, signed=True)} points{shown}."
        )
    kind = difference.interval_kind or "interval"
    chance = f" The {kind} holds 0: that may be chance." if interval and -interval[1] <= 0 <= -interval[0] else ""
    return (
        f"**The defences.** {which}, {label(least.defence)}, gives back {number(gain)} points{shown} {against}: "
        f"{errors}.{chance}"
    )


def _search(report: Report, victim: VictimFacts) -> str:
    """Says what whoever asks somebody's recogniser often enough reaches."""
    asked = f"**The victim.** {name(victim.name)} was asked {count(victim.queries, 'time')}"
    rows = [row for row in report.threat_rows if row.queries and row.score.error is not None]
    if not rows:
        return f"{asked}; nothing was searched."
    worst = max(rows, key=lambda row: row.score.error or 0.0)
    return (
        f"{asked}; an attacker with {worst.queries} queries an utterance ({worst.threat}) reaches an error of "
        f"{percent(worst.score)} % at {worst.budget}."
    )


def _care(report: Report) -> str:
    speech = "synthetic" if report.synthetic else "recorded"
    noise = "synthetic" if report.noise_synthetic else "recorded"
    rang = len(report.alarms)
    alarms = f"{count(rang, 'alarm')} rang, listed below" if rang else "no alarm rang"
    speakers = count(len(report.test_speakers), "speaker")
    few = ", too few for intervals to be trusted" if len(report.test_speakers) <= WARN_UP_TO else ""
    return (
        f"**With care.** {name(report.corpus)} is {speech} speech, under {noise} noise; "
        f"{count(report.clean.n, 'utterance')} of {speakers} test{few}; {alarms}."
    )
