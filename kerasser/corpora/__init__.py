"""Corpora of labelled speech: one reader a file, and folds that share no speaker.

A module of this package that has a `NAME` and a `read` is a reader; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

from kerasser.corpora.base import CLASSES, VALENCE, Corpus, Utterance, checked_valence, with_emotions
from kerasser.corpora.folds import Fold, folds
from kerasser.util.errors import InputError

__all__ = [
    "CLASSES",
    "VALENCE",
    "Corpus",
    "Fold",
    "Utterance",
    "default_valence",
    "folds",
    "read",
    "readers",
    "with_emotions",
]


@cache
def readers() -> dict[str, Callable[..., Corpus]]:
    """Returns the readers by the name of their corpus, sorted by it."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.NAME: module.read for module in sorted(modules, key=_name) if hasattr(module, "NAME")}


def _name(module: object) -> str:
    return str(getattr(module, "NAME", ""))


def read(name: str, root: Path | str, valence: Mapping[Any, str] | None = None, emotions: Sequence[str] = ()) -> Corpus:
    """Reads a corpus in its original layout.

    Args:
        name: One of `readers`.
        root: Its folder; for "manifest", the CSV file.
        valence: From emotion, be it a number, to "negative" or "positive"; None is the reader's own map.
        emotions: Kept even if they have no valence, which is "" then.

    Returns:
        The corpus.

    Raises:
        InputError: The name is unknown, a valence is neither of the two, or the tree cannot be read.
    """
    known = readers()
    if name not in known:
        raise InputError(f"corpus: expected one of {', '.join(known)}. Received: {name!r}")
    mapped = default_valence(name) if valence is None else checked_valence(valence)
    return known[name](Path(root), with_emotions(mapped, emotions))


def default_valence(name: str) -> Mapping[str, str]:
    """Returns the map from emotion to valence that a reader has of its own; for the demo, the common one."""
    reader = readers().get(name)
    mapped: Mapping[str, str] = signature(reader).parameters["valence"].default if reader else VALENCE
    return mapped
