"""Work by several threads: in order, a few items ahead, and no further once it fails."""

import threading

import pytest

from kerasser.util.parallel import ordered_map


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    first = threading.Event()

    def work(item):
        # The first waits for the last, where there is another thread to work on that.
        if item == 0 and workers == 3:
            assert first.wait(30)
        if item == 2:
            first.set()
        return item**2

    assert list(ordered_map(work, range(20), workers)) == [item**2 for item in range(20)]


def test_few_items_are_read_ahead():
    read = []

    def items():
        for item in range(100):
            read.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(read) <= 3 + 2 * 2


def test_a_failure_is_raised_in_its_turn_and_ends_the_reading():
    read = []

    def items():
        for item in range(100):
            read.append(item)
            yield item

    def work(item):
        if item == 3:
            raise ValueError("three")
        return item

    results = ordered_map(work, items(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(read) < 10
