"""What a model says of sound files, ready to be printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kerasser.features import DEFAULT, FrontEnd, known
from kerasser.features import front_end as registered
from kerasser.serving import sound
from kerasser.serving.client import AUDIO, AUDIO_UNDEFENDED, DEFENDED, UNDEFENDED, Answer, Model
from kerasser.util.errors import InputError

SERVER, LOCAL = "server", "local"


def extracts(model: Model, features: str | None) -> str:
    """Returns who extracts the features, "server" or "local".

    Args:
        model: Who is asked.
        features: What was wished for; None is the server, where the model takes sound.

    Raises:
        InputError: If the model is to take sound and does not.
    """
    if features == LOCAL:
        return LOCAL
    offered = model.offered()
    if AUDIO in offered:
        return SERVER
    if features is None:
        return LOCAL
    received = ", ".join(sorted(offered))
    raise InputError(
        f"features: expected a model with the signature {AUDIO}, or --features local. Received: {received}"
    )


def predictions(
    paths: Sequence[Path],
    model: Model,
    features: str,
    *,
    front_end: str = DEFAULT,
    compare: bool = False,
    batch_size: int = 16,
    workers: int = 0,
    skip_unusable: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yields for each file, in order, its label and probabilities, or what is wrong with it.

    Args:
        paths: Sound files of any kind and rate.
        model: Who is asked.
        features: Who extracts the features: "server" or "local", which needs TensorFlow and what the front end needs.
        front_end: What does where they are extracted here.
        compare: Whether it answers without the defence as well.
        batch_size: Utterances in a request.
        workers: Threads that decode and extract; 0 takes every core.
        skip_unusable: Say of audio that cannot be used what is wrong, and go on.

    Raises:
        InputError: If a file cannot be used, unless those are skipped, or in the words of whoever refuses.
    """
    ask: Any
    if features == SERVER:
        heard = sound.waveforms(paths, workers=workers, skip_unusable=skip_unusable)
        ask, signatures = model.listen, (AUDIO, AUDIO_UNDEFENDED)
    else:
        heard = sound.frames(paths, _front_end(front_end), workers=workers, skip_unusable=skip_unusable)
        ask, signatures = model.answer, (DEFENDED, UNDEFENDED)
    while batch := list(islice(heard, batch_size)):
        asked = [found for _, found in batch if not isinstance(found, str)]
        answers = [iter(ask(asked, each) if asked else []) for each in signatures[: 1 + compare]]
        for path, found in batch:
            facts = {"error": found} if isinstance(found, str) else _facts([next(each) for each in answers])
            yield {"file": str(path), **facts}


def _front_end(name: str) -> FrontEnd:
    if name not in known():
        raise InputError(f"front_end: expected one of {', '.join(sorted(known()))}. Received: {name}")
    return registered(name)


def _facts(answers: Sequence[Answer]) -> dict[str, Any]:
    """Returns the defended answer, and the other if it was wanted."""
    plain: list[dict[str, Any]] = [
        # More digits than float32 carries would only pretend.
        {"label": each.label, "probabilities": {name: round(share, 6) for name, share in each.probabilities.items()}}
        for each in answers
    ]
    return plain[0] if len(plain) == 1 else {**plain[0], "undefended": plain[1]}
