"""Does the label survive? Reference noise and errors by emotion, and errors by the speaker's sex.

ε scales noise to the background that is estimated in an utterance. Where that estimate differs between emotions, one ε
is not one attack: it adds more noise to one emotion than to another, and an error that grows with ε may be told by the
background as well as by the voice.

Tables are those of the answers: one row an utterance, draw and seed, with `id`, `speaker`, `emotion`, `label`,
`predicted` and, of attacked speech, `noise`, `draw`, `budget`, `target`, `reference_variance`, `pause_variance` (full
scale is 1) and `reference_snr_db`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.statistics import quartiles

#: Budgets in dB are many: the errors are split at the one nearest to this.
SNR_DB = 10.0
_PERMUTATIONS = 9999


def reference_noise(adversarial: pd.DataFrame) -> pd.DataFrame:
    """Returns one row an utterance: `id`, `speaker`, `emotion`, `level_db`, `pause_level_db`, `snr_db`.

    The level is that of the estimated reference noise, 10·log₁₀ of its variance, in dB relative to a full-scale
    square wave; −∞ for digital silence. That of the pauses is the mean power of the quietest tenth of the frames, which
    no estimator has touched; NaN where the answers do not hold it.
    """
    table = adversarial.drop_duplicates("id").sort_values("id")
    pauses = table.get("pause_variance", pd.Series(np.nan, table.index))
    with np.errstate(divide="ignore"):
        level_db, pause_level_db = (
            10 * np.log10(each.to_numpy(float)) for each in (table["reference_variance"], pauses)
        )
    return pd.DataFrame(
        {
            **{name: table[name].to_numpy() for name in ("id", "speaker", "emotion")},
            "level_db": level_db,
            "pause_level_db": pause_level_db,
            "snr_db": table["reference_snr_db"].to_numpy(float),
        }
    )


def noise_by_emotion(adversarial: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the reference noise of each emotion.

    Returns:
        One row an emotion: `n` utterances, `speakers`, and the quartiles of `level_db`, `pause_level_db` and `snr_db`;
        digital silence has no level, so that its quartiles may stand for fewer utterances.
    """
    return [
        {
            "emotion": emotion,
            "n": len(mine),
            "speakers": mine["speaker"].nunique(),
            **{name: quartiles(mine[name]) for name in ("level_db", "pause_level_db", "snr_db")},
        }
        for emotion, mine in reference_noise(adversarial).groupby("emotion")
    ]


def noise_test(adversarial: pd.DataFrame, seed: int = 0) -> dict[str, Any]:
    """Tests whether the level of the reference noise differs between emotions.

    The statistic is the H of Kruskal and Wallis (1952) over one median level a speaker and emotion, less the mean of
    the speaker's medians, so that loud and soft microphones do not blur it. The medians of one speaker are not
    independent, which the tabulated p would take for granted: so p is the share of permutations of the emotions within
    each speaker, the observed one included, whose H is at least as large.

    It says that the estimate differs, not why: another room, another gain, or speech that leaks into the estimate. It
    takes all medians for equally sure, and with few speakers it finds little: the least p is about one in the number
    of permutations, 1/24 for two speakers of four emotions.

    Args:
        adversarial: The answers to attacked speech.
        seed: Of the permutations.

    Returns:
        `statistic` H and `p`, None where fewer than two speakers have a level in two emotions or more, or no level
        differs; `speakers` and `emotions` that took part.
    """
    table = reference_noise(adversarial)
    table = table[np.isfinite(table["level_db"])]
    medians = table.groupby(["speaker", "emotion"])["level_db"].median()
    medians = medians[medians.groupby("speaker").transform("size") > 1]
    values = (medians - medians.groupby("speaker").transform("mean")).to_numpy()
    # What is equal on paper must be tied in ranks.
    ranks = stats.rankdata(np.round(values, 9))
    speakers, emotions = (pd.factorize(medians.index.get_level_values(name)) for name in ("speaker", "emotion"))
    found: dict[str, Any] = {"statistic": None, "p": None}
    if len(speakers[1]) > 1 and np.ptp(ranks) > 0:
        generator = np.random.default_rng(seed)
        shuffled = np.tile(ranks, (_PERMUTATIONS, 1))
        for speaker in range(len(speakers[1])):
            mine = speakers[0] == speaker
            shuffled[:, mine] = generator.permuted(shuffled[:, mine], axis=1)
        observed, chance = _h(ranks[None], emotions[0])[0], _h(shuffled, emotions[0])
        # Equal on paper again.
        found["p"] = float((1 + np.sum(chance >= observed - 1e-9)) / (1 + _PERMUTATIONS))
        found["statistic"] = float(observed)
    return {**found, "speakers": len(speakers[1]), "emotions": len(emotions[1])}


def _h(ranks: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the H of Kruskal and Wallis, corrected for ties, of ranks `[permutations, values]`."""
    counts = np.bincount(groups)
    sums = np.stack([ranks[:, groups == group].sum(axis=1) for group in range(len(counts))])
    n = ranks.shape[1]
    h = 12 / (n * (n + 1)) * (sums**2 / counts[:, None]).sum(axis=0) - 3 * (n + 1)
    return h / stats.tiecorrect(ranks[0])


def budgets(adversarial: pd.DataFrame) -> list[tuple[str, float]]:
    """Returns the largest ε and the signal-to-noise ratio nearest to 10 dB, the lower of two, where there are any."""
    pairs = adversarial[["budget", "target"]].drop_duplicates()
    epsilons, snrs_db = ([float(t) for b, t in pairs.itertuples(index=False) if b == k] for k in ("epsilon", "snr_db"))
    found = [("epsilon", max(epsilons))] if epsilons else []
    return found + ([("snr_db", min(snrs_db, key=lambda snr: (abs(snr - SNR_DB), snr)))] if snrs_db else [])


def errors_by_emotion(
    clean: pd.DataFrame, adversarial: pd.DataFrame, *, replicates: int, confidence: float
) -> list[dict[str, Any]]:
    """Returns the share of each emotion's utterances that are answered wrongly, in percent.

    An emotion mostly has one class, so that its unweighted recall says nothing.

    Args:
        clean: The answers to clean speech.
        adversarial: The answers to attacked speech.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.

    Returns:
        For each emotion a row for clean speech and one for each of `budgets`, with `epsilon` or `snr_db_target`: `n`
        utterances, `speakers`, `error` and `interval` of the mean draw over all noises, and `error_worst_of` N draws
        over all noises. A group with one speaker has no interval.
    """
    # One class of which every right answer is the only label: 100 − its recall is the share of wrong answers.
    wrong, attacked = (
        table.assign(label=0, predicted=(table["predicted"] != table["label"]).astype(int))
        for table in (clean, adversarial)
    )
    return _errors("emotion", wrong, attacked, ("",), replicates, confidence)


def errors_by_sex(
    clean: pd.DataFrame, adversarial: pd.DataFrame, classes: Sequence[str], *, replicates: int, confidence: float
) -> list[dict[str, Any]]:
    """Returns the error, 100 − UA, within each sex; None where a class is absent in one.

    Args:
        clean: The answers to clean speech, with `sex`; utterances of which it is not known are left out.
        adversarial: The answers to attacked speech, with `sex`.
        classes: The class names, in order.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.

    Returns:
        Rows as `errors_by_emotion` has them.
    """
    return _errors("sex", clean, adversarial, classes, replicates, confidence)


def _errors(
    by: str,
    clean: pd.DataFrame,
    adversarial: pd.DataFrame,
    classes: Sequence[str],
    replicates: int,
    confidence: float,
) -> list[dict[str, Any]]:
    rows = []
    for group, mine in clean.groupby(by):
        scorer = Scorer(mine, classes, replicates=replicates, confidence=confidence, seed=0)
        about = {by: group, "n": mine["id"].nunique(), "speakers": mine["speaker"].nunique()}
        rows.append({**about, **scorer.error(scorer.clean_correct)})
        attacked = adversarial[adversarial[by] == group]
        for kind, target in budgets(adversarial):
            correct = scorer.correct(attacked[(attacked["budget"] == kind) & (attacked["target"] == target)])
            worst = {"N": correct.shape[2], **scorer.error(correct.min(axis=2))}
            amount = {"epsilon" if kind == "epsilon" else "snr_db_target": target}
            rows.append({**about, **amount, **scorer.error(correct.mean(axis=2)), "error_worst_of": worst})
    return rows
