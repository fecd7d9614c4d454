"""Measures what real-world noise does to a speech emotion recogniser, and what a defence gives back.

What is named here is loaded when it is first used; `__init__.pyi` says its types.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

#: Name → where it comes from. `attack` and `features` are packages that can be called.
_PLACES = {
    "Alarm": "kerasser.evaluation.alarms",
    "Budget": "kerasser.attack.budget",
    "Channel": "kerasser.attack.budget",
    "Defended": "kerasser.api.victims",
    "Epsilon": "kerasser.attack.budget",
    "InputError": "kerasser.util.errors",
    "Noise": "kerasser.api.noise",
    "Result": "kerasser.api.result",
    "SNR": "kerasser.attack.budget",
    "Speech": "kerasser.api.speech",
    "Target": "kerasser.victims.adapters",
    "load_corpus": "kerasser.api.speech",
    "load_noise": "kerasser.api.noise",
    "reference_noise": "kerasser.noise.estimation",
}
_CALLABLE = ("attack", "features")

__all__ = [*sorted([*_PLACES, *_CALLABLE]), "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _CALLABLE:
        return import_module(f"{__name__}.{name}")
    if name in _PLACES:
        found = getattr(import_module(_PLACES[name]), name)
        # Once is enough: the next time it is an attribute like any other.
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
