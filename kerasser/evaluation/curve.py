"""Error against noise: the paper's figure 1, for the mean draw and for the worst of N."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from kerasser.evaluation.metrics import confusion, unweighted_average_recall
from kerasser.evaluation.statistics import speaker_bootstrap


class Scorer:
    """Errors and intervals over one fixed set of test utterances.

    Args:
        clean: One row an utterance, with `id`, `speaker`, `label` (index) and `predicted` (index).
        classes: The class names, in order.
        replicates: Bootstrap replicates.
        confidence: Coverage of the intervals.
        seed: Seed of the bootstrap.
    """

    def __init__(
        self, clean: pd.DataFrame, classes: Sequence[str], *, replicates: int, confidence: float, seed: int
    ) -> None:
        self._clean = clean.set_index("id").sort_index()
        self._classes = len(classes)
        self._interval = partial(
            speaker_bootstrap, classes=len(classes), replicates=replicates, confidence=confidence, seed=seed
        )
        self._labels = self._clean["label"].to_numpy()
        self._speakers = self._clean["speaker"].to_list()
        self._clean_correct = (self._clean["predicted"] == self._clean["label"]).to_numpy()

    def error(self, correct: np.ndarray) -> dict[str, Any]:
        """Returns `error` (100 − UA, percent) and `ci95` for `[utterances]` answers in [0, 1], sorted by id."""
        error = 100.0 - unweighted_average_recall(self._labels, correct, self._classes)
        interval = self._interval(self._speakers, self._labels, correct)
        return {"error": None if np.isnan(error) else error, "ci95": list(interval) if interval else None}

    def clean(self) -> dict[str, Any]:
        """Returns `ua`, `error`, `ci95`, `n` and the `confusion` matrix of clean speech."""
        score = self.error(self._clean_correct)
        matrix = confusion(self._labels, self._clean["predicted"].to_numpy(), self._classes)
        ua = None if score["error"] is None else 100.0 - score["error"]
        return {"ua": ua, **score, "n": len(self._labels), "confusion": matrix.tolist()}

    def attacked(self, adversarial: pd.DataFrame) -> dict[str, Any]:
        """Scores one condition.

        Args:
            adversarial: One row an utterance and draw: `id`, `predicted`, `noise`, `draw`, `snr_db`,
                `clipped` and `samples`.

        Returns:
            `error` and `ci95` of the mean draw; `error_worst_of`, which counts an utterance as
            wrong if any of its N draws is; `attack_success_rate`, the share of correctly classified
            utterances that a draw turns wrong, mean over draws, in percent; `snr_db_median`;
            `clipped_share` of all samples; `n` utterances.
        """
        table = adversarial.pivot(index="id", columns=["noise", "draw"], values="predicted").sort_index()
        if not table.index.equals(self._clean.index) or table.isna().any(axis=None):
            raise ValueError("expected every draw for every utterance of the clean table. Received: gaps")
        correct = table.to_numpy() == self._labels[:, None]
        worst = correct.min(axis=1)
        right = self._clean_correct
        success = float(100.0 * np.mean(~correct[right])) if right.any() else None
        worst_success = float(100.0 * np.mean(~worst[right])) if right.any() else None
        median = adversarial["snr_db"].median()
        return {
            "snr_db_median": None if np.isnan(median) else float(median),
            **self.error(correct.mean(axis=1)),
            "error_worst_of": {"N": correct.shape[1], **self.error(worst), "attack_success_rate": worst_success},
            "attack_success_rate": success,
            "clipped_share": float(adversarial["clipped"].sum() / adversarial["samples"].sum()),
            "n": len(correct),
        }


def figure1(scorer: Scorer, adversarial: pd.DataFrame) -> list[dict[str, Any]]:
    """Scores every environment at every budget, and all environments together as `any`.

    Args:
        scorer: Knows the clean answers.
        adversarial: As for `Scorer.attacked`, with `budget` ("epsilon" or "snr_db") and `target`.

    Returns:
        One row an environment and budget, with `epsilon` or `snr_db_target`.
    """
    environments = sorted(adversarial["noise"].unique())
    rows = []
    for (budget, target), part in adversarial.groupby(["budget", "target"]):
        amount = {"epsilon" if budget == "epsilon" else "snr_db_target": float(target)}
        for environment in environments:
            rows.append({"noise": environment, **amount, **scorer.attacked(part[part["noise"] == environment])})
        rows.append({"noise": "any", **amount, **scorer.attacked(part)})
    return sorted(rows, key=lambda row: (row["noise"] == "any", row["noise"]))
