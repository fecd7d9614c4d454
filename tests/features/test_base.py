"""Several waveforms at once, where the front end can."""

import numpy as np
import pytest

from kerasser.features.base import BATCH, described
from kerasser.features.enhanced import Enhanced
from kerasser.noise.estimation import enhance


class Level:
    name, names, frame_rate_hz = "level", ("level",), 100.0

    def __call__(self, waveform, name="waveform"):
        return np.array([[np.std(waveform)]])


class Batched(Level):
    def __init__(self):
        self.asked = []

    def batch(self, waveforms, names):
        self.asked.append((len(waveforms), set(names)))
        return [self(waveform) for waveform in waveforms]


def examples(count):
    generator = np.random.default_rng(0)
    return [(generator.normal(0, 0.01 * (1 + number), 4000).astype(np.float32), number) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, BATCH, 2 * BATCH + 3])
def test_what_is_described_at_once_is_described_alike_and_in_order(count):
    batched = Batched()
    found = list(described(batched, examples(count), "u"))
    assert found == list(described(Level(), examples(count), "u"))
    assert [facts for _, facts in found] == list(range(count))
    assert sum(size for size, _ in batched.asked) == count
    assert all(0 < size <= BATCH and names == {"u"} for size, names in batched.asked)


def test_no_more_waveforms_are_held_than_are_described_at_once():
    taken = []
    made = (taken.append(number) or (waveform, number) for waveform, number in examples(3 * BATCH))
    next(described(Batched(), made, "u"))
    assert len(taken) == BATCH


@pytest.mark.parametrize("front_end", [Level, Batched])
def test_several_are_enhanced_each(front_end):
    waveforms = [waveform for waveform, _ in examples(2)]
    expected = [np.std(np.clip(enhance(each), -1, 1)) for each in waveforms]
    found = Enhanced(front_end()).batch(waveforms, ["a", "b"])
    assert np.ravel(found) == pytest.approx(expected, rel=1e-5)
