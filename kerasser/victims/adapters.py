"""Victims by name: a SavedModel or a Keras model on disk, a TF Serving endpoint, a Python function."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ, sha256
from kerasser.features.base import EGEMAPS_NAMES
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError, UnfinishedError
from kerasser.victims.base import Ask, Recogniser, describe

CALLABLE, SERVER, KERAS, SAVED_MODEL = "callable", "server", "keras", "saved_model"
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
#: Signatures of our SavedModels → those that take frames of any lengths and name the classes.
_OURS = {"serving_default": "serialized", "undefended": "serialized_undefended"}
_EXPECTED = "a SavedModel, a .keras file, http://HOST:PORT, grpc://HOST:PORT or module:function"


@dataclass(frozen=True)
class Target:
    """Who is attacked, and how it is asked.

    Attributes:
        model: A folder, a `.keras` file, a server's URL, or `module:function`.
        input: One of `victims.INPUTS`; by default "waveform" for a function, "frames" for all else.
        classes: Class names in the order of the answers; () where the model says them itself.
        signature: Which signature of a SavedModel or server answers.
        served: Name of the model on a server.
        version: Version of the model on a server; its newest by default.
        deadline_s: Seconds for a request to a server, with all its repetitions.
    """

    model: str
    input: str | None = None
    classes: tuple[str, ...] = ()
    signature: str = "serving_default"
    served: str | None = None
    version: int | None = None
    deadline_s: float = 60.0

    @property
    def kind(self) -> str:
        """What it is: "callable", "server", "keras" or "saved_model".

        Raises:
            InputError: If it is none of them.
        """
        if "://" in self.model:
            return SERVER
        if Path(self.model).is_file() and self.model.endswith(".keras"):
            return KERAS
        if self.model and Path(self.model).is_dir():
            return SAVED_MODEL
        if _FUNCTION.fullmatch(self.model):
            return CALLABLE
        raise InputError(f"victim.model: expected {_EXPECTED}. Received: {self.model or 'none'}")

    @property
    def input_kind(self) -> str:
        """What it takes, one of `victims.INPUTS`."""
        return self.input or ("waveform" if self.kind == CALLABLE else "frames")

    def fingerprint(self) -> str:
        """Returns a SHA-256 of the model's files, or of the source file of a function's module; "" for a server.

        Raises:
            InputError: If there is no such module.
        """
        if self.kind == SERVER:
            return ""
        if self.kind == CALLABLE:
            return sha256(_source(self.model.partition(":")[0]))
        path = Path(self.model)
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        contents = [(file.relative_to(path).as_posix(), sha256(file)) for file in files]
        return hashlib.sha256(repr(contents).encode()).hexdigest()


def victim(target: Target, workers: int = 0) -> Recogniser:
    """Opens a victim.

    Args:
        target: Who it is.
        workers: Threads that extract features; 0 takes every core.

    Raises:
        InputError: If it cannot be loaded or reached, takes something else, or nobody says its classes.
    """
    opened = {CALLABLE: _function, SERVER: _server, KERAS: _keras, SAVED_MODEL: _saved_model}[target.kind](target)
    names, ask = opened
    if names is None and not target.classes:
        raise InputError(
            f"victim.classes: expected class names, in order; {target.model} says none; one (sigmoid) output is the "
            "probability of the second of two. Received: none"
        )
    if names is not None and target.classes and tuple(names) != target.classes:
        raise InputError(
            f"victim.classes: expected {list(names)}, as {target.model} says. Received: {list(target.classes)}"
        )
    return Recogniser(target.model, target.input_kind, names or target.classes, ask, workers)


def newest_version(target: Target) -> int:
    """Returns the version that a server answers with, so that a whole run can ask the same.

    Raises:
        InputError: If the server cannot be reached or has no such model.
    """
    version: int = _connected(target).newest_version()
    return version


Opened = tuple[Sequence[str] | None, Ask]


def _function(target: Target) -> Opened:
    """Imports a function; what it raises later is said in one line."""
    module, _, name = target.model.partition(":")
    _source(module)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise InputError(f"{target.model}: importing {module} raised {describe(error)}") from error
    if not callable(found):
        received = "nothing of that name" if found is None else type(found).__name__
        raise InputError(f"{target.model}: expected a function. Received: {received}")

    def ask(heard: Sequence[Array]) -> object:
        try:
            if target.input_kind == "waveform":
                return found(list(heard), SAMPLE_RATE_HZ)
            return found(np.stack(heard) if target.input_kind == "functionals" else list(heard))
        except Exception as error:
            raise UnfinishedError(f"{target.model} raised {describe(error)}") from error

    return getattr(found, "classes", None), ask


def _source(module: str) -> Path:
    """Returns a module's file, from the current directory or the environment."""
    # `python -m` has it already; it stays, since a function may import its neighbours when it is called.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        spec = importlib.util.find_spec(module)
    except Exception as error:
        raise InputError(f"victim.model: {module}: its package raised {describe(error)}") from error
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise InputError(
            f"victim.model: expected a module in the current directory or the environment. Received: {module}"
        )
    return Path(spec.origin)


def _server(target: Target) -> Opened:
    """Connects to a TF Serving that serves one of our SavedModels."""
    return ours(target, _connected(target), UnfinishedError)


def _connected(target: Target) -> Any:
    from kerasser.serving import client

    if target.served is None:
        raise InputError("victim.served: expected the name of the model on the server. Received: none")
    return client.connect(target.model, target.served, target.version, target.deadline_s)


def ours(target: Target, model: Any, failure: type[InputError]) -> Opened:
    """Asks a model of ours, which takes frames of any lengths and names the classes of every answer.

    Args:
        target: Which signature answers.
        model: On disk or on a server: see `kerasser.serving.client.Model`.
        failure: What its errors become.

    Raises:
        InputError: If it is asked about anything but frames, or has no such signature.
    """
    if target.input_kind != "frames":
        raise InputError(f"victim.input: expected frames, which {target.model} takes. Received: {target.input_kind}")
    signature = _OURS.get(target.signature, target.signature)
    (first,) = model.answer([np.zeros((100, len(EGEMAPS_NAMES)), np.float32)], signature)
    classes = tuple(first.probabilities)

    def ask(heard: Sequence[Array]) -> object:
        try:
            answers = model.answer(heard, signature)
        except InputError as error:
            raise failure(str(error)) from error
        return [[answer.probabilities.get(name, np.nan) for name in classes] for answer in answers]

    return classes, ask


def _keras(target: Target) -> Opened:
    from kerasser.victims import networks

    return None, networks.keras_model(target.model, target.input_kind)


def _saved_model(target: Target) -> Opened:
    """Loads a SavedModel, one of ours or anybody's."""
    from kerasser.serving import client
    from kerasser.victims import networks

    model = client.LocalModel(Path(target.model))
    if "serialized" in model.signatures:
        return ours(target, model, InputError)
    return None, networks.saved_model(model.signatures, target.signature, target.model, target.input_kind)
