"""Runs part of the DAG in an output folder and says what came of it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasser.noise import bank
from kerasser.util.errors import InputError
from pipelines import told
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component
from pipelines.engine.launcher import Launcher
from pipelines.engine.run_log import current
from pipelines.io.banks import facts
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
    return wanted_and_all(settings)[0]


def wanted_and_all(settings: Settings) -> tuple[list[str], list[str]]:
    """Reads the corpus and returns the names of the folds that are wanted, and of all; see `folds`."""
    corpus = Dag(settings).corpus
    made = run(settings, corpus)[corpus]
    told.corpus(settings.corpus, settings.data.valence, made["utterances"])
    found = [fold.name for fold in read_folds(made["folds"])]
    if settings.fold == "all":
        return found, found
    if settings.fold is not None and settings.fold not in found:
        raise InputError(f"fold: expected one of {', '.join(found)}. Received: {settings.fold!r}")
    return [settings.fold or found[0]], found


def tell_companions(settings: Settings, dag: Dag) -> None:
    """Reads the other corpora that a GAN meets, where one is wired, and says what they were read without."""
    others = dag.wired_companions
    made = run(settings, *(corpus for _, corpus, _, _ in others)) if others else {}
    for other, corpus, _, _ in others:
        told.corpus(other.corpus, other.valence, made[corpus]["utterances"], other=True)


def unseen_noise(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Reads the noise and returns which environments a defence can be trained without, and what is unheard anyway.

    Returns:
        The environments that both train and test, none where others test that no training hears: then nothing need be
        trained anew. And environment → what no training hears of it, see `kerasser.noise.splits.unheard`.
    """
    noise = Dag(settings).noise
    banks = {side: facts(made) for side, made in run(settings, noise)[noise].items()}
    unheard = banks["test"].get("unheard", {})
    if bank.ENVIRONMENT in unheard.values():
        return [], unheard
    found = [{row["environment"] for row in each["recordings"]} for each in banks.values()]
    return sorted(set.intersection(*found)), unheard


def one_fold(settings: Settings) -> str:
    """Returns the name of the fold that is wanted, for a command that takes one.

    Raises:
        InputError: If all are wanted, or there is none of the name.
    """
    return one_and_all(settings)[0]


def one_and_all(settings: Settings) -> tuple[str, list[str]]:
    """Returns the name of the fold that is wanted, and of all; see `one_fold`."""
    if settings.fold == "all":
        raise InputError("fold: expected the name of one; reproduce takes all. Received: 'all'")
    wanted, found = wanted_and_all(settings)
    return wanted[0], found


def store(settings: Settings) -> Path:
    """Returns the folder that holds artifacts and records."""
    return Path(settings.output_dir) / "artifacts"


def publish(artifact: Artifact, place: Path) -> Path:
    """Copies an artifact to a place that people find, whole or not at all; of two at once, one waits for the other.

    Args:
        artifact: What is published.
        place: The folder that shows it; one that is there is replaced.

    Returns:
        The place.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    part, old = (place.with_name(f".{place.name}.{suffix}") for suffix in ("part", "old"))
    with _alone(place.parent):
        for leftover in (part, old):
            # Nobody else is at work, so a killed run left it.
            _remove(leftover)
        try:
            shutil.copytree(artifact.uri, part)
            if os.path.lexists(place):
                os.replace(place, old)
            os.replace(part, place)
        finally:
            _remove(part)
            if os.path.lexists(place):
                _remove(old)
            elif os.path.lexists(old):
                os.replace(old, place)
    return place


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other publications to a folder waiting; the lock lies on the folder itself and dies with its process."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
