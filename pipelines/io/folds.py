"""Reads the folds that CorpusGen wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from kerasser.corpora.folds import Fold
from kerasser.util.errors import InputError
from pipelines.engine.artifacts import Artifact


def read_fold(artifact: Artifact, name: str) -> Fold:
    """Returns the fold of that name, or the first for an empty name."""
    found = read_folds(artifact)
    for fold in found:
        if name in ("", fold.name):
            return fold
    raise InputError(f"fold: expected one of {', '.join(fold.name for fold in found)}. Received: {name!r}")


def read_folds(artifact: Artifact) -> list[Fold]:
    """Returns every fold, in the order in which they were cut."""
    return [Fold.from_dict(row) for row in json.loads((artifact.uri / "folds.json").read_text())]


def chosen(artifact: Artifact, names: Sequence[str], part: str) -> frozenset[str]:
    """Returns the speakers of a part of the folds of some names, none being the first fold; see `speakers`."""
    return speakers([read_fold(artifact, name) for name in names or [""]], part)


def speakers(folds: Iterable[Fold], part: str) -> frozenset[str]:
    """Returns the speakers of a part of some folds.

    "test" are those who are tested, and "tested" are the same where they train other folds; "training" are those who
    train or steer the training.
    """
    parts = {
        "test": lambda fold: fold.test,
        "tested": lambda fold: fold.test,
        "training": lambda fold: (*fold.train, *fold.dev),
    }
    return frozenset(speaker for fold in folds for speaker in parts[part](fold))
