"""Error against noise: the paper's figure 1, for the mean draw and for the worst of N."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from kerasser.attack.budget import Budget
from kerasser.evaluation.alarms import Alarm, budget_missed, falls
from kerasser.evaluation.metrics import confusion, unweighted_average_recall
from kerasser.evaluation.results import ANY, RANGE, AttackWorstOf, Clean, Figure1Row, Score, WorstOf
from kerasser.evaluation.statistics import SpeakerBootstrap
from kerasser.util import progress


class Scorer:
    """Errors and intervals over one fixed set of test utterances, answered by a model of one or several seeds.

    Args:
        clean: One row an utterance and seed, with `id`, `speaker`, `label` (index), `predicted` (index) and, where
            there are several, `seed`.
        classes: The class names, in order.
        replicates: Bootstrap replicates.
        confidence: Coverage of the intervals.
        seed: Seed of the bootstrap.

    Attributes:
        bootstrap: Resamples of the speakers and seeds; None where a class has fewer than two speakers.
        interval_kind: `RANGE` where intervals are the range over few speakers, else None.
        classes: Number of classes.
        clean_correct: bool `[seeds, utterances]`: which answers to clean speech are right; sorted by id.
    """

    def __init__(
        self, clean: pd.DataFrame, classes: Sequence[str], *, replicates: int, confidence: float, seed: int
    ) -> None:
        self._clean, self._names = clean, classes
        self._settings = {"replicates": replicates, "confidence": confidence, "seed": seed}
        facts = clean.drop_duplicates("id").set_index("id").sort_index()
        self._ids, self._seeds, self.classes = facts.index, sorted(_seeded(clean)["seed"].unique()), len(classes)
        self._labels = facts["label"].to_numpy()
        self._answers = self.table(clean.assign(asked=0), ["asked"], "predicted")[:, :, 0].astype(int)
        self.clean_correct = self._answers == self._labels
        bootstrap = SpeakerBootstrap(
            facts["speaker"].to_list(),
            self._labels,
            classes=len(classes),
            seeds=len(self._seeds),
            replicates=replicates,
            confidence=confidence,
            seed=seed,
        )
        self.bootstrap = bootstrap if bootstrap.usable else None
        self.interval_kind = RANGE if self.bootstrap and self.bootstrap.is_range else None

    @property
    def utterances(self) -> int:
        """How many there are."""
        return len(self._labels)

    def over(self, ids: Collection[str]) -> Scorer:
        """Returns what scores some of the utterances alone; itself where they are all of them.

        Args:
            ids: Of the utterances.
        """
        some = set(ids)
        if some >= set(self._ids):
            return self
        return Scorer(self._clean[self._clean["id"].isin(some)], self._names, **self._settings)  # type: ignore[arg-type]

    def error(self, correct: np.ndarray) -> Score:
        """Returns the error, 100 − UA, of `[seeds, utterances]` answers in [0, 1] by id, with its interval."""
        error = 100.0 - unweighted_average_recall(self._labels, correct.mean(axis=0), self.classes)
        known = None if np.isnan(error) else error
        if not self.bootstrap:
            return Score(known, None)
        interval = self.bootstrap.spread(lambda errors: errors, correct)
        return Score(known, interval, self.interval_kind if interval else None)

    def clean_error(self) -> Score:
        """Returns the error on clean speech."""
        return self.error(self.clean_correct)

    def worst_of(self, correct: np.ndarray) -> WorstOf:
        """Returns the error where an utterance counts as wrong if any of its draws is.

        Args:
            correct: `[seeds, utterances, draws]`, as of `correct`.
        """
        return WorstOf(correct.shape[2], self.error(correct.min(axis=2)))

    def clean(self) -> Clean:
        """Returns the error on clean speech, and the confusion over all seeds."""
        score = self.clean_error()
        labels = np.tile(self._labels, len(self._seeds))
        matrix = confusion(labels, self._answers.reshape(-1), self.classes)
        ua = None if score.error is None else 100.0 - score.error
        return Clean(ua, score, len(self._labels), matrix.tolist())

    def success_rate(self, correct: np.ndarray) -> float | None:
        """Returns the share of the answers right when clean that an attack turns wrong, in percent; None if none is.

        Args:
            correct: Answers to attacked speech, `[seeds, utterances]` or `[seeds, utterances, draws]`, in [0, 1].
        """
        right = self.clean_correct
        return float(100.0 * np.mean(1.0 - correct[right])) if right.any() else None

    def correct(self, adversarial: pd.DataFrame) -> np.ndarray:
        """Returns bool `[seeds, utterances, draws]`: which answers to attacked speech are right; sorted by id.

        Args:
            adversarial: One row an utterance, draw and seed: `id`, `predicted`, `noise`, `draw` and, where there
                are several, `seed`; of one budget.
        """
        return self.table(adversarial, ["noise", "draw"], "predicted") == self._labels[:, None]

    def recovered(self, attacked: np.ndarray, defended: np.ndarray) -> Score:
        """Returns which share of what an attack does a defence gives back, as a figure with its interval.

        It is (attacked − defended) / (attacked − clean) of errors, `clean` being that of these answers to clean speech;
        none where the attack does no certain harm. Certain is what the interval of the harm shows, lying above 0; over
        few speakers, that every one is harmed.

        Args:
            attacked: Answers of the system that these answers are of, under attack, as for `error`.
            defended: The same of a defended one.
        """
        clean = self.clean_correct
        errors = [self.error(each).error for each in (attacked, defended, clean)]
        harm = self.bootstrap.spread(np.subtract, attacked, clean) if self.bootstrap else None
        if self.bootstrap is None or harm is None or harm[0] <= 0 or None in errors:
            return Score(None, None)
        a, d, c = (error or 0.0 for error in errors)
        interval = self.bootstrap.spread(_recovered_share, attacked, defended, clean)
        return Score((a - d) / (a - c), interval, self.interval_kind)

    def table(self, answers: pd.DataFrame, columns: Sequence[str], value: str, *, gaps: bool = False) -> np.ndarray:
        """Returns float `[seeds, utterances, answers]`: one figure of each answer, by seed, id and some columns.

        Args:
            answers: One row an answer: `id`, the columns, the figure and, where there are several, `seed`.
            columns: What tells the answers to one utterance apart; they are sorted by it.
            value: Name of the figure.
            gaps: Whether an utterance may lack some, which are then NaN.

        Raises:
            ValueError: If an utterance or seed lacks any that another has, unless that is allowed.
        """
        found = _seeded(answers).assign(**{value: answers[value].astype(float)})
        found = found.pivot(index="id", columns=["seed", *columns], values=value)
        kinds = sorted({key[1:] for key in found.columns})
        wanted = pd.MultiIndex.from_tuples([(seed, *kind) for seed in self._seeds for kind in kinds])
        strangers = set(found.index) - set(self._ids) or set(found.columns.get_level_values(0)) - set(self._seeds)
        whole = found.reindex(index=self._ids, columns=wanted).to_numpy()
        if strangers or (not gaps and np.isnan(whole).any()):
            raise ValueError("expected every draw for every utterance of the clean table. Received: gaps")
        return whole.reshape(len(self._ids), len(self._seeds), len(kinds)).transpose(1, 0, 2)

    def attacked(self, noise: str, budget: Budget, adversarial: pd.DataFrame) -> Figure1Row:
        """Scores one condition: the mean draw, and the worst of N.

        Args:
            noise: What it is called.
            budget: How much noise there is.
            adversarial: As for `correct`, with `snr_db`, `clipped` and `samples`.
        """
        correct = self.correct(adversarial)
        mean, worst, median = correct.mean(axis=2), self.worst_of(correct), adversarial["snr_db"].median()
        return Figure1Row(
            noise,
            budget,
            snr_db_median=None if np.isnan(median) else float(median),
            score=self.error(mean),
            error_worst_of=AttackWorstOf(worst.n, worst.score, self.success_rate(correct.min(axis=2))),
            attack_success_rate=self.success_rate(correct),
            clipped_share=float(adversarial["clipped"].sum() / adversarial["samples"].sum()),
            n=len(self._labels),
        )


def _recovered_share(attacked: np.ndarray, defended: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Returns (attacked − defended) / (attacked − clean) of errors, NaN in the few resamples that are not harmed."""
    harm = attacked - clean
    return (attacked - defended) / np.where(harm > 0, harm, np.nan)


def _seeded(answers: pd.DataFrame) -> pd.DataFrame:
    return answers if "seed" in answers else answers.assign(seed=0)


def figure1(scorer: Scorer, adversarial: pd.DataFrame, *, quiet: bool | None = True) -> list[Figure1Row]:
    """Scores every environment at every budget, and all environments together.

    Args:
        scorer: Knows the clean answers.
        adversarial: As for `Scorer.attacked`, with `budget` ("epsilon" or "snr_db") and `target`.
        quiet: No progress bar.

    Returns:
        One row an environment and budget; the rows of all environments come last.
    """
    environments = sorted(adversarial["noise"].unique())
    rows = []
    parts = adversarial.groupby(["budget", "target"])
    for (kind, target), part in progress.steps(parts, parts.ngroups, "budgets", "errors", quiet=quiet):
        budget = Budget(str(kind), float(target))
        for environment in environments:
            rows.append(scorer.attacked(environment, budget, part[part["noise"] == environment]))
        rows.append(scorer.attacked(ANY, budget, part))
    return sorted(rows, key=lambda row: (row.noise == ANY, row.noise))


def not_growing(rows: Sequence[Figure1Row], chance: float) -> list[Alarm]:
    """Returns where the error over all environments does not grow with the noise.

    Args:
        rows: Those of figure 1.
        chance: The error of a guess, in percent.
    """
    return growth({row.budget: row.score for row in rows if row.noise == ANY}, chance)


def budgets_missed(rows: Sequence[Figure1Row]) -> list[Alarm]:
    """Returns where another amount of noise was added than a budget says.

    Over all environments, and in each environment where all of them together meet the budget: the median of many hides
    the one that misses it.

    Args:
        rows: Those of figure 1.
    """
    missed = {row.budget: alarm for row in rows if row.noise == ANY and (alarm := _missed(row, str(row.budget)))}
    hidden = (
        _missed(row, f"{row.budget} of {row.noise}") for row in rows if row.noise != ANY and row.budget not in missed
    )
    return [*missed.values(), *(alarm for alarm in hidden if alarm is not None)]


def _missed(row: Figure1Row, budget: str) -> Alarm | None:
    target = row.budget.value if row.budget.kind == "snr_db" else None
    return budget_missed(row.snr_db_median, row.clipped_share, budget=budget, target_db=target)


def growth(scores: Mapping[Budget, Score], chance: float) -> list[Alarm]:
    """Returns where an error does not grow with the noise, over the factors and over the ratios."""
    found = {(budget.kind, budget.value): vars(score) for budget, score in scores.items()}
    return falls(found, chance=chance)
