"""Corpora of labelled speech: one reader a file, and folds that share no speaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path

from kerasser.corpora import audformat, emodb, fau_aibo, iemocap, manifest, ravdess, urdu
from kerasser.corpora.base import CLASSES, VALENCE, Corpus, Utterance, checked_valence, with_emotions
from kerasser.corpora.folds import Fold, folds
from kerasser.util.errors import InputError

__all__ = ["CLASSES", "READERS", "VALENCE", "Corpus", "Fold", "Utterance", "folds", "read", "with_emotions"]

READERS: Mapping[str, Callable[..., Corpus]] = {
    module.NAME: module.read for module in (iemocap, fau_aibo, emodb, ravdess, urdu, manifest, audformat)
}


def read(name: str, root: Path | str, valence: Mapping[str, str] | None = None, emotions: Sequence[str] = ()) -> Corpus:
    """Reads a corpus in its original layout.

    Args:
        name: A key of `READERS`.
        root: Its folder; for "manifest", the CSV file.
        valence: From emotion to "negative" or "positive"; None is the reader's own map.
        emotions: Kept even if they have no valence, which is "" then.

    Returns:
        The corpus.

    Raises:
        InputError: The name is unknown, a valence is neither of the two, or the tree cannot be read.
    """
    if name not in READERS:
        raise InputError(f"corpus: expected one of {', '.join(READERS)}. Received: {name!r}")
    if valence is None:
        valence = signature(READERS[name]).parameters["valence"].default
    checked_valence(valence)
    return READERS[name](Path(root), with_emotions(valence, emotions))
