"""Sound through a codec and back, in memory, by libsndfile."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile


def round_trip(waveform: np.ndarray, sample_rate_hz: int, **coding: Any) -> np.ndarray:
    """Encodes and decodes mono sound.

    Args:
        waveform: float `[samples]`.
        sample_rate_hz: Its sampling rate.
        **coding: `format`, `subtype` and what `soundfile.write` takes beside.

    Returns:
        What the decoder gives, float32: as long as before or longer, and as late as the codec makes it.
    """
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate_hz, **coding)
    file.seek(0)
    # A raw file has no header to say what it is.
    raw = {name: coding[name] for name in ("format", "subtype")} | {"samplerate": sample_rate_hz, "channels": 1}
    decoded, _ = soundfile.read(file, dtype="float32", **(raw if coding["format"] == "RAW" else {}))
    return np.asarray(decoded)
