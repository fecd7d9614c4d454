"""`python -m pipelines.predict`: from sound files to emotions, through a served model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from kerasser.features import DEFAULT
from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

if TYPE_CHECKING:
    from kerasser.serving.client import Model

DESCRIPTION = "Asks a published model what emotion is in speech; prints a JSON line for each file, in order."


@dataclass(frozen=True)
class PredictSettings:
    """Questions to a published model."""

    files: list[str]
    """Sound files, or folders of them."""
    server: str | None = None
    """http://HOST:8501 or grpc://HOST:8500: ask a TF Serving."""
    local: bool = False
    """Ask the SavedModel in models_dir, without a server."""
    models_dir: str = "saved_models"
    """Where models are published; used with --local."""
    model: str | None = None
    """Name of the model; with --local the only one there by default."""
    version: PositiveInt | None = None
    """Its version; the newest by default."""
    compare: bool = False
    """Answer without the defence as well."""
    features: Literal["server", "local"] | None = None
    """Who extracts the features: the model, or opensmile on this machine; by default the model, if it takes sound."""
    front_end: str | None = None
    """What extracts them on this machine: by default what the model's card names; for a server, opensmile."""
    batch_size: PositiveInt = 16
    """Utterances in a request."""
    deadline_s: PositiveFloat = 60.0
    """Seconds for a request, with all repetitions while the server is busy or away."""
    skip_unusable: bool = False
    """Report audio that cannot be used and go on, instead of stopping there."""
    workers: NonNegativeInt = 0
    """Threads that decode and extract features; 0 takes every core."""
    quiet: bool = False
    """Nothing on standard error but errors."""
    log_json: str | None = None
    """File that gets a line of JSON for the start and the end; /dev/stderr is one."""


def predict(settings: PredictSettings) -> None:
    """Prints one line a file: its label and probabilities, or what is wrong with it."""
    from tqdm import tqdm

    from kerasser.serving import sound
    from kerasser.serving.predictions import LOCAL, extracts, predictions
    from kerasser.util import progress

    paths, model = sound.files(settings.files), _model(settings)
    features = extracts(model, settings.features)
    if features == LOCAL:
        # Frames travel as its messages.
        load_tensorflow(say=False)
    answered = predictions(
        paths,
        model,
        features,
        front_end=settings.front_end or (_front_end(_published(settings)) if settings.local else DEFAULT),
        compare=settings.compare,
        batch_size=settings.batch_size,
        workers=settings.workers,
        skip_unusable=settings.skip_unusable,
    )
    with progress.bar(len(paths), "files", "answers", quiet=settings.quiet) as bar:
        for facts in answered:
            tqdm.write(json.dumps(facts, ensure_ascii=False))
            bar.update()
    current().finish()


def _model(settings: PredictSettings) -> Model:
    """Returns whom to ask.

    Raises:
        InputError: Unless there is exactly one way to ask, and a model to ask.
    """
    from kerasser.serving.client import LocalModel, connect

    if settings.local == (settings.server is not None):
        raise InputError(f"expected --server URL or --local. Received: {'both' if settings.local else 'neither'}")
    if settings.server is None:
        load_tensorflow(say=False)
        return LocalModel(_published(settings))
    if settings.model is None:
        raise InputError("model: expected the name of the model on the server. Received: none")
    return connect(settings.server, settings.model, settings.version, settings.deadline_s)


def _front_end(saved_model: Path) -> str:
    """Returns what took the features a published model was trained on; its card may be lost."""
    from pipelines.io.own_models import CARD

    card = saved_model / CARD
    named = json.loads(card.read_text()).get("front_end") if card.is_file() else None
    return named if isinstance(named, str) else DEFAULT


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
