"""Networks as victims: a Keras model or a SavedModel that takes frames, functionals or waveforms as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Registers the layers of our own models.
import kerasser.models.gan  # noqa: F401
from kerasser.features.base import EGEMAPS_NAMES, FUNCTIONALS
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError
from kerasser.victims.base import Ask, describe


def keras_model(path: str, input_kind: str) -> Ask:
    """Loads a `.keras` file; whatever would run code from the file is refused.

    Args:
        path: The file.
        input_kind: One of `victims.INPUTS`.

    Raises:
        InputError: If it cannot be loaded, or takes something else.
    """
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise InputError(f"{path}: expected a Keras model. Received: {describe(error)}") from error
    return network(model, path, input_kind)


def network(model: keras.Model, name: str, input_kind: str) -> Ask:
    """Asks a Keras model.

    Args:
        model: With inputs that are known, as every functional or built sequential model has.
        name: What an error calls it.
        input_kind: One of `victims.INPUTS`.

    Raises:
        InputError: If it takes something else.
    """
    if not getattr(model, "inputs", None):
        raise InputError(f"{name}: expected a model with inputs that are known. Received: one that is not built")
    tensors = list(model.inputs)
    call = tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)

    def run(inputs: Mapping[str, Any]) -> Any:
        values = [tf.cast(inputs[tensor.name], tensor.dtype) for tensor in tensors]
        return call(values[0] if len(values) == 1 else keras.tree.pack_sequence_as(model.input, values))

    return _graph(name, input_kind, {tensor.name: tuple(tensor.shape) for tensor in tensors}, run)


def saved_model(signatures: Mapping[str, Any], chosen: str, path: str, input_kind: str) -> Ask:
    """Asks a signature of a SavedModel.

    Args:
        signatures: Those that it has.
        chosen: Name of the one to ask.
        path: Where it lies.
        input_kind: One of `victims.INPUTS`.

    Raises:
        InputError: If there is no such signature, or it takes something else.
    """
    if chosen not in signatures:
        known = ", ".join(sorted(signatures)) or "those that it has, none,"
        raise InputError(f"victim.signature: expected one of {known} in {path}. Received: {chosen}")
    signature = signatures[chosen]
    specs = signature.structured_input_signature[1]

    def run(inputs: Mapping[str, Any]) -> Any:
        return signature(**{name: tf.cast(value, specs[name].dtype) for name, value in inputs.items()})

    shapes = {name: None if spec.shape.rank is None else tuple(spec.shape) for name, spec in specs.items()}
    return _graph(path, input_kind, shapes, run)


def _graph(
    model: str,
    input_kind: str,
    shapes: Mapping[str, tuple[int | None, ...] | None],
    run: Callable[[Mapping[str, Any]], Any],
) -> Ask:
    """Asks a network that takes tensors.

    With `lengths` beside `features`, batches are padded. With one input they are not, since a network that does not
    know the lengths would hear the padding: speech of one length is asked about together. Only a network whose input
    has a fixed length is given zeros at the end, or the beginning alone.

    Args:
        model: What an error calls it.
        input_kind: One of `victims.INPUTS`.
        shapes: Input name → shape, None where it is unknown.
        run: From tensors by name to outputs.
    """
    dimensions = {"waveform": (), "frames": (len(EGEMAPS_NAMES),), "functionals": ()}[input_kind]
    timed, with_lengths = input_kind != "functionals", set(shapes) == {"features", "lengths"}
    wanted: list[tuple[int | None, ...]] = [(None, None, *dimensions) if timed else (None, FUNCTIONALS)]
    if input_kind == "waveform":
        wanted.append((None, None, 1))
    name = "features" if with_lengths else next(iter(shapes), "")
    shape = shapes.get(name)
    fitting = [form for form in wanted if _fits(shape, form)]
    if not (len(shapes) == 1 or (with_lengths and input_kind == "frames")) or not fitting:
        forms = " or ".join(_spelled(form) for form in wanted)
        more = ", perhaps with lengths" if input_kind == "frames" else ""
        found = ", ".join(f"{key} {_spelled(value)}" for key, value in shapes.items())
        raise InputError(f"{model}: expected an input {forms} for {input_kind}{more}. Received: {found}")
    length = shape[1] if timed and shape is not None else None

    def answers(items: Sequence[Array]) -> Array:
        inputs: dict[str, Any] = {name: _padded(items, length) if timed else np.stack(items)}
        if with_lengths:
            inputs["lengths"] = np.array([min(len(item), length or len(item)) for item in items], np.int32)
        elif len(fitting[0]) == 3 and input_kind == "waveform":
            inputs[name] = inputs[name][:, :, None]
        try:
            # A network that squeezes its answer leaves no dimension of a single one.
            answered: Array = np.atleast_1d(np.asarray(_probabilities(run(inputs), model)))
            return answered
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{model}: {describe(error)}") from error

    def ask(heard: Sequence[Array]) -> object:
        if with_lengths or not timed or length is not None:
            return answers(heard)
        groups: dict[int, list[int]] = {}
        for number, item in enumerate(heard):
            groups.setdefault(len(item), []).append(number)
        rows: list[Any] = [None] * len(heard)
        for members in groups.values():
            answered = answers([heard[number] for number in members])
            if len(answered) != len(members):
                return answered
            for number, row in zip(members, answered, strict=True):
                rows[number] = row
        return rows

    return ask


def _padded(items: Sequence[Array], length: int | None) -> Array:
    """Returns items of any lengths as one float32 array, zeros to their right, no longer than a fixed length."""
    size = length or max(len(item) for item in items)
    batch = np.zeros((len(items), size, *items[0].shape[1:]), np.float32)
    for row, item in zip(batch, items, strict=True):
        row[: len(item)] = item[:size]
    return batch


def _probabilities(outputs: Any, name: str) -> Any:
    """Returns the output that holds probabilities: the one of that name, or the only one."""
    if isinstance(outputs, Mapping):
        if "probabilities" in outputs:
            return outputs["probabilities"]
        if len(outputs) != 1:
            raise InputError(
                f"{name}: expected an output named probabilities, or a single one. Received: {', '.join(outputs)}"
            )
        return next(iter(outputs.values()))
    if isinstance(outputs, list | tuple) and len(outputs) == 1:
        return outputs[0]
    return outputs


def _fits(shape: tuple[int | None, ...] | None, form: tuple[int | None, ...]) -> bool:
    if shape is None:
        return True
    pairs = zip(shape, form, strict=False)
    return len(shape) == len(form) and all(one is None or other is None or one == other for one, other in pairs)


def _spelled(shape: tuple[int | None, ...] | None) -> str:
    return "?" if shape is None else f"[{', '.join('…' if size is None else str(size) for size in shape)}]"
