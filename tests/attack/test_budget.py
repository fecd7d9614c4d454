"""How budgets are spelled, ordered, written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.attack.budget import EPSILONS, SNR, Budget, Epsilon, ascending, budgets, typical
from kerasser.util.errors import InputError


def test_the_default_factors_are_the_papers():
    assert EPSILONS == (0.1, 0.5, 1.0, 1.5, 2.0)


@pytest.mark.parametrize(
    ("budget", "spelled"),
    [(Epsilon(2), "ε = 2"), (Epsilon(0.1), "ε = 0.1"), (SNR(10), "10 dB"), (SNR(-2.5), "−2.5 dB"), (SNR(-0.0), "0 dB")],
)
def test_a_budget_is_spelled_as_people_read_it(budget, spelled):
    assert str(budget) == spelled


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("snr", 1.0, 'expected "epsilon" or "snr_db"'),
        ("epsilon", -0.1, "epsilon: expected a finite number, and ε not negative"),
        ("epsilon", float("inf"), "epsilon: expected a finite number"),
        ("snr_db", float("nan"), "snr_db: expected a finite number"),
    ],
)
def test_what_is_no_budget_is_refused(kind, value, words):
    with pytest.raises(InputError, match=words):
        Budget(kind, value)


def test_no_noise_and_more_noise_than_speech_are_budgets():
    assert (Epsilon(0).value, SNR(-20).value) == (0.0, -20.0)


@given(st.one_of(st.floats(0, 100).map(Epsilon), st.floats(-50, 50).map(SNR)))
def test_a_row_is_read_back_as_the_budget_beside_any_other_columns(budget):
    assert Budget.of({"epsilon": None, "snr_db_target": None, "error": 3.0, **budget.row()}) == budget
    assert budget.row() == {budget.column: budget.value}


def test_budgets_come_as_given_and_are_ordered_from_little_noise_to_much():
    given = budgets([2.0, 0.5], [0.0, 20.0])
    assert given == [Epsilon(2), Epsilon(0.5), SNR(0), SNR(20)]
    assert ascending(given) == [Epsilon(0.5), Epsilon(2), SNR(20), SNR(0)]


@pytest.mark.parametrize(
    ("ratios", "chosen"), [([], []), ([20.0, 0.0, 12.0], [12.0]), ([12.0, 8.0], [8.0]), ([10.0, 9.0, 11.0], [10.0])]
)
def test_one_ratio_stands_for_all_the_nearest_to_ten_decibels(ratios, chosen):
    assert typical(ratios) == chosen
