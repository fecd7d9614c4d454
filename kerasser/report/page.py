"""The report in words: a Markdown page beside the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report import document, provenance, sections, sounds, summary, threats
from kerasser.report.document import Document, Section
from kerasser.report.formatting import budget, name, number, percent


def chance(classes: int) -> float:
    """Returns the error of a guess, in percent."""
    return 100.0 - 100.0 / classes


def headlines(report: Mapping[str, Any]) -> str:
    """Returns a line for clean speech and one an environment at its hardest budget."""
    lines = [f"clean speech: error {percent(report['clean'])} %"]
    # ε ascends within an environment, so its last row is its hardest.
    hardest = {row["noise"]: row for row in report["figure1"] if "epsilon" in row}
    for noise, row in hardest.items():
        worst = row["error_worst_of"]
        lines.append(
            f"{noise} at ε = {row['epsilon']:g}: error {percent(row)} %, worst of {worst['N']} {percent(worst)} %"
        )
    return "\n".join(lines)


def figure1_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the lines of figure 1's table."""
    return [
        "| noise | budget | SNR (dB) | error, mean draw | error, worst of N | N | attack success (%) | clipped (%) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_row(row) for row in rows),
    ]


def markdown(report: Mapping[str, Any]) -> str:
    """Returns the page for a report as `report.json` holds it."""
    return document.markdown(evaluation(report))


def evaluation(report: Mapping[str, Any]) -> Document:
    """Returns what the report of an evaluation says."""
    clean, victim = report["clean"], report.get("victim")
    fold = "" if report["fold"] is None else f", fold {name(report['fold'])}"
    return Document(
        title=f"{name(report['corpus'])}{fold}: error under real-world noise",
        banners=summary.banners(report),
        summary=summary.sentences(report),
        alarms=sections.alarms(report),
        sections=[
            Section(
                "Error against noise",
                [
                    *(_attacked(victim, report["figure1"]) if victim else ()),
                    f"On clean speech the error is {percent(clean)} % ({clean['n']} utterances, "
                    f"{len(report['test_speakers'])} test speakers; {chance(len(report['classes'])):.3g} % is chance). "
                    "Error is 100 − UA; brackets hold 95 % bootstrap intervals over speakers.",
                    "",
                    "![Error against ε and against SNR](figure1.svg)",
                    "",
                    *figure1_table(report["figure1"]),
                    "",
                    "Confusion on clean speech:",
                    "",
                    *_confusion(clean["confusion"], report["classes"]),
                ],
            ),
            *sections.given("What the attacker knows", threats.markdown(report) if report.get("threats") else []),
            *sections.given("Can the attack be heard?", sections.perception(report)),
            *sections.given("Listen", sounds.lines(report)),
            *sections.given("Does the label survive?", sections.label_survival(report)),
            Section("How to make this again", provenance.lines(report)),
        ],
    )


def _attacked(victim: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the lines that say who was attacked, and by whom."""
    what = {"callable": "function", "server": "server", "keras": "Keras model", "saved_model": "SavedModel"}
    facts = [
        *([f"asked at {victim['asked']}"] if victim["kind"] == "server" else []),
        *([f"version {victim['served_version']}"] if victim["served_version"] else []),
        *([f"signature {victim['signature']}"] if victim["signature"] else []),
        *([f"called version {victim['version']}"] if victim["version"] else []),
    ]
    tries = max(row["error_worst_of"]["N"] for row in rows if row["noise"] != "any")
    return [
        f"Attacked: {name(victim['name'])}, a {', '.join([what[victim['kind']], *facts])}; it hears {victim['input']} "
        f"and answers {', '.join(map(name, victim['classes']))}.",
        "",
        "An oblivious attacker sends one random draw of noise: the mean draw. An adaptive one tries N draws through "
        f"the victim itself and keeps what works: the worst of N, N queries an utterance, here {tries} for one noise "
        f"and budget. The victim answered {victim['queries']} queries in all.",
        "",
    ]


def _confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    """Returns the lines of a table: a row a true class, a column an answer."""
    return [
        f"| truth \\ answer | {' | '.join(map(name, classes))} |",
        f"| --- |{' --- |' * len(classes)}",
        *(f"| {name(each)} | {' | '.join(map(str, row))} |" for each, row in zip(classes, counts, strict=True)),
    ]


def _row(row: Mapping[str, Any]) -> str:
    worst = row["error_worst_of"]
    snr, success = number(row["snr_db_median"]), number(row["attack_success_rate"])
    cells: Sequence[str] = [
        *(name(row["noise"]), budget(row), snr, percent(row), percent(worst), str(worst["N"]), success),
        f"{100 * row['clipped_share']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"
