"""A small classifier, a small generator, and something for them to hear."""

import keras
import numpy as np

from kerasser.models import classifier, gan
from kerasser.models.layers import FrameNormalization
from kerasser.serving.warmup_sound import hum

CLASSES = ("negative", "positive")
MEAN, VARIANCE = np.linspace(-2, 3, 25), np.linspace(0.5, 4, 25)


def normalization():
    layer = FrameNormalization(5.0, name="normalization")
    layer.build((None, None, 25), (None,))
    layer.adapt(MEAN, VARIANCE)
    return layer


def networks(frames_per_step=4, seed=1, pooling="last", form="frame"):
    """Returns an untrained classifier and an untrained cleaner that does something."""
    keras.utils.set_random_seed(seed)
    model = classifier.build(units=8, frames_per_step=frames_per_step, pooling=pooling)
    model.get_layer("normalization").adapt(MEAN, VARIANCE)
    # Large enough that both classes are heard.
    model.set_weights([*model.get_weights()[:-2], 20 * model.get_weights()[-2], model.get_weights()[-1]])
    generator = gan.build_generator(units=8, bottleneck=5, frames_per_step=frames_per_step, form=form, segment_steps=7)
    noise = np.random.default_rng(seed)
    generator.set_weights([weight + 0.3 * noise.normal(size=weight.shape) for weight in generator.get_weights()])
    return model, gan.cleaner(normalization(), generator)


def speech(frames, seed=0):
    noise = np.random.default_rng(seed).standard_normal((frames, 25))
    return (MEAN + np.sqrt(VARIANCE) * noise).astype(np.float32)


def voice(duration_s, seed=0):
    """Returns sound, float32 at 16 kHz on the grid of 16 bits."""
    return hum(duration_s, np.random.default_rng(seed))


def padded(utterances, frames=0, fill=0.0):
    """Returns a batch and its lengths."""
    lengths = np.array([len(utterance) for utterance in utterances], np.int32)
    features = np.full((len(utterances), max(frames, lengths.max()), 25), fill, np.float32)
    for row, utterance in zip(features, utterances, strict=True):
        row[: len(utterance)] = utterance
    return {"features": features, "lengths": lengths}
