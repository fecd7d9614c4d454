"""Speech enhancement before the features: the classical defence that the others have to beat."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.audio import clip
from kerasser.features.base import FrontEnd, at_once
from kerasser.noise.estimation import Estimator, enhance
from kerasser.util.arrays import Array


class Enhanced:
    """A front end that hears speech with its estimated noise taken out.

    Args:
        front_end: What extracts the features then.
        estimator: Gain of the enhancement: "lsa" (Ephraim and Malah 1985) or "stsa" (1984).
    """

    def __init__(self, front_end: FrontEnd, estimator: Estimator = "lsa") -> None:
        self._front_end, self._estimator = front_end, estimator
        self.name, self.names, self.frame_rate_hz = front_end.name, front_end.names, front_end.frame_rate_hz

    def __call__(self, waveform: Array, name: str = "waveform") -> Array:
        """Returns the features of the enhanced waveform; see `FrontEnd`."""
        return self._front_end(enhanced(waveform, self._estimator), name)

    def batch(self, waveforms: Sequence[Array], names: Sequence[str]) -> list[Array]:
        """Returns the features of several, described at once where the front end can."""
        return at_once(self._front_end, [enhanced(waveform, self._estimator) for waveform in waveforms], names)


def enhanced(waveform: Array, estimator: Estimator = "lsa") -> Array:
    """Returns speech with its estimated noise taken out, float32 `[samples]`, within full scale."""
    return clip(enhance(waveform, estimator=estimator))[0]
