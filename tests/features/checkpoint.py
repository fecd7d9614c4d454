"""A sweep of harmonics behind silence, of which every step of the descriptors is known."""

import numpy as np

#: The frame whose steps are known, its 60-ms frames and what comes out.
FRAME, LONG_FRAMES, OUTPUT_FRAMES, SETTLED, FIRST_VOICED = 50, 95, 96, 93, 16


def signal():
    """Returns float32 `[16000]` with values of 16 bits."""
    seconds = np.arange(16000) / 16000
    phase = 2 * np.pi * (125 * seconds + 5 * seconds**2)
    order = np.arange(1, 21)[:, None]
    sweep = 0.1 * (np.sin(order * phase) / order).sum(0)
    sweep[:3000] = 0.0
    return (np.floor(32768 * sweep + 0.5) / 32768).astype(np.float32)


def frame(waveform, size):
    """Returns the samples of `FRAME`, scaled as they are read: float64 `[size]`."""
    return np.trunc(32768.0 * waveform[160 * FRAME : 160 * FRAME + size]) / 32767
