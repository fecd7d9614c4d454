"""Asks a SavedModel in a process that has neither Keras nor kerasser: run as a file, never imported.

Usage: replay.py SAVED_MODEL REQUESTS.npz ANSWERS.npz. Keys are NUMBER/SIGNATURE/NAME; strings are in base64.
"""

import base64
import sys

# What TensorFlow itself brings must be enough, as it is on a server.
sys.modules["keras"] = sys.modules["kerasser"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(saved_model: str, requests: str, answers: str) -> None:
    """Answers every request in order."""
    asked: dict[tuple[int, str], dict[str, tf.Tensor]] = {}
    with np.load(requests, allow_pickle=False) as file:
        for key in file.files:
            number, signature, name = key.split("/")
            value = file[key]
            if value.dtype.kind == "S":
                value = np.vectorize(base64.b64decode, otypes=[object])(value)
            asked.setdefault((int(number), signature), {})[name] = tf.constant(value)
    signatures = tf.saved_model.load(saved_model).signatures
    answered = {}
    for (number, signature), inputs in sorted(asked.items()):
        for name, value in signatures[signature](**inputs).items():
            array = value.numpy()
            if array.dtype == object:
                array = np.vectorize(base64.b64encode, otypes=[object])(array).astype("S")
            answered[f"{number}/{signature}/{name}"] = array
    np.savez(answers, **answered)


if __name__ == "__main__":
    main(*sys.argv[1:])
