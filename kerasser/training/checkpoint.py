"""Everything that a training stands on, in one file that is whole or absent."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasser.training.schedule import Schedule
from kerasser.util import progress
from kerasser.util.files import whole


class Checkpoint(keras.callbacks.Callback):
    """Writes everything that training stands on after each epoch, in one file that is whole or absent.

    Keras' BackupAndRestore does not know the rule's state or the order of the batches.

    Args:
        path: The file, ending in ".npz".
        schedule: Whose state goes along.
        epoch: The variable that tells the batches which epoch comes next.
    """

    def __init__(self, path: Path, schedule: Schedule, epoch: tf.Variable) -> None:
        super().__init__()
        self.path, self.schedule, self.epoch = path, schedule, epoch
        self.history: list[dict[str, float]] = []
        self.finished = False

    def _variables(self) -> list[Any]:
        # A GAN has a second optimiser.
        second = getattr(self.model, "discriminator_optimizer", None)
        optimizers = [self.model.optimizer, *([second] if second else [])]
        return [*self.model.variables, *(variable for optimizer in optimizers for variable in optimizer.variables)]

    def restore(self) -> int:
        """Returns the epoch to begin with, after restoring what an earlier run had reached.

        A file that cannot be read, for the machine died or the disk failed, is said in one line and counts as none.
        """
        if not self.path.exists():
            return 0
        variables = self._variables()
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                state = json.loads(str(saved["state"]))
                values = [saved[f"variable_{number}"] for number in range(len(variables))]
                best = [saved[f"best_{number}"] for number in range(state["weights"])]
            if any(value.shape != tuple(variable.shape) for value, variable in zip(values, variables, strict=True)):
                raise ValueError("weights of another network")
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            progress.say(f"{self.path}: expected a checkpoint. Received: {reason}; the training starts anew")
            self.path.unlink()
            return 0
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.schedule.best_weights = best
        self.schedule.best, self.schedule.best_epoch, self.schedule.wait = (
            state["best"],
            state["best_epoch"],
            state["wait"],
        )
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
            "best": self.schedule.best,
            "best_epoch": self.schedule.best_epoch,
            "wait": self.schedule.wait,
            "weights": len(self.schedule.best_weights),
            "history": self.history,
            "finished": bool(self.model.stop_training),
        }
        arrays: dict[str, Any] = {
            f"variable_{number}": np.asarray(variable) for number, variable in enumerate(self._variables())
        }
        arrays |= {f"best_{number}": weight for number, weight in enumerate(self.schedule.best_weights)}
        with whole(self.path) as part, part.open("wb") as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)
