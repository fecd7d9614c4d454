import numpy as np
import pytest

from kerasser.features.agreement import agreements
from kerasser.features.base import EGEMAPS_NAMES

FRAMES = 4000
F0 = EGEMAPS_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")
LEVEL = EGEMAPS_NAMES.index("F1amplitudeLogRelF0_sma3nz")


@pytest.fixture
def reference():
    generator = np.random.default_rng(0)
    frames = generator.normal(20, 3, (FRAMES, 25)).astype(np.float32)
    frames[generator.random(FRAMES) < 0.5, F0:16] = 0
    frames[:, 18::3] = np.where(frames[:, [F0]] == 0, -201, frames[:, 18::3])
    return frames


def held(found, reference):
    return [each.holds for each in agreements(found, reference)]


def test_a_front_end_agrees_with_itself(reference):
    found = agreements(reference, reference)
    assert all(each.holds for each in found)
    assert [each.within for each in found] == [1] * 25
    assert {each.name for each in found if each.mask is None} == {
        *EGEMAPS_NAMES[:F0],
        *(name for name in EGEMAPS_NAMES if "frequency" in name or "bandwidth" in name),
    }


@pytest.mark.parametrize("share", [0.0005, 0.005])
def test_loudness_that_is_off_in_too_many_frames_is_below_its_bar(reference, share):
    found = reference.copy()
    found[: int(share * FRAMES), 0] *= 1.002
    assert held(found, reference)[0] == (share < 0.001)


def test_formants_may_be_off_by_a_hundredth_now_and_then_but_not_on_the_whole(reference):
    found = reference.copy()
    found[: FRAMES // 50, 16] *= 1.05
    assert held(found, reference)[16]
    found[:, 16] *= 1.0005
    assert not held(found, reference)[16]


@pytest.mark.parametrize("column", [F0, LEVEL])
def test_another_voicing_is_below_the_bar(reference, column):
    found = reference.copy()
    unvoiced = np.flatnonzero(reference[:, F0] == 0)[:20]
    found[unvoiced, column] = reference[unvoiced[0] - 1, column] + 20
    assert not held(found, reference)[column]


def test_pitch_is_compared_where_both_are_voiced(reference):
    found = reference.copy()
    voiced = np.flatnonzero(reference[:, F0])
    found[voiced[0], F0] = 0
    assert agreements(found, reference)[F0].within == 1
    found[voiced[1:100], F0] *= 2
    assert agreements(found, reference)[F0].within == pytest.approx(1 - 99 / (voiced.size - 1))
