"""The defences side by side: the paper's figures 2 and 3, tables 2 and 3, and whether its order holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kerasser import defences
from kerasser.attack.budget import Budget, ascending
from kerasser.defences import (
    adversarial_training,
    consistency,
    enhancement,
    gan,
    gan_adversarial_training,
    gan_consistency,
    random_noise,
    random_noise_on_features,
)
from kerasser.evaluation import alarms as signs
from kerasser.evaluation.curve import Scorer, growth
from kerasser.evaluation.differences import adjusted, difference
from kerasser.evaluation.results import (
    ANY,
    MEAN,
    Alarm,
    CleanRow,
    DifferenceRow,
    Figure2Row,
    Figure3Row,
    Interval,
    McNemarP,
    OrderRow,
    PairOrder,
    Score,
    TableRow,
    TableWorst,
    WorstOf,
)
from kerasser.evaluation.statistics import one_sided_p

# The paper's own tables name their defences.
NONE, RANDOM, RANDOM_FEATURES = defences.NONE, random_noise.NAME, random_noise_on_features.NAME
TRAINING, GAN = adversarial_training.NAME, gan.NAME
ENHANCEMENT, COMBINED = enhancement.NAME, gan_adversarial_training.NAME
CONSISTENCY, GAN_CONSISTENCY = consistency.NAME, gan_consistency.NAME

#: The mean draw, and the worst of N.
KINDS = ("mean", "worst")


@dataclass(frozen=True)
class SystemAnswers:
    """A classifier, defended or not, and what it answered.

    Attributes:
        defence: Its name.
        percent: Share of adversarial examples it was trained with, in percent.
        scorer: Knows its answers to clean speech.
        adversarial: Its answers to attacked speech, as for `kerasser.evaluation.curve.figure1`.
    """

    defence: str
    percent: float
    scorer: Scorer
    adversarial: pd.DataFrame


@dataclass(frozen=True)
class _Draws:
    """What a system answered under one noise and budget: right answers `[seeds, utterances]`, in [0, 1]."""

    n: int
    mean: np.ndarray
    worst: np.ndarray

    def of(self, kind: str) -> np.ndarray:
        return self.mean if kind == "mean" else self.worst


class Comparison:
    """Figures and tables over systems that were attacked with the same noise.

    Args:
        systems: The undefended one, and the defences; all over the same utterances and seeds.
    """

    def __init__(self, systems: Sequence[SystemAnswers]) -> None:
        self._trained = sorted((system for system in systems if system.defence == TRAINING), key=lambda s: s.percent)
        self._systems = {system.defence: system for system in systems if system.defence != TRAINING}
        if self._trained:
            # The largest share stands for adversarial training beside the others: the paper's error falls with it.
            self._systems[TRAINING] = self._trained[-1]
        undefended = self._systems[NONE].adversarial
        self._environments = sorted(undefended["noise"].unique())
        pairs = undefended[["budget", "target"]].drop_duplicates()
        self._budgets = ascending(Budget(str(kind), float(target)) for kind, target in pairs.itertuples(index=False))
        self._cache: dict[tuple[int, Budget], dict[str, _Draws]] = {}

    @property
    def names(self) -> list[str]:
        """The systems: no defence first, and what goes beyond the paper between."""
        return [name for name in defences.known() if name in self._systems]

    @property
    def scorers(self) -> dict[str, Scorer]:
        """The scorer of each."""
        return {name: self._systems[name].scorer for name in self.names}

    def system(self, name: str) -> SystemAnswers:
        """Returns the system of a defence; of adversarial training that with the largest share."""
        return self._systems[name]

    @property
    def environments(self) -> tuple[str, ...]:
        """The kinds of noise, then "mean" over them, then "any" of them."""
        return (*self._environments, MEAN, ANY)

    def hardest(self) -> list[Budget]:
        """Returns the largest ε, and every signal-to-noise ratio: the budgets that the tables are for."""
        epsilons = [budget for budget in self._budgets if budget.kind == "epsilon"]
        return epsilons[-1:] + [budget for budget in self._budgets if budget.kind != "epsilon"]

    def figure2(self) -> list[Figure2Row]:
        """Returns error against the share of adversarial examples in training, in percent; 0 is no defence."""
        systems = [self._systems[NONE], *self._trained] if self._trained else []
        return [
            Figure2Row(noise, system.percent, budget, *self._scores(system, budget, noise))
            for budget in self.hardest()
            for noise in self.environments
            for system in systems
        ]

    def table2(self) -> list[TableRow]:
        """Returns the error under attack with and without random noise in training."""
        columns = {"attacked": NONE, "random_noise": RANDOM, "random_noise_on_features": RANDOM_FEATURES}
        return self._table(columns) if RANDOM in self._systems else []

    def table3(self) -> list[TableRow]:
        """Returns the error under attack with and without the generator, and what the generator costs and recovers.

        Beside it, where they were measured, the classical enhancement, the generator with adversarial training,
        consistency, and the generator with it.
        `recovered_share` is (attacked − gan) / (attacked − clean), where clean is the undefended error on clean speech.
        """
        if GAN not in self._systems:
            return []
        columns = {"attacked": NONE, "gan": GAN, "enhancement": ENHANCEMENT, "combined": COMBINED}
        columns |= {"consistency": CONSISTENCY, "gan_consistency": GAN_CONSISTENCY}
        return [self._with_recovery(row) for row in self._table(columns)]

    def figure3(self) -> list[Figure3Row]:
        """Returns the error of every defence, for each noise; no defence first, what goes beyond the paper between."""
        return [
            self._bar(name, noise, budget)
            for budget in self.hardest()
            for noise in self.environments
            for name in self.names
        ]

    def _bar(self, name: str, noise: str, budget: Budget) -> Figure3Row:
        system = self._systems[name]
        score, worst = self._scores(system, budget, noise)
        percent = system.percent if name == TRAINING else None
        return Figure3Row(defence=name, noise=noise, budget=budget, percent=percent, score=score, error_worst_of=worst)

    def clean(self) -> list[CleanRow]:
        """Returns the error of every system on clean speech."""
        systems = [system for name, system in self._systems.items() if name != TRAINING]
        return [
            CleanRow(system.defence, system.percent, system.scorer.clean_error())
            for system in [*systems, *self._trained]
        ]

    def ordering(self) -> list[OrderRow]:
        """Returns whether the paper's order of the defences holds, over all noises, for each budget and kind of draw.

        Each neighbouring pair is tested by the paired bootstrap, one-sided; the order as a whole is as probable to
        be wrong as its weakest pair (an intersection–union test), so `p` is the largest of the pairs'.
        """
        present = [name for name in _paper_order() if name in self._systems]
        return [self._order(present, budget, kind) for budget in self.hardest() for kind in KINDS]

    def _order(self, present: Sequence[str], budget: Budget, kind: str) -> OrderRow:
        pairs = [self._pair(better, worse, budget, kind) for better, worse in zip(present, present[1:], strict=False)]
        known = [pair.p for pair in pairs if pair.p is not None]
        holds = all(pair.difference is not None and pair.difference < 0 for pair in pairs)
        p = max(known) if known and len(known) == len(pairs) else None
        return OrderRow(budget, kind, present, holds, p, pairs)

    def differences(self) -> list[DifferenceRow]:
        """Returns how certain each difference is: every defence against none, and the generator against the others.

        The mean draw is the mean over the noises, the worst that of all draws of all noises. Both are tested by the
        paired bootstrap over speakers, the worst by McNemar's test too, of the same: which utterances are right under
        every draw. Both p are adjusted (Holm) over the pairs of a budget and kind of draw, not over these.
        `minimum_detectable` is what these speakers would show four times in five.
        """
        others = [name for name in self.names if name not in (NONE, GAN)]
        pairs = [(name, NONE) for name in self.names if name != NONE]
        pairs += [(GAN, name) for name in others] if GAN in self._systems else []
        rows = []
        for budget in self.hardest():
            for kind in KINDS:
                rows += adjusted([self._difference(first, second, budget, kind) for first, second in pairs])
        return rows

    def _difference(self, first: str, second: str, budget: Budget, kind: str) -> DifferenceRow:
        draws = [self._draws(self._systems[name], budget) for name in (first, second)]
        of_first, of_second = (each[MEAN].mean if kind == "mean" else each[ANY].worst for each in draws)
        # The worst draw is right or not; the mean of several is neither.
        answers = (of_first, of_second) if kind == "worst" else None
        found = difference(self._systems[NONE].scorer, of_first, of_second, answers)
        untested = McNemarP(None, None, None, None)
        return DifferenceRow(
            *(budget, kind, first, second),
            difference=found.difference,
            interval=found.interval,
            minimum_detectable=found.minimum_detectable,
            bootstrap=found.bootstrap,
            mcnemar=found.mcnemar or untested,
            interval_kind=found.interval_kind,
        )

    def alarms(self) -> list[Alarm]:
        """Returns signs that a system's figures mean nothing.

        The error must grow with the noise, over the factors and over the ratios; and a defence must not cost more on
        clean speech than it may.
        """
        return [
            Alarm(defence=name, name=found.name, message=found.message)
            for name in self.names
            for found in [*self._falls(name), *self._costs_clean(name)]
        ]

    def _falls(self, name: str) -> list[signs.Alarm]:
        system = self._systems[name]
        scores = {budget: system.scorer.error(self._draws(system, budget)[MEAN].mean) for budget in self._budgets}
        return growth(scores, chance=100.0 - 100.0 / system.scorer.classes)

    def _costs_clean(self, name: str) -> list[signs.Alarm]:
        before, after = (self._systems[each].scorer.clean_error().error for each in (NONE, name))
        found = None if before is None or after is None else signs.costs_clean(before, after)
        return [found] if found else []

    def _pair(self, better: str, worse: str, budget: Budget, kind: str) -> PairOrder:
        correct = [self._draws(self._systems[name], budget)[MEAN].of(kind) for name in (better, worse)]
        scorer = self._systems[NONE].scorer
        first, second = (scorer.error(each).error for each in correct)
        difference = None if first is None or second is None else first - second
        if not scorer.bootstrap:
            return PairOrder(better, worse, difference, None, None)
        differences = scorer.bootstrap.errors(correct[0]) - scorer.bootstrap.errors(correct[1])
        interval = scorer.bootstrap.spread(np.subtract, *correct)
        p = one_sided_p(differences, scorer.bootstrap.speakers)
        return PairOrder(better, worse, difference, interval, p, scorer.interval_kind)

    def _table(self, columns: Mapping[str, str]) -> list[TableRow]:
        present = {column: self._systems[name] for column, name in columns.items() if name in self._systems}
        return [self._row(present, budget, noise) for budget in self.hardest() for noise in self.environments]

    def _row(self, columns: Mapping[str, SystemAnswers], budget: Budget, noise: str) -> TableRow:
        draws = {column: self._draws(system, budget)[noise] for column, system in columns.items()}
        mean, worst = (
            {column: columns[column].scorer.error(each.of(kind)) for column, each in draws.items()} for kind in KINDS
        )
        n = next(iter(draws.values())).n
        kind = self._systems[NONE].scorer.interval_kind
        worst_of = TableWorst(_intervals(worst), n, _errors(worst), kind)
        return TableRow(noise, budget, _intervals(mean), worst_of, _errors(mean), kind)

    def _with_recovery(self, row: TableRow) -> TableRow:
        """Adds what the generator costs on clean speech, and what it recovers under the mean and the worst draw."""
        clean, price = (self._systems[name].scorer.clean_error() for name in (NONE, GAN))
        mean, worst = (self._recovered(row.budget, row.noise, kind) for kind in KINDS)
        values = {"clean": clean.error, "clean_through_gan": price.error, "recovered_share": mean.error}
        intervals = {"clean_through_gan": price.interval, "recovered_share": mean.interval}
        worst_of = replace(
            row.worst_of,
            interval={**row.worst_of.interval, "recovered_share": worst.interval},
            values={**row.worst_of.values, "recovered_share": worst.error},
        )
        return replace(row, interval={**row.interval, **intervals}, worst_of=worst_of, values={**row.values, **values})

    def _recovered(self, budget: Budget, noise: str, kind: str) -> Score:
        undefended, gan = self._systems[NONE], self._systems[GAN]
        attacked, defended = (self._draws(each, budget)[noise].of(kind) for each in (undefended, gan))
        return undefended.scorer.recovered(attacked, defended)

    def _scores(self, system: SystemAnswers, budget: Budget, noise: str) -> tuple[Score, WorstOf]:
        draws = self._draws(system, budget)[noise]
        return system.scorer.error(draws.mean), WorstOf(draws.n, system.scorer.error(draws.worst))

    def _draws(self, system: SystemAnswers, budget: Budget) -> dict[str, _Draws]:
        """Returns what a system answered at a budget, under each noise, on the mean of them, and under any."""
        key = (id(system), budget)
        if key not in self._cache:
            found = {}
            for noise in self._environments:
                correct = system.scorer.correct(_under(system.adversarial, budget, noise))
                found[noise] = _Draws(correct.shape[2], correct.mean(axis=2), correct.min(axis=2))
            every = system.scorer.correct(_under(system.adversarial, budget, ANY))
            each = list(found.values())
            found[MEAN] = _Draws(
                each[0].n,
                np.mean([draws.mean for draws in each], axis=0),
                np.mean([draws.worst for draws in each], axis=0),
            )
            found[ANY] = _Draws(every.shape[2], every.mean(axis=2), every.min(axis=2))
            self._cache[key] = found
        return self._cache[key]


def _under(adversarial: pd.DataFrame, budget: Budget, noise: str) -> pd.DataFrame:
    """Returns the answers at one budget, under one noise or any."""
    table = adversarial[(adversarial["budget"] == budget.kind) & (adversarial["target"] == budget.value)]
    return table if noise == ANY else table[table["noise"] == noise]


def _errors(scores: Mapping[str, Score]) -> dict[str, float | None]:
    return {column: score.error for column, score in scores.items()}


def _intervals(scores: Mapping[str, Score]) -> dict[str, Interval | None]:
    return {column: score.interval for column, score in scores.items()}


def _paper_order() -> list[str]:
    """Returns the defences of the paper's figure 3, the strongest first."""
    ranked = [each for each in defences.known().values() if each.paper_rank is not None]
    return [each.name for each in sorted(ranked, key=lambda each: each.paper_rank or 0)]
