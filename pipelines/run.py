"""Runs part of the DAG in an output folder and says what came of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kerasser.util.errors import InputError
from pipelines.components.noise_gen import facts
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component
from pipelines.engine.launcher import Launcher
from pipelines.engine.run_log import current
from pipelines.io.folds import read_folds


def run(settings: Settings, *targets: Component) -> dict[Component, dict[str, Artifact]]:
    """Runs the targets and all that they stand on; what an earlier run made is taken from the cache."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(settings.seed)
    # Same seed, same numbers, and so the same hashes.
    tf.config.experimental.enable_op_determinism()
    return Launcher(store(settings), on_event=current(settings.quiet).event, quiet=settings.quiet).run(*targets)


def folds(settings: Settings) -> list[str]:
    """Reads the corpus and returns the names of the folds that are wanted.

    Raises:
        InputError: If there is no fold of the name.
    """
    corpus = Dag(settings).corpus
    found = [fold.name for fold in read_folds(run(settings, corpus)[corpus]["folds"])]
    if settings.fold == "all":
        return found
    if settings.fold is not None and settings.fold not in found:
        raise InputError(f"fold: expected one of {', '.join(found)}. Received: {settings.fold!r}")
    return [settings.fold or found[0]]


def environments(settings: Settings) -> list[str]:
    """Reads the noise and returns the names of the environments that both train and test.

    Where whole environments are left for the test there are none, and whoever was to be trained without one is already.
    """
    noise = Dag(settings).noise
    banks = run(settings, noise)[noise].values()
    found = [{row["environment"] for row in facts(bank)["recordings"]} for bank in banks]
    return sorted(set.intersection(*found))


def one_fold(settings: Settings) -> str:
    """Returns the name of the fold that is wanted, for a command that takes one.

    Raises:
        InputError: If all are wanted, or there is none of the name.
    """
    if settings.fold == "all":
        raise InputError("fold: expected the name of one; reproduce takes all. Received: 'all'")
    return folds(settings)[0]


def store(settings: Settings) -> Path:
    """Returns the folder that holds artifacts and records."""
    return Path(settings.output_dir) / "artifacts"


def publish(artifact: Artifact, place: Path) -> Path:
    """Copies an artifact to a place that people find, whole or not at all."""
    part, old = place.with_name(place.name + ".part"), place.with_name(place.name + ".old")
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(artifact.uri, part)
    if place.exists():
        os.replace(place, old)
    os.replace(part, place)
    shutil.rmtree(old, ignore_errors=True)
    return place
