"""Labels as people write them, and the names they stand for: "Angry", "ANGER" and "ang" are anger."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

#: Word → the name that the corpora's readers use. Only what has one meaning: "angst" alone is German for fear.
STANDARD = {
    **dict.fromkeys(("angry", "ang", "wut", "ärger", "aerger"), "anger"),
    **dict.fromkeys(("happy", "hap", "freude"), "happiness"),
    **dict.fromkeys(("sad", "trauer"), "sadness"),
    **dict.fromkeys(("fearful", "fea", "angst"), "fear"),
    **dict.fromkeys(("disgusted", "dis", "ekel"), "disgust"),
    **dict.fromkeys(("bored", "bor", "langeweile"), "boredom"),
    **dict.fromkeys(("excited", "exc"), "excitement"),
    **dict.fromkeys(("surprised", "sur", "überraschung", "ueberraschung"), "surprise"),
    **dict.fromkeys(("frustrated", "fru"), "frustration"),
    "neu": "neutral",
    "neg": "negative",
    "pos": "positive",
}

# 0.0 is what a table of numbers makes of the label 0 where another row has none.
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


def folded(label: str) -> str:
    """Returns a label without what is no part of its meaning: case, spaces around, the form of its accents."""
    word = unicodedata.normalize("NFC", unicodedata.normalize("NFC", label).strip().casefold())
    found = _WHOLE.fullmatch(word)
    return found[1] if found else word


def standard(label: str) -> str:
    """Returns the name that a label stands for, folded; the label itself, folded, where it is nobody's synonym."""
    word = folded(label)
    return STANDARD.get(word, word)


def known_as(label: str, names: Iterable[str]) -> str | None:
    """Returns the one of some names that a label means: itself, else in another case, else by a synonym.

    Args:
        label: As written.
        names: As somebody else has written them.

    Returns:
        The name as it stands among the names; None where there is none, or more than one.
    """
    listed = list(dict.fromkeys(names))
    if label in listed:
        return label
    for form in (folded, standard):
        alike = [name for name in listed if form(name) == form(label)]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def valences(classes: Iterable[str]) -> bool:
    """Returns whether a victim knows nothing but negative and positive, however it calls them."""
    return {standard(name) for name in classes} <= {"negative", "positive"}


def nearest(label: str, names: Iterable[str]) -> str | None:
    """Returns the name that is spelled most like a label, or None where none is near."""
    by_word = {standard(name): name for name in names}
    found = get_close_matches(standard(label), by_word, 1)
    return by_word[found[0]] if found else None
