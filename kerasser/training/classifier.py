"""Training of the classifier, by the paper's learning-rate rule."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from kerasser.training import rules
from kerasser.training.batches import TrainingBatches, refuse_absent_classes
from kerasser.training.consistency import Consistency, ConsistentClassifier
from kerasser.training.epochs import MeasuredAdam, run_epochs
from kerasser.training.recall import UnweightedAverageRecall
from kerasser.training.schedule import Schedule
from kerasser.training.tensorboard.log import CLASSIFIER_TAGS, CONSISTENCY_TAGS
from kerasser.training.tensorboard.pages import LogWriter
from kerasser.training.versions import VersionBatches


def fit(
    model: keras.Model,
    train: TrainingBatches | VersionBatches,
    dev: tf.data.Dataset,
    *,
    consistency: Consistency | None = None,
    work_dir: Path,
    log_dir: Path | None = None,
    log_writer: LogWriter | None = None,
    classes: int = 2,
    learning_rate: float = 0.002,
    rule: str = rules.DEFAULT,
    patience: int = 5,
    lowest_rate: float = 1e-5,
    epochs: int = 200,
    gradient_norm: float = 1.0,
    quiet: bool = True,
) -> list[dict[str, float]]:
    """Trains a classifier and leaves it with the weights of its best epoch on the development speakers.

    Args:
        model: From `kerasser.models.classifier.build`, normalisation adapted.
        train: Training batches; with `consistency`, of several versions of each utterance.
        dev: Batches of the development speakers, which steer the learning rate; with `consistency`, from
            `kerasser.training.versions.development`.
        consistency: What a step minimises over an utterance's versions; None trains on one version of each.
        work_dir: Holds `checkpoint.npz`; a second call with the same arguments goes on from it.
        log_dir: Where TensorBoard's event files go, if there are to be any; they change nothing else.
        log_writer: What they hold beside the curves.
        classes: Number of classes.
        learning_rate: First learning rate of Adam.
        rule: Name of the learning-rate rule.
        patience: Epochs without improvement before it acts.
        lowest_rate: Learning rate below which there is no use in going on.
        epochs: Training stops after so many epochs in any case.
        gradient_norm: Largest norm of a gradient, which keeps long utterances from exploding.
        quiet: No progress bar; there is none either where standard error is no terminal.

    Returns:
        One row an epoch: `epoch`, `loss`, `uar`, `val_loss`, `val_uar`, `val_error`, `learning_rate`, `gradient_norm`;
        with `consistency` `cross_entropy`, `divergence`, `val_error_clean` and `val_error_adversarial` as well.

    Raises:
        InputError: If the development speakers lack a class.
    """
    refuse_absent_classes(dev, classes)
    trained = keras.Model(model.inputs, model.get_layer("logits").output)
    optimizer = MeasuredAdam(learning_rate, global_clipnorm=gradient_norm)
    if consistency is None:
        trained.compile(
            optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[UnweightedAverageRecall(classes)],
            jit_compile=False,
        )
    else:
        trained = ConsistentClassifier(trained, classes, consistency)
        trained.compile(optimizer, jit_compile=False)
    optimizer.build(trained.trainable_variables)
    return run_epochs(
        trained,
        train.dataset,
        train.epoch,
        Schedule(rules.rule(rule, patience=patience, lowest_rate=lowest_rate)),
        path=work_dir / "checkpoint.npz",
        log_dir=log_dir,
        tags=CLASSIFIER_TAGS if consistency is None else CONSISTENCY_TAGS,
        log_writer=log_writer,
        epochs=epochs,
        validation=dev,
        quiet=quiet,
    )
