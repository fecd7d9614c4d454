"""`python -m pipelines.generate`: corpus, noise, and the features of clean and attacked speech."""

from __future__ import annotations

from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

DESCRIPTION = "Reads a corpus and noise, attacks the test speakers' speech, and writes all features as TFRecords."


def generate(settings: Settings) -> None:
    """Runs the DAG up to the features."""
    load_tensorflow()
    from pipelines.dag import Dag
    from pipelines.run import one_fold, run

    fold = one_fold(settings)
    graph = Dag(settings, [fold])
    wanted = [graph.features, graph.attack(fold), *graph.transmitted(fold)]
    made = run(settings, *wanted)
    current().finish(*(made[each]["examples"].uri for each in wanted))


if __name__ == "__main__":
    main("generate", DESCRIPTION, generate)
