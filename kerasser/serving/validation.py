"""Tells whether a SavedModel answers elsewhere as it did where it was made."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasser.serving import warmup
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: Largest difference, absolute below 1 and relative above.
TOLERANCE = 1e-5
_SCRIPT = Path(__file__).with_name("replay.py")


@dataclass(frozen=True)
class Validation:
    """What was compared.

    Attributes:
        records: How many warm-up records were replayed.
        difference: The largest difference of any number.
    """

    records: int
    difference: float


def validate(saved_model: Path, tolerance: float = TOLERANCE) -> Validation:
    """Replays the warm-up records in a fresh process that imports TensorFlow alone, and compares.

    Args:
        saved_model: Its directory.
        tolerance: Largest difference of a number, absolute below 1 and relative above; strings and truth values
            have to be the same.

    Raises:
        InputError: If the SavedModel or its records cannot be read, an answer fails or is missing, or one differs.
    """
    expected = warmup.read(saved_model)
    with tempfile.TemporaryDirectory() as folder:
        requests, answers = Path(folder, "requests.npz"), Path(folder, "answers.npz")
        np.savez(requests, **_requests(expected))
        command = [sys.executable, "-I", str(_SCRIPT), str(saved_model), str(requests), str(answers)]
        done = subprocess.run(
            command,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            reason = next((line for line in reversed(lines) if "Error" in line), (lines or ["no word"])[-1])
            raise InputError(f"{saved_model}: expected a SavedModel that loads and answers. Received: {reason}")
        with np.load(answers, allow_pickle=False) as file:
            answered = {key: _decoded(file[key]) for key in file.files}
    return Validation(len(expected), compare(saved_model, expected, answered, tolerance))


def _requests(wanted: Sequence[warmup.Record]) -> dict[str, Any]:
    """Returns what `replay.py` reads: numpy writes strings only at a fixed size, without the NULs at their ends."""
    encode = np.vectorize(base64.b64encode, otypes=[object])
    return {
        f"{number}/{record.signature}/{name}": encode(value).astype("S") if value.dtype == object else value
        for number, record in enumerate(wanted)
        for name, value in record.inputs.items()
    }


def _decoded(value: Array) -> Array:
    return np.vectorize(base64.b64decode, otypes=[object])(value) if value.dtype.kind == "S" else value


def compare(
    saved_model: Path, expected: Sequence[warmup.Record], answered: Mapping[str, Array], tolerance: float
) -> float:
    """Returns the largest difference between two sets of answers.

    Args:
        saved_model: What an error calls them.
        expected: The records.
        answered: Arrays by NUMBER/SIGNATURE/NAME.
        tolerance: As for `validate`.

    Raises:
        InputError: If an answer is missing, has another shape or differs by more than the tolerance.
    """
    largest, where = 0.0, ""
    other: list[str] = []
    for number, record in enumerate(expected):
        for name, value in record.outputs.items():
            place = f"{record.signature}, {name}, record {number + 1}"
            found = answered.get(f"{number}/{record.signature}/{name}")
            if found is None or found.shape != value.shape:
                received = "nothing" if found is None else f"shape {list(found.shape)}"
                raise InputError(f"{saved_model}: {place}: expected shape {list(value.shape)}. Received: {received}")
            if value.dtype.kind in "fiu":
                difference = float(np.max(np.abs(found - value) / np.maximum(1.0, np.abs(value)), initial=0.0))
                # NaN is no number that anything could be larger than.
                difference = np.inf if np.isnan(difference) else difference
                largest, where = max((largest, where), (difference, place))
            elif not np.array_equal(found, value):
                other.append(f"{place}: {found.ravel()[:4].tolist()} instead of {value.ravel()[:4].tolist()}")
    if largest > tolerance:
        raise InputError(
            f"{saved_model}: expected the answers of the process that trained it, within {tolerance:g}. "
            f"Received: answers that differ by up to {largest:.3g} ({where})"
        )
    if other:
        raise InputError(f"{saved_model}: expected the answers of the process that trained it. Received: {other[0]}")
    return largest
