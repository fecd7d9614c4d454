"""Channels that speech passes on its way to a recogniser, one file each: what they do to it, and how much.

A module of this package that has a `CHANNEL` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from types import ModuleType

from kerasser.attack.channels.base import Options, Passed, Transmission
from kerasser.util.errors import InputError

__all__ = ["Options", "Passed", "Transmission", "chosen", "get", "known", "modules", "refuse", "spelled"]

_OTHERS = frozenset({"base", "coding"})
#: Between the name of a channel and one of its levels: "reverberation@0.6".
_AT = "@"


@cache
def _modules() -> dict[str, ModuleType]:
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name not in _OTHERS]
    found = [importlib.import_module(f"{__name__}.{name}") for name in names]
    channels = {module.CHANNEL.name: module for module in found if hasattr(module, "CHANNEL")}
    return dict(sorted(channels.items(), key=lambda item: (item[1].CHANNEL.place, item[0])))


@cache
def known() -> dict[str, Transmission]:
    """Returns the channels by name, in the order of reports."""
    return {name: module.CHANNEL for name, module in _modules().items()}


def get(name: str) -> Transmission:
    """Returns a channel by its name.

    Raises:
        InputError: If there is none.
    """
    if name not in known():
        raise InputError(f"channel: expected one of {', '.join(known())}. Received: {name!r}")
    return known()[name]


def modules(names: Iterable[str]) -> list[str]:
    """Returns the modules of some channels, for the keys of a cache."""
    return [_modules()[name].__name__ for name in dict.fromkeys(names) if name in _modules()]


def chosen(specs: Sequence[str]) -> list[tuple[str, float]]:
    """Returns the channels and levels that are meant, in the order of reports.

    Args:
        specs: "telephone" for all default levels of a channel, "reverberation@0.6" for one level.

    Raises:
        InputError: If there is no such channel or level, or one stands there twice.
    """
    found: list[tuple[str, float]] = []
    for spec in specs:
        name, at, level = spec.partition(_AT)
        channel = get(name.strip())
        for each in [_level(spec, level)] if at else channel.levels:
            channel.check(each)
            if (channel.name, each) in found:
                raise InputError(f"channels: expected each once. Received: {channel.name}{_AT}{each:g} twice")
            found.append((channel.name, each))
    order = list(known())
    return sorted(found, key=lambda pair: (order.index(pair[0]), known()[pair[0]].severity(pair[1])))


def refuse(names: Iterable[str], levels: Sequence[tuple[str, float]], options: Options) -> None:
    """Refuses channels that cannot be made here.

    Args:
        names: The channels.
        levels: Pairs of channel and level.
        options: What they are given beside.

    Raises:
        InputError: If a package or a recording is missing.
    """
    for name in dict.fromkeys(names):
        get(name).refuse([level for other, level in levels if other == name], options)


def spelled(name: str, level: float) -> str:
    """Returns a channel at a level as people read it: "room, RT60 0.6 s"."""
    return get(name).spell(level)


def _level(spec: str, text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not math.isfinite(level):
        raise InputError(f"channels: expected a number behind the {_AT}, as in reverberation@0.6. Received: {spec!r}")
    # Adding zero makes of -0.0 what it is.
    return level + 0.0
