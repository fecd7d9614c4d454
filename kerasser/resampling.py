"""To 16 kHz from any rate: by tensorflow-io where it is installed, else by soxr, in step with the original."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

SAMPLE_RATE_HZ = 16000
#: The packages that can, in the order in which they are taken.
PACKAGES = ("tensorflow-io", "soxr")


@lru_cache(maxsize=1)
def package() -> str:
    """Returns the package that resamples here, one of `PACKAGES`; nothing is imported."""
    return PACKAGES[0] if _version(PACKAGES[0]) else PACKAGES[1]


def by(rate: int) -> str:
    """Returns what brings sound of a rate to 16 kHz, with its version; nothing where it is at 16 kHz."""
    return "" if rate == SAMPLE_RATE_HZ else f"{package()} {_version(package())}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def resample(mono: Array, rate: int) -> Array:
    """Brings sound to 16 kHz.

    Args:
        mono: float32 `[samples]`.
        rate: Its sampling rate, in Hz.

    Returns:
        float32 `[ceil(samples · 16000 / rate)]`, without delay; a resampler overshoots, so it may leave [−1, 1].
    """
    if rate == SAMPLE_RATE_HZ:
        return mono
    if package() == "soxr":
        return with_soxr(mono, rate)
    import tensorflow as tf

    return np.asarray(with_tensorflow_io(tf.constant(mono), tf.constant(rate, tf.int64)))


def in_graph(mono: Any, rate: Any) -> Any:
    """Does what `resample` does inside tf.data: a float32 tensor `[samples]` and an int64 rate, any that it may be."""
    import tensorflow as tf

    if package() == "soxr":
        # The rate comes as a NumPy scalar.
        (resampled,) = tf.numpy_function(lambda x, r: [resample(x, int(r))], [mono, rate], [tf.float32])
        return resampled
    return tf.cond(tf.equal(rate, SAMPLE_RATE_HZ), lambda: mono, lambda: with_tensorflow_io(mono, rate))


def with_tensorflow_io(mono: Any, rate: Any) -> Any:
    """Resamples with tensorflow-io: tensors, float32 `[samples]` and an int64 rate."""
    import tensorflow as tf
    import tensorflow_io as tfio

    # The resampler's filter spans 64 samples of the lower rate and delays by half of that; zeros behind
    # the end push the last samples out of it.
    delay = tf.cast(tf.math.round(32 * SAMPLE_RATE_HZ / tf.minimum(rate, SAMPLE_RATE_HZ)), tf.int64)
    length = -(-tf.shape(mono, out_type=tf.int64)[0] * SAMPLE_RATE_HZ // rate)
    padded = tf.pad(mono, [[0, delay * rate // SAMPLE_RATE_HZ + 1]])
    resampled = tfio.audio.resample(padded[:, tf.newaxis], rate, SAMPLE_RATE_HZ)
    return tf.squeeze(resampled[delay : delay + length], axis=1)


def with_soxr(mono: Array, rate: int) -> Array:
    """Resamples with soxr at its high quality, whose filters have no delay: float32 `[samples]`."""
    try:
        import soxr
    except ImportError as error:
        wanted = " or ".join(PACKAGES)
        raise InputError(f"resampling: expected {wanted}. Received: neither is installed; pip install soxr") from error
    length = -(-mono.size * SAMPLE_RATE_HZ // rate)
    # A few zeros, since soxr rounds the length that is rounded up here.
    padded = np.pad(np.ascontiguousarray(mono, np.float32), (0, -(-2 * rate // SAMPLE_RATE_HZ)))
    result: Array = soxr.resample(padded, rate, SAMPLE_RATE_HZ, quality="HQ")[:length]
    return result
