"""Versions of a model as TF Serving finds them: folders with integer names, each whole from the moment it is seen."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from kerasser.util.errors import InputError

_WITHDRAWN = ".withdrawn"


def versions(base: Path) -> list[int]:
    """Returns the versions that a server would find in a model's folder, ascending."""
    return sorted(int(path.name) for path in _folders(base) if path.name.isascii() and path.name.isdigit())


def withdrawn(base: Path) -> list[int]:
    """Returns the versions that were rolled back and are kept out of a server's sight, ascending."""
    names = [path.name.removesuffix(_WITHDRAWN) for path in _folders(base) if path.name.endswith(_WITHDRAWN)]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def withdrawn_path(base: Path, version: int) -> Path:
    """Returns where a version that was rolled back lies."""
    return base / f"{version}{_WITHDRAWN}"


def publish(source: Path, base: Path) -> int:
    """Copies a SavedModel to a model's folder as a new version.

    It is copied under a name that servers pass over, and renamed when it is whole.

    Args:
        source: The SavedModel.
        base: The model's folder; made if it is not there.

    Returns:
        The version: one more than any before, those rolled back included, since servers prefer the highest.
    """
    base.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=base))
    try:
        shutil.copytree(source, part, dirs_exist_ok=True)
        # mkdtemp leaves it to its owner alone, and a server is often another user.
        part.chmod(0o755)
        while True:
            version = max([0, *versions(base), *withdrawn(base)]) + 1
            try:
                os.rename(part, base / str(version))
            except OSError:
                # Somebody else has just published this number.
                if not (base / str(version)).exists():
                    raise
                continue
            return version
    finally:
        shutil.rmtree(part, ignore_errors=True)


def roll_back(base: Path) -> tuple[int, int]:
    """Takes the newest version out of a server's sight, so that it goes back to the one before.

    Args:
        base: The model's folder.

    Returns:
        The version that was withdrawn, and the one that is served now.

    Raises:
        InputError: If there is no version to go back to.
    """
    found = versions(base)
    if len(found) < 2:
        received = f"version {found[0]} alone" if found else "no version"
        raise InputError(f"{base}: expected an older version to go back to. Received: {received}")
    os.rename(base / str(found[-1]), withdrawn_path(base, found[-1]))
    return found[-1], found[-2]


def prune(base: Path, keep: int) -> list[int]:
    """Deletes all but the newest versions, and what was withdrawn before them.

    Args:
        base: The model's folder.
        keep: How many versions stay, at least 1.

    Returns:
        The versions that were deleted, withdrawn ones included.
    """
    found = versions(base)
    stale = [base / str(version) for version in found[:-keep]]
    stale += [withdrawn_path(base, version) for version in withdrawn(base) if version < found[-keep:][0]]
    for path in stale:
        # Out of sight first: no server must see half of it.
        gone = Path(tempfile.mkdtemp(prefix="gone-", dir=base))
        os.rename(path, gone / path.name)
        shutil.rmtree(gone)
    return sorted(int(path.name.removesuffix(_WITHDRAWN)) for path in stale)


def _folders(base: Path) -> list[Path]:
    return [path for path in base.iterdir() if path.is_dir()] if base.is_dir() else []
