"""Latency of what is served: features and model apart, at batch 1 and 32, for 1, 4 and 16 s of speech."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from kerasser.audio import SAMPLE_RATE_HZ, clip
from kerasser.features.opensmile import Egemaps
from kerasser.models import classifier, gan
from kerasser.models.layers import FrameNormalization
from kerasser.serving import export

DURATIONS_S, BATCHES = (1, 4, 16), (1, 32)


def timed(work: Callable[[], object], least_s: float, least: int = 20) -> np.ndarray:
    """Returns milliseconds of single calls, after two that are not counted."""
    for _ in range(2):
        work()
    times: list[float] = []
    end = time.perf_counter() + least_s
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)


def untrained(place: Path) -> Path:
    """Writes a defended classifier of the default size; weights do not change its speed."""
    normalization = FrameNormalization(name="normalization")
    normalization.build((None, None, 25), (None,))
    generator = gan.build_generator(frames_per_step=10)
    export.write(
        place, classifier.build(frames_per_step=10), ["negative", "positive"], gan.cleaner(normalization, generator)
    )
    return place


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(prog="tools/benchmark serving", description=__doc__)
    parser.add_argument("--saved-model", type=Path, help="a published version; an untrained model of the same size")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured, at least")
    arguments = parser.parse_args()
    chosen = arguments.saved_model
    generator, front_end = np.random.default_rng(0), Egemaps()
    with tempfile.TemporaryDirectory() as folder:
        loaded = tf.saved_model.load(str(chosen or untrained(Path(folder, "model"))))
        print(f"{chosen or 'untrained model of the default size'}, {os.cpu_count()} cores; p50 / p99 in ms\n")
        print("| speech | features, 1 utterance | signature | batch 1 | batch 32 | utterances/s at 32 |")
        print("| --- | --- | --- | --- | --- | --- |")
        for duration_s in DURATIONS_S:
            waveform, _ = clip(0.1 * generator.standard_normal(duration_s * SAMPLE_RATE_HZ))
            features = timed(lambda waveform=waveform: front_end(waveform), arguments.seconds)
            frames = front_end(waveform)
            for signature in ("serving_default", "undefended"):
                cells = []
                for batch in BATCHES:
                    inputs = {
                        "features": tf.constant(np.repeat(frames[None], batch, axis=0)),
                        "lengths": tf.constant([len(frames)] * batch, tf.int32),
                    }
                    served = loaded.signatures[signature]
                    cells.append(timed(lambda served=served, inputs=inputs: served(**inputs), arguments.seconds))
                rate = 1000 * BATCHES[-1] / np.median(cells[-1])
                row = [f"{duration_s} s", _cell(features), signature, *map(_cell, cells), f"{rate:.0f}"]
                print(f"| {' | '.join(row)} |", flush=True)


def _cell(times: np.ndarray) -> str:
    return f"{np.median(times):.1f} / {np.percentile(times, 99):.1f}"


if __name__ == "__main__":
    main()
