"""How often "95 %" intervals over few speakers hold the truth: a simulation, whose table is in docs/figures.md."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from kerasser.evaluation.statistics import SpeakerBootstrap

SPEAKERS = (2, 3, 4, 5, 6, 10, 20)
#: Of the answers to one speaker, so many are right on average, and speakers lie so far apart.
_RIGHT, _APART = 0.7, 0.1
_UTTERANCES, _REPLICATES = 40, 400


def covered(speakers: int, seed: int) -> bool:
    """Returns whether the percentile interval of one simulated test holds the error of all speakers there are.

    Args:
        speakers: How many test, with 40 utterances each, half of either class.
        seed: Makes the test repeatable.
    """
    generator = np.random.default_rng([speakers, seed])
    skill = np.clip(generator.normal(_RIGHT, _APART, speakers), 0.0, 1.0)
    correct = generator.random(speakers * _UTTERANCES) < np.repeat(skill, _UTTERANCES)
    names = np.repeat([str(number) for number in range(speakers)], _UTTERANCES)
    labels = np.arange(names.size) % 2
    bootstrap = SpeakerBootstrap(names.tolist(), labels, classes=2, replicates=_REPLICATES, seed=seed)
    # The percentiles themselves, where a report would print the range instead.
    low, high = bootstrap.interval(bootstrap.errors(correct))
    return low <= 100.0 * (1.0 - _RIGHT) <= high


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000, help="simulated tests for each number of speakers")
    simulations = parser.parse_args().simulations
    print("| test speakers | intervals of 95 % that hold the truth (%) |\n| --- | --- |")
    for speakers in SPEAKERS:
        share = np.mean([covered(speakers, seed) for seed in range(simulations)])
        print(f"| {speakers} | {100 * share:.0f} |", flush=True)


if __name__ == "__main__":
    main()
