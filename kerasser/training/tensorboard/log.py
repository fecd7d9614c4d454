"""TensorBoard's event files: scalars, pictures, sounds, text and hyperparameters, under names that people expect.

TensorBoard's own writer is used, not `tf.summary`: nothing here runs an operation of the graph or draws a number, so a
training is the same with and without it.
"""

from __future__ import annotations

import io
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.audio import metadata as audio_metadata
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_v1
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import summary_v2 as scalars
from tensorboard.plugins.text import summary_v2 as texts
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from kerasser.audio import SAMPLE_RATE_HZ, clip
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: An epoch's figure → its tag, for a classifier; figures that are not named are not shown.
CLASSIFIER_TAGS = {
    "loss": "loss/train",
    "val_loss": "loss/dev",
    "uar": "uar/train",
    "val_uar": "uar/dev",
    "val_error": "error/dev",
    "learning_rate": "learning_rate/classifier",
    "gradient_norm": "gradient_norm/classifier",
}
#: The same for a classifier that is to answer an utterance's versions alike.
CONSISTENCY_TAGS = {
    **CLASSIFIER_TAGS,
    "cross_entropy": "loss/cross_entropy",
    "divergence": "loss/divergence",
}
#: The same for the generator alone and for the GAN.
GAN_TAGS = {
    "d_real": "loss/d_real",
    "d_fake": "loss/d_fake",
    "g_adversarial": "loss/g_adversarial",
    "g_reconstruction": "loss/g_reconstruction",
    "d_accuracy": "accuracy/discriminator",
    "val_uar": "uar/dev",
    "val_error": "error/dev",
    "val_error_clean": "error/dev_clean",
    "val_error_adversarial": "error/dev_adversarial",
    "learning_rate": "learning_rate/generator",
    "d_learning_rate": "learning_rate/discriminator",
    "g_gradient_norm": "gradient_norm/generator",
    "d_gradient_norm": "gradient_norm/discriminator",
}


class EventLog:
    """The log of one training.

    Args:
        place: Folder of the event files.
        start: Epoch that comes next. A training that begins at 0 replaces the event files of an older one in this
            folder; one that goes on makes TensorBoard forget what was logged of this epoch and those after it.

    Raises:
        InputError: If nothing can be written there.
    """

    def __init__(self, place: Path, start: int = 0) -> None:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{place}: expected a folder to log into. Received: {error.strerror}") from error
        if not os.access(place, os.W_OK):
            raise InputError(f"{place}: expected a folder to log into. Received: one that cannot be written to")
        earlier = list(place.glob("events.out.tfevents.*"))
        if not start:
            for old in earlier:
                old.unlink()
        elif earlier:
            # Files are read in the order of their names, which begin with the second they were made in.
            newest = max(int(old.name.split(".")[3]) for old in earlier)
            time.sleep(min(max(newest + 1 - time.time(), 0.0), 1.0))
        self._writer = EventFileWriter(str(place))
        log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=start, session_log=log))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Adds a point to a curve."""
        self._write(scalars.scalar_pb(tag, float(value)), step)

    def picture(self, tag: str, png: bytes, step: int, description: str = "") -> None:
        """Adds a PNG; the description is Markdown."""
        # Width and height open the first chunk of every PNG.
        width, height = struct.unpack(">II", png[16:24])
        metadata = image_metadata.create_summary_metadata(None, description)
        self._tensor(tag, np.array([str(width).encode(), str(height).encode(), png], object), metadata, step)

    def sound(self, tag: str, waveform: Array, step: int, description: str = "") -> None:
        """Adds a waveform, float32 `[samples]` in [−1, 1 − 2⁻¹⁵] at 16 kHz, as WAV; the description is Markdown."""
        file = io.BytesIO()
        soundfile.write(file, clip(waveform)[0], SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
        metadata = audio_metadata.create_summary_metadata(None, description, audio_metadata.Encoding.Value("WAV"))
        self._tensor(tag, np.array([[file.getvalue(), b""]], object), metadata, step)

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Adds a text in Markdown."""
        self._write(texts.text_pb(tag, markdown), step)

    def hyperparameters(self, values: Mapping[str, Any]) -> None:
        """Opens a row of the HParams page; its metrics are the scalars of this folder."""
        self._write(hparams.hparams_pb(flat(values)), 0)

    def close(self, *, finished: bool = False) -> None:
        """Writes what is left; a finished training closes its row of the HParams page."""
        if finished:
            self._write(hparams_v1.session_end_pb(api_pb2.STATUS_SUCCESS), 0)
        self._writer.close()

    def flush(self) -> None:
        """Lets readers see what there is so far."""
        self._writer.flush()

    def _tensor(self, tag: str, value: Array, metadata: Any, step: int) -> None:
        summary = summary_pb2.Summary()
        summary.value.add(tag=tag, metadata=metadata, tensor=tensor_util.make_tensor_proto(value, dtype=np.object_))
        self._write(summary, step)

    def _write(self, summary: Any, step: int) -> None:
        # The package's `_pb` functions return TensorFlow's message; TensorBoard's writer takes its own.
        own = summary_pb2.Summary.FromString(summary.SerializeToString())
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=own))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Returns nested settings as `section.name` → a number, a bool or a string, as the HParams page takes them."""
    found: dict[str, bool | int | float | str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def table(values: Mapping[str, Any]) -> str:
    """Returns settings as a table in Markdown."""
    rows = [f"| {plain(name)} | {plain(value)} |" for name, value in flat(values).items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def plain(value: Any) -> str:
    """Returns a value as Markdown that reads as it stands: names from data break no table and make no HTML."""
    text = " ".join(str(value).split())
    return "".join("\\" + character if character in "\\`*_{}[]<>#|!" else character for character in text)
