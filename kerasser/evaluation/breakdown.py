"""Does the label survive? Reference noise and errors by emotion, and errors by the speaker's sex.

ε scales noise to the background that is estimated in an utterance. Where that estimate differs between emotions, one ε
is not one attack: it adds more noise to one emotion than to another, and an error that grows with ε may be told by the
background as well as by the voice.

Tables are those of the answers: one row an utterance, draw and seed, with `id`, `speaker`, `emotion`, `label`,
`predicted` and, of attacked speech, `noise`, `draw`, `budget`, `target`, `reference_variance`, `pause_variance` (full
scale is 1) and `reference_snr_db`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from kerasser.attack.budget import SNR, Budget, Epsilon, typical
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import EmotionNoise, EmotionRow, NoiseTest, Quartiles, SexRow

Row = TypeVar("Row", EmotionRow, SexRow)

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


def noise_by_emotion(adversarial: pd.DataFrame) -> list[EmotionNoise]:
    """Returns the reference noise of each emotion.

    Digital silence has no level, so that the quartiles of the level may stand for fewer utterances.
    """
    return [
        EmotionNoise(
            str(emotion),
            len(mine),
            mine["speaker"].nunique(),
            *(Quartiles.of(mine[name]) for name in ("level_db", "pause_level_db", "snr_db")),
        )
        for emotion, mine in reference_noise(adversarial).groupby("emotion")
    ]


def noise_test(adversarial: pd.DataFrame, seed: int = 0) -> NoiseTest:
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
        H and p, None where fewer than two speakers have a level in two emotions or more, or no level
        differs; and the speakers and emotions that took part.
    """
    table = reference_noise(adversarial)
    table = table[np.isfinite(table["level_db"])]
    medians = table.groupby(["speaker", "emotion"])["level_db"].median()
    medians = medians[medians.groupby("speaker").transform("size") > 1]
    values = (medians - medians.groupby("speaker").transform("mean")).to_numpy()
    # What is equal on paper must be tied in ranks.
    ranks = stats.rankdata(np.round(values, 9))
    speakers, emotions = (pd.factorize(medians.index.get_level_values(name)) for name in ("speaker", "emotion"))
    statistic, p = None, None
    if len(speakers[1]) > 1 and np.ptp(ranks) > 0:
        generator = np.random.default_rng(seed)
        shuffled = np.tile(ranks, (_PERMUTATIONS, 1))
        for speaker in range(len(speakers[1])):
            mine = speakers[0] == speaker
            shuffled[:, mine] = generator.permuted(shuffled[:, mine], axis=1)
        observed, chance = _h(ranks[None], emotions[0])[0], _h(shuffled, emotions[0])
        # Equal on paper again.
        p = float((1 + np.sum(chance >= observed - 1e-9)) / (1 + _PERMUTATIONS))
        statistic = float(observed)
    return NoiseTest(statistic, p, len(speakers[1]), len(emotions[1]))


def _h(ranks: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns the H of Kruskal and Wallis, corrected for ties, of ranks `[permutations, values]`."""
    counts = np.bincount(groups)
    sums = np.stack([ranks[:, groups == group].sum(axis=1) for group in range(len(counts))])
    n = ranks.shape[1]
    h = 12 / (n * (n + 1)) * (sums**2 / counts[:, None]).sum(axis=0) - 3 * (n + 1)
    return h / stats.tiecorrect(ranks[0])


def budgets(adversarial: pd.DataFrame) -> list[Budget]:
    """Returns the largest ε and the signal-to-noise ratio nearest to 10 dB, where there are any."""
    pairs = adversarial[["budget", "target"]].drop_duplicates()
    found = [Budget(str(kind), float(target)) for kind, target in pairs.itertuples(index=False)]
    epsilons, snrs_db = ([budget.value for budget in found if budget.kind == kind] for kind in ("epsilon", "snr_db"))
    # One ε: the hardest. Ratios are many, and the hardest leave no speech to tell emotions by.
    return [*map(Epsilon, sorted(epsilons)[-1:]), *map(SNR, typical(snrs_db))]


def errors_by_emotion(
    clean: pd.DataFrame, adversarial: pd.DataFrame, system: tuple[str, float], *, replicates: int, confidence: float
) -> list[EmotionRow]:
    """Returns the share of each emotion's utterances that are answered wrongly, in percent.

    An emotion mostly has one class, so that its unweighted recall says nothing.

    Args:
        clean: The answers to clean speech.
        adversarial: The answers to attacked speech.
        system: Whose they are: its defence, and its share of adversarial examples in percent.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.

    Returns:
        For each emotion a row for clean speech and one for each of `budgets`, over all noises. A group with one speaker
        has no interval.
    """
    # One class of which every right answer is the only label: 100 − its recall is the share of wrong answers.
    wrong, attacked = (
        table.assign(label=0, predicted=(table["predicted"] != table["label"]).astype(int))
        for table in (clean, adversarial)
    )
    return _errors(EmotionRow, "emotion", (wrong, attacked), system, ("",), replicates, confidence)


def errors_by_sex(
    clean: pd.DataFrame,
    adversarial: pd.DataFrame,
    system: tuple[str, float],
    classes: Sequence[str],
    *,
    replicates: int,
    confidence: float,
) -> list[SexRow]:
    """Returns the error, 100 − UA, within each sex; None where a class is absent in one.

    Args:
        clean: The answers to clean speech, with `sex`; utterances of which it is not known are left out.
        adversarial: The answers to attacked speech, with `sex`.
        system: As for `errors_by_emotion`.
        classes: The class names, in order.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.

    Returns:
        Rows as `errors_by_emotion` has them.
    """
    return _errors(SexRow, "sex", (clean, adversarial), system, classes, replicates, confidence)


def _errors(
    kind: Callable[..., Row],
    by: str,
    answers: tuple[pd.DataFrame, pd.DataFrame],
    system: tuple[str, float],
    classes: Sequence[str],
    replicates: int,
    confidence: float,
) -> list[Row]:
    """Returns rows of one kind for each group of the clean and the attacked answers."""
    (clean, adversarial), (defence, percent), rows = answers, system, []
    for group, mine in clean.groupby(by):
        scorer = Scorer(mine, classes, replicates=replicates, confidence=confidence, seed=0)
        about = {"defence": defence, "percent": percent, by: group}
        about |= {"n": mine["id"].nunique(), "speakers": mine["speaker"].nunique()}
        rows.append(kind(**about, score=scorer.clean_error()))
        attacked = adversarial[adversarial[by] == group]
        for budget in budgets(adversarial):
            same = (attacked["budget"] == budget.kind) & (attacked["target"] == budget.value)
            correct = scorer.correct(attacked[same])
            score, worst = scorer.error(correct.mean(axis=2)), scorer.worst_of(correct)
            rows.append(kind(**about, budget=budget, score=score, error_worst_of=worst))
    return rows
