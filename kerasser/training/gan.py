"""Training of the GAN: the generator alone, then against the discriminator, stopped by development speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasser.features.records import Example
from kerasser.models.gan import Reconstruction, SpeechGAN, cleaner
from kerasser.training.batches import PairedBatches, refuse_absent_classes
from kerasser.training.development import ADVERSARIAL, CLEAN, Answers
from kerasser.training.epochs import run_epochs
from kerasser.training.recall import UnweightedAverageRecall
from kerasser.training.rules.early_stopping import EarlyStopping
from kerasser.training.schedule import Schedule
from kerasser.training.tensorboard.log import GAN_TAGS
from kerasser.training.tensorboard.pages import LogContents, LogWriter, asking
from kerasser.util.arrays import Array

#: Discriminator updates for each generator update (paper, section 5.3).
DISCRIMINATOR_UPDATES = 2


@dataclass(frozen=True)
class GanTraining:
    """How a GAN is trained.

    Attributes:
        pretraining_epochs: Most epochs of the generator alone; it stops earlier when the development error does.
        pretraining_rate: Learning rate of Adam in them.
        epochs: Most epochs of generator against discriminator.
        learning_rate: Of RMSProp, for both networks.
        patience: Epochs without a better development error before either part stops.
        adversarial_weight: Weight of the adversarial loss in the generator's.
        reconstruction_weight: Weight of the L1 loss in the generator's; 0 is pure adversarial.
        saturating: Equation 1 as printed; False takes −log D(G(z)) for the generator.
        label_smoothing: Taken from the discriminator's target for real speech.
        gradient_norm: Largest norm of a gradient against the discriminator; 0 bounds none.
    """

    pretraining_epochs: int
    pretraining_rate: float
    epochs: int
    learning_rate: float
    patience: int
    adversarial_weight: float
    reconstruction_weight: float
    saturating: bool
    label_smoothing: float
    gradient_norm: float


class CleanedDevelopment(keras.callbacks.Callback):
    """Measures after every epoch what the unchanged classifier makes of cleaned development speech.

    Adds `val_uar` and, with `examples`, `val_error_clean` and `val_error_adversarial`, percent, to the epoch's figures.

    Args:
        cleaned: From `kerasser.models.gan.cleaner`.
        classifier: Trained on clean speech.
        dev: Batches of development speakers, clean and under the training noise.
        examples: Whose they are and how they were made, in the order of `dev`; adds the error of clean and of
            adversarial speech.
        classes: Number of classes.
    """

    def __init__(
        self,
        cleaned: keras.Model,
        classifier: keras.Model,
        dev: tf.data.Dataset,
        examples: Sequence[Example] = (),
        classes: int = 2,
    ) -> None:
        super().__init__()
        self._dev, self._examples, self._recall = dev, examples, UnweightedAverageRecall(classes)
        self._predicted: list[Array] = []
        # One trace serves batches of every length.
        features = tf.TensorSpec((None, None, cleaned.output_shape[-1]), tf.float32)

        @tf.function(input_signature=[features, tf.TensorSpec((None,), tf.int32)])
        def answer(features: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
            restored = cleaned({"features": features, "lengths": lengths}, training=False)
            return classifier({"features": restored, "lengths": lengths}, training=False)["logits"]

        self._answer = answer

    def measure(self) -> float:
        """Returns UA in percent."""
        self._recall.reset_state()
        self._predicted = []
        for inputs, labels in self._dev:
            logits = self._answer(inputs["features"], inputs["lengths"])
            self._recall.update_state(labels, logits)
            self._predicted.append(np.argmax(logits, axis=1))
        return float(self._recall.result())

    def answers(self) -> Answers:
        """Returns what was answered when it was measured last."""
        return Answers(self._examples, np.concatenate(self._predicted), self._recall.classes)

    def measured_anew(self) -> Answers:
        """Returns what is answered now."""
        self.measure()
        return self.answers()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measures."""
        if logs is not None:
            logs["val_uar"] = self.measure()
            errors = self.answers().errors() if self._examples else {}
            logs |= {f"val_error_{name}": errors[name] for name in (CLEAN, ADVERSARIAL) if name in errors}


def fit_gan(
    gan: SpeechGAN,
    classifier: keras.Model,
    train: PairedBatches,
    dev: tf.data.Dataset,
    settings: GanTraining,
    *,
    work_dir: Path,
    log_dir: Path | None = None,
    examples: Sequence[Example] = (),
    contents: LogContents | None = None,
    quiet: bool = True,
) -> list[dict[str, float | str]]:
    """Trains a GAN and leaves it with the weights of its best epoch on the development speakers.

    Args:
        gan: Not compiled; its normalisation adapted.
        classifier: Judges the development speech; it is not changed.
        train: Pairs of adversarial and clean speech.
        dev: Batches of the development speakers.
        settings: How it is trained.
        work_dir: Holds the checkpoints; a second call with the same arguments goes on from them.
        log_dir: Where TensorBoard's event files go, if there are to be any; they change nothing else.
        examples: Whose speech `dev` holds and how it was made, in its order.
        contents: What the event files hold beside the curves; needs `examples`.
        quiet: No progress bars.

    Returns:
        One row an epoch: `phase` ("pretraining" or "gan"), `epoch`, the losses, `d_accuracy`, `val_uar`,
        `val_error`, the learning rates and the norms of the gradients.

    Raises:
        InputError: If the development speakers lack a class.
    """
    refuse_absent_classes(dev, classes := int(classifier.output["logits"].shape[-1]))
    cleaned = cleaner(gan.normalization, gan.generator)
    development = CleanedDevelopment(cleaned, classifier, dev, examples, classes)
    alone = Reconstruction(gan.normalization, gan.generator, gan.frames_per_step)
    # A rate fit for regression, bounded gradients: one long utterance must not throw the generator off.
    optimizer = keras.optimizers.Adam(settings.pretraining_rate, global_clipnorm=1.0)
    alone.compile(optimizer=optimizer, jit_compile=False)
    optimizer.build(gan.generator.trainable_variables)
    history: list[dict[str, float | str]] = []
    phases: Sequence[tuple[str, keras.Model, int, int]] = [
        ("pretraining", alone, 1, settings.pretraining_epochs),
        ("gan", gan, DISCRIMINATOR_UPDATES + 1, settings.epochs),
    ]
    clip = {"global_clipnorm": settings.gradient_norm} if settings.gradient_norm else {}
    gan.compile(
        keras.optimizers.RMSprop(settings.learning_rate, **clip),
        keras.optimizers.RMSprop(settings.learning_rate, **clip),
        adversarial_weight=settings.adversarial_weight,
        reconstruction_weight=settings.reconstruction_weight,
        label_smoothing=settings.label_smoothing,
        saturating=settings.saturating,
    )
    ask = asking(cleaned, cleaned.output_shape[-1])
    for phase, model, group, epochs in phases:
        if not epochs:
            continue
        log_writer = None
        if contents:
            about = replace(contents, settings={"phase": phase, **contents.settings})
            log_writer = LogWriter(about, gan.normalization, development.answers, development.measured_anew, ask)
        rows = run_epochs(
            model,
            train.dataset(group),
            train.epoch,
            Schedule(EarlyStopping(settings.patience)),
            path=work_dir / f"{phase}.npz",
            epochs=epochs,
            log_dir=log_dir / phase if log_dir else None,
            tags=GAN_TAGS,
            log_writer=log_writer,
            callbacks=[development],
            title=phase,
            quiet=quiet,
        )
        history += [{"phase": phase, **row} for row in rows]
    return history
