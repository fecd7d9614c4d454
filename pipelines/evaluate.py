"""`python -m pipelines.evaluate`: error against noise, figure 1 of the paper."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.cli import main
from pipelines.config import Settings
from pipelines.journal import LOADING, current

DESCRIPTION = "Measures the classifier's error against ε and SNR for each noise, and writes the report."


def evaluate(settings: Settings) -> None:
    """Runs the whole DAG and puts the report where people find it."""
    current().say(LOADING)
    from kerasser.report.words import percent
    from pipelines.dag import Dag
    from pipelines.run import one_fold, publish, run

    reporter = Dag(settings, [one_fold(settings)]).report()
    artifact = run(settings, reporter)[reporter]["report"]
    report = json.loads((artifact.uri / "report.json").read_text())
    current().say(_summary(report, percent))
    name = f"{report['corpus']}-fold-{report['fold']}-seed-{report['seed']}"
    current().finish(publish(artifact, Path(settings.output_dir) / "reports" / name) / "report.html")


def _summary(report: dict, percent) -> str:
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


if __name__ == "__main__":
    main("evaluate", DESCRIPTION, evaluate)
