"""From one utterance to its clean example: the features of speech as it was recorded."""

from __future__ import annotations

from typing import Any

from kerasser.audio import clip
from kerasser.features.base import FrontEnd
from kerasser.util.arrays import Array


def clean_example(waveform: Array, front_end: FrontEnd, name: str) -> tuple[Array, dict[str, Any]]:
    """Returns the features of untouched speech, and their provenance.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        front_end: What describes it.
        name: What an error calls it.

    Returns:
        The features, `[frames, features]`, and how many samples were there and were clipped.
    """
    bounded, clipped = clip(waveform)
    return front_end(bounded, name), {"noise": "", "clipped": clipped, "samples": waveform.size}
