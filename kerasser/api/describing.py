"""What a recogniser of kerasser's hears of a waveform."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
from numpy.typing import ArrayLike

from kerasser.audio import SAMPLE_RATE_HZ, clip, from_array
from kerasser.features.opensmile import Egemaps


def features(waveform: ArrayLike, sample_rate_hz: int = SAMPLE_RATE_HZ) -> pd.DataFrame:
    """Extracts the 25 eGeMAPSv02 low-level descriptors, as training, attack and served models do.

    Args:
        waveform: `[samples]`, floats in [−1, 1] or integers of 16 or 32 bits; of any rate, resampled to 16 kHz.
        sample_rate_hz: Its sampling rate.

    Returns:
        float32 `[frames, 25]`, a column a descriptor under opensmile's name, and `time_s`, where a frame begins, as the
        index; T seconds give 100·T − 4 frames, rounded down.

    Raises:
        InputError: If the waveform cannot be described.

    Examples:
        >>> import kerasser
        >>> import numpy as np
        >>> tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)
        >>> frames = kerasser.features(tone, sample_rate_hz=8000)
        >>> frames.shape
        (96, 25)
        >>> round(float(frames["F0semitoneFrom27.5Hz_sma3nz"].median()))
        34
    """
    front_end = _front_end()
    frames = front_end(clip(from_array(waveform, sample_rate_hz))[0])
    index = pd.Index([number / front_end.frame_rate_hz for number in range(len(frames))], name="time_s")
    return pd.DataFrame(frames, index=index, columns=list(front_end.names))


@lru_cache(maxsize=1)
def _front_end() -> Egemaps:
    return Egemaps()
