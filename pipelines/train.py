"""`python -m pipelines.train`: the classifier, the GAN and any other defence, each as a SavedModel."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

if TYPE_CHECKING:
    from kerasser.defences import System
    from pipelines.engine.artifacts import Artifact
    from pipelines.engine.component import Component

DESCRIPTION = (
    "Trains the LSTM classifier on the fold's training speakers, and the GAN or any other defence of it, and writes "
    "each as a SavedModel."
)


def train(settings: Settings) -> None:
    """Runs the DAG up to the models; prints the path of each SavedModel, no defence first."""
    load_tensorflow()
    from kerasser.defences import NONE, chosen, gan
    from kerasser.util.errors import InputError
    from pipelines.dag import Dag
    from pipelines.models import Models
    from pipelines.run import one_and_all, run, tell_companions

    names = chosen(settings.defence, [NONE, gan.NAME])
    fold, every_fold = one_and_all(settings)
    dag = Dag(settings, [fold], every_fold=every_fold)
    systems = Models(dag, fold, settings.seed).systems(names)
    missing = [name for name in names if name not in {system.defence for system in systems}]
    if missing and "all" not in settings.defence:
        raise InputError(f"defence: expected one that the settings train. Received: {missing[0]}, which they leave out")
    trained = [part for system in systems for part in (system.classifier, system.generator) if part is not None]
    tell_companions(settings, dag)
    made = run(settings, *dict.fromkeys(trained))
    for part in dict.fromkeys(trained):
        current().say(_trained(part, made[part]))
    current().finish(*dict.fromkeys(_saved_model(system, made) for system in systems))


def _trained(component: Component, outputs: dict[str, Artifact]) -> str:
    """Returns a line on what a training reached, and how TensorBoard shows it."""
    ((kind, artifact),) = outputs.items()
    facts = artifact.properties
    reached = (
        f"error {facts['dev_error']:.1f} % on the development speakers' cleaned speech"
        if kind == "generator"
        else f"{facts['layers']} LSTM layers, {facts['epochs']} epochs, UA {facts['dev_ua']:.1f} % on the development "
        "speakers"
    )
    if "logdir" not in component.parameters:
        # It took what others trained.
        return f"{component.id}: {reached}"
    log = Path(component.parameters["logdir"])
    if not component.parameters["logdir"] or not log.is_dir():
        # Taken from the cache, it was logged where it was trained.
        log = artifact.uri / "logs"
    return f"{component.id}: {reached}; tensorboard --logdir {shlex.quote(str(log))}"


def _saved_model(system: System, made: dict[Any, dict[str, Artifact]]) -> Path:
    """Returns the SavedModel of a system, the one that `export` would publish."""
    part, output = (system.generator, "generator") if system.generator is not None else (system.classifier, "model")
    return made[part][output].uri / "saved_model"


if __name__ == "__main__":
    main("train", DESCRIPTION, train)
