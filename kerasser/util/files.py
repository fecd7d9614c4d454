"""Files that are whole or absent, even if the machine loses power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(part: Path, path: Path) -> None:
    """Gives a finished file its name, once its bytes are on the disk: a rename may reach it before they do."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields where to write a file that takes its name when it is finished.

    Args:
        path: The file; one that is there already stays until then, and for good if writing fails.

    Yields:
        A path beside it, always the same one, so that what a killed run left is written over.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
