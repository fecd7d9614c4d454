"""A package that can be called: `kerasser.attack(…)` beside `from kerasser.attack.budget import Budget`.

Python binds a package's name in its parent as soon as anything below it is imported, so that a function of the same
name in the parent would come and go. The package itself is called instead.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package that passes calls on to a function, imported at the first of them."""

    #: The function, as `module:name`.
    _target: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        return self._function(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the function, for `help` and editors."""
        return inspect.signature(self._function)

    @property
    def _function(self) -> Any:
        module, _, name = self._target.partition(":")
        return getattr(importlib.import_module(module), name)


def make_callable(package: str, target: str) -> None:
    """Lets a package that is being imported be called.

    Args:
        package: Its `__name__`.
        target: The function that is called, as `module:name`. A name, not the function: the package stands below the
            module that uses it.
    """
    module = sys.modules[package]
    module.__class__ = CallablePackage
    module.__dict__["_target"] = target
