"""A SavedModel on disk, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.serving.client.answers import Answer, Model, answers, one_line
from kerasser.util.errors import InputError


class LocalModel(Model):
    """A SavedModel on disk, without a server.

    Args:
        directory: The SavedModel.

    Raises:
        InputError: If it cannot be loaded.
    """

    def __init__(self, directory: Path) -> None:
        import tensorflow as tf

        self._directory = directory
        try:
            self._loaded = tf.saved_model.load(str(directory))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise InputError(f"{directory}: expected a SavedModel. Received: {one_line(str(error))}") from error

    @property
    def signatures(self) -> Mapping[str, Any]:
        """Its signatures, by name; they live as long as this object does."""
        signatures: Mapping[str, Any] = self._loaded.signatures
        return signatures

    def offered(self) -> frozenset[str]:
        """Returns the names of its signatures."""
        return frozenset(self.signatures)

    def _ask(self, name: str, strings: Sequence[bytes], signature: str) -> list[Answer]:
        import tensorflow as tf

        signatures = self._loaded.signatures
        if signature not in signatures:
            raise InputError(
                f"{self._directory}: expected the signature {signature}. Received: {', '.join(sorted(signatures))}"
            )
        try:
            outputs = signatures[signature](**{name: tf.constant(strings, tf.string)})
        except tf.errors.OpError as error:
            raise InputError(f"{self._directory}: {one_line(error.message)}") from error
        made = {output: value.numpy() for output, value in outputs.items()}
        return answers(made["label"], made["classes"], made["probabilities"])
