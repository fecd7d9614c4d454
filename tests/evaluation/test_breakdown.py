"""Reference noise and errors by group, against tables worked out by hand and against pandas."""

from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kerasser.attack.budget import Budget, Epsilon
from kerasser.evaluation import breakdown
from kerasser.evaluation.results import Quartiles

OPTIONS = {"replicates": 200, "confidence": 0.95}
CLASSES = ("negative", "positive")
NONE = ("none", 0.0)


def clean(rows):
    """Answers to clean speech from (id, speaker, sex, emotion, label, predicted)."""
    return pd.DataFrame(rows, columns=["id", "speaker", "sex", "emotion", "label", "predicted"])


def attacked(table, answers, budgets=(("epsilon", 2.0),), noises=("cafe",)):
    """The same utterances under every budget and noise; `answers` are of the draws of each utterance."""
    rows = []
    for kind, target in budgets:
        for noise in noises:
            for row, predicted in zip(table.to_dict("records"), answers, strict=True):
                for draw, answer in enumerate(predicted):
                    about = {"noise": noise, "budget": kind, "target": target, "draw": draw}
                    rows.append({**row, **about, "predicted": answer})
    return pd.DataFrame(rows)


TABLE = clean(
    [
        ("a1", "a", "female", "anger", 0, 0),
        ("a2", "a", "female", "anger", 0, 1),
        ("a3", "a", "female", "joy", 1, 1),
        ("b1", "b", "male", "anger", 0, 0),
        ("b2", "b", "male", "joy", 1, 0),
        ("b3", "b", "male", "joy", 1, 1),
    ]
)
# Two draws for each utterance.
DRAWS = [(0, 1), (1, 1), (1, 1), (0, 0), (1, 0), (1, 1)]


def test_errors_of_an_emotion_are_the_share_answered_wrongly():
    rows = breakdown.errors_by_emotion(TABLE, attacked(TABLE, DRAWS), NONE, **OPTIONS)
    assert [(row.emotion, row.budget, row.n, row.speakers) for row in rows] == [
        ("anger", None, 3, 2),
        ("anger", Epsilon(2), 3, 2),
        ("joy", None, 3, 2),
        ("joy", Epsilon(2), 3, 2),
    ]
    # anger: clean a2 wrong; draws half of a1, all of a2, none of b1. joy: clean b2; draws half of b2.
    assert [row.score.error for row in rows] == pytest.approx([100 / 3, 100 * 1.5 / 3, 100 / 3, 100 * 0.5 / 3])
    assert [row.error_worst_of.score.error for row in rows if row.budget] == pytest.approx([200 / 3, 100 / 3])
    assert {row.error_worst_of.n for row in rows if row.budget} == {2}


def test_an_interval_of_a_share_is_the_speakers():
    """Of two speakers a resample holds one twice, or both: the errors are those of a, of b, or of both."""
    (row, _, _, _) = breakdown.errors_by_emotion(TABLE, attacked(TABLE, DRAWS), NONE, **OPTIONS)
    assert row.score.interval == pytest.approx([0.0, 50.0])


def test_the_error_within_a_sex_is_unweighted():
    rows = breakdown.errors_by_sex(TABLE, attacked(TABLE, DRAWS), NONE, CLASSES, **OPTIONS)
    assert [(row.sex, row.budget, row.n, row.speakers) for row in rows] == [
        ("female", None, 3, 1),
        ("female", Epsilon(2), 3, 1),
        ("male", None, 3, 1),
        ("male", Epsilon(2), 3, 1),
    ]
    # Women: half of the negative wrong, no positive; under attack three of four. Men: half of the positive; a quarter.
    assert [row.score.error for row in rows] == pytest.approx([25.0, 37.5, 25.0, 12.5])
    assert [row.error_worst_of.score.error for row in rows if row.budget] == pytest.approx([50.0, 25.0])


def test_one_speaker_has_no_interval():
    rows = breakdown.errors_by_sex(TABLE, attacked(TABLE, DRAWS), NONE, CLASSES, **OPTIONS)
    assert all(row.score.interval is None for row in rows)
    alone = TABLE[TABLE["speaker"] == "a"]
    for row in breakdown.errors_by_emotion(alone, attacked(alone, DRAWS[:3]), NONE, **OPTIONS):
        assert row.speakers == 1 and row.score.interval is None and row.score.error is not None
        assert row.error_worst_of is None or row.error_worst_of.score.interval is None


def test_a_sex_without_one_of_the_classes_has_no_error():
    table = TABLE[TABLE["id"] != "a3"]
    rows = breakdown.errors_by_sex(table, attacked(table, DRAWS[:2] + DRAWS[3:]), NONE, CLASSES, **OPTIONS)
    assert [row.score.error is None for row in rows] == [True, True, False, False]


def test_utterances_of_unknown_sex_are_left_out():
    table = TABLE.assign(sex=["female"] * 3 + [None] * 3)
    assert {row.sex for row in breakdown.errors_by_sex(table, attacked(table, DRAWS), NONE, CLASSES, **OPTIONS)} == {
        "female"
    }
    unknown = TABLE.assign(sex=None)
    assert breakdown.errors_by_sex(unknown, attacked(unknown, DRAWS), NONE, CLASSES, **OPTIONS) == []


def test_seeds_are_averaged_and_noises_are_tried_together():
    second = TABLE.assign(predicted=TABLE["label"])
    table = pd.concat([TABLE.assign(seed=0), second.assign(seed=1)])
    parts = [attacked(TABLE, DRAWS, noises=("cafe", "station")).assign(seed=0)]
    parts.append(attacked(second, [(label, label) for label in second["label"]], noises=("cafe", "station")))
    adversarial = pd.concat([parts[0], parts[1].assign(seed=1)])
    anger, under, *_ = breakdown.errors_by_emotion(table, adversarial, NONE, **OPTIONS)
    assert (anger.n, anger.score.error) == (3, pytest.approx(100 / 6))
    assert under.score.error == pytest.approx(25.0) and under.error_worst_of.n == 4


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([("epsilon", 2.0), ("epsilon", 0.5), ("snr_db", 20.0), ("snr_db", 12.0)], [("epsilon", 2), ("snr_db", 12)]),
        ([("snr_db", 20.0), ("snr_db", 0.0)], [("snr_db", 0)]),
        ([("snr_db", 9.0), ("snr_db", 11.0)], [("snr_db", 9)]),
        ([("epsilon", 0.1)], [("epsilon", 0.1)]),
    ],
)
def test_errors_are_split_at_the_largest_factor_and_the_ratio_nearest_to_ten(made, expected):
    adversarial = attacked(TABLE, DRAWS, made)
    assert breakdown.budgets(adversarial) == [Budget(*each) for each in expected]
    rows = breakdown.errors_by_emotion(TABLE, adversarial, NONE, **OPTIONS)
    assert len(rows) == 2 * (1 + len(expected))


def levels(values, speakers=4, each=3):
    """Attacked answers of which each emotion has a level in dB; speakers differ by far more than emotions do."""
    generator, rows = np.random.default_rng(0), []
    for speaker in range(speakers):
        for emotion, level in values.items():
            for take in range(each):
                db = level + 20 * speaker + generator.normal()
                about = {"id": f"{speaker}{emotion}{take}", "speaker": f"s{speaker}", "emotion": emotion}
                for draw in range(2):
                    rows.append({**about, "draw": draw, "reference_variance": 10 ** (db / 10), "reference_snr_db": -db})
    return pd.DataFrame(rows)


def test_levels_agree_with_pandas():
    table = levels({"anger": -40.0, "calm": -60.0, "joy": -50.0})
    once = table[table["draw"] == 0].assign(level=lambda t: 10 * np.log10(t["reference_variance"]))
    expected = once.groupby("emotion")["level"].quantile([0.25, 0.5, 0.75]).unstack()
    rows = breakdown.noise_by_emotion(table)
    assert [row.emotion for row in rows] == ["anger", "calm", "joy"]
    for row in rows:
        low, middle, high = expected.loc[row.emotion]
        assert astuple(row.level_db) == pytest.approx((middle, low, high, 12))
        assert astuple(row.snr_db) == pytest.approx((-middle, -high, -low, 12))
        assert (row.n, row.speakers) == (12, 4)


def test_the_level_of_the_pauses_stands_beside_the_estimate():
    table = levels({"anger": -40.0, "calm": -60.0})
    assert breakdown.noise_by_emotion(table)[0].pause_level_db is None
    rows = breakdown.noise_by_emotion(table.assign(pause_variance=table["reference_variance"] / 10))
    for row in rows:
        assert row.pause_level_db.median == pytest.approx(row.level_db.median - 10)


def test_full_scale_is_0_db_and_digital_silence_has_no_level():
    table = pd.DataFrame(
        {
            **{"id": ["a", "b"], "speaker": ["s", "s"], "emotion": ["anger", "anger"]},
            **{"reference_variance": [1.0, 0.0], "reference_snr_db": [5.0, 120.0]},
        }
    )
    (row,) = breakdown.noise_by_emotion(table)
    assert row.level_db == Quartiles(0.0, 0.0, 0.0, 1)
    assert (row.n, row.snr_db.n) == (2, 2)
    (row,) = breakdown.noise_by_emotion(table[1:])
    assert row.level_db is None


def test_the_statistic_is_that_of_kruskal_and_wallis():
    table = levels({"anger": -49.5, "calm": -50.0, "joy": -50.5})
    once = breakdown.reference_noise(table).groupby(["speaker", "emotion"])["level_db"].median().unstack()
    centred = once.sub(once.mean(axis=1), axis=0)
    expected = stats.kruskal(*(centred[name] for name in centred))
    found = breakdown.noise_test(table)
    assert found.statistic == pytest.approx(expected.statistic)
    assert (found.speakers, found.emotions) == (4, 3)


def test_levels_that_differ_are_found_although_speakers_differ_more():
    assert breakdown.noise_test(levels({"anger": -40.0, "calm": -45.0, "joy": -50.0})).p < 0.01


def test_p_is_the_share_of_permutations_that_are_as_extreme():
    """Two speakers of three emotions: of 36 ways 6 order both alike, which is as extreme as it gets."""
    table = levels({"anger": -40.0, "calm": -60.0, "joy": -50.0}, speakers=2, each=1)
    assert breakdown.noise_test(table).p == pytest.approx(1 / 6, abs=0.02)


def test_levels_that_do_not_differ_are_found_as_seldom_as_p_says():
    generator, found = np.random.default_rng(1), []
    for _ in range(60):
        table = levels({"anger": 0.0, "calm": 0.0, "joy": 0.0})
        table["reference_variance"] = 10 ** generator.normal(size=len(table) // 2).repeat(2)
        found.append(breakdown.noise_test(table).p)
    assert np.mean(np.array(found) < 0.1) < 0.25 and np.median(found) == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("case", ["one speaker", "one emotion each", "all alike", "silence"])
def test_what_cannot_be_tested_is_not(case):
    table = levels({"anger": -40.0, "calm": -60.0})
    if case == "one speaker":
        table = table[table["speaker"] == "s0"]
    elif case == "one emotion each":
        table = table[(table["speaker"] < "s2") == (table["emotion"] == "anger")]
    else:
        table["reference_variance"] = 0.1 if case == "all alike" else 0.0
    found = breakdown.noise_test(table)
    assert found.statistic is None and found.p is None
