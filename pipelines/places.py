"""Where corpora lie."""

from __future__ import annotations

from kerasser.demo import NAME as DEMO
from kerasser.util.errors import InputError


def refuse_misplaced(where: str, name: str, place: str | None, folder: str = "a folder") -> None:
    """Refuses a corpus without its folder, and a folder for the demo, which is made on the spot.

    Args:
        where: The setting, in the words of the user.
        name: The corpus.
        place: Its folder.
        folder: What the setting calls one.

    Raises:
        InputError: One of the two.
    """
    if (name == DEMO) != (place is None):
        what = folder.removeprefix("a ")
        wanted = f"no {what}, since the demo corpus is made on the spot" if name == DEMO else folder
        raise InputError(f"{where}: expected {wanted}. Received: {place or 'none'}")
