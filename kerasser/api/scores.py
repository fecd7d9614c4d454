"""The figures of an attack, from its answers: the one place of the API that knows how the evaluation spells them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from kerasser.attack.budget import COLUMNS as COLUMNS_OF_NOISE
from kerasser.attack.budget import Budget, ascending
from kerasser.evaluation import results
from kerasser.evaluation.alarms import Alarm
from kerasser.evaluation.curve import Scorer, budgets_missed, figure1, not_growing
from kerasser.evaluation.results import Figure1Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Every run of the pipeline resamples speakers with it, so that figures can be compared.
BOOTSTRAP_SEED = 0
COLUMNS = (
    *("noise", "budget", "error", "ci_low", "ci_high", "worst_error"),
    *("attack_success_rate", "snr_db", "n"),
)


@dataclass(frozen=True)
class Score:
    """The error on some utterances.

    Attributes:
        error: 100 − unweighted average recall, in percent; NaN where a class has no utterance.
        ci_low: Lower end of its interval; NaN where speakers are too few for one.
        ci_high: Upper end.
        n: Utterances.
    """

    error: float
    ci_low: float
    ci_high: float
    n: int

    def __str__(self) -> str:
        """Says it as reports do: "31.2 % [25.0, 38.1]"."""
        interval = "" if math.isnan(self.ci_low) else f" [{self.ci_low:.1f}, {self.ci_high:.1f}]"
        return f"{self.error:.1f} %{interval}"


class Scores:
    """Errors on clean and on attacked speech, as `python -m pipelines.attack` scores the same answers.

    Args:
        answers: One row a query, `noise` being "" for clean speech; see `kerasser.api.result.Result`.
        classes: Class names, in order.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.
    """

    def __init__(self, answers: pd.DataFrame, classes: Sequence[str], replicates: int, confidence: float) -> None:
        clean, adversarial = answers[answers["noise"] == ""], answers[answers["noise"] != ""]
        scorer = Scorer(clean, classes, replicates=replicates, confidence=confidence, seed=BOOTSTRAP_SEED)
        noisy = adversarial["budget"].isin(COLUMNS_OF_NOISE)
        self._clean, self._rows = scorer.clean(), figure1(scorer, adversarial[noisy])
        passed = adversarial[~noisy].groupby(["budget", "target"])
        parts = {Budget(str(name), float(level)): part for (name, level), part in passed}
        self._channels = [scorer.attacked(each.kind, each, parts[each]) for each in ascending(parts)]
        self._chance = 100.0 - 100.0 / len(classes)

    @property
    def clean(self) -> Score:
        """The error on speech as it is."""
        return Score(_number(self._clean.score.error), *_interval(self._clean.score), n=self._clean.n)

    def frame(self, budgets: Sequence[Budget]) -> pd.DataFrame:
        """Returns one row an environment and budget, in the order of the budgets; "any" is all of them.

        Channels come last.
        """
        order = {budget: number for number, budget in enumerate(budgets)}
        every = [*self._rows, *self._channels]
        names = list(dict.fromkeys(row.noise for row in every))
        rows = sorted(every, key=lambda row: (names.index(row.noise), order[row.budget]))
        return pd.DataFrame([_row(row) for row in rows], columns=list(COLUMNS))

    def alarms(self) -> tuple[Alarm, ...]:
        """Returns where the error over all environments does not grow with the noise, or a budget was missed."""
        return (*not_growing(self._rows, self._chance), *budgets_missed(self._rows))

    def figure(self, title: str) -> Figure:
        """Draws error against ε and against SNR, for each environment (paper, figure 1)."""
        from kerasser.report.sections.figure1 import curves

        return curves(self._rows, self._clean.score, title, self._chance)


def _row(row: Figure1Row) -> dict[str, Any]:
    low, high = _interval(row.score)
    return {
        "noise": row.noise,
        "budget": str(row.budget),
        "error": _number(row.score.error),
        "ci_low": low,
        "ci_high": high,
        "worst_error": _number(row.error_worst_of.score.error),
        "attack_success_rate": _number(row.attack_success_rate),
        "snr_db": _number(row.snr_db_median),
        "n": row.n,
    }


def _interval(score: results.Score) -> tuple[float, float]:
    # Over few speakers it is their range, which is no interval.
    low, high = (None if score.interval_kind else score.interval) or (math.nan, math.nan)
    return float(low), float(high)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
