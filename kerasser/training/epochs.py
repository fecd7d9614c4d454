"""The epochs of any training: its rule, its checkpoint, its log."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm.keras import TqdmCallback

from kerasser.training.checkpoint import Checkpoint
from kerasser.training.schedule import Schedule
from kerasser.training.tensorboard.log import CLASSIFIER_TAGS, EventLog
from kerasser.training.tensorboard.pages import EventLogCallback, LogWriter


def run_epochs(
    model: keras.Model,
    dataset: tf.data.Dataset,
    epoch: tf.Variable,
    schedule: Schedule,
    *,
    path: Path,
    epochs: int,
    log_dir: Path | None = None,
    tags: Mapping[str, str] = CLASSIFIER_TAGS,
    log_writer: LogWriter | None = None,
    validation: tf.data.Dataset | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    title: str = "training",
    quiet: bool = True,
) -> list[dict[str, float]]:
    """Trains a compiled model until its schedule stops it, and leaves it with the weights of its best epoch.

    Args:
        model: Compiled, its optimisers built.
        dataset: Training batches.
        epoch: The variable that chooses their order.
        schedule: Keeps the best epoch, and stops.
        path: The checkpoint, ending in ".npz"; where there is one, training goes on from it.
        epochs: Training stops after so many epochs in any case.
        log_dir: Where TensorBoard's event files go, if there are to be any.
        tags: An epoch's figure → its name there.
        log_writer: What they hold beside the figures.
        validation: Batches of the development speakers, where the model measures itself on them.
        callbacks: What measures an epoch otherwise; called before the schedule.
        title: What the progress bar says.
        quiet: No progress bar.

    Returns:
        One row an epoch: `epoch`, the model's figures, those of the callbacks and the learning rates.
    """
    checkpoint = Checkpoint(path, schedule, epoch)
    checkpoint.set_model(model)
    start = checkpoint.restore()
    event_log = EventLog(log_dir, start) if log_dir else None
    if event_log and log_writer and not start:
        log_writer.begin(event_log)
    if not checkpoint.finished and start < epochs:
        called = [*callbacks, _Figures(), schedule]
        called += [EventLogCallback(event_log, tags, log_writer)] if event_log else []
        called += [checkpoint]
        if not quiet and sys.stderr.isatty():
            called.append(TqdmCallback(verbose=1, initial=start, desc=title, leave=False, dynamic_ncols=True))
        model.fit(
            dataset,
            validation_data=validation,
            epochs=epochs,
            initial_epoch=start,
            callbacks=called,
            shuffle=False,
            verbose=0,
        )
    model.set_weights(schedule.best_weights)
    if event_log:
        if log_writer:
            log_writer.end(event_log, len(checkpoint.history), schedule.best)
        event_log.close(finished=True)
    return checkpoint.history


class _Figures(keras.callbacks.Callback):
    """Notes the error, the rates an epoch was trained with, before the rule changes them, and the gradient's norm."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if isinstance(self.model.optimizer, MeasuredAdam):
            self.model.optimizer.gradient_norm.reset_state()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is None:
            return
        logs["val_error"] = 100.0 - logs["val_uar"]
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if hasattr(self.model, "discriminator_optimizer"):
            logs["d_learning_rate"] = float(self.model.discriminator_optimizer.learning_rate)
        if isinstance(self.model.optimizer, MeasuredAdam):
            logs["gradient_norm"] = float(self.model.optimizer.gradient_norm.result())


class MeasuredAdam(keras.optimizers.Adam):
    """Adam that notes the mean norm of what it was given, before it bounds it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.gradient_norm = keras.metrics.Mean()

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Notes and applies."""
        self.gradient_norm.update_state(tf.linalg.global_norm(grads))
        super().apply(grads, trainable_variables)
