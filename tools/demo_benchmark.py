"""How long the demo's speech, noise and corpus take to be made, in seconds of processor time."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from kerasser.demo import corpus, noise, speech


def _took(make: Callable[[], Any]) -> float:
    begin = time.process_time()
    make()
    return time.process_time() - begin


def main() -> None:
    """Prints a Markdown table, a row a kind of sound."""
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        rows = {
            "10 s of speech": lambda: speech.synthesise(speech.Voice(), speech.Prosody(), 10.0, generator),
            "30 s of each noise": lambda: [noise.synthesise(name, 30.0, 1) for name in noise.ENVIRONMENTS],
            "the corpus": lambda: corpus.write(Path(place), seed=0),
        }
        print("| made | processor seconds |")
        print("| --- | --- |")
        for name, make in rows.items():
            print(f"| {name} | {_took(make):.1f} |", flush=True)


if __name__ == "__main__":
    main()
