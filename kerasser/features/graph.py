"""Acoustic features: the 25 eGeMAPSv02 low-level descriptors by TensorFlow's operations alone, without opensmile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from kerasser.features.base import EGEMAPS_NAMES, usable
from kerasser.util.arrays import Array

NAME = "graph"
#: Seconds to which sound is padded where every length is compiled for itself; beyond them a multiple of the last.
_COMPILED_S = (1, 2, 3, 4, 6, 8, 12, 16)


def egemaps(waveform: Any, lengths: Any, compiled: bool = False) -> tuple[Any, Any]:
    """Returns features and frames of a batch: see `kerasser.features.descriptors.egemaps.egemaps`."""
    # TensorFlow takes seconds to import, and every --help imports the front ends.
    from kerasser.features.descriptors import egemaps as assembled

    return assembled.egemaps(waveform, lengths, compiled)


@cache
def _function(compiled: bool) -> Callable[..., tuple[Any, Any]]:
    """Returns `egemaps` as a graph, made once for all front ends of a process."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)]
    graph: Any = tf.function(partial(egemaps, compiled=compiled), input_signature=signature, jit_compile=compiled)
    if not compiled:
        graph.get_concrete_function()
    return graph  # type: ignore[no-any-return]


class Graph:
    """The eGeMAPSv02 low-level descriptors as a TensorFlow graph; safe to call from several threads.

    T seconds give 100·T − 4 frames, rounded down, as from opensmile.

    Args:
        compiled: Compile the graph by XLA, once for each of a few lengths to which sound is padded.
    """

    name = NAME
    names: tuple[str, ...] = EGEMAPS_NAMES
    frame_rate_hz = 100.0

    def __init__(self, compiled: bool = False) -> None:
        self._compiled = compiled
        self._egemaps = _function(compiled)

    def __call__(self, waveform: Array, name: str = "waveform") -> Array:
        """Computes the descriptors.

        Args:
            waveform: float32 `[samples]`, 16 kHz mono, in [−1, 1 − 2⁻¹⁵].
            name: What an error calls the waveform, usually its file.

        Returns:
            float32 `[frames, 25]`.

        Raises:
            InputError: If the waveform is not one-dimensional, too short, not finite or beyond full scale.
        """
        return self.batch([waveform], [name])[0]

    def batch(self, waveforms: Sequence[Array], names: Sequence[str]) -> list[Array]:
        """Computes the descriptors of several waveforms at once.

        Args:
            waveforms: float32 `[samples]` each, as one is given to `__call__`.
            names: What an error calls each.

        Returns:
            float32 `[frames, 25]` each.

        Raises:
            InputError: As `__call__` does, of the first waveform that cannot be described.
        """
        checked = [usable(waveform, name) for waveform, name in zip(waveforms, names, strict=True)]
        lengths = np.array([waveform.size for waveform in checked], np.int32)
        padded = np.zeros((len(checked), self._padded(int(lengths.max()))), np.float32)
        for row, waveform in zip(padded, checked, strict=True):
            row[: waveform.size] = waveform
        features, frames = (each.numpy() for each in self._egemaps(padded, lengths))
        return [row[:count] for row, count in zip(features, frames, strict=True)]

    def _padded(self, samples: int) -> int:
        if not self._compiled:
            return samples
        seconds = -(-samples // 16000)
        longest = _COMPILED_S[-1]
        wanted = next((length for length in _COMPILED_S if length >= seconds), -(-seconds // longest) * longest)
        return wanted * 16000


#: What the registry makes a front end with.
FRONT_END = Graph
