"""Training: the paper's learning-rate rule, the best epoch, and resuming after a kill."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm.keras import TqdmCallback

from kerasser.board import CLASSIFIER_TAGS, Board
from kerasser.data import TrainingBatches
from kerasser.evaluation.metrics import UnweightedAverageRecall
from kerasser.showcase import BoardCallback, Show


class LearningRateRule(keras.callbacks.Callback):
    """Halves the learning rate after `patience` epochs without improvement; stops below `lowest` (paper, section 4).

    Args:
        monitor: Name of the figure watched; higher is better.
        patience: Epochs without improvement before the rate is halved.
        lowest: Training stops once the rate is below it.
    """

    def __init__(self, monitor: str = "val_uar", patience: int = 5, lowest: float = 1e-5) -> None:
        super().__init__()
        self.monitor, self.patience, self.lowest = monitor, patience, lowest
        self.best, self.best_epoch, self.wait = -np.inf, -1, 0
        self.best_weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the weights of the best epoch, and halves or stops."""
        value = (logs or {})[self.monitor]
        if value > self.best:
            self.best, self.best_epoch, self.wait = float(value), epoch, 0
            self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait < self.patience:
            return
        self.wait = 0
        self.stalled()

    def stalled(self) -> None:
        """Halves the rate, and stops below the lowest."""
        rate = float(self.model.optimizer.learning_rate) / 2
        self.model.optimizer.learning_rate = rate
        if rate < self.lowest:
            self.model.stop_training = True


class Convergence(LearningRateRule):
    """Stops after `patience` epochs without improvement; the rates stay as they are (paper, section 5.3)."""

    def stalled(self) -> None:
        """Stops."""
        self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Writes everything that training stands on after each epoch, in one file that is whole or absent.

    Keras' BackupAndRestore does not know the rule's state or the order of the batches.

    Args:
        path: The file, ending in ".npz".
        rule: The rule whose state goes along.
        epoch: The variable that tells the batches which epoch comes next.
    """

    def __init__(self, path: Path, rule: LearningRateRule, epoch: tf.Variable) -> None:
        super().__init__()
        self.path, self.rule, self.epoch = path, rule, epoch
        self.history: list[dict[str, float]] = []
        self.finished = False

    def _variables(self) -> list[Any]:
        # A GAN has a second optimiser.
        second = getattr(self.model, "discriminator_optimizer", None)
        optimizers = [self.model.optimizer, *([second] if second else [])]
        return [*self.model.variables, *(variable for optimizer in optimizers for variable in optimizer.variables)]

    def restore(self) -> int:
        """Returns the epoch to begin with, after restoring what an earlier run had reached."""
        if not self.path.exists():
            return 0
        with np.load(self.path, allow_pickle=False) as saved:
            state = json.loads(str(saved["state"]))
            for number, variable in enumerate(self._variables()):
                variable.assign(saved[f"variable_{number}"])
            self.rule.best_weights = [saved[f"best_{number}"] for number in range(state["weights"])]
        self.rule.best, self.rule.best_epoch, self.rule.wait = state["best"], state["best_epoch"], state["wait"]
        self.history, self.finished = state["history"], state["finished"]
        return len(self.history)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Chooses this epoch's order."""
        self.epoch.assign(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Saves variables, optimiser, rule and history together."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch, **row})
        state = {
            "best": self.rule.best,
            "best_epoch": self.rule.best_epoch,
            "wait": self.rule.wait,
            "weights": len(self.rule.best_weights),
            "history": self.history,
            "finished": bool(self.model.stop_training),
        }
        arrays = {f"variable_{number}": np.asarray(variable) for number, variable in enumerate(self._variables())}
        arrays |= {f"best_{number}": weight for number, weight in enumerate(self.rule.best_weights)}
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)
        os.replace(part, self.path)


def fit(
    model: keras.Model,
    train: TrainingBatches,
    dev: tf.data.Dataset,
    *,
    work_dir: Path,
    log_dir: Path | None = None,
    show: Show | None = None,
    classes: int = 2,
    learning_rate: float = 0.002,
    patience: int = 5,
    lowest_rate: float = 1e-5,
    epochs: int = 200,
    gradient_norm: float = 1.0,
    quiet: bool = True,
) -> list[dict[str, float]]:
    """Trains a classifier and leaves it with the weights of its best epoch on the development speakers.

    Args:
        model: From `kerasser.models.classifier.build`, normalisation adapted.
        train: Training batches.
        dev: Batches of the development speakers, which steer the learning rate.
        work_dir: Holds `checkpoint.npz`; a second call with the same arguments goes on from it.
        log_dir: Where TensorBoard's event files go, if there are to be any; they change nothing else.
        show: What they hold beside the curves.
        classes: Number of classes.
        learning_rate: First learning rate of Adam.
        patience: Epochs without improvement before the rate is halved.
        lowest_rate: Training stops below it.
        epochs: Training stops after so many epochs in any case.
        gradient_norm: Largest norm of a gradient, which keeps long utterances from exploding.
        quiet: No progress bar; there is none either where standard error is no terminal.

    Returns:
        One row an epoch: `epoch`, `loss`, `uar`, `val_loss`, `val_uar`, `val_error`, `learning_rate`, `gradient_norm`.
    """
    trained = keras.Model(model.inputs, model.get_layer("logits").output)
    optimizer = MeasuredAdam(learning_rate, global_clipnorm=gradient_norm)
    trained.compile(
        optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[UnweightedAverageRecall(classes)],
        jit_compile=False,
    )
    optimizer.build(trained.trainable_variables)
    return run_epochs(
        trained,
        train.dataset,
        train.epoch,
        LearningRateRule(patience=patience, lowest=lowest_rate),
        path=work_dir / "checkpoint.npz",
        log_dir=log_dir,
        tags=CLASSIFIER_TAGS,
        show=show,
        epochs=epochs,
        validation=dev,
        quiet=quiet,
    )


def run_epochs(
    model: keras.Model,
    dataset: tf.data.Dataset,
    epoch: tf.Variable,
    rule: LearningRateRule,
    *,
    path: Path,
    epochs: int,
    log_dir: Path | None = None,
    tags: Mapping[str, str] = CLASSIFIER_TAGS,
    show: Show | None = None,
    validation: tf.data.Dataset | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    title: str = "training",
    quiet: bool = True,
) -> list[dict[str, float]]:
    """Trains a compiled model until its rule stops it, and leaves it with the weights of its best epoch.

    Args:
        model: Compiled, its optimisers built.
        dataset: Training batches.
        epoch: The variable that chooses their order.
        rule: Keeps the best epoch, and stops.
        path: The checkpoint, ending in ".npz"; where there is one, training goes on from it.
        epochs: Training stops after so many epochs in any case.
        log_dir: Where TensorBoard's event files go, if there are to be any.
        tags: An epoch's figure → its name there.
        show: What they hold beside the figures.
        validation: Batches of the development speakers, where the model measures itself on them.
        callbacks: What measures an epoch otherwise; called before the rule.
        title: What the progress bar says.
        quiet: No progress bar.

    Returns:
        One row an epoch: `epoch`, the model's figures, those of the callbacks and the learning rates.
    """
    checkpoint = Checkpoint(path, rule, epoch)
    checkpoint.set_model(model)
    start = checkpoint.restore()
    board = Board(log_dir, start) if log_dir else None
    if board and show and not start:
        show.begin(board)
    if not checkpoint.finished and start < epochs:
        called = [*callbacks, _Figures(), rule]
        called += [BoardCallback(board, tags, show)] if board else []
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
    model.set_weights(rule.best_weights)
    if board:
        if show:
            show.end(board, len(checkpoint.history), rule.best)
        board.close(finished=True)
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
