"""How far each tracker of the noise power is off by emotion: known noise at known levels under the speech of EMO-DB."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasser import audio, corpora
from kerasser.noise import bank
from kerasser.noise.estimation import pause_variance, reference_noise, spelled

TRACKERS = ("mmse", "minimum_statistics")
LEVELS_DB = (0, 5, 10, 15, 20)
EMOTIONS = ("anger", "happiness", "neutral", "sadness")


def benchmark(speech: Mapping[str, list[np.ndarray]], noises: list[np.ndarray], seed: int) -> None:
    """Prints a Markdown table: median and half the distance of the quartiles of what the estimate is off by, in dB.

    Noise of a level L dB above the pauses has 10^(L/10) times the variance of the quietest tenth of the frames; the
    estimate is held against that plus the pauses' own. Without added noise the pauses alone are what it is held
    against.
    """
    print("| emotion | tracker | as it is | " + " | ".join(f"+{level} dB" for level in LEVELS_DB) + " |")
    print("| --- | --- | --- |" + " --- |" * len(LEVELS_DB))
    for emotion, waveforms in speech.items():
        errors: dict[str, list[list[float]]] = {tracker: [] for tracker in TRACKERS}
        for number, waveform in enumerate(waveforms):
            generator = np.random.default_rng([seed, number])
            noise = noises[generator.integers(len(noises))]
            start = generator.integers(max(1, noise.size - waveform.size))
            piece = np.resize(noise[start : start + waveform.size], waveform.size)
            piece = (piece - piece.mean()) / piece.std()
            clean = waveform - waveform.mean()
            pauses = pause_variance(clean)
            added = [0.0, *(pauses * 10 ** (level / 10) for level in LEVELS_DB)]
            for tracker in TRACKERS:
                estimates = [
                    reference_noise(clean + np.sqrt(variance) * piece, estimator=spelled("lsa", tracker)).variance
                    for variance in added
                ]
                known = np.add(added, pauses)
                errors[tracker].append([float(each) for each in 10 * np.log10(np.array(estimates) / known)])
        for tracker, rows in errors.items():
            low, middle, high = np.percentile(rows, [25, 50, 75], axis=0)
            cells = [f"{m:+.1f} ± {(h - lo) / 2:.1f}" for lo, m, h in zip(low, middle, high, strict=True)]
            print(f"| {emotion} | {tracker} | {' | '.join(cells)} |".replace("-", "−").replace("_", " "), flush=True)


def main() -> None:
    """Reads EMO-DB and the noise."""
    parser = argparse.ArgumentParser(prog="tools/benchmark reference-noise", description=__doc__)
    parser.add_argument("--corpus-dir", type=Path, required=True, help="EMO-DB")
    parser.add_argument("--noise-dir", type=Path, required=True, help="DEMAND, or a folder per environment")
    parser.add_argument("--utterances", type=int, default=24, help="of each emotion, spread over the corpus")
    parser.add_argument("--seed", type=int, default=0, help="of the pieces of noise")
    options = parser.parse_args()
    corpus = corpora.read("emodb", options.corpus_dir, None, [])
    speech = {}
    for emotion in EMOTIONS:
        mine = [each for each in corpus.utterances if each.emotion == emotion]
        mine = [
            mine[number] for number in np.unique(np.linspace(0, len(mine) - 1, options.utterances).round().astype(int))
        ]
        speech[emotion] = list(audio.waveforms([audio.probe(corpus.root / each.path) for each in mine]))
    noises = list(audio.waveforms([source.audio for source in bank.read(options.noise_dir)]))
    benchmark(speech, noises, options.seed)


if __name__ == "__main__":
    main()
