"""`python -m pipelines.evaluate`: error against noise, figure 1 of the paper."""

from __future__ import annotations

from pathlib import Path

from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

DESCRIPTION = "Measures the classifier's error against ε and SNR for each noise, and writes the report."


def evaluate(settings: Settings) -> None:
    """Runs the whole DAG and puts the report where people find it."""
    load_tensorflow()
    from kerasser.evaluation.report import EvaluationReport
    from kerasser.report.summary import headlines
    from pipelines.dag import Dag
    from pipelines.evaluation import report as wired
    from pipelines.run import one_fold, publish, run

    reporter = wired(Dag(settings, [one_fold(settings)]))
    artifact = run(settings, reporter)[reporter]["report"]
    report = EvaluationReport.read(artifact.uri)
    current().say(headlines(report))
    name = f"{report.corpus}-fold-{report.fold}-seed-{report.seed}"
    current().finish(publish(artifact, Path(settings.output_dir) / "reports" / name) / "report.html")


if __name__ == "__main__":
    main("evaluate", DESCRIPTION, evaluate)
