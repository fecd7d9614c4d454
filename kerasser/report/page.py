"""The report in words: a Markdown page beside the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report import sections, threats
from kerasser.report.words import number, percent


def chance(classes: int) -> float:
    """Returns the error of a guess, in percent."""
    return 100.0 - 100.0 / classes


def summary(report: Mapping[str, Any]) -> str:
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
    clean, victim = report["clean"], report.get("victim")
    speech = "synthetic speech" if report["synthetic"] else "recorded speech"
    noise = "synthetic noise" if report["noise_synthetic"] else "recorded noise"
    fold = "" if report["fold"] is None else f", fold {report['fold']}"
    lines = [
        f"# {report['corpus']}{fold}: error under real-world noise",
        "",
        *(_attacked(victim, report["figure1"]) if victim else ()),
        f"This is {speech} under {noise}. On clean speech the classifier's error is {percent(clean)} % "
        f"({clean['n']} utterances, {len(report['test_speakers'])} test speakers; "
        f"{chance(len(report['classes'])):.3g} % is chance). "
        "Brackets hold 95 % bootstrap intervals over speakers.",
        "",
        "![Error against ε and against SNR](figure1.png)",
        "",
        *(f"- {remark}" for remark in report["remarks"]),
        *(f"- Alarm: {alarm['message']}" for alarm in report["alarms"]),
        "",
        *figure1_table(report["figure1"]),
        "",
        *(threats.markdown(report) if report.get("threats") else []),
        *sections.perception(report),
        *sections.label_survival(report),
        "Confusion on clean speech:",
        "",
        *_confusion(clean["confusion"], report["classes"]),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


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
        f"Attacked: {victim['name']}, a {', '.join([what[victim['kind']], *facts])}; it hears {victim['input']} and "
        f"answers {', '.join(victim['classes'])}.",
        "",
        "An oblivious attacker sends one random draw of noise: the mean draw. An adaptive one tries N draws through "
        f"the victim itself and keeps what works: the worst of N, N queries an utterance, here {tries} for one noise "
        f"and budget. The victim answered {victim['queries']} queries in all.",
        "",
    ]


def _confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    """Returns the lines of a table: a row a true class, a column an answer."""
    return [
        f"| truth \\ answer | {' | '.join(classes)} |",
        f"| --- |{' --- |' * len(classes)}",
        *(f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(classes, counts, strict=True)),
    ]


def _row(row: Mapping[str, Any]) -> str:
    budget = f"ε = {row['epsilon']:g}" if "epsilon" in row else f"{row['snr_db_target']:g} dB"
    worst = row["error_worst_of"]
    snr, success = number(row["snr_db_median"]), number(row["attack_success_rate"])
    cells: Sequence[str] = [
        *(row["noise"], budget, snr, percent(row), percent(worst), str(worst["N"]), success),
        f"{100 * row['clipped_share']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"
