"""Utterances of different speakers that hold the same sound: whole clips and parts, under whatever name and level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import gcd

import numpy as np
from scipy import signal

from kerasser import twins
from kerasser.audio import SAMPLE_RATE_HZ, AudioError, AudioFile, decode
from kerasser.corpora.base import Utterance
from kerasser.twins import Twin
from kerasser.util.arrays import Array

_NAMED = 3


def find(
    utterances: Sequence[Utterance],
    files: Sequence[AudioFile],
    refused: Callable[[int, AudioError], None] = lambda number, error: None,
) -> list[Twin]:
    """Compares the sound of all utterances whose speakers differ: those of one are never on both sides of a fold.

    Args:
        utterances: All of a corpus.
        files: Their audio; what cannot be used is like nothing.
        refused: Is told the number of what cannot be used, and why; what it raises ends the search.

    Returns:
        The twins, by the numbers of the utterances.
    """
    return twins.find_among_many(_waveforms(files, refused), [utterance.speaker for utterance in utterances])


def remark(found: Sequence[Twin], utterances: Sequence[Utterance]) -> str:
    """Returns what a reader must know of them; nothing where there are none."""
    pairs = list(dict.fromkeys((twin.first, twin.second) for twin in found))
    if not pairs:
        return ""
    named = [
        f"{utterances[first].id} of {utterances[first].speaker} and {utterances[second].id} of "
        f"{utterances[second].speaker}"
        for first, second in pairs[:_NAMED]
    ]
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return (
        f"Utterances of different speakers hold the same sound ({'; '.join(named)}{more}): a fold that tests one "
        "speaker may train on the other."
    )


def _waveforms(files: Sequence[AudioFile], refused: Callable[[int, AudioError], None]) -> Iterator[Array]:
    for number, file in enumerate(files):
        try:
            mono = decode(file)
        except AudioError as error:
            refused(number, error)
            yield np.zeros(0, np.float32)
            continue
        rate = file.sample_rate_hz
        common = gcd(rate, SAMPLE_RATE_HZ)
        yield signal.resample_poly(mono, SAMPLE_RATE_HZ // common, rate // common) if rate != SAMPLE_RATE_HZ else mono
