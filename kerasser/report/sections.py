"""Sections that several reports share: how audible the attack is, and whether the label survives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasser.evaluation import threats
from kerasser.report.document import Section
from kerasser.report.formatting import NAMES, budget, count, name, percent
from kerasser.report.summary import few_speakers

_NO_DEFENCE = "none"
#: Systems whose errors are printed; the CSV files hold the others.
_SHOWN = {_NO_DEFENCE: "none", "gan": "GAN"}


def given(title: str, lines: Sequence[str]) -> list[Section]:
    """Returns the section; none where it has nothing to say."""
    return [Section(title, lines)] if lines else []


def alarms(report: Mapping[str, Any]) -> list[str]:
    """Returns which alarms rang, what was looked for, and what else is known of the corpus.

    Args:
        report: As `report.json` holds it; without `alarms`, none was tried.
    """
    rung, lines, tried = report.get("alarms"), [], "; ".join(_tried(report))
    if rung:
        lines = [f"**{count(len(rung), 'alarm')} rang.** Tried: {tried}.", ""]
        named = [
            (f"{NAMES[each['defence']]}: " if each.get("defence") else "") + name(each["message"]) for each in rung
        ]
        lines += [*(f"- {line}" for line in named), ""]
    elif rung is not None:
        lines = [f"No alarm rang. Tried: {tried}.", ""]
    said = few_speakers(report["test_speakers"])
    if remarks := [remark for remark in report["remarks"] if remark != said]:
        lines += ["To know:", "", *(f"- {name(remark)}" for remark in remarks), ""]
    return lines


def _tried(report: Mapping[str, Any]) -> Iterator[str]:
    """Yields what was looked for: what a report has no figures for was not."""
    for kind in ("epsilon", "snr_db_target"):
        if len({row[kind] for row in report["figure1"] if kind in row}) > 1:
            yield "the error grows with the noise"
            break
    yield "the model answers the same when it is asked again"
    if "clean_defended" in report:
        yield "the defence does not cost clean speech"
        yield "no test recording lies among the others"
        yield "no test speaker or sample of test noise was trained on"
    present = {row["threat"] for row in report.get("threats", ())}
    if threats.WHITE_BOX in present:
        yield "no black box beats the white box"
        yield "gradients are there"
    if threats.ADAPTIVE in present:
        yield "noise that drowns speech brings the error to chance"
        yield "a search finds more than random draws"


def perception(report: Mapping[str, Any]) -> list[str]:
    """Returns the lines on how audible the attack is, from `perception` of a report; none where it has no such part."""
    part = report.get("perception")
    if not part:
        return []
    lines = [
        "Look for an error that has grown while the noise is still faint: what is plain to hear is no hidden attack. "
        "Medians, with quartiles in parentheses. The SNR is that of every draw. The rest is measured on the first draw "
        f"for {part['utterances']} utterances: segmental SNR from −10 to 35 dB, where pauses count; STOI, 1 for as "
        "intelligible as before; wide-band PESQ, up to 4.64, how good it sounds, not whether noise is noticed.",
        "",
        *_unmeasured(part),
        "| noise | budget | SNR (dB) | segmental SNR (dB) | STOI | PESQ | error, mean draw | error, worst of N | N |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in part["rows"]:
        worst = row["error_worst_of"]
        cells = [
            name(row["noise"]),
            _budget(row),
            *(_quartiles(row[key], 1) for key in ("snr_db", "segmental_snr_db")),
            *(_quartiles(row[key], 2) for key in ("stoi", "pesq")),
            *(percent(row), percent(worst), str(worst["N"])),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _unmeasured(part: Mapping[str, Any]) -> list[str]:
    """Says which columns are empty, and why."""
    if not part["utterances"]:
        return ["Only the SNR was measured, as `perception.utterances` is 0.", ""]
    names = {"pystoi": "STOI", "pesq": "PESQ"}
    absent = [f"{names[package]} is empty: the package {package} would fill it" for package in part["missing"]]
    if not absent:
        return []
    return ["; ".join(absent) + ' (`pip install "kerasser[perception]"`).', ""]


def label_survival(report: Mapping[str, Any]) -> list[str]:
    """Returns the lines on whether the label survives, from `label_survival` of a report; none without such a part."""
    part = report.get("label_survival")
    if not part:
        return []
    return [
        "ε scales noise to the background that is estimated in each utterance. Look for emotions whose reference noise "
        "lies at another level, or at another ratio to the speech: there one ε adds another amount of noise, and part "
        "of an error that grows with ε is about the recording. A budget in dB is free of this. Beside it is the level "
        "of the quietest tenth of the frames: where the estimate lies further above it in one emotion than in another, "
        "speech passes for noise. Medians, with quartiles in parentheses, over the test utterances; 0 dB is a "
        "full-scale square wave.",
        "",
        "| emotion | utterances | speakers | reference noise (dB) | pauses (dB) | reference SNR (dB) |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {name(row['emotion'])} | {row['n']} | {row['speakers']} | {_quartiles(row['level_db'], 1)} "
            f"| {_quartiles(row.get('pause_level_db'), 1)} | {_quartiles(row['snr_db'], 1)} |"
            for row in part["reference_noise"]
        ),
        "",
        _test(part["test"]),
        "",
        "Look for an emotion that alone carries the errors, or that noise alone makes one: an answer that noise pushes "
        "to one class makes the emotions of the other class wrong. Share of utterances answered wrongly, in percent; "
        "each draw over all noises.",
        "",
        *_errors(part["errors_by_emotion"], "emotion"),
        *_by_sex(part["errors_by_sex"]),
    ]


def _test(test: Mapping[str, Any]) -> str:
    """Says whether the levels differ, and what that does not say."""
    if test["p"] is None:
        return (
            "Whether the levels differ between emotions cannot be tested: it takes two speakers who each speak in two "
            "emotions or more, and levels that are not all alike."
        )
    p = "p < 0.001" if test["p"] < 0.001 else f"p = {test['p']:.3f}"
    return (
        f"Do the levels differ between emotions? Kruskal–Wallis H = {test['statistic']:.1f} over the median level of "
        f"each speaker and emotion, less the speaker's mean; {p}, by exchanging emotions within each of "
        f"{test['speakers']} speakers. A small p says that the estimates differ, not why: speech that leaks into the "
        "estimate, the gain and the room look alike. A large one says little where speakers are few."
    )


def _by_sex(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["The corpus does not tell the speakers' sex, so the error is not split by it.", ""]
    return [
        "Look for a difference that is wide beside the intervals: with few speakers, what seems to part the sexes may "
        "part these speakers. Error, 100 − UA, within each sex; a dash where a class is absent.",
        "",
        *_errors(rows, "sex"),
    ]


def _errors(rows: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """Returns a table with a line a group and system, and two columns a budget."""
    shown = [row for row in rows if row["defence"] in _SHOWN]
    attacked = {_budget(row): row["error_worst_of"]["N"] for row in shown if "error_worst_of" in row}
    columns = [name for budget, n in attacked.items() for name in (f"{budget}, mean draw", f"{budget}, worst of {n}")]
    several = len({row["defence"] for row in shown}) > 1
    head = [by, *(["defence"] if several else []), "utterances", "speakers", "clean", *columns]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for group, defence in dict.fromkeys((row[by], row["defence"]) for row in shown):
        mine = [row for row in shown if (row[by], row["defence"]) == (group, defence)]
        cells = [name(group), *([_SHOWN[defence]] if several else []), str(mine[0]["n"]), str(mine[0]["speakers"])]
        for row in mine:
            cells += [percent(row), *([percent(row["error_worst_of"])] if "error_worst_of" in row else [])]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _quartiles(part: Mapping[str, float] | None, digits: int) -> str:
    """Returns "31.2 (25.0 to 38.1)"; a dash where nothing was measured."""
    if part is None:
        return "–"
    middle, low, high = (f"{part[name]:.{digits}f}" for name in ("median", "q25", "q75"))
    return f"{middle} ({low} to {high})"


def _budget(row: Mapping[str, Any]) -> str:
    return budget(row) if "epsilon" in row or "snr_db_target" in row else "clean"
