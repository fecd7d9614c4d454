"""`python -m pipelines.generate`: corpus, noise, and the features of clean and attacked speech."""

from __future__ import annotations

from pipelines.cli import main
from pipelines.config import Settings

DESCRIPTION = "Reads a corpus and noise, attacks the test speakers' speech, and writes all features as TFRecords."


def generate(settings: Settings) -> None:
    """Runs the DAG up to the features."""
    from pipelines import dag
    from pipelines.run import run

    graph = dag.build(settings)
    made = run(settings, graph.features, graph.attack)
    print(made[graph.features]["examples"].uri)
    print(made[graph.attack]["examples"].uri)


if __name__ == "__main__":
    main("generate", DESCRIPTION, generate)
