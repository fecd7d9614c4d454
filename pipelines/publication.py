"""The part of the DAG that publishes: export, validation, push."""

from __future__ import annotations

from pathlib import Path

from kerasser.defences import NONE, System
from kerasser.util.errors import InputError
from pipelines.components.exporter import Exporter
from pipelines.components.infra_validator import InfraValidator
from pipelines.components.pusher import Pusher
from pipelines.dag import Dag
from pipelines.evaluation import evaluator, generator
from pipelines.models import Models


def push(dag: Dag, defence: str, base: Path, keep: int, margin: float) -> Pusher:
    """Publishes a defended classifier of the first fold.

    Args:
        dag: What it is made of.
        defence: The defence's name; of several systems its strongest.
        base: The model's folder, where its versions lie.
        keep: Versions that stay.
        margin: Points of error by which it may be worse than the version before.

    Raises:
        InputError: If the settings leave the defence out, or a part of it is not in the graph.
    """
    fold, seed = dag.folds[0], dag.settings.seed
    models = Models(dag, fold, seed)
    systems = models.systems([defence])
    if not systems:
        raise InputError(f"defence: expected one that the settings train. Received: {defence}, which they leave out")
    system = systems[-1]
    if system.enhance:
        raise InputError(
            f"defence: expected one that a SavedModel holds. Received: {defence}, which works on waveforms before "
            "their features are taken"
        )
    undefended = evaluator(dag, System(NONE, models.classifier()), fold, seed)
    defended = undefended if defence == NONE else evaluator(dag, system, fold, seed)
    export = Exporter(
        model=system.classifier.outputs["model"],
        generator=generator(system),
        undefended=undefended.outputs["evaluation"],
        defended=defended.outputs["evaluation"],
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        training_noise=dag.noise.outputs["train"],
        perturbation=dag.perturbation.outputs["perturbation"],
        defence=defence,
        seed=seed,
    ).outputs["export"]
    return Pusher(
        export=export,
        blessing=InfraValidator(export=export, quiet=dag.settings.quiet).outputs["blessing"],
        models_dir=str(base.parent),
        model=base.name,
        keep=keep,
        margin=margin,
    )
