"""The report in words: a Markdown page beside the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report import sections
from kerasser.report.words import number, percent


def figure1_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the lines of figure 1's table."""
    return [
        "| noise | budget | SNR (dB) | error, mean draw | error, worst of N | N | attack success (%) | clipped (%) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_row(row) for row in rows),
    ]


def markdown(report: Mapping[str, Any]) -> str:
    """Returns the page for a report as `report.json` holds it."""
    clean = report["clean"]
    speech = "synthetic speech" if report["synthetic"] else "recorded speech"
    noise = "synthetic noise" if report["noise_synthetic"] else "recorded noise"
    lines = [
        f"# {report['corpus']}, fold {report['fold']}: error under real-world noise",
        "",
        f"This is {speech} under {noise}. On clean speech the classifier's error is {percent(clean)} % "
        f"({clean['n']} utterances, {len(report['test_speakers'])} test speakers; 50 % is chance). "
        "Brackets hold 95 % bootstrap intervals over speakers.",
        "",
        "![Error against ε and against SNR](figure1.png)",
        "",
        *(f"- {remark}" for remark in report["remarks"]),
        "",
        *figure1_table(report["figure1"]),
        "",
        *sections.perception(report),
        *sections.label_survival(report),
        f"Confusion on clean speech (rows: truth, columns: answer; {', '.join(report['classes'])}): "
        f"{clean['confusion']}.",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


def _row(row: Mapping[str, Any]) -> str:
    budget = f"ε = {row['epsilon']:g}" if "epsilon" in row else f"{row['snr_db_target']:g} dB"
    worst = row["error_worst_of"]
    snr, success = number(row["snr_db_median"]), number(row["attack_success_rate"])
    cells: Sequence[str] = [
        *(row["noise"], budget, snr, percent(row), percent(worst), str(worst["N"]), success),
        f"{100 * row['clipped_share']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"
