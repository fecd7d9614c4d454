"""The strongest defence: a GAN whose generator cleans adversarial features (paper, section 5.3).

Generator and discriminator are LSTM encoder–decoders over normalised frames. The generator maps the frames z of
attacked speech to those of clean speech; the discriminator tells cleaned steps from clean ones, step by step.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kerasser.models.layers import (
    Cleaned,
    FrameGroups,
    FrameNormalization,
    Joined,
    LastFrame,
    Repeated,
    Segments,
    group_frames,
    valid_frames,
)

_PARTS = ("normalization", "generator", "discriminator")


def build_generator(
    *,
    features: int = 25,
    units: int = 128,
    bottleneck: int = 48,
    frames_per_step: int = 1,
    form: str = "frame",
    segment_steps: int = 10,
    clip_value: float = 5.0,
) -> keras.Model:
    """Builds the generator.

    Args:
        features: Features per frame.
        units: Units of the encoder's and the decoder's LSTM.
        bottleneck: Width between them.
        frames_per_step: Frames averaged into one LSTM step; every frame of a step gets the same correction.
        form: "frame" passes a code at every step and adds the decoder's output to the input; "segment" passes one
            for each segment, read at its end, and puts the output in the input's place: an autoencoder taken
            literally.
        segment_steps: Steps of a segment.
        clip_value: Bound of what comes out, in standard deviations.

    Returns:
        A model from `{"features" [batch, frames, features], "lengths" [batch]}`, normalised frames, to frames of
        the same shape, zero beyond `lengths`. With the form "frame" it begins as the identity.
    """
    frames, lengths = _inputs(features)
    x, steps = _steps(frames, lengths, frames_per_step)
    x = _encoder_decoder(x, steps, features, units, bottleneck, segment_steps if form == "segment" else 0)
    if frames_per_step > 1:
        x = Repeated(frames_per_step, name="repeated")(x, frames)
    cleaned = Cleaned(clip_value, residual=form == "frame", name="cleaned")(x, frames, lengths)
    return keras.Model({"features": frames, "lengths": lengths}, cleaned, name="generator")


def build_discriminator(
    *,
    features: int = 25,
    units: int = 64,
    bottleneck: int = 48,
    frames_per_step: int = 1,
    form: str = "frame",
    segment_steps: int = 10,
    spectral_normalization: bool = False,
) -> keras.Model:
    """Builds the discriminator, of the generator's architecture, with one logit a step: real or cleaned.

    Args:
        features: Features per frame.
        units: Units of the encoder's and the decoder's LSTM.
        bottleneck: Width between them.
        frames_per_step: Frames averaged into one LSTM step.
        form: As for the generator.
        segment_steps: As for the generator.
        spectral_normalization: Bound the dense layers' spectral norm (Miyato et al. 2018).

    Returns:
        A model from `{"features" [batch, frames, features], "lengths" [batch]}`, normalised frames, to
        `{"logits" [batch, steps], "steps" [batch]}`: positive for real, and how many of them are valid.
    """
    frames, lengths = _inputs(features)
    x, steps = _steps(frames, lengths, frames_per_step)
    segment = segment_steps if form == "segment" else 0
    logits = _encoder_decoder(x, steps, 1, units, bottleneck, segment, spectral_normalization)
    outputs = {"logits": logits[:, :, 0], "steps": keras.layers.Identity(name="steps", dtype="int32")(steps)}
    return keras.Model({"features": frames, "lengths": lengths}, outputs, name="discriminator")


def _inputs(features: int) -> tuple[Any, Any]:
    frames = keras.Input((None, features), name="features", dtype="float32")
    return frames, keras.Input((), name="lengths", dtype="int32")


def _steps(frames: Any, lengths: Any, frames_per_step: int) -> tuple[Any, Any]:
    return FrameGroups(frames_per_step, name="groups")(frames, lengths) if frames_per_step > 1 else (frames, lengths)


def _encoder_decoder(
    x: Any, steps: Any, outputs: int, units: int, bottleneck: int, segment: int, spectral: bool = False
) -> Any:
    """An LSTM encoder that compresses, an LSTM decoder that reconstructs: `[batch, steps, outputs]`."""

    def dense(size: int, name: str, **options: Any) -> keras.layers.Layer:
        layer = keras.layers.Dense(size, name=name, **options)
        return keras.layers.SpectralNormalization(layer, name=f"{name}_bounded") if spectral else layer

    whole = x
    if segment:
        x, steps = Segments(segment, name="segments")(x, steps)
    x = keras.layers.LSTM(units, return_sequences=True, name="encoder")(x)
    if segment:
        x = LastFrame(name="end")(x, steps)
    x = dense(bottleneck, "bottleneck")(x)
    if segment:
        x = keras.layers.RepeatVector(segment, name="code_repeated")(x)
    x = keras.layers.LSTM(units, return_sequences=True, name="decoder")(x)
    # A generator that adds this to its input begins as the identity.
    start = "glorot_uniform" if segment or outputs == 1 else "zeros"
    x = dense(outputs, "output", kernel_initializer=start)(x)
    return Joined(name="joined")(x, whole) if segment else x


def cleaner(normalization: FrameNormalization, generator: keras.Model) -> keras.Model:
    """Returns the generator on raw features: `{"features", "lengths"}` to features of the same shape."""
    frames, lengths = _inputs(generator.output_shape[-1])
    cleaned = generator({"features": normalization(frames, lengths), "lengths": lengths})
    return keras.Model(
        {"features": frames, "lengths": lengths}, normalization(cleaned, lengths, inverse=True), name="cleaner"
    )


def masked_mean(values: Any, lengths: Any) -> Any:
    """Returns the mean of `[batch, steps]` over the valid steps of a batch."""
    valid = valid_frames(lengths, tf.shape(values)[1])
    return tf.reduce_sum(tf.where(valid, values, 0.0)) / tf.cast(tf.reduce_sum(lengths), values.dtype)


def reconstruction_loss(cleaned: Any, clean: Any, lengths: Any, frames_per_step: int = 1) -> Any:
    """Returns the mean absolute difference of valid steps, in standard deviations of each feature.

    Frames are averaged into steps first: the classifier hears those averages, and the median that an absolute
    difference of single frames asks for lies beside the mean wherever a descriptor is skewed.

    Args:
        cleaned: Normalised frames, `[batch, frames, features]`, zero beyond `lengths`.
        clean: The same of clean speech.
        lengths: Valid frames, `[batch]`.
        frames_per_step: Frames in a step.
    """
    difference, steps = group_frames(cleaned - clean, lengths, frames_per_step)
    return masked_mean(tf.reduce_mean(tf.abs(difference), axis=-1), steps)


def discriminator_loss(real: Any, fake: Any, steps: Any, smoothing: float = 0.0) -> tuple[Any, Any]:
    """Returns −E[log D(x)] and −E[log(1 − D(G(z)))]: equation 1, which D maximises.

    Args:
        real: Logits of clean speech, `[batch, steps]`.
        fake: Logits of cleaned speech, `[batch, steps]`.
        steps: How many of them are valid, `[batch]`.
        smoothing: Taken from the target 1 of real frames alone (one-sided; Salimans et al. 2016), in [0, 1).
    """
    on_real = (1.0 - smoothing) * tf.nn.softplus(-real) + smoothing * tf.nn.softplus(real)
    return masked_mean(on_real, steps), masked_mean(tf.nn.softplus(fake), steps)


def generator_loss(fake: Any, steps: Any, saturating: bool = True) -> Any:
    """Returns what G minimises: E[log(1 − D(G(z)))] of equation 1, or −E[log D(G(z))] if it is not to saturate."""
    return masked_mean(-tf.nn.softplus(fake) if saturating else tf.nn.softplus(-fake), steps)


class Reconstruction(keras.Model):
    """The generator alone, trained to reconstruct clean frames: its pre-training.

    Args:
        normalization: Normalises raw frames.
        generator: From `build_generator`.
        frames_per_step: Frames that the loss averages.
    """

    def __init__(
        self, normalization: FrameNormalization, generator: keras.Model, frames_per_step: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.normalization, self.generator, self.frames_per_step = normalization, generator, frames_per_step
        self._loss = keras.metrics.Mean(name="g_reconstruction")
        self._norm = keras.metrics.Mean(name="g_gradient_norm")
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What an epoch's figures are means of."""
        return [self._loss, self._norm]

    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the generator once on a group of batches, taken as one batch."""
        shape = tf.shape(data["features"])
        batch = {name: tf.reshape(data[name], [-1, shape[2], data[name].shape[-1]]) for name in ("features", "clean")}
        lengths = tf.reshape(data["lengths"], [-1])
        clean = self.normalization(batch["clean"], lengths)
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            normalised = self.normalization(batch["features"], lengths)
            cleaned = self.generator({"features": normalised, "lengths": lengths}, training=True)
            loss = reconstruction_loss(cleaned, clean, lengths, self.frames_per_step)
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._loss.update_state(loss)
        # Before the optimiser bounds it: a norm far above the bound says that it rules the training.
        self._norm.update_state(tf.linalg.global_norm(gradients))
        return {metric.name: metric.result() for metric in self.metrics}


@keras.saving.register_keras_serializable("kerasser")
class SpeechGAN(keras.Model):
    """Trains generator and discriminator against each other (paper, section 5.3 and equation 1).

    A step takes a group of batches, each of them fresh: all but the last update the discriminator, the last one the
    generator. Groups of three give the paper's two discriminator updates for each generator update.

    Args:
        normalization: Normalises raw frames; never trained.
        generator: From `build_generator`.
        discriminator: From `build_discriminator`.
        frames_per_step: Frames that the reconstruction loss averages.
    """

    def __init__(
        self,
        normalization: FrameNormalization,
        generator: keras.Model,
        discriminator: keras.Model,
        frames_per_step: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.normalization, self.generator, self.discriminator = normalization, generator, discriminator
        self.frames_per_step = frames_per_step
        names = (
            *("d_real", "d_fake", "d_accuracy", "d_gradient_norm"),
            *("g_adversarial", "g_reconstruction", "g_gradient_norm"),
        )
        self._figures = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
        *,
        adversarial_weight: float = 1.0,
        reconstruction_weight: float = 1.0,
        label_smoothing: float = 0.0,
        saturating: bool = True,
    ) -> None:
        """Sets what a step minimises.

        Args:
            optimizer: The generator's, so that what Keras logs and saves is what trains.
            discriminator_optimizer: The discriminator's.
            adversarial_weight: Weight of the adversarial loss in the generator's.
            reconstruction_weight: Weight of the L1 reconstruction loss in the generator's; 0 is pure adversarial.
            label_smoothing: Taken from the target of real frames.
            saturating: Equation 1 as printed, or the loss that keeps its gradient where D is sure.
        """
        super().compile(optimizer=optimizer, jit_compile=False)
        self.discriminator_optimizer = discriminator_optimizer
        self.adversarial_weight, self.reconstruction_weight = adversarial_weight, reconstruction_weight
        self.label_smoothing, self.saturating = label_smoothing, saturating
        optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps raw frames to cleaned raw frames."""
        features, lengths = inputs["features"], inputs["lengths"]
        normalised = self.normalization(features, lengths)
        cleaned = self.generator({"features": normalised, "lengths": lengths}, training=training)
        return self.normalization(cleaned, lengths, inverse=True)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What an epoch's figures are means of."""
        return list(self._figures.values())

    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the discriminator on every batch of a group but the last, and the generator on that.

        Args:
            data: `{"features", "clean"}`, each `[group, batch, frames, dimension]`, raw; `"lengths" [group, batch]`.
        """
        updates = data["lengths"].shape[0] - 1
        # The generator stands still meanwhile: one pass cleans the speech of all discriminator updates.
        together = tf.shape(data["features"])[2:]
        flat = tf.reshape(data["features"][:updates], tf.concat([[-1], together], 0))
        cleaned = tf.split(self._clean(flat, tf.reshape(data["lengths"][:updates], [-1])), updates)
        for number, fake in enumerate(cleaned):
            self._update_discriminator(fake, data["clean"][number], data["lengths"][number])
        self._update_generator(*(data[name][updates] for name in ("features", "clean", "lengths")))
        return {name: metric.result() for name, metric in self._figures.items()}

    def _update_discriminator(self, fake: Any, clean: Any, lengths: Any) -> None:
        real = self.normalization(clean, lengths)
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            # Real and cleaned speech in one batch: an LSTM's time on a CPU hardly depends on the batch.
            logits, steps = self._judge(tf.concat([real, fake], 0), tf.concat([lengths, lengths], 0))
            (on_real, on_fake), (steps, _) = tf.split(logits, 2), tf.split(steps, 2)
            losses = discriminator_loss(on_real, on_fake, steps, self.label_smoothing)
            loss = losses[0] + losses[1]
        gradients = tape.gradient(loss, variables)
        self.discriminator_optimizer.apply_gradients(zip(gradients, variables, strict=True))
        right = tf.cast(on_real > 0, tf.float32) + tf.cast(on_fake <= 0, tf.float32)
        self._note(d_real=losses[0], d_fake=losses[1], d_accuracy=masked_mean(right, steps) / 2)
        self._note(d_gradient_norm=tf.linalg.global_norm(gradients))

    def _update_generator(self, features: Any, clean: Any, lengths: Any) -> None:
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake = self._clean(features, lengths)
            real = self.normalization(clean, lengths)
            reconstruction = reconstruction_loss(fake, real, lengths, self.frames_per_step)
            loss = self.reconstruction_weight * reconstruction
            adversarial = tf.constant(0.0)
            if self.adversarial_weight:
                adversarial = generator_loss(*self._judge(fake, lengths), self.saturating)
                loss += self.adversarial_weight * adversarial
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._note(g_adversarial=adversarial, g_reconstruction=reconstruction)
        self._note(g_gradient_norm=tf.linalg.global_norm(gradients))

    def _clean(self, features: Any, lengths: Any) -> Any:
        normalised = self.normalization(features, lengths)
        return self.generator({"features": normalised, "lengths": lengths}, training=True)

    def _judge(self, frames: Any, lengths: Any) -> tuple[Any, Any]:
        judged = self.discriminator({"features": frames, "lengths": lengths}, training=True)
        return judged["logits"], judged["steps"]

    def _note(self, **values: Any) -> None:
        for name, value in values.items():
            self._figures[name].update_state(value)

    def get_config(self) -> dict[str, Any]:
        """Returns the parts, serialised."""
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in _PARTS}
        return {**super().get_config(), **parts, "frames_per_step": self.frames_per_step}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SpeechGAN:
        """Makes the model again from `get_config`."""
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name), custom_objects) for name in _PARTS}
        return cls(**parts, **config)

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile`, serialised; Keras would leave the second optimiser out."""
        optimizers = (self.optimizer, self.discriminator_optimizer)
        names = ("adversarial_weight", "reconstruction_weight", "label_smoothing", "saturating")
        return {
            "optimizers": [keras.saving.serialize_keras_object(optimizer) for optimizer in optimizers],
            **{name: getattr(self, name) for name in names},
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as `get_compile_config` says."""
        config = dict(config)
        optimizers = [keras.saving.deserialize_keras_object(each) for each in config.pop("optimizers")]
        self.compile(*optimizers, **config)
