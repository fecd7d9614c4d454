import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kerasser.evaluation.paired import PairedDifference, mcnemar, minimum_detectable_difference, paired_difference
from kerasser.evaluation.statistics import SpeakerBootstrap

COUNTS = st.tuples(*[st.integers(0, 40)] * 4)


def answers(both, first, second, neither):
    """Answers of two systems, with so many utterances right in both, in one only, in none."""
    counts = [both, first, second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@given(COUNTS, st.randoms(use_true_random=False))
def test_mcnemar_is_the_binomial_test_of_the_utterances_on_which_the_systems_differ(counts, random):
    one, other = answers(*counts)
    order = random.sample(range(one.size), one.size)
    found = mcnemar(one[order], other[order])
    _, first, second, _ = counts
    assert (found.first_only, found.second_only) == (first, second)
    expected = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert found.p == pytest.approx(expected)


@given(COUNTS)
def test_mcnemar_asks_neither_which_system_is_first_nor_where_both_agree(counts):
    one, other = answers(*counts)
    there, back = mcnemar(one, other), mcnemar(other, one)
    assert (there.first_only, there.second_only, there.p) == (back.second_only, back.first_only, back.p)
    assert there == mcnemar(*answers(0, counts[1], counts[2], 0))
    assert 0.0 < there.p <= 1.0


def test_mcnemar_of_systems_that_are_right_alike_is_one():
    assert mcnemar(*answers(5, 0, 0, 5)).p == 1.0
    assert mcnemar(*answers(0, 0, 0, 0)).p == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.ones(3), np.ones(3)),
        (np.ones(3, bool), np.ones(4, bool)),
        (np.ones((2, 3), bool), np.ones((2, 3), bool)),
        (np.array([1.0, np.nan]), np.ones(2, bool)),
    ],
)
def test_mcnemar_refuses_all_but_one_bool_an_utterance(one, other):
    with pytest.raises(ValueError, match="expected one bool an utterance"):
        mcnemar(one, other)


def simulated(seed, difference=0.0, speakers=30, each=20, spread=0.1):
    """Two systems whose errors differ by so many points; speakers differ in how well each system hears them."""
    generator = np.random.default_rng(seed)
    skill = 0.5 + generator.uniform(-spread, spread, (2, speakers)) + [[-difference / 200], [difference / 200]]
    names = np.repeat(np.arange(speakers).astype(str), each)
    labels = np.tile(np.arange(each) % 2, speakers)
    one, other = generator.random((2, speakers * each)) < np.repeat(skill, each, axis=1)
    return SpeakerBootstrap(names, labels, classes=2, replicates=300, seed=seed), one, other


def test_p_is_uniform_where_two_systems_are_alike():
    p = np.array([paired_difference(*simulated(seed)).p for seed in range(400)])
    # Thirty clusters make the bootstrap a little too bold.
    assert 0.02 <= np.mean(p < 0.05) <= 0.10
    assert 0.42 <= np.mean(p < 0.5) <= 0.60
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_the_difference_is_first_minus_second_and_turns_with_them():
    bootstrap, one, other = simulated(0, difference=25.0)
    there, back = paired_difference(bootstrap, one, other), paired_difference(bootstrap, other, one)
    assert there.estimate == pytest.approx(bootstrap.observed(one) - bootstrap.observed(other))
    assert there.estimate == pytest.approx(25.0, abs=8.0)
    assert there.interval[0] < there.estimate < there.interval[1]
    assert there.p == back.p == pytest.approx(2 / 301)
    assert back.estimate == -there.estimate
    assert back.interval == pytest.approx([-there.interval[1], -there.interval[0]])


def test_p_and_interval_agree_on_whether_there_is_a_difference():
    found = [paired_difference(*simulated(seed, difference=6.0)) for seed in range(60)]
    outside = [not each.interval[0] <= 0.0 <= each.interval[1] for each in found]
    assert 10 < sum(outside) < 50
    # Where zero lies between two replicates at the border, they may differ.
    assert np.mean([each.p < 0.05 for each in found] == np.array(outside)) > 0.95


def test_systems_with_the_same_answers_do_not_differ():
    bootstrap, one, _ = simulated(0)
    assert paired_difference(bootstrap, one, one) == PairedDifference(0.0, (0.0, 0.0), 1.0)
    assert minimum_detectable_difference(bootstrap, one, one) is None
    assert minimum_detectable_difference(bootstrap, np.ones_like(one), np.zeros_like(one)) is None


def test_without_speakers_enough_there_is_an_estimate_alone():
    labels = np.array([0, 0, 1, 1])
    bootstrap = SpeakerBootstrap(list("aabb"), labels, classes=2)
    one, other = np.array([True, True, True, False]), np.array([True, False, False, False])
    assert paired_difference(bootstrap, one, other) == PairedDifference(-50.0, None, None)
    assert minimum_detectable_difference(bootstrap, one, other) is None
    assert paired_difference(SpeakerBootstrap(list("aabb"), labels, classes=3), one, other).estimate is None


def test_five_speakers_show_nothing_at_five_percent_however_far_apart_two_systems_are():
    few, enough = simulated(0, difference=60.0, speakers=5), simulated(0, difference=60.0, speakers=6)
    assert paired_difference(*few).p == 2 / 2**5 and paired_difference(*enough).p == 2 / 2**6
    assert minimum_detectable_difference(*few) is None
    assert minimum_detectable_difference(*few, alpha=0.1) > 0 and minimum_detectable_difference(*enough) > 0


def test_a_difference_of_the_least_size_is_found_four_times_in_five():
    sizes = [minimum_detectable_difference(*simulated(seed)) for seed in range(100)]
    least = float(np.mean(sizes))
    assert np.std(sizes) < 0.25 * least
    found = [paired_difference(*simulated(1000 + seed, difference=least)).p < 0.05 for seed in range(300)]
    assert 0.70 <= np.mean(found) <= 0.90
    missed = [paired_difference(*simulated(2000 + seed, difference=least / 2)).p < 0.05 for seed in range(300)]
    assert np.mean(missed) < 0.45


def test_the_least_size_is_that_of_a_normal_difference_and_falls_with_speakers():
    bootstrap, one, other = simulated(0)
    least = minimum_detectable_difference(bootstrap, one, other)
    error = np.std(bootstrap.errors(one) - bootstrap.errors(other), ddof=1)
    assert least == pytest.approx((1.959964 + 0.841621) * error, rel=1e-5)
    # A normal difference of that size passes the upper critical value so often.
    assert stats.norm.sf(1.959964 - least / error) == pytest.approx(0.8, abs=1e-5)
    assert minimum_detectable_difference(bootstrap, one, other, power=0.9) > least
    assert minimum_detectable_difference(bootstrap, one, other, alpha=0.1) < least
    assert minimum_detectable_difference(*simulated(0, speakers=120)) == pytest.approx(least / 2, rel=0.25)


@pytest.mark.parametrize("wrong", [{"power": 0.0}, {"power": 1.0}, {"alpha": 0.0}, {"alpha": float("nan")}])
def test_power_and_level_are_probabilities(wrong):
    with pytest.raises(ValueError, match="expected power and alpha"):
        minimum_detectable_difference(*simulated(0), **wrong)


def test_the_level_that_five_speakers_can_just_reach_is_enough():
    assert minimum_detectable_difference(*simulated(0, speakers=5), alpha=2 / 2**5) > 0
    assert minimum_detectable_difference(*simulated(0, speakers=5), alpha=0.99 * 2 / 2**5) is None
