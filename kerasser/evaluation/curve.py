"""Error against noise: the paper's figure 1, for the mean draw and for the worst of N."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasser.evaluation.metrics import confusion, unweighted_average_recall
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
        classes: Number of classes.
        clean_correct: bool `[seeds, utterances]`: which answers to clean speech are right; sorted by id.
    """

    def __init__(
        self, clean: pd.DataFrame, classes: Sequence[str], *, replicates: int, confidence: float, seed: int
    ) -> None:
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

    def error(self, correct: np.ndarray) -> dict[str, Any]:
        """Returns `error` (100 − UA, percent) and `interval` of `[seeds, utterances]` answers in [0, 1] by id."""
        error = 100.0 - unweighted_average_recall(self._labels, correct.mean(axis=0), self.classes)
        interval = self.bootstrap.interval(self.bootstrap.errors(correct)) if self.bootstrap else None
        return {"error": None if np.isnan(error) else error, "interval": interval}

    def clean(self) -> dict[str, Any]:
        """Returns `ua`, `error`, `interval`, `n` utterances and the `confusion` over all seeds, of clean speech."""
        score = self.error(self.clean_correct)
        labels = np.tile(self._labels, len(self._seeds))
        matrix = confusion(labels, self._answers.reshape(-1), self.classes)
        ua = None if score["error"] is None else 100.0 - score["error"]
        return {"ua": ua, **score, "n": len(self._labels), "confusion": matrix.tolist()}

    def correct(self, adversarial: pd.DataFrame) -> np.ndarray:
        """Returns bool `[seeds, utterances, draws]`: which answers to attacked speech are right; sorted by id.

        Args:
            adversarial: One row an utterance, draw and seed: `id`, `predicted`, `noise`, `draw` and, where there
                are several, `seed`; of one budget.
        """
        return self.table(adversarial, ["noise", "draw"], "predicted") == self._labels[:, None]

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

    def attacked(self, adversarial: pd.DataFrame) -> dict[str, Any]:
        """Scores one condition.

        Args:
            adversarial: As for `correct`, with `snr_db`, `clipped` and `samples`.

        Returns:
            `error` and `interval` of the mean draw; `error_worst_of`, which counts an utterance as
            wrong if any of its N draws is; `attack_success_rate`, the share of correctly classified
            utterances that a draw turns wrong, mean over draws, in percent; `snr_db_median`;
            `clipped_share` of all samples; `n` utterances.
        """
        correct = self.correct(adversarial)
        worst, right = correct.min(axis=2), self.clean_correct
        success = float(100.0 * np.mean(~correct[right])) if right.any() else None
        worst_success = float(100.0 * np.mean(~worst[right])) if right.any() else None
        median = adversarial["snr_db"].median()
        return {
            "snr_db_median": None if np.isnan(median) else float(median),
            **self.error(correct.mean(axis=2)),
            "error_worst_of": {"N": correct.shape[2], **self.error(worst), "attack_success_rate": worst_success},
            "attack_success_rate": success,
            "clipped_share": float(adversarial["clipped"].sum() / adversarial["samples"].sum()),
            "n": len(self._labels),
        }


def _seeded(answers: pd.DataFrame) -> pd.DataFrame:
    return answers if "seed" in answers else answers.assign(seed=0)


def figure1(scorer: Scorer, adversarial: pd.DataFrame, *, quiet: bool | None = True) -> list[dict[str, Any]]:
    """Scores every environment at every budget, and all environments together as `any`.

    Args:
        scorer: Knows the clean answers.
        adversarial: As for `Scorer.attacked`, with `budget` ("epsilon" or "snr_db") and `target`.
        quiet: No progress bar.

    Returns:
        One row an environment and budget, with `epsilon` or `snr_db_target`.
    """
    environments = sorted(adversarial["noise"].unique())
    rows = []
    parts = adversarial.groupby(["budget", "target"])
    for (budget, target), part in progress.steps(parts, parts.ngroups, "budgets", "errors", quiet=quiet):
        amount = {"epsilon" if budget == "epsilon" else "snr_db_target": float(target)}
        for environment in environments:
            rows.append({"noise": environment, **amount, **scorer.attacked(part[part["noise"] == environment])})
        rows.append({"noise": "any", **amount, **scorer.attacked(part)})
    return sorted(rows, key=lambda row: (row["noise"] == "any", row["noise"]))
