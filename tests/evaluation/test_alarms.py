import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.evaluation import alarms
from kerasser.evaluation.alarms import Alarm

NAN, INF = float("nan"), float("inf")


def rings(alarm, name, *parts):
    """Whether an alarm of that name rang, in one sentence that holds the given figures, with evidence for a report."""
    assert isinstance(alarm, Alarm) and alarm.name == name
    assert alarm.message.endswith(".") and "\n" not in alarm.message
    assert all(part in alarm.message for part in parts), alarm.message
    assert all(isinstance(value, int | float) for value in alarm.evidence.values())
    json.dumps(alarm.evidence, allow_nan=False)
    return True


def survived(error, **options):
    return alarms.huge_budget_survived(error, snr_db=-7.25, clipped_share=0.31, **options)


def test_an_alarm_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Alarm("name", "message", {}).name = "other"


class TestNotGrowing:
    def test_it_rings_where_the_error_falls(self):
        alarm = alarms.not_growing({2.0: 40.0, 0.5: 30.0, 1.0: 45.0, 0.1: 20.0})
        assert rings(alarm, "not_growing", "45.0 % at a budget of 1 ", "40.0 % at a budget of 2, which is more noise.")
        assert alarm.evidence["largest_fall"] == 5.0
        assert (alarm.evidence["smallest_budget"], alarm.evidence["error_at_largest"]) == (0.1, 40.0)

    def test_a_fall_counts_from_the_largest_error_before(self):
        assert alarms.not_growing({1: 10.0, 2: 30.0, 3: 28.5, 4: 27.0}, tolerance=2.0)

    @pytest.mark.parametrize("error", [20.0, 19.0])
    def test_it_rings_where_the_largest_budget_harms_no_more_than_the_smallest(self, error):
        alarm = alarms.not_growing({0.1: 20.0, 1.0: 20.5, 2.0: error}, tolerance=2.0)
        assert rings(alarm, "not_growing", f"{error:.1f} % at a budget of 2,", "20.0 % at a budget of 0.1.")

    def test_it_is_silent_where_the_error_grows(self):
        assert alarms.not_growing({0.1: 20.0, 1.0: 30.0, 2.0: 30.1}) is None
        assert alarms.not_growing({-20.0: 20.0, -10.0: 30.0, 0.0: 45.0}) is None

    def test_a_fall_of_the_tolerance_is_still_chance(self):
        assert alarms.not_growing({1: 20.0, 2: 32.0, 3: 30.0}, tolerance=2.0) is None
        assert alarms.not_growing({1: 20.0, 2: 32.1, 3: 30.0}, tolerance=2.0)

    def test_above_the_ceiling_an_error_may_waver(self):
        drowned = {1: 51.0, 2: 54.0, 3: 49.5}
        assert alarms.not_growing(drowned, ceiling=50.0) is None
        assert rings(alarms.not_growing(drowned), "not_growing")
        assert alarms.not_growing({1: 51.0, 2: 60.0, 3: 40.0}, ceiling=50.0).evidence["largest_fall"] == 10.0
        assert alarms.not_growing({1: 100.0, 2: 100.0}) is None

    @given(st.lists(st.floats(0, 100), min_size=2, max_size=8))
    def test_it_rings_by_its_definition(self, values):
        alarm = alarms.not_growing(dict(enumerate(values)), tolerance=5.0)
        falls = any(a - b > 5.0 for n, a in enumerate(values) for b in values[n:])
        assert (alarm is not None) == (falls or values[-1] <= values[0] < 100.0)

    @pytest.mark.parametrize("errors", [{}, {1.0: 20.0}, {1.0: 20.0, 2.0: NAN}, {NAN: 20.0, 1.0: 30.0}, {1: 0, 2: 101}])
    def test_undefined_figures_are_refused(self, errors):
        with pytest.raises(ValueError, match="expected"):
            alarms.not_growing(errors)


class TestFalls:
    def test_factors_and_ratios_are_looked_at_apart_and_less_signal_is_more_noise(self):
        def scored(*errors, interval=None):
            budgets = [("epsilon", 1.0), ("epsilon", 2.0), ("snr_db", 20.0), ("snr_db", 0.0)]
            return {
                budget: {"error": error, "interval": interval} for budget, error in zip(budgets, errors, strict=False)
            }

        assert alarms.falls(scored(10.0, 20.0, 15.0, 30.0), chance=50.0) == []
        assert [each.name for each in alarms.falls(scored(20.0, 10.0, 30.0, 15.0), chance=50.0)] == ["not_growing"] * 2
        (alarm,) = alarms.falls(scored(10.0, 20.0, 30.0, 15.0), chance=50.0)
        assert "30.0 % at 20 dB to 15.0 % at 0 dB, which is more noise" in alarm.message
        # One budget, an undefined error, and what wavers around chance tell nothing.
        assert alarms.falls(scored(20.0), chance=50.0) == alarms.falls(scored(20.0, None), chance=50.0) == []
        assert alarms.falls(scored(60.0, 55.0, 70.0, 50.0), chance=50.0) == []

    def test_the_tolerance_is_half_the_widest_interval_if_that_is_more_than_two_points(self):
        def fallen(by, width):
            wide = {"error": 40.0, "interval": [40.0 - width / 2, 40.0 + width / 2]}
            lower = {"error": 40.0 - by, "interval": [0.0, 0.0]}
            scores = {
                ("epsilon", 0.5): {"error": 10.0, "interval": None},
                ("epsilon", 1.0): wide,
                ("epsilon", 2.0): lower,
            }
            return alarms.falls(scores, chance=50.0)

        assert fallen(4.0, 10.0) == [] and fallen(6.0, 10.0) and fallen(2.1, 1.0) and fallen(1.9, 1.0) == []


class TestBlackBoxBeatsWhiteBox:
    def test_it_rings_where_gradients_help_nothing(self):
        assert rings(alarms.black_box_beats_white_box(45.0, 30.0), "black_box_beats_white_box", "45.0 %", "only 30.0 %")

    @pytest.mark.parametrize(("black", "white"), [(30.0, 45.0), (30.0, 30.0), (31.0, 30.0)])
    def test_it_is_silent_where_gradients_help_or_chance_decides(self, black, white):
        assert alarms.black_box_beats_white_box(black, white, tolerance=1.0) is None


class TestHugeBudgetSurvived:
    def test_it_rings_where_noise_alone_is_recognised(self):
        alarm = survived(20.0, chance=50.0, budget="−20 dB SNR")
        assert rings(alarm, "huge_budget_survived", "At −20 dB SNR", "20.0 %", "50.0 %", "−7.2 dB", "31.0 %")
        assert (alarm.evidence["snr_db"], alarm.evidence["clipped_share"]) == (-7.25, 0.31)

    @pytest.mark.parametrize("snr_db", [None, INF])
    def test_it_says_where_nothing_was_added(self, snr_db):
        alarm = alarms.huge_budget_survived(20.0, chance=50.0, budget="ε = 50", snr_db=snr_db, clipped_share=0.0)
        assert rings(alarm, "huge_budget_survived", "nothing was added") and "snr_db" not in alarm.evidence

    @pytest.mark.parametrize("error", [45.0, 50.0, 100.0])
    def test_it_is_silent_at_chance_and_beyond(self, error):
        assert survived(error, chance=50.0, budget="ε = 50", tolerance=5.0) is None
        assert survived(44.9, chance=50.0, budget="ε = 50", tolerance=5.0)


class TestBudgetMissed:
    def test_it_rings_where_the_realised_ratio_is_another(self):
        alarm = alarms.budget_missed(-3.5, 0.0, budget="−5 dB", target_db=-5.0)
        assert rings(alarm, "budget_missed", "At −5 dB, the realised SNR is −3.5 dB and 0.0 % of the samples")
        assert alarm.evidence == {
            **{"snr_db": -3.5, "target_db": -5.0, "clipped_share": 0.0, "tolerance_db": 1.0, "limit": 0.01}
        }
        assert rings(alarms.budget_missed(-6.5, 0.0, budget="−5 dB", target_db=-5.0), "budget_missed")

    def test_it_rings_where_much_is_clipped_whatever_the_budget(self):
        assert rings(alarms.budget_missed(0.2, 0.29, budget="0 dB", target_db=0.0), "budget_missed", "29.0 %")
        assert rings(alarms.budget_missed(12.0, 0.02, budget="ε = 2"), "budget_missed", "At ε = 2", "2.0 %")

    @pytest.mark.parametrize("snr_db", [None, INF])
    def test_it_rings_where_nothing_was_added_for_a_ratio(self, snr_db):
        assert rings(alarms.budget_missed(snr_db, 0.0, budget="0 dB", target_db=0.0), "budget_missed", "nothing")
        # An ε adds nothing to digital silence, and ε = 0 nothing to anything.
        assert alarms.budget_missed(snr_db, 0.0, budget="ε = 0") is None

    def test_it_is_silent_within_its_tolerances(self):
        assert alarms.budget_missed(-4.0, 0.01, budget="−5 dB", target_db=-5.0) is None
        assert alarms.budget_missed(31.0, 0.01, budget="ε = 0.1") is None

    @pytest.mark.parametrize(
        ("snr_db", "clipped", "options"),
        [(NAN, 0.0, {}), (0.0, NAN, {}), (0.0, 1.1, {}), (0.0, -0.1, {}), (0.0, 0.0, {"limit": 1.0})],
    )
    def test_undefined_figures_are_refused(self, snr_db, clipped, options):
        with pytest.raises(ValueError, match="expected a ratio and shares"):
            alarms.budget_missed(snr_db, clipped, budget="0 dB", target_db=0.0, **options)


class TestZeroGradients:
    @pytest.mark.parametrize("broken", [0.0, NAN, INF])
    def test_it_rings_where_too_many_gradients_are_of_no_use(self, broken):
        alarm = alarms.zero_gradients(np.array([broken] * 2 + [1.0] * 98))
        assert rings(alarm, "zero_gradients", "2.0 % of 100 utterances")
        assert alarm.evidence["zero" if broken == 0.0 else "not_finite"] == 2

    def test_it_is_silent_at_the_limit_and_at_small_gradients(self):
        assert alarms.zero_gradients(np.array([0.0] + [1.0] * 99), limit=0.01) is None
        assert alarms.zero_gradients(np.full(10, 1e-30)) is None

    @pytest.mark.parametrize("norms", [[], [-1.0], [[1.0]]])
    def test_what_is_no_norm_is_refused(self, norms):
        with pytest.raises(ValueError, match="expected norms"):
            alarms.zero_gradients(np.array(norms))

    @pytest.mark.parametrize("limit", [-0.1, 1.0, NAN])
    def test_a_limit_that_rings_always_or_never_is_refused(self, limit):
        with pytest.raises(ValueError, match="expected a limit"):
            alarms.zero_gradients(np.ones(3), limit=limit)


class TestSearchNoBetter:
    @pytest.mark.parametrize("searched", [40.0, 35.0])
    def test_it_rings_where_a_search_gains_nothing(self, searched):
        alarm = alarms.search_no_better(40.0, searched, 50)
        assert rings(alarm, "search_no_better", "50 queries", f"{searched:.1f} %", "40.0 %")

    def test_it_is_silent_where_it_gains_or_nothing_is_left_to_gain(self):
        assert alarms.search_no_better(40.0, 40.1, 50) is None
        assert alarms.search_no_better(100.0, 100.0, 50) is None
        assert alarms.search_no_better(96.0, 97.0, 50, margin=5.0) is None

    def test_the_margin_must_be_passed(self):
        assert alarms.search_no_better(40.0, 45.0, 50, margin=5.0)
        assert alarms.search_no_better(40.0, 45.1, 50, margin=5.0) is None

    def test_a_single_query_is_no_search(self):
        with pytest.raises(ValueError, match="at least 2 queries"):
            alarms.search_no_better(40.0, 40.0, 1)


class TestNotRepeatable:
    def test_it_rings_where_answers_change(self):
        first = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
        second = first.copy()
        second[1] = [0.4, 0.6]
        alarm = alarms.not_repeatable(first, second)
        assert rings(alarm, "not_repeatable", "4 utterances", "0.2 apart", "25.0 %")
        assert alarm.evidence["largest_difference"] == pytest.approx(0.2)
        assert alarm.evidence["changed_share"] == 0.25

    def test_it_rings_before_a_label_changes(self):
        assert alarms.not_repeatable(np.array([[0.9, 0.1]]), np.array([[0.8, 0.2]])).evidence["changed_share"] == 0.0

    def test_it_is_silent_within_the_tolerance(self):
        first = np.array([[0.5, 0.5]])
        assert alarms.not_repeatable(first, first + 0.25, tolerance=0.25) is None
        assert alarms.not_repeatable(first, np.float32(first) + np.float32(1e-6)) is None

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ([[0.5, 0.5]], [[0.5, NAN]]),
            ([[NAN, 1.0]], [[NAN, 1.0]]),
            ([[1.0]], [[1.0], [1.0]]),
            ([1.0], [1.0]),
            ([], []),
        ],
    )
    def test_what_is_no_pair_of_probabilities_is_refused(self, first, second):
        with pytest.raises(ValueError, match="expected"):
            alarms.not_repeatable(np.array(first), np.array(second))


class TestCostsClean:
    def test_it_rings_where_clean_speech_suffers(self):
        assert rings(alarms.costs_clean(10.0, 13.0), "costs_clean", "by 3.0 points", "10.0 %", "13.0 %")

    @pytest.mark.parametrize("after", [12.0, 10.0, 5.0])
    def test_it_is_silent_where_it_does_not(self, after):
        assert alarms.costs_clean(10.0, after, tolerance=2.0) is None


@pytest.mark.parametrize("wrong", [NAN, INF, -1.0, 100.1])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "alarm",
    [
        alarms.black_box_beats_white_box,
        alarms.costs_clean,
        lambda error, chance: survived(error, chance=chance, budget="ε = 50"),
        lambda random, searched: alarms.search_no_better(random, searched, 10),
        lambda first, second: alarms.not_growing({1.0: first, 2.0: second}),
    ],
)
def test_a_figure_that_is_no_percentage_is_refused_since_it_would_pass_for_healthy(alarm, place, wrong):
    figures = [50.0, 50.0]
    figures[place] = wrong
    with pytest.raises(ValueError, match=r"expected figures in \[0, 100\] %"):
        alarm(*figures)


@pytest.mark.parametrize("wrong", [NAN, INF, -1.0])
@pytest.mark.parametrize(
    "alarm",
    [
        lambda wrong: alarms.not_growing({1.0: 20.0, 2.0: 30.0}, tolerance=wrong),
        lambda wrong: alarms.black_box_beats_white_box(50.0, 40.0, tolerance=wrong),
        lambda wrong: survived(20.0, chance=50.0, budget="ε = 50", tolerance=wrong),
        lambda wrong: alarms.budget_missed(0.0, 0.0, budget="0 dB", target_db=0.0, tolerance_db=wrong),
        lambda wrong: alarms.search_no_better(50.0, 50.0, 10, margin=wrong),
        lambda wrong: alarms.not_repeatable(np.ones((1, 2)), np.ones((1, 2)), tolerance=wrong),
        lambda wrong: alarms.costs_clean(10.0, 20.0, tolerance=wrong),
    ],
)
def test_a_threshold_that_rings_always_or_never_is_refused(alarm, wrong):
    with pytest.raises(ValueError, match="expected thresholds of at least 0"):
        alarm(wrong)


STRETCHES = st.dictionaries(
    st.sampled_from(["cafe", "station"]),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)).map(lambda pair: (pair[0], sum(pair))), max_size=4),
)


class TestSeenInTraining:
    def test_it_rings_for_a_speaker(self):
        alarm = alarms.seen_in_training(["a", "b", "c"], ["c", "d"], {}, {})
        assert rings(alarm, "seen_in_training", "speakers of the test (1: c)")
        assert alarm.evidence == {"speakers": 1, "recordings": 0, "samples": 0}

    def test_it_names_a_few_of_many(self):
        names = [f"s{number}" for number in range(9)]
        assert "(9: s0, s1, s2 and 6 more)" in alarms.seen_in_training(names, names, {}, {}).message

    def test_it_rings_for_a_sample_of_noise(self):
        trained = {"cafe": [(0, 100), (200, 300)], "station": [(0, 50)]}
        alarm = alarms.seen_in_training(["a"], ["b"], trained, {"cafe": [(90, 210)], "station": [(50, 90)]})
        assert rings(alarm, "seen_in_training", "samples of the test noise (20, of cafe)")
        assert alarm.evidence == {"speakers": 0, "recordings": 1, "samples": 20, "samples of cafe": 20}

    def test_it_is_silent_where_nothing_is_shared(self):
        assert (
            alarms.seen_in_training(["a"], ["b"], {"cafe": [(0, 100)]}, {"cafe": [(100, 200)], "pub": [(0, 9)]}) is None
        )
        assert alarms.seen_in_training(["a"], ["b"], {"cafe": [(0, 100)]}, {"cafe": [(50, 50)]}) is None
        assert alarms.seen_in_training([], [], {}, {}) is None

    @given(STRETCHES, STRETCHES)
    def test_samples_are_counted_once_each(self, trained, tested):
        samples = [
            {(name, n) for name, parts in noise.items() for start, end in parts for n in range(start, end)}
            for noise in (trained, tested)
        ]
        alarm = alarms.seen_in_training([], [], trained, tested)
        assert (alarm.evidence["samples"] if alarm else 0) == len(samples[0] & samples[1])

    def test_a_stretch_that_ends_before_it_starts_is_refused(self):
        with pytest.raises(ValueError, match="cafe: expected a stretch"):
            alarms.seen_in_training([], [], {"cafe": [(10, 5)]}, {})


class TestDuplicated:
    def test_it_rings_for_a_single_utterance(self):
        alarm = alarms.duplicated(["x", "y", "z"], ["a", "y", "b", "c"])
        assert rings(alarm, "duplicated", "1 of 4 test utterances (25.0 %)")
        assert alarm.evidence == {"duplicated": 1, "utterances": 4, "share": 0.25}

    def test_every_test_utterance_counts(self):
        assert alarms.duplicated({"x"}, ["x", "x", "a"]).evidence["duplicated"] == 2

    def test_shared_sound_under_another_hash_rings(self):
        alarm = alarms.duplicated(["x"], ["x", "y", "z", "a"], sharing=3)
        assert rings(alarm, "duplicated", "holds sound of 3 of 4 test utterances (75.0 %)")
        assert alarm.evidence == {"duplicated": 1, "utterances": 4, "share": 0.75, "sharing": 3}
        assert "the very content of 1 of 2" in alarms.duplicated(["x"], ["x", "y"], sharing=1).message

    def test_copies_anywhere_in_the_corpus_ring(self):
        alarm = alarms.copied(4, 8)
        assert rings(alarm, "duplicated", "4 of 8 utterances of the corpus (50.0 %)")
        assert alarm.evidence == {"copies": 4, "utterances": 8, "share": 0.5}
        assert alarms.copied(0, 8) is None

    def test_it_is_silent_where_nothing_is_shared(self):
        assert alarms.duplicated(["x"], ["y", "y"]) is None
        assert alarms.duplicated([], []) is None
