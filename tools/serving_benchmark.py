"""Latency of what is served: the client's part and the model's, at batch 1 and 32, for 1, 4 and 16 s of speech."""

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

from kerasser.audio import clip
from kerasser.features.opensmile import Egemaps
from kerasser.models import classifier, gan
from kerasser.models.layers import FrameNormalization
from kerasser.serving import export, listening
from kerasser.serving.warmup_sound import hum
from kerasser.serving.wav import encoded
from kerasser.util.parallel import ordered_map

DURATIONS_S, BATCHES = (1, 4, 16), (1, 32)
SIGNATURES = ("serving_default", "undefended", "waveform", "audio")


def timed(least_s: float, work: Callable[..., object], *given: object, **named: object) -> np.ndarray:
    """Returns milliseconds of single calls, after one that is not counted: few of those that take long."""
    work(*given, **named)
    times: list[float] = []
    start = now = time.perf_counter()
    while len(times) < 3 or now < start + least_s or (len(times) < 20 and now < start + 2 * least_s):
        begun = time.perf_counter()
        work(*given, **named)
        now = time.perf_counter()
        times.append(1000 * (now - begun))
    return np.array(times)


def untrained(place: Path) -> Path:
    """Writes a defended classifier of the default size that takes sound too; weights do not change its speed."""
    normalization = FrameNormalization(name="normalization")
    normalization.build((None, None, 25), (None,))
    cleaner = gan.cleaner(normalization, gan.build_generator(frames_per_step=10))
    model = classifier.build(frames_per_step=10)
    start = time.perf_counter()
    export.write(place, model, ["negative", "positive"], cleaner, inputs=listening.INPUTS)
    size = (place / "saved_model.pb").stat().st_size
    print(f"export: {time.perf_counter() - start:.1f} s, graph {size / 1e6:.1f} MB\n")
    return place


def prepared(signature: str, waveforms: list[np.ndarray], front_end: Egemaps) -> dict[str, object]:
    """Returns what a signature is asked, made of sound as a client makes it: frames on all cores."""
    if signature == "audio":
        return {"audio": tf.constant([encoded(waveform) for waveform in waveforms])}
    if signature == "waveform":
        return {"waveform": tf.constant(np.stack(waveforms)), "lengths": _lengths(waveforms)}
    frames = list(ordered_map(front_end, waveforms, workers=0))
    return {"features": tf.constant(np.stack(frames)), "lengths": _lengths(frames)}


def _lengths(rows: list[np.ndarray]) -> tf.Tensor:
    return tf.constant([len(row) for row in rows], tf.int32)


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(prog="tools/benchmark serving", description=__doc__)
    parser.add_argument("--saved-model", type=Path, help="a published version; an untrained model of the same size")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured, at least")
    arguments = parser.parse_args()
    chosen, front_end = arguments.saved_model, Egemaps()
    with tempfile.TemporaryDirectory() as folder:
        loaded = tf.saved_model.load(str(chosen or untrained(Path(folder, "model"))))
        print(f"{chosen or 'untrained model of the default size'}, {os.cpu_count()} cores; p50 / p99 in ms\n")
        print("| speech | signature | client, 1 | model, 1 | client, 32 | model, 32 | utterances/s, both, at 32 |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for duration_s in DURATIONS_S:
            generator = np.random.default_rng(0)
            waveforms = [clip(hum(duration_s, generator))[0] for _ in range(max(BATCHES))]
            for signature in (name for name in SIGNATURES if name in loaded.signatures):
                cells = []
                for batch in BATCHES:
                    heard, served = waveforms[:batch], loaded.signatures[signature]
                    cells.append(timed(arguments.seconds, prepared, signature, heard, front_end))
                    inputs = prepared(signature, heard, front_end)
                    cells.append(timed(arguments.seconds, served, **inputs))
                rate = 1000 * BATCHES[-1] / (np.median(cells[-1]) + np.median(cells[-2]))
                row = [f"{duration_s} s", signature, *map(_cell, cells), f"{rate:.0f}"]
                print(f"| {' | '.join(row)} |", flush=True)


def _cell(times: np.ndarray) -> str:
    return f"{np.median(times):.1f} / {np.percentile(times, 99):.1f}"


if __name__ == "__main__":
    main()
