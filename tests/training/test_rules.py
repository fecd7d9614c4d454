"""What the learning-rate rules decide, epoch by epoch."""

import pytest

from kerasser.training import rules
from kerasser.training.rules import Decision, rule


@pytest.mark.parametrize(("waited", "rate"), [(0, 1e-3), (2, 1e-3), (0, 2e-5)])
def test_within_patience_nothing_changes(waited, rate):
    for name in rules.known():
        assert rule(name, patience=3, lowest_rate=1e-5)(9, waited, rate) == Decision(rate)


def test_the_papers_rule_halves_until_the_rate_would_fall_below_the_lowest():
    halving = rule("halving", patience=3, lowest_rate=1e-3)
    assert halving(0, 3, 4e-3) == Decision(2e-3, stop=False, restart=True)
    assert halving(0, 4, 2e-3) == Decision(1e-3, stop=False, restart=True)
    assert halving(0, 3, 1e-3) == Decision(5e-4, stop=True, restart=True)


def test_early_stopping_stops_and_leaves_the_rate():
    stopping = rule("early_stopping", patience=3)
    assert stopping(0, 3, 1e-3) == stopping(7, 4, 1e-3) == Decision(1e-3, stop=True, restart=True)


def test_the_default_is_the_papers_with_its_figures():
    assert rules.DEFAULT == "halving"
    # Section 4: halved after five epochs without improvement, until it falls below 1e-5.
    assert rule() == rule("halving", patience=5, lowest_rate=1e-5)


def test_an_unknown_rule_is_an_error():
    with pytest.raises(KeyError):
        rule("cosine")
