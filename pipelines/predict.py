"""`python -m pipelines.predict`: from sound files to emotions, through a served model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.config import PredictSettings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

if TYPE_CHECKING:
    from kerasser.serving.client import Answer, Model

DESCRIPTION = "Asks a published model what emotion is in speech; prints a JSON line for each file, in order."


def predict(settings: PredictSettings) -> None:
    """Prints one line a file: its label and probabilities, or what is wrong with it."""
    load_tensorflow(say=False)
    from tqdm import tqdm

    from kerasser.features.opensmile import Egemaps
    from kerasser.serving import sound
    from kerasser.serving.client import DEFENDED, UNDEFENDED
    from kerasser.util import progress

    paths, model = sound.files(settings.files), _model(settings)
    signatures = (DEFENDED, UNDEFENDED) if settings.compare else (DEFENDED,)
    described = sound.frames(paths, Egemaps(), workers=settings.workers, skip_unusable=settings.skip_unusable)
    with progress.bar(len(paths), "files", "answers", quiet=settings.quiet) as bar:
        while batch := list(islice(described, settings.batch_size)):
            asked = [frames for _, frames in batch if not isinstance(frames, str)]
            answers = [iter(model.answer(asked, signature) if asked else []) for signature in signatures]
            for path, frames in batch:
                facts = {"error": frames} if isinstance(frames, str) else _facts([next(each) for each in answers])
                tqdm.write(json.dumps({"file": str(path), **facts}, ensure_ascii=False))
            bar.update(len(batch))
    current().finish()


def _facts(answers: Sequence[Answer]) -> dict[str, Any]:
    """Returns the defended answer, and the other if it was wanted."""
    plain: list[dict[str, Any]] = [
        # More digits than float32 carries would only pretend.
        {"label": each.label, "probabilities": {name: round(share, 6) for name, share in each.probabilities.items()}}
        for each in answers
    ]
    return plain[0] if len(plain) == 1 else {**plain[0], "undefended": plain[1]}


def _model(settings: PredictSettings) -> Model:
    """Returns whom to ask.

    Raises:
        InputError: Unless there is exactly one way to ask, and a model to ask.
    """
    from kerasser.serving.client import LocalModel, connect

    if settings.local == (settings.server is not None):
        raise InputError(f"expected --server URL or --local. Received: {'both' if settings.local else 'neither'}")
    if settings.server is None:
        return LocalModel(_published(settings))
    if settings.model is None:
        raise InputError("model: expected the name of the model on the server. Received: none")
    return connect(settings.server, settings.model, settings.version, settings.deadline_s)


def _published(settings: PredictSettings) -> Path:
    """Returns the SavedModel that is meant.

    Raises:
        InputError: If there is none, or more than one.
    """
    from kerasser.serving.versions import versions
    from pipelines.components.exporter import PERTURBATION

    place = Path(settings.models_dir)
    there = sorted(path.name for path in place.iterdir() if versions(path)) if place.is_dir() else []
    there = [name for name in there if name != PERTURBATION]
    name = there[0] if settings.model is None and len(there) == 1 else settings.model
    if name not in there:
        listed = ", ".join(there) or "none; python -m pipelines.export publishes one"
        raise InputError(f"model: expected one of those in {place}: {listed}. Received: {name or 'none'}")
    found = versions(place / name)
    version = found[-1] if settings.version is None else settings.version
    if version not in found:
        raise InputError(f"version: expected one of {', '.join(map(str, found))}. Received: {version}")
    return place / name / str(version)


if __name__ == "__main__":
    main("predict", DESCRIPTION, predict, settings=PredictSettings)
