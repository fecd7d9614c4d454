import numpy as np
import pytest
import tensorflow as tf

from kerasser.features.descriptors import viterbi


def local_cost(frequency, voicing):
    def range_cost(f):
        if f <= 0:
            return 2.0
        if f < 100:
            return 1 - f / 100
        if f < 350:
            return 0.0
        return (f - 350) / 250 if f < 600 else 1.2

    costs = [
        2 * (-np.log(min(max(v, 0.01), 1.0)) + 4 * (v < np.float32(0.7))) + range_cost(f)
        for f, v in zip(frequency, voicing, strict=True)
    ]
    return [*costs, 8.0 if any(v >= np.float32(0.7) for v in voicing) else 0.0]


def search(frequency, voicing):
    """The search as the reference does it: double loops, one number carried through them, paths kept whole."""
    cost, paths = local_cost(frequency[0], voicing[0]), [[state] for state in range(7)]
    carried = 1.0
    for t in range(1, len(frequency)):
        now, then = frequency[t], frequency[t - 1]
        new_cost, new_paths = [], []
        for i in range(7):
            options = []
            for j in range(7):
                if i < 6 and j < 6:
                    if now[i] == 0 or then[j] == 0:
                        options.append(cost[j] + 999)
                        continue
                    ratio = np.log(now[i] / then[j])
                    options.append(cost[j] + 10 * abs(ratio) + 10 * abs(ratio - carried))
                    carried = ratio
                else:
                    carried = 0.0
                    options.append(cost[j] + (1 if i == j == 6 else 10))
            best = int(np.argmin(options))
            new_cost.append(options[best])
            new_paths.append([*paths[best], i])
        cost = np.add(new_cost, local_cost(now, voicing[t])).tolist()
        paths = new_paths
    agreed = np.all(np.array(paths) == np.array(paths)[:1], axis=0)
    return np.array(paths[int(np.argmin(cost))]), int(agreed.sum())


def utterance(seed, frames):
    """Candidates that wander, with octave errors and places that are empty."""
    generator = np.random.default_rng(seed)
    base = 150 * np.exp(np.cumsum(generator.normal(0, 0.05, frames)))
    factors = generator.permuted(np.tile([1.0, 0.5, 2.0, 1.5, 3.0, 0.7], (frames, 1)), axis=1)
    frequency = base[:, None] * factors * np.exp(generator.normal(0, 0.02, (frames, 6)))
    frequency[np.arange(6) >= generator.integers(1, 7, frames)[:, None]] = 0.0
    frequency[generator.uniform(size=frames) < 0.1] = 0.0
    voicing = np.where(frequency > 0, generator.uniform(0.5, 1.0, (frames, 6)), 0.0)
    return frequency.astype(np.float32), voicing.astype(np.float32)


def test_a_batch_is_searched_as_the_reference_searches_each_utterance():
    frames = np.array([60, 1, 2, 37, 60, 59, 23, 45])
    frequency, voicing = np.zeros((2, len(frames), 60, 6), np.float32)
    for row, count in enumerate(frames):
        frequency[row, :count], voicing[row, :count] = utterance(row, count)
        # What lies behind the end must not matter.
        frequency[row, count:], voicing[row, count:] = 123.0, 0.9
    path, settled = viterbi.search(tf.constant(frequency), tf.constant(voicing), tf.constant(frames, tf.int32))
    voiced = 0
    for row, count in enumerate(frames):
        expected, agreed = search(frequency[row, :count].astype(float), voicing[row, :count].astype(float))
        assert path.numpy()[row, :count].tolist() == expected.tolist()
        assert settled.numpy()[row] == agreed
        voiced += (expected < 6).sum()
    assert 0.2 < voiced / frames.sum() < 0.95  # both decisions occur


def test_the_very_first_transition_alone_counts_a_change_from_one():
    frequency = np.full((1, 3, 6), 100.0, np.float32)
    costs = viterbi.transition_costs(tf.constant(frequency)).numpy()[0]
    assert costs[0, 0, 0] == 10.0
    assert costs[1, 0, 0] == 0.0
    assert costs[0, 1:6, 0].max() == costs[0, :6, 1:6].max() == 0.0


def test_of_equal_states_the_lowest_is_taken():
    frequency, voicing = np.full((1, 40, 6), 200.0, np.float32), np.full((1, 40, 6), 0.9, np.float32)
    frequency[:, 0] = 200.0 * np.exp(np.arange(6) / 7.0)
    frequency[:, 0, :2] = frequency[:, 0, 2]
    path, _ = viterbi.search(tf.constant(frequency), tf.constant(voicing), tf.constant([40]))
    expected, _ = search(frequency[0].astype(float), voicing[0].astype(float))
    assert path.numpy()[0].tolist() == expected.tolist()


def test_compiled_it_finds_the_same():
    frequency, voicing = (np.stack(each) for each in zip(*(utterance(seed, 30) for seed in (3, 4)), strict=True))
    arguments = tf.constant(frequency), tf.constant(voicing), tf.constant([30, 21])
    plain = viterbi.search(*arguments)
    compiled = tf.function(viterbi.search, jit_compile=True)(*arguments)
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("frames", [0, 1])
def test_utterances_without_a_transition_have_a_path(frames):
    frequency, voicing = utterance(0, 1)
    path, settled = viterbi.search(tf.constant(frequency[None]), tf.constant(voicing[None]), tf.constant([frames]))
    assert path.shape == (1, 1)
    assert settled.numpy().tolist() == [0]
