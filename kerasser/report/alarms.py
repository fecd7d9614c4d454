"""Which alarms rang, what was looked for, and what else is known of the corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerasser import threats
from kerasser.evaluation.report import Report, ReproductionReport
from kerasser.evaluation.results import Alarm
from kerasser.report.blocks import Block, text
from kerasser.report.formatting import count, label, name
from kerasser.report.summary import few_speakers


def blocks(report: Report) -> Sequence[Block]:
    """Returns what rang, and the remarks."""
    # Several threat models may look for the same.
    tried = "; ".join(dict.fromkeys(_tried(report)))
    found: list[Block] = [text(f"No alarm rang. Tried: {tried}.")]
    if report.alarms:
        names = ", ".join(f"`{each}`" for each in dict.fromkeys(alarm.name for alarm in report.alarms))
        rung = f"**{count(len(report.alarms), 'alarm')} rang.** By name: {names}. Tried: {tried}."
        found = [text(rung), text(*(f"- {_said(each)}" for each in report.alarms))]
    banner = few_speakers(report.test_speakers)
    if remarks := [remark for remark in report.remarks if remark != banner]:
        found += [text("To know:"), text(*(f"- {name(remark)}" for remark in remarks))]
    return found


def _said(alarm: Alarm) -> str:
    return (f"{label(alarm.defence)}: " if alarm.defence else "") + name(alarm.message)


def _tried(report: Report) -> Iterator[str]:
    """Yields what was looked for: what a report has no figures for was not."""
    budgets = {row.budget for row in report.figure1}
    if any(len([budget for budget in budgets if budget.kind == kind]) > 1 for kind in ("epsilon", "snr_db")):
        yield "the error grows with the noise"
    yield "the noise is as much as the budget says, and hardly any is clipped"
    yield "the model answers the same when it is asked again"
    if not isinstance(report, ReproductionReport):
        yield "no recording is there under two speakers"
    else:
        yield "the defence does not cost clean speech"
        yield "no test recording lies among the others"
        yield "no test speaker or sample of test noise was trained on"
    present = {row.threat for row in report.threat_rows}
    asked = any(row.queries for row in report.threat_rows)
    for threat in threats.known().values():
        # What is asked for an alarm alone has no row.
        if threat.name in present or (not threat.reported and asked and _wanted(threat, report)):
            yield from threat.signs


def _wanted(threat: threats.Threat, report: Report) -> bool:
    given = report.settings["threats"].get(threats.module(threat))
    return given is not None and threat.wanted(threat.settings(**given))
