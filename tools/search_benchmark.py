"""How many queries a search saves: attack success rate of random draws and of the Bayesian search, over some seeds."""

from __future__ import annotations

import os
from dataclasses import replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from kerasser.corpora import CLASSES
from kerasser.defences import NONE, System
from kerasser.evaluation.curve import Scorer
from kerasser.threats import adaptive_bayesian, adaptive_random, scoring
from pipelines.cli.main import main
from pipelines.components import attacker
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.io import breakdowns
from pipelines.models import Models
from pipelines.reproduction import Attacks
from pipelines.run import one_fold, run

DESCRIPTION = "Compares the searches on the undefended classifier; each seed trains it anew and draws other noise."


def benchmark(settings: Settings) -> None:
    """Prints a Markdown table: mean over the seeds, and how far they lie apart."""
    fold, curves = one_fold(settings), []
    seeds = settings.seeds or list(range(5))
    for seed in seeds:
        mine = replace(settings, seed=seed, attack=replace(settings.attack, seed=seed))
        models, attacks = Models(Dag(mine, [fold]), fold, seed), Attacks()
        attacks.add(models, [System(NONE, models.classifier())], [])
        channels = {of["threat"]: channel for of, channel in zip(attacks.of, attacks.answers, strict=True)}
        channels = {name: channels[name] for name in (adaptive_random.NAME, adaptive_bayesian.NAME)}
        (drawn,) = attacks.drawn
        made = run(mine, drawn.component, *(channel.component for channel in channels.values()))
        predictions = breakdowns.read(made[drawn.component]["evaluation"].uri / "predictions.csv")
        answers = {
            name: attacker.read(made[channel.component]["answers"]).assign(seed=0) for name, channel in channels.items()
        }
        clean = predictions[predictions["noise"].isna()]
        scorer = Scorer(clean, CLASSES, replicates=1, confidence=0.95, seed=0)
        curves.append(scoring.search_curve({NONE: (scorer, answers)}))
    print(f"{settings.corpus}, fold {fold}, seeds {', '.join(map(str, seeds))}; attack success rate in percent\n")
    print("| budget | queries | random draws | Bayesian search |")
    print("| --- | --- | --- | --- |")
    for rows in zip(*curves, strict=True):
        cells = [_cell([getattr(row, kind) for row in rows]) for kind in ("random", "bayesian")]
        print(f"| {rows[0].budget} | {rows[0].queries} | {' | '.join(cells)} |")


def _cell(rates: list[float]) -> str:
    return f"{np.mean(rates):.1f} ± {np.std(rates, ddof=1):.1f}" if len(rates) > 1 else f"{rates[0]:.1f}"


if __name__ == "__main__":
    main("search_benchmark", DESCRIPTION, benchmark)
