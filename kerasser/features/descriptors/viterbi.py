"""The smoothest path through the candidates of the fundamental frequency: a Viterbi search over seven states.

States 0 … 5 are the candidates of a frame, state 6 is "unvoiced". Nothing here has a gradient: a path is a choice.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

PLACES = 6
STATES = PLACES + 1

#: Voicing from which a candidate speaks for voice.
THRESHOLD = 0.7

_IMPOSSIBLE = 999.0
_CHANGE_OF_VOICING = 10.0
_UNVOICED_TO_UNVOICED = 1.0
_CHANGE = 10.0

# What a frame past the end does: every state stays what it was.
_STAY = np.where(np.eye(STATES, dtype=bool), 0.0, 1e6).astype(np.float32)
_BOTH_UNVOICED = np.zeros((STATES, STATES), np.float32)
_BOTH_UNVOICED[-1, -1] = _UNVOICED_TO_UNVOICED - _CHANGE_OF_VOICING


def local_costs(frequency: tf.Tensor, voicing: tf.Tensor) -> tf.Tensor:
    """Returns what each state costs in each frame.

    Args:
        frequency: float32 `[batch, frames, 6]`, Hz; 0 for no candidate.
        voicing: float32 `[batch, frames, 6]`, in [0, 1].

    Returns:
        float32 `[batch, frames, 7]`.
    """
    weak = tf.cast(voicing < THRESHOLD, voicing.dtype)
    range_cost = tf.where(
        frequency < 350.0,
        tf.where(frequency <= 0.0, 2.0, tf.maximum(1.0 - frequency / 100.0, 0.0)),
        tf.where(frequency < 600.0, (frequency - 350.0) / 250.0, 1.2),
    )
    voiced = 2.0 * (4.0 * weak - tf.math.log(tf.clip_by_value(voicing, 0.01, 1.0))) + range_cost
    unvoiced = 8.0 * (1.0 - tf.reduce_min(weak, -1, keepdims=True))
    return tf.concat([voiced, unvoiced], -1)


def transition_costs(frequency: tf.Tensor) -> tf.Tensor:
    """Returns what it costs to go from each state of a frame to each of the next.

    Between candidates the cost is 10·|r_j| + 10·|r_j − r_{j−1}| with r_j the logarithm of the ratio of frequencies. As
    the reference has it, r_{j−1} belongs to the place before j in the same frame, not to the path; it is 0 for j = 0,
    but 1 in the very first transition into place 0.

    Args:
        frequency: float32 `[batch, frames, 6]`, Hz; 0 for no candidate.

    Returns:
        float32 `[batch, frames − 1, 7, 7]`: from, to.
    """
    exists = frequency > 0.0
    logarithm = tf.math.log(tf.where(exists, frequency, 1.0))
    ratio = logarithm[:, 1:, None, :] - logarithm[:, :-1, :, None]
    before = tf.pad(ratio[:, :, :-1], [[0, 0], [0, 0], [1, 0], [0, 0]])
    first = np.zeros((1, PLACES, PLACES), np.float32)
    first[0, 0, 0] = 1.0
    very_first = tf.reshape(tf.cast(tf.range(tf.shape(ratio)[1]) == 0, ratio.dtype), [-1, 1, 1])
    voiced = _CHANGE * (tf.abs(ratio) + tf.abs(ratio - before - very_first * first))
    both = exists[:, 1:, None, :] & exists[:, :-1, :, None]
    voiced = tf.where(both, voiced, _IMPOSSIBLE)
    edge = [[0, 0], [0, 0], [0, 1], [0, 1]]
    return tf.pad(voiced, edge, constant_values=_CHANGE_OF_VOICING) + _BOTH_UNVOICED


def _cheapest(local: tf.Tensor, transition: tf.Tensor) -> tf.Tensor:
    """Returns the cost of the best path into each state, less the least of its frame; all time-major."""
    frames = tf.shape(local)[0]

    def step(t: tf.Tensor, cost: tf.Tensor, costs: tf.TensorArray) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        cost = tf.reduce_min(cost[:, :, None] + tf.gather(transition, t - 1), 1) + tf.gather(local, t)
        # float32 would otherwise lose digits as the sum grows.
        cost -= tf.reduce_min(cost, -1, keepdims=True)
        return t + 1, cost, costs.write(t, cost)

    costs = tf.TensorArray(local.dtype, size=frames, element_shape=local.shape[1:]).write(0, local[0])
    *_, costs = tf.while_loop(
        lambda t, *_: t < frames, step, (tf.constant(1), local[0], costs), maximum_iterations=frames - 1
    )
    return costs.stack()


def _survivors(pointers: tf.Tensor) -> tf.Tensor:
    """Follows all paths backwards at once, by composing maps over growing distances.

    Args:
        pointers: int32 `[frames − 1, batch, 7]`, the state in frame t of the best path into a state of frame t + 1.

    Returns:
        int32 `[frames, batch, 7]`, the state in frame t of the best path into a state of the last frame.
    """
    last = tf.shape(pointers)[0]
    same = tf.broadcast_to(tf.range(STATES), tf.shape(pointers[:1]) * [0, 1, 1] + [1, 0, 0])
    maps = tf.concat([pointers, same], 0)
    index = tf.range(last + 1)

    def compose(distance: tf.Tensor, maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        later = tf.gather(maps, tf.minimum(index + distance, last))
        return 2 * distance, tf.gather(maps, later, batch_dims=2)

    return tf.while_loop(lambda distance, _: distance <= last, compose, (tf.constant(1), maps))[1]


def search(frequency: tf.Tensor, voicing: tf.Tensor, frames: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best path and how much of it was certain before the end.

    Args:
        frequency: float32 `[batch, frames, 6]`, Hz; 0 for no candidate.
        voicing: float32 `[batch, frames, 6]`, in [0, 1].
        frames: int32 `[batch]`, how many frames are real.

    Returns:
        int32 `[batch, frames]`, the state; int32 `[batch]`, the number of frames on which the best paths into all
        states of the last real frame agree.
    """
    frequency, voicing = tf.stop_gradient(frequency), tf.stop_gradient(voicing)
    real = tf.sequence_mask(frames, tf.shape(frequency)[1])
    local = tf.where(real[..., None], local_costs(frequency, voicing), 0.0)
    transition = tf.where(real[:, 1:, None, None], transition_costs(frequency), _STAY)
    local, transition = tf.transpose(local, [1, 0, 2]), tf.transpose(transition, [1, 0, 2, 3])
    cost = _cheapest(local, transition)
    states = _survivors(tf.argmin(cost[:-1, :, :, None] + transition, 2, tf.int32))
    best = tf.argmin(cost[-1], -1, tf.int32)
    path = tf.gather(states, tf.broadcast_to(best[None, :, None], tf.shape(states[..., :1])), batch_dims=2)[..., 0]
    agreed = tf.reduce_all(states == states[..., :1], -1)
    return tf.transpose(path), tf.reduce_sum(tf.cast(agreed, tf.int32), 0)
