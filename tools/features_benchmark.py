"""What acoustic features cost: core-milliseconds a second of speech, on one core, all front ends in one run."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# One core for every library, before any of them is imported.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import scipy.fft
import tensorflow as tf

from kerasser import audio, corpora
from kerasser.corpora.usable import probed
from kerasser.demo import corpus as demo
from kerasser.features.graph import Graph
from kerasser.features.opensmile import Egemaps


def speech(reader: str, folder: Path | None, files: int) -> list[np.ndarray]:
    """Returns so many utterances, evenly taken from a corpus or from the demo's speech."""
    if folder is None:
        takes = demo.takes()
        chosen = np.linspace(0, len(takes) - 1, files).round().astype(int)
        return [(demo.samples(takes[number], 0) / 32768.0).astype(np.float32) for number in chosen]
    _, found = probed(corpora.read(reader, folder), skip=True, quiet=True)
    chosen = np.unique(np.linspace(0, len(found) - 1, files).round().astype(int))
    return [audio.clip(waveform)[0] for waveform in audio.waveforms([found[number] for number in chosen])]


def floor(waveform: np.ndarray) -> None:
    """Does the transforms and matrix products that the definition cannot do without, and nothing else."""
    windows = np.lib.stride_tricks.sliding_window_view
    short = windows(waveform, 320)[::160] * _WINDOWS[320]
    long = windows(waveform, 960)[::160] * _WINDOWS[960]
    power = np.square(np.abs(scipy.fft.rfft(short, 512, axis=1)))
    power @ _MATRICES["mel"] @ _MATRICES["cepstrum"]
    power @ _MATRICES["slopes"]
    short @ _MATRICES["resampling"]
    magnitude = np.abs(scipy.fft.rfft(long, 1024, axis=1))
    magnitude @ _MATRICES["octaves"] @ _MATRICES["harmonics"]
    scipy.fft.irfft(np.square(magnitude), axis=1)


_WINDOWS = {size: np.hamming(size).astype(np.float32) for size in (320, 960)}
_SIZES = {
    "mel": (257, 26),
    "cepstrum": (26, 4),
    "slopes": (257, 2),
    "resampling": (320, 220),
    "octaves": (513, 513),
    "harmonics": (513, 513),
}
# What is in them does not change how long they take.
_MATRICES = {name: np.full(size, 0.01, np.float32) for name, size in _SIZES.items()}


def cost(work: Callable[[], object], seconds: float, rounds: int) -> float:
    """Returns the least core-milliseconds for a second of speech, after a first round that is not counted."""
    taken = []
    for _ in range(rounds + 1):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return 1000 * min(taken[1:]) / seconds


def in_batches(graph: Graph, waveforms: Sequence[np.ndarray], batch: int) -> Callable[[], object]:
    """Returns a function that describes all waveforms, so many of about one length at once."""
    ordered = sorted(waveforms, key=len)
    groups = [ordered[start : start + batch] for start in range(0, len(ordered), batch)]
    return lambda: [graph.batch(group, ["utterance"] * len(group)) for group in groups]


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(prog="tools/benchmark features", description=__doc__)
    parser.add_argument("--corpus", default="emodb", help="what reads the corpus (default: emodb)")
    parser.add_argument("--corpus-dir", type=Path, help="a corpus instead of the demo's speech")
    parser.add_argument("--utterances", type=int, default=64, help="spread over the corpus (default: 64)")
    parser.add_argument("--batch", type=int, default=16, help="utterances at once in the graph (default: 16)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts (default: 3)")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    waveforms = speech(options.corpus, options.corpus_dir, options.utterances)
    seconds = sum(map(len, waveforms)) / audio.SAMPLE_RATE_HZ
    reference = Egemaps()
    ways: dict[str, Callable[[], object]] = {
        "opensmile": lambda: [reference(waveform) for waveform in waveforms],
        "graph": in_batches(Graph(), waveforms, options.batch),
        "graph, compiled by XLA": in_batches(Graph(compiled=True), waveforms, options.batch),
        "floor: transforms and matrix products": lambda: [floor(waveform) for waveform in waveforms],
    }
    print(f"{len(waveforms)} utterances, {seconds:.0f} s, batches of {options.batch}, one core\n")
    print("| front end | core-ms a second of speech | of opensmile |\n| --- | --- | --- |")
    first = None
    for name, work in ways.items():
        taken = cost(work, seconds, options.rounds)
        first = first or taken
        print(f"| {name} | {taken:.1f} | {100 * taken / first:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
