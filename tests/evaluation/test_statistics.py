from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kerasser.evaluation.metrics import unweighted_average_recall
from kerasser.evaluation.statistics import SpeakerBootstrap, holm, one_sided_p, quartiles, two_sided_p
from tools import coverage_benchmark

ROOT = Path(__file__).parents[2]


def speaker_bootstrap(speakers, labels, correct, **options):
    bootstrap = SpeakerBootstrap(speakers, labels, **options)
    return tuple(bootstrap.interval(bootstrap.errors(correct))) if bootstrap.usable else None


@given(st.permutations(range(41)), st.floats(-5, 5), st.floats(0.1, 10))
def test_quartiles_of_evenly_spaced_values_are_a_quarter_a_half_and_three_quarters_of_the_way(order, start, step):
    found = quartiles([np.nan, *(start + step * place for place in order), np.inf])
    assert [found[name] for name in ("q25", "median", "q75")] == pytest.approx([start + step * n for n in (10, 20, 30)])
    assert found["n"] == 41
    assert quartiles([np.nan]) is None


def table(speakers, each, spread, seed):
    """Utterances of one class pair whose speakers differ in how often they are understood."""
    generator = np.random.default_rng(seed)
    skill = np.clip(0.7 + spread * generator.normal(size=speakers), 0, 1)
    names = np.repeat([f"s{n}" for n in range(speakers)], each)
    labels = np.tile(np.arange(each) % 2, speakers)
    return names, labels, generator.random(speakers * each) < np.repeat(skill, each)


def test_with_one_utterance_per_speaker_and_class_it_is_scipys_bootstrap():
    _, _, correct = table(300, 2, 0.0, 0)
    pairs = correct.reshape(300, 2).mean(axis=1)
    expected = stats.bootstrap((100 - 100 * pairs,), np.mean, n_resamples=9999, method="percentile", random_state=0)
    names = np.repeat([f"s{n}" for n in range(300)], 2)
    found = speaker_bootstrap(names, np.tile([0, 1], 300), correct, classes=2, replicates=9999)
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.4)


def test_intervals_cover_the_truth_as_often_as_they_say():
    hits = 0
    for seed in range(200):
        names, labels, correct = table(30, 20, 0.1, seed)
        low, high = speaker_bootstrap(names, labels, correct, classes=2, replicates=400, seed=seed)
        hits += low <= 30.0 <= high
    # A percentile interval over 30 clusters covers a little less than 95 %.
    assert 0.88 <= hits / 200 <= 0.99


def test_speakers_who_differ_widen_the_interval_beyond_independent_utterances():
    names, labels, correct = table(10, 40, 0.2, 3)
    low, high = speaker_bootstrap(names, labels, correct, classes=2)
    alone_low, alone_high = speaker_bootstrap(np.arange(400).astype(str), labels, correct, classes=2)
    assert high - low > 1.5 * (alone_high - alone_low)


def test_it_repeats_for_a_seed_and_moves_with_another():
    arguments = table(8, 10, 0.1, 0)
    first, second, other = (speaker_bootstrap(*arguments, classes=2, replicates=100, seed=s) for s in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize("speakers", ["aaaa", "abab", "abcb"])
def test_a_class_of_one_speaker_gives_no_interval(speakers):
    assert speaker_bootstrap(list(speakers), np.array([0, 1, 0, 1]), np.array([1, 0, 0, 1]), classes=2) is None


def test_resamples_without_a_class_are_drawn_again():
    names = np.array(["a", "b", "c", "d"])
    labels = np.array([0, 0, 1, 1])
    interval = speaker_bootstrap(names, labels, np.array([1, 0, 1, 0]), classes=2, replicates=500)
    assert interval == (0.0, 100.0)
    assert speaker_bootstrap(names, np.zeros(4, int), np.ones(4), classes=2) is None


def test_a_replicate_is_the_error_of_the_resampled_utterances():
    names, labels, correct = table(6, 10, 0.2, 1)
    bootstrap = SpeakerBootstrap(names, labels, classes=2, replicates=20)
    errors = bootstrap.errors(correct)
    for times, error in zip(bootstrap._times, errors, strict=True):
        rows = np.concatenate([np.flatnonzero(names == f"s{n}") for n in range(6) for _ in range(int(times[n]))])
        assert error == pytest.approx(100 - unweighted_average_recall(labels[rows], correct[rows], 2))


def test_systems_share_their_resamples_so_that_differences_are_paired():
    names, labels, correct = table(12, 20, 0.2, 2)
    better = correct | (np.arange(correct.size) % 10 == 0)
    bootstrap = SpeakerBootstrap(names, labels, classes=2)
    # The speakers' own variety cancels: one system is better in every resample.
    assert np.all(bootstrap.errors(better) <= bootstrap.errors(correct))
    paired = np.ptp(bootstrap.interval(bootstrap.errors(better) - bootstrap.errors(correct)))
    assert paired < 0.5 * np.ptp(bootstrap.interval(bootstrap.errors(correct)))


def test_seeds_that_differ_widen_the_interval():
    names, labels, correct = table(30, 20, 0.0, 3)
    same = np.stack([correct] * 3).astype(float)
    apart = np.stack([np.zeros_like(correct), correct, np.ones_like(correct)]).astype(float)
    bootstrap = SpeakerBootstrap(names, labels, classes=2, seeds=3)
    alone = SpeakerBootstrap(names, labels, classes=2)
    assert bootstrap.errors(same) == pytest.approx(alone.errors(correct))
    assert np.ptp(bootstrap.interval(bootstrap.errors(apart))) > 3 * np.ptp(bootstrap.interval(bootstrap.errors(same)))


def test_p_is_uniform_where_there_is_no_difference_and_small_where_there_is():
    null, real = [], []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        names, labels = np.repeat(np.arange(20).astype(str), 20), np.tile([0, 1], 200)
        one, other = generator.random((2, 400)) < 0.7
        good = generator.random(400) < 0.85
        bootstrap = SpeakerBootstrap(names, labels, classes=2, replicates=300, seed=seed)
        null.append(one_sided_p(bootstrap.errors(one) - bootstrap.errors(other), 20))
        real.append(one_sided_p(bootstrap.errors(good) - bootstrap.errors(other), 20))
    # Twenty clusters make the bootstrap a little too bold.
    assert 0.01 <= np.mean(np.array(null) < 0.05) <= 0.11
    assert np.mean(np.array(real) < 0.05) > 0.95


def test_p_is_never_zero():
    assert one_sided_p(np.full(99, -1.0), 40) == pytest.approx(0.01)
    assert one_sided_p(np.zeros(99), 40) == 1.0


@pytest.mark.parametrize("speakers", range(1, 9))
def test_no_p_is_below_the_least_of_a_sign_test_over_the_speakers(speakers):
    for alternative, found in (("less", one_sided_p), ("two-sided", two_sided_p)):
        least = stats.binomtest(0, speakers, 0.5, alternative=alternative).pvalue
        assert found(np.full(9999, -1.0), speakers) == pytest.approx(least)


def test_two_sided_p_is_symmetric_never_zero_and_one_without_a_difference():
    differences = np.random.default_rng(0).normal(1.0, 1.0, 999)
    assert two_sided_p(differences, 40) == two_sided_p(-differences, 40) == 2 * one_sided_p(-differences, 40)
    assert two_sided_p(np.full(99, -1.0), 40) == pytest.approx(0.02)
    assert two_sided_p(np.zeros(99), 40) == 1.0


def test_the_observed_error_is_that_of_every_speaker_once():
    names, labels, correct = table(6, 10, 0.2, 1)
    bootstrap = SpeakerBootstrap(names, labels, classes=2, seeds=2, replicates=10)
    expected = [100 - unweighted_average_recall(labels, answers, 2) for answers in (correct, ~correct)]
    assert bootstrap.observed(correct) == expected[0]
    assert bootstrap.observed(np.stack([correct, ~correct])) == pytest.approx(np.mean(expected))
    assert np.isnan(SpeakerBootstrap(names, labels, classes=3).observed(correct))


P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=30).map(
    lambda values: {f"test {number}": p for number, p in enumerate(values)}
)


# It collects garbage at every call, which takes a while beside TensorFlow.
@settings(max_examples=20)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=6))
def test_holm_is_closed_testing_by_bonferroni(values):
    adjusted = list(holm({str(number): p for number, p in enumerate(values)}).values())
    for number, p in enumerate(adjusted):
        # A hypothesis falls where every intersection that holds it falls (Marcus, Peritz and Gabriel 1976).
        subsets = (subset for size in range(1, len(values) + 1) for subset in combinations(range(len(values)), size))
        expected = max(len(each) * min(values[place] for place in each) for each in subsets if number in each)
        assert p == pytest.approx(min(1.0, expected), abs=1e-12)


@settings(max_examples=20)
@given(P_VALUES)
def test_holm_raises_p_keeps_its_order_and_the_names(p_values):
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1.0 for name in p_values)
    by_raw = [adjusted[name] for name in sorted(p_values, key=p_values.__getitem__)]
    assert by_raw == sorted(by_raw)


def test_holm_of_his_first_steps():
    assert holm({"b": 0.03, "a": 0.01, "c": 0.04}) == pytest.approx({"b": 0.06, "a": 0.03, "c": 0.06})
    assert holm({}) == {}


@pytest.mark.parametrize("p", [float("nan"), -0.1, 1.1])
def test_holm_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match=r"expected p in \[0, 1\]"):
        holm({"one": 0.5, "other": p})


@pytest.mark.parametrize("speakers", [2, 3, 4])
def test_few_speakers_give_the_range_of_their_own_errors(speakers):
    names, labels, correct = table(speakers, 20, 0.2, 5)
    bootstrap = SpeakerBootstrap(names, labels, classes=2, replicates=50)
    parts = [names == f"s{number}" for number in range(speakers)]
    errors = [100 - unweighted_average_recall(labels[part], correct[part], 2) for part in parts]
    assert bootstrap.is_range
    assert bootstrap.errors_by_speaker(correct) == pytest.approx(errors)
    assert bootstrap.spread(lambda each: each, correct) == pytest.approx((min(errors), max(errors)))
    assert bootstrap.spread(np.subtract, correct, correct) == (0.0, 0.0)


def test_a_speaker_without_a_class_takes_no_part_in_the_range():
    names, labels = list("aabbcc"), np.array([0, 1, 0, 1, 0, 0])
    bootstrap = SpeakerBootstrap(names, labels, classes=2, replicates=50)
    assert bootstrap.spread(lambda each: each, np.array([1, 1, 0, 1, 0, 0])) == (0.0, 50.0)
    # One alone has no range.
    bootstrap = SpeakerBootstrap(list("aabcbc"), np.array([0, 1, 0, 1, 0, 1]), classes=2, replicates=50)
    assert bootstrap.spread(lambda each: each, np.ones(6)) is None


def test_five_speakers_give_an_interval():
    names, labels, correct = table(5, 20, 0.2, 5)
    bootstrap = SpeakerBootstrap(names, labels, classes=2, replicates=50)
    assert not bootstrap.is_range
    assert bootstrap.spread(lambda each: each, correct) == tuple(bootstrap.interval(bootstrap.errors(correct)))


def test_classes_that_hardly_a_resample_holds_leave_no_interval():
    names, labels = [str(number) for number in range(80)], np.arange(80) % 40
    assert not SpeakerBootstrap(names, labels, classes=40, replicates=200).usable


def test_intervals_cover_as_the_table_of_the_docs_says():
    lines = (ROOT / "docs/figures.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines]
    documented = {int(row[0]): int(row[1]) for row in rows if len(row) == 2 and row[0].isdigit()}
    assert list(documented) == list(coverage_benchmark.SPEAKERS)
    for speakers, percent in documented.items():
        share = 100 * np.mean([coverage_benchmark.covered(speakers, seed) for seed in range(200)])
        # Three standard errors.
        assert abs(share - percent) < 3 * np.sqrt(percent * (100 - percent) / 200)
