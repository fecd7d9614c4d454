"""Components: what they take and give (ComponentSpec), what they do (Executor), how they are wired (Channel)."""

from __future__ import annotations

import math
import types
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pipelines.engine.artifacts import Artifact, ArtifactType


class ComponentSpec:
    """The names a component knows; checked when a subclass is made.

    Attributes:
        PARAMETERS: From name to type, of what changes results. One whose type allows None may be left out.
        RUNTIME_PARAMETERS: The same for what changes no result (`workers`, `quiet`): no part of the cache key.
        INPUTS: From name to artifact type.
        LISTS: The same for inputs that are a list of channels, perhaps empty; an executor gets them by `several`.
        OUTPUTS: From name to artifact type; at least one.
    """

    PARAMETERS: ClassVar[Mapping[str, Any]] = {}
    RUNTIME_PARAMETERS: ClassVar[Mapping[str, Any]] = {}
    INPUTS: ClassVar[Mapping[str, ArtifactType]] = {}
    LISTS: ClassVar[Mapping[str, ArtifactType]] = {}
    OUTPUTS: ClassVar[Mapping[str, ArtifactType]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Checks names and kinds.

        Raises:
            TypeError: If a name is used twice or is no identifier, or a value is no type or artifact type.
        """
        super().__init_subclass__(**kwargs)
        seen: dict[str, str] = {"id": "the component's own id"}
        for place in ("PARAMETERS", "RUNTIME_PARAMETERS", "INPUTS", "LISTS", "OUTPUTS"):
            for name, kind in getattr(cls, place).items():
                where = f"{cls.__name__}.{place}[{name!r}]"
                if not isinstance(name, str) or not name.isidentifier():
                    raise TypeError(f"{where}: expected an identifier as a name. Received: {name!r}")
                if name in seen:
                    raise TypeError(f"{where}: expected a name of its own. Received: one that is {seen[name]}")
                if place.endswith("PARAMETERS") and not _is_type(kind):
                    raise TypeError(f"{where}: expected a type. Received: {kind!r}")
                if not place.endswith("PARAMETERS") and not isinstance(kind, ArtifactType):
                    raise TypeError(f"{where}: expected an ArtifactType. Received: {kind!r}")
                seen[name] = f"in {place} too"
        if not cls.OUTPUTS:
            raise TypeError(f"{cls.__name__}.OUTPUTS: expected at least one output. Received: none")


class Executor(ABC):
    """What a component does, away from how it is wired and cached.

    Attributes:
        seen: What `do` has read of the world outside the store, in the form of `fingerprint`. Where it differs from
            the fingerprint in the key, somebody edited a file in between, and the work is thrown away. None if `do`
            reads nothing there, or changes it.
    """

    seen: str | None = None

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Returns the modules whose code decides what `do` makes; its own, and so all that it imports, by default.

        A registry finds its members without an `import` that could be followed: whoever is told by a parameter which
        of them to use names its module here.
        """
        return [cls.__module__]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns what the cache key knows of the inputs: all of their contents by default.

        Whoever reads a part of an input hashes that part alone, so that an edit elsewhere does not run it again. What
        is left out must change nothing outside of volatile files.

        Args:
            inputs: Artifacts by input name.
            parameters: PARAMETERS and RUNTIME_PARAMETERS by name.

        Returns:
            Hashes by any names.
        """
        return {name: artifact.content_hash for name, artifact in inputs.items()}

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Returns the state of the world outside the store that `do` reads, for the cache key; none by default."""
        return ""

    @abstractmethod
    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Fills the output directories.

        A killed run leaves them as they were, and the next run of the same key is given them again: whoever wants to
        resume looks into them, and writes each file under another name before renaming it.

        Args:
            inputs: Artifacts by input name; never to be written to.
            outputs: An existing directory by output name.
            parameters: PARAMETERS and RUNTIME_PARAMETERS by name.

        Returns:
            Properties by output name, where there are any.

        Raises:
            InputError: If the user can mend it; what was written is then thrown away.
            UnfinishedError: If what was written holds all the same, and the next run is to go on from it.
        """


@dataclass(frozen=True, eq=False)
class Channel:
    """One output of one component, before there is an artifact."""

    component: Component
    output: str

    @property
    def type(self) -> ArtifactType:
        """The kind of artifact that will flow here."""
        return self.component.SPEC.OUTPUTS[self.output]


class Component:
    """A node of the pipeline; a subclass says which `SPEC` and which `EXECUTOR`.

    `Trainer(examples=gen.outputs["examples"], layers=2)` wires one.

    Args:
        id: Its name in this pipeline; the class name by default. Needed where a class is used twice.
        **arguments: A channel for each input, a value for each parameter.

    Raises:
        TypeError: If a name is missing or unknown, or a value or channel is of another type.
        ValueError: If a parameter cannot be part of a cache key.
    """

    SPEC: ClassVar[type[ComponentSpec]]
    EXECUTOR: ClassVar[type[Executor]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, base in (("SPEC", ComponentSpec), ("EXECUTOR", Executor)):
            value = getattr(cls, name, None)
            if not (isinstance(value, type) and issubclass(value, base)):
                raise TypeError(f"{cls.__name__}.{name}: expected a subclass of {base.__name__}. Received: {value!r}")

    def __init__(self, *, id: str | None = None, **arguments: Any) -> None:
        spec, name = self.SPEC, type(self).__name__
        self.id = name if id is None else id
        declared = {**spec.PARAMETERS, **spec.RUNTIME_PARAMETERS}
        optional = {key: None for key, kind in declared.items() if _accepts(kind, None)}
        arguments = {**optional, **arguments}
        expected = [*spec.INPUTS, *spec.LISTS, *declared]
        for problem, names in (
            ("unknown", [key for key in arguments if key not in expected]),
            ("missing", [key for key in expected if key not in arguments]),
        ):
            if names:
                raise TypeError(
                    f"{name}: expected the arguments {', '.join(expected) or 'none'}. "
                    f"Received: {problem} {', '.join(map(repr, names))}"
                )
        channels = {key: (arguments[key], type_) for key, type_ in spec.INPUTS.items()}
        for key, type_ in spec.LISTS.items():
            channels |= {f"{key}.{number}": (channel, type_) for number, channel in enumerate(arguments[key])}
        for key, (channel, type_) in channels.items():
            if not isinstance(channel, Channel) or channel.type != type_:
                received = repr(channel.type) if isinstance(channel, Channel) else repr(channel)
                raise TypeError(f"{name}.{key}: expected a channel of {type_!r}. Received: {received}")
        for key, kind in declared.items():
            if not _accepts(kind, arguments[key]):
                raise TypeError(f"{name}.{key}: expected {_spelled(kind)}. Received: {arguments[key]!r}")
            if kind is float:
                # 2 and 2.0 are one learning rate: they must not be two cache keys.
                arguments[key] = float(arguments[key])
        self.inputs: Mapping[str, Channel] = types.MappingProxyType({key: pair[0] for key, pair in channels.items()})
        self.parameters: Mapping[str, Any] = types.MappingProxyType({key: arguments[key] for key in declared})
        self.outputs: Mapping[str, Channel] = types.MappingProxyType({key: Channel(self, key) for key in spec.OUTPUTS})
        # Taken now, so that an executor that changes a list it was given does not change the key.
        self.key_parameters = {key: canonical(arguments[key], f"{name}.{key}") for key in spec.PARAMETERS}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


def several(inputs: Mapping[str, Artifact], name: str) -> list[Artifact]:
    """Returns the artifacts of an input that is a list, in the order of its channels."""
    return [artifact for key, artifact in inputs.items() if key.rpartition(".")[0] == name]


def canonical(value: Any, name: str = "value") -> Any:
    """Turns a value into what JSON can hold, the same for equal values in every process.

    Args:
        value: None, bool, int, float, str, Path, Enum, a dataclass, or a list, tuple or mapping of these.
        name: What to call it in the error.

    Returns:
        Something for `json.dumps`.

    Raises:
        ValueError: If it is anything else; a set has no order, and an object's repr may hold its address.
    """
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        # JSON has no infinity; a tagged one cannot be taken for the word.
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, Path):
        return value.as_posix()
    if is_dataclass(value) and not isinstance(value, type):
        content = {field.name: canonical(getattr(value, field.name), f"{name}.{field.name}") for field in fields(value)}
        return {"dataclass": type(value).__qualname__, "fields": content}
    if isinstance(value, list | tuple):
        return [canonical(item, f"{name}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): canonical(item, f"{name}[{key!r}]") for key, item in value.items()}
    raise ValueError(
        f"{name}: expected None, a bool, number, string, Path, Enum or dataclass, or a list or a mapping "
        f"by string of these. Received: {type(value).__name__}"
    )


def _is_type(kind: Any) -> bool:
    return kind is Any or isinstance(kind, type) or get_origin(kind) is not None


def _spelled(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and get_origin(kind) is None else str(kind)


def _accepts(kind: Any, value: Any) -> bool:
    """Tells whether a value is of a type; what is inside a container is not looked at."""
    origin = get_origin(kind) or kind
    if origin in (Union, types.UnionType):
        return any(_accepts(choice, value) for choice in get_args(kind))
    if origin is Literal:
        return value in get_args(kind)
    if origin is Any:
        return True
    if origin in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if origin is float else origin)
