"""`python -m pipelines.train`: the classifier, as a SavedModel."""

from __future__ import annotations

import shlex
from pathlib import Path

from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.run_log import LOADING, current

DESCRIPTION = "Trains the LSTM classifier on the fold's training speakers and writes it as a SavedModel."


def train(settings: Settings) -> None:
    """Runs the DAG up to the model."""
    current().say(LOADING)
    from pipelines.dag import Dag
    from pipelines.run import one_fold, run

    fold = one_fold(settings)
    trainer = Dag(settings, [fold]).victim(fold, settings.seed)
    model = run(settings, trainer)[trainer]["model"]
    facts, log = model.properties, Path(trainer.parameters["logdir"])
    if not trainer.parameters["logdir"] or not log.is_dir():
        # Taken from the cache, it was logged where it was trained.
        log = model.uri / "logs"
    current().say(
        f"fold {facts['fold']}: {facts['layers']} LSTM layers, {facts['epochs']} epochs, "
        f"UA {facts['dev_ua']:.1f} % on the development speakers; "
        f"tensorboard --logdir {shlex.quote(str(log))}"
    )
    current().finish(model.uri / "saved_model")


if __name__ == "__main__":
    main("train", DESCRIPTION, train)
