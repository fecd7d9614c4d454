"""The victim: stacked LSTM layers, one dense layer, softmax (paper, section 4)."""

from __future__ import annotations

import keras

from kerasser.models.layers import FrameGroups, FrameNormalization, LastFrame, MeanFrame

_POOLING: dict[str, type[keras.layers.Layer]] = {"last": LastFrame, "mean": MeanFrame}


def build(
    *,
    features: int = 25,
    classes: int = 2,
    layers: int = 2,
    units: int = 128,
    frames_per_step: int = 1,
    pooling: str = "last",
    dropout: float = 0.0,
    gaussian_noise: float = 0.0,
    clip_value: float = 5.0,
) -> keras.Model:
    """Builds the classifier.

    Args:
        features: Features per frame.
        classes: Number of classes.
        layers: LSTM layers, at least 1; the paper found 2 best.
        units: Units of each LSTM layer.
        frames_per_step: Frames averaged into one LSTM step.
        pooling: "last" takes the output at the last frame, "mean" averages the outputs.
        dropout: Share of the LSTM outputs dropped in training, in [0, 1).
        gaussian_noise: Standard deviation of the noise added to the normalised features in training (section 5.2).
        clip_value: Bound of the normalised features, in standard deviations.

    Returns:
        A model from `{"features": [batch, frames, features], "lengths": [batch]}`, raw features,
        to `{"logits", "probabilities"}`, each `[batch, classes]`. Its layer "normalization" has yet
        to be adapted.
    """
    frames = keras.Input((None, features), name="features", dtype="float32")
    lengths = keras.Input((), name="lengths", dtype="int32")
    x, steps = FrameNormalization(clip_value, name="normalization")(frames, lengths), lengths
    if frames_per_step > 1:
        x, steps = FrameGroups(frames_per_step, name="groups")(x, lengths)
    if gaussian_noise:
        x = keras.layers.GaussianNoise(gaussian_noise, name="gaussian_noise")(x)
    for number in range(1, layers + 1):
        x = keras.layers.LSTM(units, return_sequences=True, name=f"lstm_{number}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{number}")(x)
    x = _POOLING[pooling](name="pooling")(x, steps)
    logits = keras.layers.Dense(classes, name="logits")(x)
    outputs = {"logits": logits, "probabilities": keras.layers.Softmax(name="probabilities")(logits)}
    return keras.Model({"features": frames, "lengths": lengths}, outputs, name="classifier")
