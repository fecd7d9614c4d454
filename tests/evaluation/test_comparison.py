import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation import comparison
from kerasser.evaluation.comparison import Comparison, SystemAnswers
from kerasser.evaluation.conversion import to_json
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import Score

CLASSES = ("negative", "positive")
NOISES = ("cafe", "station")
SPEAKERS, EACH, DRAWS = 12, 10, 3

#: The paper's figure 3, the strongest first.
ORDER = ["gan", "adversarial training", "random noise", "none"]


def answers(right, noise=None, budget=None, target=None, draw=0):
    """A table in which an utterance is answered rightly where `right` says so."""
    labels = np.arange(SPEAKERS * EACH) % 2
    return pd.DataFrame(
        {
            "id": [f"u{number:03d}" for number in range(labels.size)],
            "speaker": [f"s{number // EACH}" for number in range(labels.size)],
            "label": labels,
            "predicted": np.where(right, labels, 1 - labels),
            "noise": noise,
            "budget": budget,
            "target": target,
            "draw": draw,
        }
    )


def system(
    defence, error, percent=0.0, clean_error=0.1, budgets=(("epsilon", 1.0), ("epsilon", 2.0), ("snr_db", 10.0))
):
    """A system that errs with a given probability under attack, the same utterances first."""
    number = sum(map(ord, defence)) + int(percent)

    def draw(probability, seed):
        ease = np.random.default_rng(7).random(SPEAKERS * EACH)
        return 0.8 * ease + 0.2 * np.random.default_rng([number, seed]).random(SPEAKERS * EACH) >= probability

    clean = answers(draw(clean_error, 0))
    attacked = [
        answers(draw(error, 10 * place + take + 1), noise, budget, target, take)
        for place, noise in enumerate(NOISES)
        for budget, target in budgets
        for take in range(DRAWS)
    ]
    scorer = Scorer(clean, CLASSES, replicates=400, confidence=0.95, seed=0)
    return SystemAnswers(defence, percent, scorer, pd.concat(attacked))


@pytest.fixture(scope="module")
def compared():
    return Comparison(
        [
            system(comparison.NONE, 0.6),
            system(comparison.RANDOM, 0.5),
            system(comparison.TRAINING, 0.4, percent=10.0),
            system(comparison.TRAINING, 0.3, percent=100.0),
            system(comparison.GAN, 0.15),
        ]
    )


def by_hand(compared, defence, noise, kind, budget=("epsilon", 2.0), percent=0.0):
    """The error from the bare table, utterance by utterance."""
    systems = [*compared._systems.values(), *compared._trained]
    one = next(s for s in systems if s.defence == defence and s.percent == percent)
    table = one.adversarial
    table = table[(table["budget"] == budget[0]) & (table["target"] == budget[1])]
    recalls = []
    for label in (0, 1):
        mine = table[table["noise"].isin(NOISES if noise == "any" else [noise]) & (table["label"] == label)]
        right = (mine["predicted"] == mine["label"]).groupby(mine["id"])
        recalls.append((right.mean() if kind == "mean" else right.min()).mean())
    return 100 - 100 * np.mean(recalls)


def test_tables_are_for_the_hardest_epsilon_and_every_ratio(compared):
    assert compared.hardest() == [Epsilon(2), SNR(10)]
    rows = compared.table3()
    assert [(row.noise, row.budget) for row in rows] == [
        (noise, budget) for budget in (Epsilon(2), SNR(10)) for noise in (*NOISES, "mean", "any")
    ]


def test_every_figure_is_what_a_plain_count_gives(compared):
    rows = {row.noise: row for row in compared.table3() if row.budget == Epsilon(2)}
    for noise in NOISES:
        assert rows[noise].values["attacked"] == pytest.approx(by_hand(compared, comparison.NONE, noise, "mean"))
        assert rows[noise].values["gan"] == pytest.approx(by_hand(compared, comparison.GAN, noise, "mean"))
        assert rows[noise].worst_of.values["gan"] == pytest.approx(by_hand(compared, comparison.GAN, noise, "worst"))
        assert rows[noise].worst_of.n == DRAWS
    for kind in ("attacked", "gan"):
        assert rows["mean"].values[kind] == pytest.approx(np.mean([rows[noise].values[kind] for noise in NOISES]))
        worst = [rows[noise].worst_of.values[kind] for noise in NOISES]
        assert rows["mean"].worst_of.values[kind] == pytest.approx(np.mean(worst))
        assert rows["any"].worst_of.values[kind] >= max(worst)
    assert rows["any"].worst_of.n == DRAWS * len(NOISES)


def test_what_goes_beyond_the_paper_stands_beside_the_gan_where_it_was_measured(compared):
    beside = {"consistency": comparison.CONSISTENCY, "gan_consistency": comparison.GAN_CONSISTENCY}
    assert not beside.keys() & compared.table3()[0].values.keys()
    systems = [system(comparison.NONE, 0.6), system(comparison.GAN, 0.15)]
    more = Comparison([*systems, *(system(name, 0.1 * n) for n, name in enumerate(beside.values(), 1))])
    row = next(row for row in more.table3() if row.budget == Epsilon(2) and row.noise == NOISES[0])
    for column, name in beside.items():
        assert row.values[column] == pytest.approx(by_hand(more, name, NOISES[0], "mean"))
        assert row.interval[column] is not None
    assert more.names[-2:] == list(beside.values())


def test_the_recovered_share_is_that_of_the_paper(compared):
    for row in compared.table3():
        mean, worst = row.values, row.worst_of.values
        expected = (mean["attacked"] - mean["gan"]) / (mean["attacked"] - mean["clean"])
        assert mean["recovered_share"] == pytest.approx(expected)
        low, high = row.interval["recovered_share"]
        assert low < expected < high
        assert worst["recovered_share"] == pytest.approx(
            (worst["attacked"] - worst["gan"]) / (worst["attacked"] - mean["clean"])
        )


def test_nothing_is_recovered_where_the_attack_does_no_harm():
    rows = Comparison([system(comparison.NONE, 0.05), system(comparison.GAN, 0.05)]).table3()
    mean = next(row for row in rows if row.noise == "mean")
    assert mean.score("recovered_share") == Score(None, None)


def test_figure_2_begins_without_defence_and_goes_through_every_share(compared):
    rows = [row for row in compared.figure2() if row.noise == "cafe" and row.budget == Epsilon(2)]
    assert [row.percent for row in rows] == [0.0, 10.0, 100.0]
    expected = [
        by_hand(compared, comparison.NONE, "cafe", "mean"),
        by_hand(compared, comparison.TRAINING, "cafe", "mean", percent=10.0),
        by_hand(compared, comparison.TRAINING, "cafe", "mean", percent=100.0),
    ]
    assert [row.score.error for row in rows] == pytest.approx(expected)


def test_the_largest_share_stands_for_adversarial_training(compared):
    shown = [row for row in compared.figure3() if row.defence == comparison.TRAINING]
    assert {row.percent for row in shown} == {100.0}
    assert [row.defence for row in compared.figure3()][:4] == list(reversed(ORDER))


def test_an_order_that_is_there_is_found_with_a_small_p(compared):
    for row in compared.ordering():
        assert row.holds and row.p < 0.05
        assert row.order == ORDER
        assert row.p == max(pair.p for pair in row.pairs)
        for pair in row.pairs:
            assert pair.difference < 0 and pair.interval[0] < pair.difference < pair.interval[1]


def test_an_order_that_is_not_there_does_not_hold():
    rows = Comparison(
        [
            system(comparison.NONE, 0.6),
            system(comparison.RANDOM, 0.7),
            system(comparison.TRAINING, 0.2, percent=50.0),
            system(comparison.GAN, 0.3),
        ]
    ).ordering()
    assert not any(row.holds for row in rows)
    assert all(row.p > 0.5 for row in rows)


def test_without_speakers_enough_there_are_figures_and_no_p():
    def one_speaker(each):
        table = each.adversarial.assign(speaker="s")
        clean = answers(np.ones(SPEAKERS * EACH, bool)).assign(speaker="s")
        return SystemAnswers(each.defence, 0.0, Scorer(clean, CLASSES, replicates=10, confidence=0.95, seed=0), table)

    compared = Comparison([one_speaker(system(comparison.NONE, 0.6)), one_speaker(system(comparison.GAN, 0.2))])
    assert compared.ordering()[0].holds and compared.ordering()[0].p is None
    # Whether the attack does harm cannot be told, and so not what of it is recovered.
    assert compared.table3()[0].score("recovered_share") == Score(None, None)


def few(each, speakers):
    """The system, its utterances spoken by a few."""

    def renamed(table):
        return table.assign(speaker=[f"s{int(id[1:]) // 2 % speakers}" for id in table["id"]])

    number = sum(map(ord, each.defence))
    ease = np.random.default_rng(7).random(SPEAKERS * EACH)
    clean = answers(0.9 * ease + 0.1 * np.random.default_rng(number).random(SPEAKERS * EACH) >= 0.1)
    scorer = Scorer(renamed(clean), CLASSES, replicates=100, confidence=0.95, seed=0)
    return SystemAnswers(each.defence, each.percent, scorer, renamed(each.adversarial))


def test_few_speakers_show_their_range_and_say_so():
    compared = Comparison([few(system(comparison.NONE, 0.6), 3), few(system(comparison.GAN, 0.2), 3)])
    (row,) = [row for row in compared.figure3() if (row.defence, row.noise, row.budget) == ("gan", "cafe", SNR(10))]
    table = compared.system(comparison.GAN).adversarial
    table = table[(table["noise"] == "cafe") & (table["budget"] == "snr_db")]
    right = (table["predicted"] == table["label"]).groupby([table["speaker"], table["label"]]).mean()
    errors = 100 - 100 * right.groupby("speaker").mean()
    assert row.score.interval == pytest.approx((errors.min(), errors.max()))
    found = [row.score, row.error_worst_of.score, compared.clean()[0].score, *compared.differences()]
    found += [*compared.ordering()[0].pairs, *compared.table3()]
    assert all(each.interval_kind == "range" for each in found)
    assert to_json(row)["interval_kind"] == "range"
    many = Comparison([few(system(comparison.NONE, 0.6), 5)])
    assert many.clean()[0].score.interval_kind is None and "interval_kind" not in to_json(many.clean()[0])


def test_a_share_is_recovered_only_of_certain_harm():
    # Under attack half of the speakers are understood better than before.
    none, gan = system(comparison.NONE, 0.1, clean_error=0.1), system(comparison.GAN, 0.1, clean_error=0.1)
    shares = [row.score("recovered_share") for row in Comparison([none, gan]).table3() if row.noise in NOISES]
    assert shares and all(share == Score(None, None) for share in shares)
    certain = Comparison([few(system(comparison.NONE, 0.6), 4), few(system(comparison.GAN, 0.2), 4)]).table3()[0]
    assert certain.score("recovered_share").error > 0.5 and certain.score("recovered_share").interval_kind == "range"


def test_a_defence_that_is_left_out_leaves_its_table_out():
    compared = Comparison([system(comparison.NONE, 0.6), system(comparison.GAN, 0.2)])
    assert compared.table2() == [] and compared.figure2() == []
    assert compared.ordering()[0].order == [comparison.GAN, comparison.NONE]


def test_differences_are_those_of_the_errors_and_adjusted_over_the_pairs(compared):
    rows = [row for row in compared.differences() if row.budget == Epsilon(2)]
    pairs = [(row.first, row.second) for row in rows if row.draw == "mean"]
    assert pairs == [
        (comparison.RANDOM, comparison.NONE),
        (comparison.TRAINING, comparison.NONE),
        (comparison.GAN, comparison.NONE),
        (comparison.GAN, comparison.RANDOM),
        (comparison.GAN, comparison.TRAINING),
    ]
    for row in rows:
        percents = {comparison.TRAINING: 100.0}
        # The worst draw is that of all noises, for both tests.
        noises = NOISES if row.draw == "mean" else ["any"]
        errors = [
            np.mean([by_hand(compared, name, noise, row.draw, percent=percents.get(name, 0.0)) for noise in noises])
            for name in (row.first, row.second)
        ]
        assert row.difference == pytest.approx(errors[0] - errors[1])
        assert row.interval[0] < row.difference < row.interval[1]
        assert row.minimum_detectable > 0
    for draw in ("mean", "worst"):
        mine = [row.bootstrap for row in rows if row.draw == draw]
        expected = multipletests([each.p for each in mine], method="holm")[1]
        assert [each.p_holm for each in mine] == pytest.approx(expected.tolist())


def test_mcnemar_counts_utterances_that_survive_every_draw(compared):
    (row,) = (
        row
        for row in compared.differences()
        if (row.first, row.second, row.draw, row.budget) == ("gan", "none", "worst", Epsilon(2))
    )
    tables = []
    for name in ("gan", "none"):
        table = compared._systems[name].adversarial
        table = table[(table["budget"] == "epsilon") & (table["target"] == 2.0)]
        tables.append((table["predicted"] == table["label"]).groupby(table["id"]).min())
    assert row.mcnemar.first_only == int((tables[0] & ~tables[1]).sum()) > 0
    assert row.mcnemar.second_only == int((tables[1] & ~tables[0]).sum())
    assert row.mcnemar.p < 0.05


def test_systems_with_the_same_answers_do_not_differ():
    one = system(comparison.NONE, 0.4)
    rows = Comparison([one, SystemAnswers(comparison.GAN, 0.0, one.scorer, one.adversarial)]).differences()
    assert all(row.difference == 0 and row.bootstrap.p_holm == 1.0 for row in rows)
    assert all(row.minimum_detectable is None for row in rows)
    assert {row.mcnemar.p for row in rows} == {None, 1.0}


def test_alarms_ring_for_what_costs_clean_speech_and_for_noise_that_does_no_harm():
    steady = [system(comparison.NONE, 0.4, clean_error=0.1), system(comparison.GAN, 0.2, clean_error=0.1)]
    assert not [alarm for alarm in Comparison(steady).alarms() if alarm.name == "costs_clean"]
    dear = [system(comparison.NONE, 0.4, clean_error=0.1), system(comparison.GAN, 0.2, clean_error=0.3)]
    assert (comparison.GAN, "costs_clean") in {(a.defence, a.name) for a in Comparison(dear).alarms()}
    falling = system(comparison.NONE, 0.45, budgets=(("epsilon", 1.0),))
    fallen = system(comparison.NONE, 0.05, budgets=(("epsilon", 2.0),))
    both = SystemAnswers(comparison.NONE, 0.0, falling.scorer, pd.concat([falling.adversarial, fallen.adversarial]))
    (alarm,) = Comparison([both]).alarms()
    assert (alarm.defence, alarm.name) == (comparison.NONE, "not_growing")
