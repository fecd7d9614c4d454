"""Layers for padded sequences: what lies beyond `lengths` never reaches an answer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasser.util.arrays import Array


def valid_frames(lengths: Any, frames: Any) -> Any:
    """Returns a bool mask `[batch, frames]` that is true on the utterance and false on its padding."""
    return ops.arange(frames)[None, :] < ops.cast(lengths, "int32")[:, None]


def group_frames(features: Any, lengths: Any, size: int) -> tuple[Any, Any]:
    """Averages every `size` frames into one; the last group averages the frames it has.

    Args:
        features: `[batch, frames, dimension]`, zero beyond `lengths`.
        lengths: Valid frames, int32 `[batch]`.
        size: Frames in a group.

    Returns:
        Groups `[batch, groups, dimension]`, and how many each utterance has, `[batch]`.
    """
    frames, dimension = ops.shape(features)[1], features.shape[-1]
    groups = (frames + size - 1) // size
    padded = ops.pad(features, [[0, 0], [0, groups * size - frames], [0, 0]])
    sums = ops.sum(ops.reshape(padded, (-1, groups, size, dimension)), axis=2)
    filled = ops.clip(lengths[:, None] - size * ops.arange(groups)[None, :], 1, size)
    return sums / ops.cast(filled, sums.dtype)[:, :, None], (lengths + size - 1) // size


@keras.saving.register_keras_serializable("kerasser")
class FrameNormalization(keras.layers.Layer):
    """Zero mean, unit variance, bounded; zero beyond `lengths`, whatever the padding held.

    The bound is needed: single descriptors lie 40 deviations out (jitter in RAVDESS) and would
    rule every squared loss.

    Args:
        clip_value: Largest absolute value, in standard deviations.
    """

    def __init__(self, clip_value: float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clip_value = clip_value

    def build(self, features_shape: tuple[int | None, ...], lengths_shape: tuple[int | None, ...]) -> None:
        """Makes the statistics, which training reads but never moves."""
        dimension = features_shape[-1]
        self.mean = self.add_weight(name="mean", shape=(dimension,), initializer="zeros", trainable=False)
        self.variance = self.add_weight(name="variance", shape=(dimension,), initializer="ones", trainable=False)

    def adapt(self, mean: Array, variance: Array) -> None:
        """Takes the statistics of the training part, each `[dimension]`."""
        self.mean.assign(mean)
        # A feature that never moves carries nothing; dividing by its variance would only amplify rounding.
        self.variance.assign(np.where(variance > 1e-12, variance, 1.0))

    def call(self, features: Any, lengths: Any, inverse: bool = False) -> Any:
        """Maps raw `[batch, frames, dimension]` to normalised frames of the same shape, or back."""
        deviation = ops.sqrt(self.variance)
        if inverse:
            mapped = features * deviation + self.mean
        else:
            mapped = ops.clip((features - self.mean) / deviation, -self.clip_value, self.clip_value)
        valid = valid_frames(lengths, ops.shape(features)[1])
        return ops.where(valid[:, :, None], mapped, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "clip_value": self.clip_value}


@keras.saving.register_keras_serializable("kerasser")
class FrameGroups(keras.layers.Layer):
    """Averages every `size` frames into one, as `group_frames` does.

    Args:
        size: Frames in a group; 1 changes nothing.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, features: Any, lengths: Any) -> tuple[Any, Any]:
        """Maps `[batch, frames, dimension]`, zero beyond `lengths`, to groups and their `lengths`."""
        return group_frames(features, lengths, self.size)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("kerasser")
class Repeated(keras.layers.Layer):
    """Gives each frame of a group what its group has.

    Args:
        size: Frames in a group.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, groups: Any, like: Any) -> Any:
        """Maps `[batch, groups, dimension]` to `[batch, frames, dimension]`, as many frames as `like` has."""
        return ops.repeat(groups, self.size, axis=1)[:, : ops.shape(like)[1]]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("kerasser")
class LastFrame(keras.layers.Layer):
    """Takes each utterance's output at `lengths − 1`.

    With padding on the right, a forward LSTM has seen nothing but the utterance there: no mask is
    needed inside it, which would double its time on a CPU.
    """

    def call(self, sequences: Any, lengths: Any) -> Any:
        """Maps `[batch, frames, units]` to `[batch, units]`."""
        last = ops.clip(lengths - 1, 0, ops.shape(sequences)[1] - 1)
        return ops.squeeze(ops.take_along_axis(sequences, last[:, None, None], axis=1), axis=1)


@keras.saving.register_keras_serializable("kerasser")
class MeanFrame(keras.layers.Layer):
    """Averages each utterance's outputs over its valid frames."""

    def call(self, sequences: Any, lengths: Any) -> Any:
        """Maps `[batch, frames, units]` to `[batch, units]`."""
        valid = ops.cast(valid_frames(lengths, ops.shape(sequences)[1]), sequences.dtype)
        return ops.sum(sequences * valid[:, :, None], axis=1) / ops.cast(lengths, sequences.dtype)[:, None]


@keras.saving.register_keras_serializable("kerasser")
class Segments(keras.layers.Layer):
    """Cuts utterances into segments of equal length, each a sequence of its own.

    Args:
        size: Frames of a segment.
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, features: Any, lengths: Any) -> tuple[Any, Any]:
        """Maps `[batch, frames, dimension]` to `[batch · segments, size, dimension]` and their lengths, 0 to size."""
        frames, dimension = ops.shape(features)[1], features.shape[-1]
        count = (frames + self.size - 1) // self.size
        padded = ops.pad(features, [[0, 0], [0, count * self.size - frames], [0, 0]])
        filled = ops.clip(lengths[:, None] - self.size * ops.arange(count)[None, :], 0, self.size)
        return ops.reshape(padded, (-1, self.size, dimension)), ops.reshape(filled, (-1,))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("kerasser")
class Joined(keras.layers.Layer):
    """Puts segments end to end again."""

    def call(self, segments: Any, like: Any) -> Any:
        """Maps `[batch · segments, size, dimension]` to `[batch, frames, dimension]`, the first two as of `like`."""
        whole = ops.reshape(segments, (ops.shape(like)[0], -1, segments.shape[-1]))
        return whole[:, : ops.shape(like)[1]]


@keras.saving.register_keras_serializable("kerasser")
class Cleaned(keras.layers.Layer):
    """Makes a generator's output of a decoder's: added to the input or not, bounded, zero beyond `lengths`.

    Args:
        clip_value: Largest absolute value, in standard deviations.
        residual: Whether the decoder says what to add to the input, or the output itself.
    """

    def __init__(self, clip_value: float = 5.0, residual: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clip_value, self.residual = clip_value, residual

    def call(self, decoded: Any, features: Any, lengths: Any) -> Any:
        """Maps two `[batch, frames, dimension]` to one."""
        output = ops.clip(decoded + features if self.residual else decoded, -self.clip_value, self.clip_value)
        return ops.where(valid_frames(lengths, ops.shape(features)[1])[:, :, None], output, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "clip_value": self.clip_value, "residual": self.residual}
