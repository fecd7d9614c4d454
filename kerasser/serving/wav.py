"""Sound as 16-bit WAV in memory, as a model that listens takes it."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array


def encoded(waveform: Array) -> bytes:
    """Returns a waveform at 16 kHz as WAV.

    Samples are cut to 16 bits towards zero, as the eGeMAPS front end does it: it hears no difference.

    Args:
        waveform: float32 `[samples]`, in [−1, 1 − 2⁻¹⁵].
    """
    file = io.BytesIO()
    samples = np.trunc(np.float32(2**15) * np.asarray(waveform, np.float32)).astype(np.int16)
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()
