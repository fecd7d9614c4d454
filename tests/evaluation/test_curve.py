import numpy as np
import pandas as pd
import pytest

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.curve import Scorer, budgets_missed, figure1, not_growing
from kerasser.evaluation.results import ANY, AttackWorstOf, Figure1Row, Score

CLASSES = ("negative", "positive")
BUDGET = Epsilon(2)
LABELS = {"a": 0, "b": 0, "c": 1, "d": 1}


def clean(predicted):
    rows = [
        {"id": name, "speaker": f"s{number % 2}", "label": label, "predicted": answer}
        for number, ((name, label), answer) in enumerate(zip(LABELS.items(), predicted, strict=True))
    ]
    return pd.DataFrame(rows)


def attacked(answers, noise="cafe", budget="epsilon", target=2.0):
    """Answers by utterance, one a draw."""
    return pd.DataFrame(
        [
            {
                "id": name,
                "predicted": answer,
                "noise": noise,
                "draw": draw,
                "budget": budget,
                "target": target,
                "snr_db": 10.0 + draw,
                "clipped": draw,
                "samples": 1000,
            }
            for name, draws in answers.items()
            for draw, answer in enumerate(draws)
        ]
    )


def scorer(predicted):
    return Scorer(clean(predicted), CLASSES, replicates=100, confidence=0.95, seed=0)


@pytest.mark.parametrize("answer", [0, 1])
def test_a_model_that_always_says_one_class_scores_fifty(answer):
    score = scorer([answer] * 4).clean()
    assert (score.ua, score.score.error, score.n) == (50.0, 50.0, 4)
    assert np.sum(score.confusion, axis=0)[answer] == 4


def test_mean_and_worst_draw_are_those_worked_out_by_hand():
    score = scorer([0, 0, 1, 0]).attacked(
        "cafe", BUDGET, attacked({"a": [0, 1, 0], "b": [0, 0, 0], "c": [0, 0, 0], "d": [1, 0, 0]})
    )
    # Recalls of the mean draw: (2/3 + 1) / 2 and (0 + 1/3) / 2.
    assert score.score.error == pytest.approx(100 - 50 * (5 / 6 + 1 / 6))
    # Worst of three: only b survives.
    assert score.error_worst_of.score.error == pytest.approx(75.0)
    assert score.error_worst_of.n == 3
    # a, b and c were right when clean; draws turn 1 + 0 + 3 of their 9 answers.
    assert score.attack_success_rate == pytest.approx(100 * 4 / 9)
    assert score.error_worst_of.attack_success_rate == pytest.approx(100 * 2 / 3)
    assert score.snr_db_median == 11.0
    assert score.clipped_share == pytest.approx(0.001)


def test_the_worst_draw_is_never_better_than_the_mean():
    generator = np.random.default_rng(0)
    for _ in range(30):
        score = scorer([0, 0, 1, 1]).attacked(
            "cafe", BUDGET, attacked({name: generator.integers(0, 2, 3) for name in LABELS})
        )
        assert score.error_worst_of.score.error >= score.score.error - 1e-9


def test_any_joins_the_draws_of_all_environments():
    good, bad = {"a": [0], "b": [0], "c": [1], "d": [1]}, {"a": [1], "b": [0], "c": [1], "d": [1]}
    rows = figure1(scorer([0, 0, 1, 1]), pd.concat([attacked(good, "cafe"), attacked(bad, "station")]))
    assert [row.noise for row in rows] == ["cafe", "station", "any"]
    errors = {row.noise: (row.score.error, row.error_worst_of.score.error, row.error_worst_of.n) for row in rows}
    assert errors == {"cafe": (0, 0, 1), "station": (25, 25, 1), "any": (12.5, 25, 2)}


def test_budgets_are_rows_of_their_own_in_order():
    same = {name: [label] for name, label in LABELS.items()}
    parts = [attacked(same, target=t) for t in (2.0, 0.1)] + [attacked(same, budget="snr_db", target=5.0)]
    rows = figure1(scorer([0, 0, 1, 1]), pd.concat(parts))
    assert [row.budget for row in rows if row.noise == "cafe"] == [Epsilon(0.1), Epsilon(2), SNR(5)]


def test_a_missing_draw_is_an_error_and_not_a_better_figure():
    table = attacked({name: [label] * 2 for name, label in LABELS.items()})
    with pytest.raises(ValueError, match="gaps"):
        scorer([0, 0, 1, 1]).attacked("cafe", BUDGET, table.iloc[1:])
    with pytest.raises(ValueError, match="gaps"):
        scorer([0, 0, 1, 1]).attacked("cafe", BUDGET, table[table["id"] != "b"])


def test_a_class_without_test_utterances_gives_no_figure():
    score = Scorer(clean([0, 0, 1, 1]).iloc[:2], CLASSES, replicates=10, confidence=0.95, seed=0).clean()
    assert score.ua is None and score.score == Score(None, None)


def test_seeds_are_averaged_answer_by_answer_and_a_worst_draw_belongs_to_its_seed():
    both = pd.concat([clean([0, 0, 1, 1]).assign(seed=3), clean([0, 0, 0, 1]).assign(seed=5)])
    scorer = Scorer(both, CLASSES, replicates=50, confidence=0.95, seed=0)
    assert scorer.clean().score.error == pytest.approx(100 - 50 * (1 + 0.75))
    assert np.sum(scorer.clean().confusion) == 8
    one = attacked({"a": [0, 1], "b": [0, 0], "c": [1, 1], "d": [1, 1]}).assign(seed=3)
    other = attacked({"a": [0, 0], "b": [1, 1], "c": [0, 1], "d": [1, 1]}).assign(seed=5)
    score = scorer.attacked("cafe", BUDGET, pd.concat([other, one]))
    # Seed 3: mean (0.75 + 1) / 2, worst (0.5 + 1) / 2; seed 5: mean (0.5 + 0.75) / 2, worst (0.5 + 0.5) / 2.
    assert score.score.error == pytest.approx(100 - 50 * (0.875 + 0.625))
    assert score.error_worst_of.score.error == pytest.approx(100 - 50 * (0.75 + 0.5))
    assert score.error_worst_of.n == 2
    with pytest.raises(ValueError, match="gaps"):
        scorer.attacked("cafe", BUDGET, one)


def test_an_error_that_falls_with_the_noise_rings():
    good, bad = ({name: [answer(label)] for name, label in LABELS.items()} for answer in (int, lambda label: 1 - label))
    tables = [attacked(bad, target=1.0), attacked(good, target=2.0)]
    rows = figure1(scorer([0, 0, 1, 1]), pd.concat(tables))
    assert [alarm.name for alarm in not_growing(rows, chance=50.0)] == ["not_growing"]
    growing = figure1(scorer([0, 0, 1, 1]), pd.concat([attacked(good, target=1.0), attacked(bad, target=2.0)]))
    assert not_growing(growing, chance=50.0) == []


def added(noise, budget, snr_db, clipped=0.0):
    score = Score(20.0, None)
    return Figure1Row(noise, budget, snr_db, score, AttackWorstOf(1, score, 0.0), 0.0, clipped, 4)


def test_every_budget_is_looked_at_over_all_environments_and_in_those_that_miss_alone():
    met = [added(ANY, Epsilon(2), 9.0), added(ANY, SNR(10), 10.4), added(ANY, SNR(-5), -4.1)]
    assert budgets_missed([*met, added("cafe", SNR(10), 10.9, 0.01)]) == []
    (hidden,) = budgets_missed([*met, added("cafe", SNR(10), 3.0), added("station", SNR(10), 10.1)])
    assert hidden.message.startswith("At 10 dB of cafe, the realised SNR is 3.0 dB")
    missed = [added(ANY, Epsilon(2), 9.0, 0.1), met[1], added(ANY, SNR(-5), -2.0), added(ANY, SNR(0), None)]
    missed.append(added("cafe", SNR(0), None))
    said = [alarm.message.split(",")[0] for alarm in budgets_missed(missed)]
    assert said == ["At ε = 2", "At −5 dB", "At 0 dB"]
