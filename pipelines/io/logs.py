"""Where event files go if not beside the models."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

_LONGEST = 200


def log_folder(logdir: str | None, id: str) -> str:
    """Returns the folder of a component's event files, or "" if none was asked for.

    Args:
        logdir: The folder of all of them.
        id: The component's; it may hold the name of a fold, which comes from data.

    Returns:
        An absolute path one level below `logdir`: another one for every id, and no id leads elsewhere.
    """
    if not logdir:
        return ""
    # Quoted are slashes and whatever a file system may refuse; ids stay as readable as they were.
    name = quote(id, safe=" ,")
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
    if name.startswith("."):
        name = "%2E" + name[1:]
    return str(Path(logdir).expanduser().resolve() / name)
