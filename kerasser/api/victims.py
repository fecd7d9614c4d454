"""Who is attacked: a function, a Keras model, a SavedModel, a server, or a defended model of kerasser's."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasser.audio import SAMPLE_RATE_HZ, from_array
from kerasser.features.base import EGEMAPS_NAMES
from kerasser.util.errors import InputError
from kerasser.victims import adapters
from kerasser.victims.adapters import Target
from kerasser.victims.base import Recogniser

#: A URL of TF Serving's REST interface that names the model.
_SERVED = re.compile(r"(?P<server>https?://.+?)/v1/models/(?P<model>[^/:]+)(/versions/(?P<version>\d+))?")
_EXPECTED = "a function with classes, a Keras model, a path or URL, a Target or a Defended"

#: Whatever `kerasser.attack` takes for a victim; a callable answers as `kerasser.victims.base.Victim` says.
AnyVictim = Callable[..., Any] | str | Path | Target


def recogniser(
    victim: AnyVictim, classes: Sequence[str] | None = None, input: str | None = None, workers: int = 0
) -> Recogniser:
    """Opens a victim, whose answers are then checked.

    Args:
        victim: A function of waveforms and their rate, a Keras model, the path of a SavedModel or a `.keras` file,
            `http://HOST:8501/v1/models/NAME`, or a `Target`, which says more, such as a signature.
        classes: Class names in the order of its answers; None asks its attribute `classes`, or the model.
        input: "waveform", "frames" or "functionals"; None is "waveform" for a function, and "frames" for all else.
        workers: Threads that extract features; 0 takes every core.

    Raises:
        InputError: If it is none of these, cannot be loaded or reached, or nobody says its classes.
    """
    if isinstance(victim, str | Path | Target):
        return adapters.victim(_target(victim, tuple(classes or ()), input), workers)
    name = str(getattr(victim, "__name__", "") or getattr(victim, "name", "") or type(victim).__name__)
    said = classes if classes is not None else getattr(victim, "classes", None)
    if not callable(victim):
        raise InputError(f"victim: expected {_EXPECTED}. Received: {type(victim).__name__}")
    if said is None:
        raise InputError(f"classes: expected class names, in order; {name} has no attribute classes. Received: none")
    if _is_keras(victim):
        from kerasser.victims import networks

        kind = input or "frames"
        return Recogniser(name, kind, tuple(said), networks.network(victim, name, kind), workers)
    kind = input or "waveform"

    # What a function raises is left as it is: whoever wrote it has to find the line.
    def ask(items: Sequence[np.ndarray]) -> object:
        if kind == "waveform":
            return victim(list(items), SAMPLE_RATE_HZ)
        return victim(np.stack(items) if kind == "functionals" else list(items))

    return Recogniser(name, kind, tuple(said), ask, workers)


def _target(victim: str | Path | Target, classes: tuple[str, ...], input: str | None) -> Target:
    target = victim if isinstance(victim, Target) else Target(str(victim))
    if found := _SERVED.fullmatch(target.model):
        version = int(found["version"]) if found["version"] else target.version
        target = replace(target, model=found["server"], served=found["model"], version=version)
    return replace(target, classes=classes or target.classes, input=input or target.input)


def _is_keras(victim: object) -> bool:
    # Whoever has a Keras model has imported Keras.
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(victim, keras.Model)


class Defended:
    """A SavedModel of kerasser's, trained or published, as a victim and to be asked at will.

    Attributes:
        classes: Its class names, in the order of its answers.
    """

    classes: tuple[str, ...]

    def __init__(self, path: Path | str, defended: bool = True) -> None:
        """Loads it; see `load`."""
        from kerasser.serving.client import LocalModel

        self.path, self._model = Path(path), LocalModel(Path(path))
        missing = [name for name in ("serialized", "serving_default") if name not in self._model.signatures]
        if missing:
            raise InputError(f"{path}: expected a SavedModel of kerasser's. Received: one without {missing[0]}")
        if not defended and "undefended" not in self._model.signatures:
            raise InputError(f"{path}: expected a model with a generator before it. Received: the classifier alone")
        target = Target(str(path), signature="serving_default" if defended else "undefended")
        names, ask = adapters.ours(target, self._model, InputError)
        self._recogniser = Recogniser(target.model, target.input_kind, names or (), ask)
        self.classes = self._recogniser.classes

    @classmethod
    def load(cls, path: Path | str, defended: bool = True) -> Defended:
        """Loads a SavedModel that `train` or `export` of kerasser's commands wrote.

        Args:
            path: Its folder, such as `saved_models/demo/1`.
            defended: Whether the generator cleans the features first; without one, the classifier answers.

        Raises:
            InputError: If it is none, or has no generator to leave out.
        """
        return cls(path, defended)

    def __call__(self, waveforms: Sequence[np.ndarray], sample_rate_hz: int) -> np.ndarray:
        """Answers as `kerasser.victims.base.Victim` says: probabilities, float64 `[batch, classes]`."""
        return self._recogniser(waveforms, sample_rate_hz)

    def predict(
        self, waveforms: Sequence[ArrayLike], sample_rate_hz: int | Sequence[int] = SAMPLE_RATE_HZ
    ) -> np.ndarray:
        """Answers for waveforms of any rate.

        Args:
            waveforms: `[samples]` each; see `kerasser.audio.from_array`.
            sample_rate_hz: One rate for all, or one for each.

        Returns:
            Probabilities, float64 `[batch, classes]`.

        Raises:
            InputError: If a waveform cannot be used.
        """
        count = len(waveforms)
        rates = [sample_rate_hz] * count if isinstance(sample_rate_hz, int | np.integer) else list(sample_rate_hz)
        if len(rates) != count:
            raise InputError(f"sample_rate_hz: expected one for each of {count} waveforms. Received: {len(rates)}")
        given = [
            from_array(waveform, rate, f"waveform {number}")
            for number, (waveform, rate) in enumerate(zip(waveforms, rates, strict=True))
        ]
        return self(given, SAMPLE_RATE_HZ)

    def clean(self, frames: ArrayLike) -> np.ndarray:
        """Returns frames as the generator hands them to the classifier.

        Args:
            frames: `[frames, 25]`, as of `kerasser.features`.

        Returns:
            float32 `[frames, 25]`.

        Raises:
            InputError: If the model has no generator, or the frames are of another shape or not finite.
        """
        if "clean" not in self._model.signatures:
            raise InputError(f"{self.path}: expected a model with a generator. Received: the classifier alone")
        given = np.asarray(frames, np.float32)
        if given.ndim != 2 or given.shape[1] != len(EGEMAPS_NAMES) or not len(given) or not np.isfinite(given).all():
            raise InputError(
                f"frames: expected finite numbers [frames, {len(EGEMAPS_NAMES)}]. Received: {list(given.shape)}"
            )
        lengths = np.array([len(given)], np.int32)
        import tensorflow as tf

        answer = self._model.signatures["clean"](features=tf.constant(given[None]), lengths=tf.constant(lengths))
        return np.asarray(answer["features"])[0]
