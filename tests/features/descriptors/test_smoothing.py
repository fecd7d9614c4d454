import numpy as np
import pytest
import tensorflow as tf

from kerasser.features.descriptors import smoothing


def plainly(values, count, settled):
    """One column by the rules, a frame at a time."""
    padded = [values[0], *values[:count], values[count - 1], values[count - 1]]
    result = []
    for frame in range(count + 1):
        three = padded[frame : frame + 3]
        if 0 < settled < count and frame == settled - 1:
            three = [three[0], three[1], values[settled - 1]]
        if 0 < settled < count and frame == settled:
            three = [values[settled - 1]] * 3
        there = [each for each in three if each != 0]
        result.append(np.mean(there) if three[1] != 0 else 0)
    return result


def test_plain_smoothing_is_the_mean_of_three():
    values = np.random.default_rng(0).normal(size=(2, 12, 3)).astype(np.float32)
    found = smoothing.plain(tf.constant(values), 9).numpy()
    np.testing.assert_allclose(found[:, 1:], (values[:, :8] + values[:, 1:9] + values[:, 2:10]) / 3, rtol=1e-5)
    np.testing.assert_allclose(found[:, 0], (2 * values[:, 0] + values[:, 1]) / 3, rtol=1e-5)


@pytest.mark.parametrize("settled", [0, 1, 5, 8, 9])
def test_zeros_are_missing_and_the_search_leaves_a_seam(settled):
    generator = np.random.default_rng(settled)
    values = generator.normal(size=(3, 11, 1)) * (generator.random((3, 11, 1)) < 0.7)
    counts = np.array([9, 11, 1], np.int32)
    held = np.minimum(settled, counts).astype(np.int32)
    found = smoothing.non_zero(*(tf.constant(each) for each in (values.astype(np.float32), counts, held))).numpy()
    for row, column, count, first in zip(found, values[..., 0], counts, held, strict=True):
        np.testing.assert_allclose(row[: count + 1, 0], plainly(column, count, first), rtol=1e-5, atol=1e-7)
