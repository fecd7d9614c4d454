"""Roots of many real polynomials at once, in real arithmetic of double precision that any device can do."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

#: Radius and angle of the circle that all roots but one are looked for from: where those of speech mostly lie.
_RADIUS, _ANGLE = 0.75, 0.15
#: The square of a relative step behind which no other is needed: convergence is cubic.
_SMALL = 1e-12
_MOST_STEPS = 40
#: Once no more than one polynomial in so many still moves, those go on alone.
_REST = 4


def roots(coefficients: Any) -> tuple[Any, Any]:
    """Finds all roots by the iteration of Ehrlich (1967) and Aberth (1973).

    The first is looked for from where a real one lies if it outweighs the rest, the others from a circle. Six steps do
    for most polynomials; the quarter that moves most then goes on until it stands still.

    Args:
        coefficients: float64 `[degree, polynomials]`, the second to the last of polynomials whose first is 1.

    Returns:
        Real and imaginary parts, float64 `[degree, polynomials]` each.
    """
    count = tf.shape(coefficients)[1]
    few = (count + _REST - 1) // _REST
    real, imaginary, moved = _until(few, coefficients, *_start(coefficients))
    _, rest = tf.math.top_k(moved, few, sorted=False)
    improved = _until(0, *(tf.gather(each, rest, axis=1) for each in (coefficients, real, imaginary)))
    return tuple(
        tf.transpose(tf.tensor_scatter_nd_update(tf.transpose(all_), rest[:, None], tf.transpose(those)))
        for all_, those in zip((real, imaginary), improved, strict=False)
    )


def _start(coefficients: Any) -> tuple[Any, Any]:
    degree = coefficients.shape[0]
    angles = 2 * np.pi * np.arange(degree - 1) / (degree - 1) + _ANGLE
    # A root that outweighs the rest is about their sum.
    first = tf.minimum(-coefficients[:1], -1.5)
    circle = tf.zeros_like(coefficients[1:])
    real = tf.concat([first, circle + _RADIUS * np.cos(angles)[:, None]], axis=0)
    imaginary = tf.concat([tf.zeros_like(first), circle + _RADIUS * np.sin(angles)[:, None]], axis=0)
    return real, imaginary


def _until(few: Any, coefficients: Any, real: Any, imaginary: Any) -> tuple[Any, Any, Any]:
    """Takes steps until no more than a few polynomials move; returns the points and how far each moved last."""

    def moving(number: Any, _real: Any, _imaginary: Any, moved: Any) -> Any:
        return tf.logical_and(number < _MOST_STEPS, tf.math.count_nonzero(moved > _SMALL, dtype=tf.int32) > few)

    def step(number: Any, real: Any, imaginary: Any, _moved: Any) -> Any:
        return (number + 1, *_step(coefficients, real, imaginary))

    first = tf.fill(tf.shape(coefficients)[1:], tf.constant(1.0, tf.float64))
    _, real, imaginary, moved = tf.while_loop(moving, step, (0, real, imaginary, first))
    return real, imaginary, moved


def _step(coefficients: Any, real: Any, imaginary: Any) -> tuple[Any, Any, Any]:
    """Takes one step; returns the points and the square of the largest relative step of each polynomial."""
    value, slope = _horner(coefficients, real, imaginary)
    others = _repulsion(real, imaginary)
    below = (
        slope[0] - value[0] * others[0] + value[1] * others[1],
        (slope[1] - value[0] * others[1] - value[1] * others[0]),
    )
    # A point on a double root stays there instead of dividing 0 by 0.
    scale = 1.0 / (below[0] * below[0] + below[1] * below[1] + 1e-300)
    right = (value[0] * below[0] + value[1] * below[1]) * scale
    up = (value[1] * below[0] - value[0] * below[1]) * scale
    moved = tf.reduce_max((right * right + up * up) / (real * real + imaginary * imaginary + 1e-3), axis=0)
    return real - right, imaginary - up, moved


def _horner(coefficients: Any, real: Any, imaginary: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Returns a polynomial and its derivative at z, each as real and imaginary part.

    Divided by w² − 2 Re(z) w + |z|² twice, which keeps to real numbers.
    """
    twice, square = 2.0 * real, real * real + imaginary * imaginary
    degree = coefficients.shape[0]
    first: list[Any] = [1.0, coefficients[0] + twice]
    for order in range(1, degree - 1):
        first.append(coefficients[order] + twice * first[-1] - square * first[-2])
    value = coefficients[degree - 1] - square * first[-2] + real * first[-1], imaginary * first[-1]
    second: list[Any] = [1.0, first[1] + twice]
    for order in range(2, degree - 2):
        second.append(first[order] + twice * second[-1] - square * second[-2])
    # What is left of the second division, times z − z̄.
    whole = first[degree - 2] - square * second[-2] + real * second[-1], imaginary * second[-1]
    return value, (first[degree - 1] - 2.0 * imaginary * whole[1], 2.0 * imaginary * whole[0])


def _repulsion(real: Any, imaginary: Any) -> tuple[Any, Any]:
    """Returns for each point the sum of 1 / (z − z′) over the other points of its polynomial."""
    degree = real.shape[0]
    right, up = tf.zeros_like(real), tf.zeros_like(real)
    # Each pair once: how a pushes b is the negative of how b pushes a.
    for shift in range(1, degree // 2 + 1):
        across, along = real - _rolled(real, shift), imaginary - _rolled(imaginary, shift)
        scale = 1.0 / (across * across + along * along + 1e-300)
        across, along = across * scale, along * scale
        right += across - _rolled(across, degree - shift)
        up -= along - _rolled(along, degree - shift)
    return right, up


def _rolled(points: Any, shift: int) -> Any:
    """Returns the point `shift` places on in each one's place."""
    return tf.concat([points[shift:], points[:shift]], axis=0)
