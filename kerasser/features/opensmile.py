"""Acoustic features: the 25 eGeMAPSv02 low-level descriptors, 100 frames a second, or the 88 functionals of them."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.features.base import EGEMAPS_NAMES, FUNCTIONALS, usable
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

NAME = "opensmile"


def load() -> ModuleType:
    """Returns the package opensmile, with a native library that calls its own functions, whatever was loaded before it.

    TensorFlow 2.21 and opensmile both hold Ooura's `rdft`, one for double and one for single precision. On Linux the
    first that is loaded is called by both unless the second is bound to itself: opensmile after TensorFlow crashes.
    """
    found = find_spec("opensmile")
    if hasattr(os, "RTLD_DEEPBIND") and found is not None and found.origin is not None:
        for library in Path(found.origin).parent.glob("core/bin/*/libSMILEapi.so"):
            # What is loaded stays so, and the package gets this library when it asks for the file.
            ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
    import opensmile

    return opensmile  # type: ignore[no-any-return]


class Egemaps:
    """The eGeMAPSv02 low-level descriptors through opensmile; safe to call from several threads.

    T seconds give 100·T − 4 frames, rounded down. opensmile releases the GIL while it works.
    """

    name = NAME
    names: tuple[str, ...] = EGEMAPS_NAMES
    frame_rate_hz = 100.0

    def __init__(self) -> None:
        opensmile = load()
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02,
            feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
        )
        if tuple(self._smile.feature_names) != EGEMAPS_NAMES:
            raise RuntimeError("this opensmile release names or orders the eGeMAPSv02 descriptors differently")

    def __call__(self, waveform: Array, name: str = "waveform") -> Array:
        """Extracts the descriptors.

        Args:
            waveform: float32 `[samples]`, 16 kHz mono, in [−1, 1 − 2⁻¹⁵].
            name: What an error calls the waveform, usually its file.

        Returns:
            float32 `[frames, 25]`.

        Raises:
            InputError: If the waveform is not one-dimensional, too short, not finite or beyond
                full scale, where opensmile would wrap it around.
        """
        frames = self._smile.process_signal(usable(waveform, name), SAMPLE_RATE_HZ).to_numpy(np.float32)
        return _described(frames, name)


class Functionals:
    """The 88 eGeMAPSv02 functionals of a whole utterance through opensmile; safe to call from several threads.

    Attributes:
        names: opensmile's names, in its order.
    """

    def __init__(self) -> None:
        opensmile = load()
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02,
            feature_level=opensmile.FeatureLevel.Functionals,
        )
        self.names: tuple[str, ...] = tuple(self._smile.feature_names)
        if len(self.names) != FUNCTIONALS:
            raise RuntimeError(f"this opensmile release has {len(self.names)} functionals, not {FUNCTIONALS}")

    def __call__(self, waveform: Array, name: str = "waveform") -> Array:
        """Extracts the functionals.

        Args:
            waveform: float32 `[samples]`, 16 kHz mono, in [−1, 1 − 2⁻¹⁵].
            name: What an error calls the waveform, usually its file.

        Returns:
            float32 `[88]`.

        Raises:
            InputError: As for `Egemaps`.
        """
        rows = self._smile.process_signal(usable(waveform, name), SAMPLE_RATE_HZ).to_numpy(np.float32)
        return _described(rows[0], name)


def _described(features: Array, name: str) -> Array:
    if not np.isfinite(features).all():
        raise InputError(f"{name}: expected audio that eGeMAPS can describe. Received: features with NaN")
    return features


#: What the registry makes a front end with.
FRONT_END = Egemaps
