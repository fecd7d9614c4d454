"""The defences side by side: the paper's figures 2 and 3, tables 2 and 3, and whether its order holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasser.evaluation.alarms import Alarm, costs_clean, falls
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.paired import mcnemar, minimum_detectable_difference, paired_difference
from kerasser.evaluation.statistics import holm, one_sided_p
from kerasser.evaluation.threats import amount, budget_of

NONE, RANDOM, RANDOM_FEATURES = "none", "random noise", "random noise on features"
TRAINING, GAN = "adversarial training", "gan"
#: Beyond the paper: MMSE enhancement of the waveform, and the generator before an adversarially trained classifier.
ENHANCEMENT, COMBINED = "enhancement", "gan + adversarial training"

#: The paper's figure 3, the strongest defence first.
ORDER = (GAN, TRAINING, RANDOM, NONE)


@dataclass(frozen=True)
class System:
    """A classifier, defended or not, and what it answered.

    Attributes:
        defence: One of the names above.
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

    def __init__(self, systems: Sequence[System]) -> None:
        self._trained = sorted((system for system in systems if system.defence == TRAINING), key=lambda s: s.percent)
        self._systems = {system.defence: system for system in systems if system.defence != TRAINING}
        if self._trained:
            # The largest share stands for adversarial training beside the others: the paper's error falls with it.
            self._systems[TRAINING] = self._trained[-1]
        undefended = self._systems[NONE].adversarial
        self._environments = sorted(undefended["noise"].unique())
        budgets = undefended[["budget", "target"]].drop_duplicates()
        self._budgets = [(str(kind), float(target)) for kind, target in budgets.itertuples(index=False)]
        self._budgets.sort(key=lambda budget: (budget[0], budget[1] if budget[0] == "epsilon" else -budget[1]))
        self._cache: dict[tuple[int, tuple[str, float]], dict[str, _Draws]] = {}

    @property
    def names(self) -> list[str]:
        """The systems: no defence first, and what goes beyond the paper between."""
        every = (NONE, RANDOM_FEATURES, RANDOM, ENHANCEMENT, TRAINING, GAN, COMBINED)
        return [name for name in every if name in self._systems]

    def system(self, name: str) -> System:
        """Returns the system of a defence; of adversarial training that with the largest share."""
        return self._systems[name]

    @property
    def environments(self) -> tuple[str, ...]:
        """The kinds of noise, then "mean" over them, then "any" of them."""
        return (*self._environments, "mean", "any")

    def hardest(self) -> list[tuple[str, float]]:
        """Returns the largest ε, and every signal-to-noise ratio: the budgets that the tables are for."""
        epsilons = [budget for budget in self._budgets if budget[0] == "epsilon"]
        return epsilons[-1:] + [budget for budget in self._budgets if budget[0] != "epsilon"]

    def figure2(self) -> list[dict[str, Any]]:
        """Returns error against the share of adversarial examples in training, in percent; 0 is no defence."""
        systems = [self._systems[NONE], *self._trained] if self._trained else []
        return [
            {"noise": noise, "percent": system.percent, **amount(budget), **self._scores(system, budget, noise)}
            for budget in self.hardest()
            for noise in self.environments
            for system in systems
        ]

    def table2(self) -> list[dict[str, Any]]:
        """Returns the error under attack with and without random noise in training."""
        columns = {"attacked": NONE, "random_noise": RANDOM, "random_noise_on_features": RANDOM_FEATURES}
        return self._table(columns) if RANDOM in self._systems else []

    def table3(self) -> list[dict[str, Any]]:
        """Returns the error under attack with and without the generator, and what the generator costs and recovers.

        Beside it, where they were measured, the classical enhancement and the generator with adversarial training.
        `recovered_share` is (attacked − gan) / (attacked − clean), where clean is the undefended error on clean speech.
        """
        if GAN not in self._systems:
            return []
        rows = self._table({"attacked": NONE, "gan": GAN, "enhancement": ENHANCEMENT, "combined": COMBINED})
        undefended, defended = self._systems[NONE].scorer, self._systems[GAN].scorer
        price = defended.error(defended.clean_correct)
        for row in rows:
            budget = budget_of(row)
            row["clean"] = undefended.error(undefended.clean_correct)["error"]
            row["clean_through_gan"] = price["error"]
            row["interval"]["clean_through_gan"] = price["interval"]
            for kind, place in (("mean", row), ("worst", row["worst_of"])):
                share, interval = self._recovered(budget, row["noise"], kind)
                place["recovered_share"] = share
                place["interval"]["recovered_share"] = interval
        return rows

    def figure3(self) -> list[dict[str, Any]]:
        """Returns the error of every defence, for each noise; no defence first, what goes beyond the paper between."""
        return [
            {
                "defence": name,
                "noise": noise,
                **amount(budget),
                **({"percent": self._systems[name].percent} if name == TRAINING else {}),
                **self._scores(self._systems[name], budget, noise),
            }
            for budget in self.hardest()
            for noise in self.environments
            for name in self.names
        ]

    def clean(self) -> list[dict[str, Any]]:
        """Returns the error of every system on clean speech."""
        systems = [system for name, system in self._systems.items() if name != TRAINING]
        return [
            {"defence": system.defence, "percent": system.percent, **system.scorer.error(system.scorer.clean_correct)}
            for system in [*systems, *self._trained]
        ]

    def ordering(self) -> list[dict[str, Any]]:
        """Returns whether the paper's order of the defences holds, over all noises, for each budget and kind of draw.

        Each neighbouring pair is tested by the paired bootstrap, one-sided; the order as a whole is as probable to
        be wrong as its weakest pair (an intersection–union test), so `p` is the largest of the pairs'.
        """
        present = [name for name in ORDER if name in self._systems]
        rows = []
        for budget in self.hardest():
            for kind in ("mean", "worst"):
                pairs = [
                    self._pair(better, worse, budget, kind) for better, worse in zip(present, present[1:], strict=False)
                ]
                p = [pair["p"] for pair in pairs]
                rows.append(
                    {
                        **amount(budget),
                        "draw": kind,
                        "order": present,
                        "holds": all(pair["difference"] is not None and pair["difference"] < 0 for pair in pairs),
                        "p": None if None in p or not p else max(p),
                        "pairs": pairs,
                    }
                )
        return rows

    def differences(self) -> list[dict[str, Any]]:
        """Returns how certain each difference is: every defence against none, and the generator against the others.

        Over the mean of the noises, by the paired bootstrap over speakers, and for the worst draw by McNemar's test on
        the utterances that are right under every draw of every noise; both p are adjusted (Holm) over the pairs of a
        budget and kind of draw. `minimum_detectable` is what these speakers would show four times in five.
        """
        others = [name for name in self.names if name not in (NONE, GAN)]
        pairs = [(name, NONE) for name in self.names if name != NONE]
        pairs += [(GAN, name) for name in others] if GAN in self._systems else []
        rows = []
        for budget in self.hardest():
            for kind in ("mean", "worst"):
                found = [self._difference(first, second, budget, kind) for first, second in pairs]
                for test in ("bootstrap", "mcnemar"):
                    known = {
                        str(place): row[test]["p"] for place, row in enumerate(found) if row[test]["p"] is not None
                    }
                    for place, p in holm(known).items():
                        found[int(place)][test]["p_holm"] = p
                rows += [{**amount(budget), "draw": kind, **row} for row in found]
        return rows

    def _difference(self, first: str, second: str, budget: tuple[str, float], kind: str) -> dict[str, Any]:
        draws = [self._draws(self._systems[name], budget) for name in (first, second)]
        correct = [each["mean"].of(kind) for each in draws]
        row: dict[str, Any] = {"first": first, "second": second, "difference": None, "interval": None}
        row |= {"minimum_detectable": None, "bootstrap": {"p": None, "p_holm": None}}
        bootstrap = self._systems[NONE].scorer.bootstrap
        if bootstrap:
            paired = paired_difference(bootstrap, *correct)
            row |= {"difference": paired.estimate, "interval": paired.interval}
            row["bootstrap"]["p"] = paired.p
            row["minimum_detectable"] = minimum_detectable_difference(bootstrap, *correct)
        row["mcnemar"] = {"first_only": None, "second_only": None, "p": None, "p_holm": None}
        if kind == "worst":
            # One answer an utterance: right under every draw of every noise, with every seed.
            test = mcnemar(*(each["any"].worst.min(axis=0) == 1 for each in draws))
            row["mcnemar"] |= {"first_only": test.first_only, "second_only": test.second_only, "p": test.p}
        return row

    def alarms(self) -> list[dict[str, Any]]:
        """Returns signs that a system's figures mean nothing: its `defence`, the alarm's `name` and its `message`.

        The error must grow with the noise, over the factors and over the ratios; and a defence must not cost more on
        clean speech than it may.
        """
        rung = []
        for name in self.names:
            for found in [*self._falls(name), self._costs_clean(name)]:
                if found is not None:
                    rung.append({"defence": name, "name": found.name, "message": found.message})
        return rung

    def _falls(self, name: str) -> list[Alarm]:
        system = self._systems[name]
        scores = {budget: system.scorer.error(self._draws(system, budget)["mean"].mean) for budget in self._budgets}
        return falls(scores, chance=100.0 - 100.0 / system.scorer.classes)

    def _costs_clean(self, name: str) -> Alarm | None:
        before, after = (
            self._systems[each].scorer.error(self._systems[each].scorer.clean_correct)["error"] for each in (NONE, name)
        )
        return None if before is None or after is None else costs_clean(before, after)

    def _pair(self, better: str, worse: str, budget: tuple[str, float], kind: str) -> dict[str, Any]:
        correct = [self._draws(self._systems[name], budget)["mean"].of(kind) for name in (better, worse)]
        scorer = self._systems[NONE].scorer
        errors = [scorer.error(each)["error"] for each in correct]
        difference = None if None in errors else errors[0] - errors[1]
        pair: dict[str, Any] = {"better": better, "worse": worse, "difference": difference, "interval": None, "p": None}
        if scorer.bootstrap:
            differences = scorer.bootstrap.errors(correct[0]) - scorer.bootstrap.errors(correct[1])
            pair["interval"] = scorer.bootstrap.interval(differences)
            pair["p"] = one_sided_p(differences, scorer.bootstrap.speakers)
        return pair

    def _table(self, columns: Mapping[str, str]) -> list[dict[str, Any]]:
        present = {column: self._systems[name] for column, name in columns.items() if name in self._systems}
        rows = []
        for budget in self.hardest():
            for noise in self.environments:
                row: dict[str, Any] = {"noise": noise, **amount(budget), "interval": {}, "worst_of": {"interval": {}}}
                for column, system in present.items():
                    draws = self._draws(system, budget)[noise]
                    for kind, place in (("mean", row), ("worst", row["worst_of"])):
                        score = system.scorer.error(draws.of(kind))
                        place[column], place["interval"][column] = score["error"], score["interval"]
                    row["worst_of"]["N"] = draws.n
                rows.append(row)
        return rows

    def _recovered(self, budget: tuple[str, float], noise: str, kind: str) -> tuple[float | None, list[float] | None]:
        """Returns the recovered share and its interval: none where the attack does no certain harm."""
        undefended, gan = self._systems[NONE], self._systems[GAN]
        scorer = undefended.scorer
        correct = (
            self._draws(undefended, budget)[noise].of(kind),
            self._draws(gan, budget)[noise].of(kind),
            scorer.clean_correct,
        )
        attacked, defended, clean = (scorer.error(each)["error"] for each in correct)
        if attacked is None or attacked <= clean:
            return None, None
        share, interval = (attacked - defended) / (attacked - clean), None
        if scorer.bootstrap:
            a, d, c = (scorer.bootstrap.errors(each) for each in correct)
            harm = a - c
            # A ratio whose denominator may be nothing has no interval worth printing.
            if np.mean(harm <= 0) < 0.025:
                interval = scorer.bootstrap.interval(((a - d) / np.where(harm > 0, harm, np.nan))[harm > 0])
        return float(share), interval

    def _scores(self, system: System, budget: tuple[str, float], noise: str) -> dict[str, Any]:
        draws = self._draws(system, budget)[noise]
        return {
            **system.scorer.error(draws.mean),
            "error_worst_of": {"N": draws.n, **system.scorer.error(draws.worst)},
        }

    def _draws(self, system: System, budget: tuple[str, float]) -> dict[str, _Draws]:
        """Returns what a system answered at a budget, under each noise, on the mean of them, and under any."""
        key = (id(system), budget)
        if key not in self._cache:
            found = {}
            for noise in self._environments:
                correct = system.scorer.correct(_under(system.adversarial, budget, noise))
                found[noise] = _Draws(correct.shape[2], correct.mean(axis=2), correct.min(axis=2))
            every = system.scorer.correct(_under(system.adversarial, budget, "any"))
            each = list(found.values())
            found["mean"] = _Draws(
                each[0].n,
                np.mean([draws.mean for draws in each], axis=0),
                np.mean([draws.worst for draws in each], axis=0),
            )
            found["any"] = _Draws(every.shape[2], every.mean(axis=2), every.min(axis=2))
            self._cache[key] = found
        return self._cache[key]


def _under(adversarial: pd.DataFrame, budget: tuple[str, float], noise: str) -> pd.DataFrame:
    """Returns the answers at one budget, under one noise or any."""
    table = adversarial[(adversarial["budget"] == budget[0]) & (adversarial["target"] == budget[1])]
    return table if noise == "any" else table[table["noise"] == noise]
