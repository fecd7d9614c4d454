"""How many queries a search saves: attack success rate of random draws and of the Bayesian search, over some seeds."""

from __future__ import annotations

import os
from dataclasses import replace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from kerasser.attack.budget import budgets
from kerasser.corpora import CLASSES
from kerasser.evaluation import comparison, threats
from kerasser.evaluation.curve import Scorer
from pipelines.cli.main import main
from pipelines.components import searcher
from pipelines.config import Settings
from pipelines.dag import Dag, System
from pipelines.io import breakdowns
from pipelines.reproduction import Attackers
from pipelines.run import one_fold, run

DESCRIPTION = "Compares the searches on the undefended classifier; each seed trains it anew and draws other noise."


def benchmark(settings: Settings) -> None:
    """Prints a Markdown table: mean over the seeds, and how far they lie apart."""
    settings = replace(settings, threats=replace(settings.threats, white_box_steps=0))
    fold, curves = one_fold(settings), []
    seeds = settings.seeds or list(range(5))
    for seed in seeds:
        mine = replace(settings, seed=seed, attack=replace(settings.attack, seed=seed))
        dag = Dag(mine, [fold])
        attackers = Attackers()
        attackers.add(dag, [System(comparison.NONE, dag.victim(fold, seed))], fold, seed)
        (pool,), (search,) = attackers.pools, attackers.searches
        made = run(mine, pool.component, search.component)
        answers = breakdowns.read(made[pool.component]["evaluation"].uri / "predictions.csv")
        clean, drawn = answers[answers["noise"].isna()], answers[answers["noise"].notna()]
        attacks = threats.Attacks(
            drawn.assign(seed=0, correct=drawn["predicted"] == drawn["label"]),
            searcher.read(made[search.component]["search"]).assign(seed=0),
        )
        scorer = Scorer(clean, CLASSES, replicates=1, confidence=0.95, seed=0)
        amounts = budgets(dag.threat_epsilons, dag.threat_snrs_db)
        curves.append(threats.search_curve({comparison.NONE: (scorer, attacks)}, amounts))
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
