"""What a training's log shows beside its curves: a few utterances, confusion matrices, settings and a model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasser.features.records import Example
from kerasser.models.layers import FrameNormalization
from kerasser.training.development import Answers, condition, padded
from kerasser.training.tensorboard.log import EventLog, plain, table
from kerasser.util.arrays import Array

#: Epochs between two looks at pictures, after the first epoch and before the last.
EVERY = 10


@dataclass(frozen=True)
class LoggedUtterance:
    """An utterance that the log shows.

    Attributes:
        own: The utterance, as the model's development speech holds it.
        adversarial: The same under environmental noise, where the training knows such.
        sounds: "original" and "adversarial" → float32 `[samples]`, 16 kHz; none where they cannot be heard.
    """

    own: Example
    adversarial: Example | None
    sounds: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class LogContents:
    """What is known of a training before it starts.

    Attributes:
        card: The model card, Markdown.
        settings: Name → value, nested.
        descriptors: Names of the features.
        classes: Names of the classes.
        utterances: Of development speakers.
    """

    card: str
    settings: Mapping[str, Any]
    descriptors: Sequence[str]
    classes: Sequence[str]
    utterances: Sequence[LoggedUtterance]


class LogWriter:
    """Shows it in TensorBoard as the training goes on.

    Args:
        contents: What there is.
        normalization: The model's, adapted.
        answers: Asks the model, as it is at the moment, about the development speakers.
        kept: The same of the model that is kept; `answers` by default.
        cleaner: From raw features to cleaned ones, `{"features", "lengths"}`, where the model cleans. Its training
            writes the errors of every epoch itself.
    """

    def __init__(
        self,
        contents: LogContents,
        normalization: FrameNormalization,
        answers: Callable[[], Answers],
        kept: Callable[[], Answers] | None = None,
        cleaner: Callable[[Mapping[str, Any]], Any] | None = None,
    ) -> None:
        self._contents, self._normalization, self._answers = contents, normalization, answers
        self._kept, self._cleaner = kept or answers, cleaner

    def begin(self, event_log: EventLog) -> None:
        """Shows what no epoch changes."""
        event_log.text("model_card", self._contents.card)
        event_log.text("configuration", table(self._contents.settings))
        event_log.hyperparameters(self._contents.settings)
        for number, logged in enumerate(self._contents.utterances, 1):
            for name, waveform in logged.sounds.items():
                event_log.sound(f"speech/{number}_{name}", waveform, 0, _described(logged))
        if self._cleaner is None:
            self._features(event_log, 0)

    def look(self, event_log: EventLog, step: int) -> None:
        """Shows the model as it is."""
        self._look(event_log, step, self._answers())

    def end(self, event_log: EventLog, step: int, dev_ua: float) -> None:
        """Shows the model that is kept, and what it reaches on development speakers under the training noise."""
        answers = self._kept()
        self._look(event_log, step, answers)
        event_log.scalar("final/dev_ua", dev_ua, step)
        for name, error in answers.errors().items():
            event_log.scalar(f"final/dev_error_{name}", error, step)

    def _look(self, event_log: EventLog, step: int, answers: Answers) -> None:
        # What trains does not need matplotlib; what draws does.
        from kerasser.training.tensorboard import pictures

        errors = answers.errors()
        for name, counts in answers.confusions().items():
            picture = pictures.confusion_matrix(counts, self._contents.classes, f"development speech, {name}")
            event_log.picture(f"confusion/{name}", picture, step)
            if self._cleaner is None and name in errors:
                event_log.scalar(f"error/dev_{name}", errors[name], step)
        if self._cleaner is not None:
            self._features(event_log, step)

    def _features(self, event_log: EventLog, step: int) -> None:
        from kerasser.training.tensorboard import pictures

        for number, logged in enumerate(self._contents.utterances, 1):
            heard = {condition(logged.own): logged.own.features}
            if logged.adversarial is not None:
                heard[_noise(logged.adversarial)] = logged.adversarial.features
            panels = {name: self._normalised(padded([frames])) for name, frames in heard.items()}
            if self._cleaner is not None:
                batch = padded([list(heard.values())[-1]])
                panels["cleaned"] = self._normalised({**batch, "features": self._cleaner(batch)})
            picture = pictures.heat_map(panels, self._contents.descriptors, f"utterance {number}")
            event_log.picture(f"features/{number}", picture, step, _described(logged))

    def _normalised(self, batch: Mapping[str, Any]) -> Array:
        result: Array = np.asarray(self._normalization(batch["features"], batch["lengths"]))[0]
        return result


def _noise(example: Example) -> str:
    """Returns what noise an example holds: its name and the signal-to-noise ratio."""
    snr_db = example.provenance["snr_db"]
    return f"{condition(example)}, " + ("nothing added" if snr_db is None else f"{snr_db:.1f} dB")


def _described(logged: LoggedUtterance) -> str:
    facts = f"{logged.own.id}, speaker {logged.own.speaker}, {logged.own.emotion}"
    return plain(facts + (f"; {_noise(logged.adversarial)}" if logged.adversarial else ""))


class EventLogCallback(keras.callbacks.Callback):
    """Writes an epoch's figures, and looks at the model after the first epoch and every tenth.

    Args:
        event_log: The log.
        tags: An epoch's figure → its tag.
        log_writer: Shows what stands beside them, if anything.
    """

    def __init__(self, event_log: EventLog, tags: Mapping[str, str], log_writer: LogWriter | None) -> None:
        super().__init__()
        self._event_log, self._tags, self._log_writer = event_log, tags, log_writer

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes."""
        for name, value in (logs or {}).items():
            if name in self._tags:
                self._event_log.scalar(self._tags[name], value, epoch)
        if self._log_writer is not None and epoch % EVERY == 0:
            self._log_writer.look(self._event_log, epoch)
        self._event_log.flush()


def asking(model: keras.Model, dimension: int) -> Callable[[Mapping[str, Any]], Any]:
    """Returns a model as a function of batches of any length, traced once.

    Args:
        model: From `{"features", "lengths"}`.
        dimension: Features per frame.
    """
    features = tf.TensorSpec((None, None, dimension), tf.float32)

    @tf.function(input_signature=[{"features": features, "lengths": tf.TensorSpec((None,), tf.int32)}])
    def ask(batch: Mapping[str, Any]) -> Any:
        return model(batch, training=False)

    traced: Callable[[Mapping[str, Any]], Any] = ask
    return traced
