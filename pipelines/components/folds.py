"""Reads one fold from the folds that CorpusGen wrote."""

from __future__ import annotations

import json

from kerasser.corpora.folds import Fold
from kerasser.errors import InputError
from pipelines.artifacts import Artifact


def read_fold(artifact: Artifact, name: str) -> Fold:
    """Returns the fold of that name, or the first for an empty name."""
    found = [Fold.from_dict(row) for row in json.loads((artifact.uri / "folds.json").read_text())]
    for fold in found:
        if name in ("", fold.name):
            return fold
    raise InputError(f"fold: expected one of {', '.join(fold.name for fold in found)}. Received: {name!r}")
