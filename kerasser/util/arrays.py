"""The type of arrays in annotations; docstrings say shape, unit and range."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

#: A NumPy array of any type and shape.
Array = npt.NDArray[Any]
