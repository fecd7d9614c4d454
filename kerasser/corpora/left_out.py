"""What was left out of a corpus, in sentences: how many of how many, why, what may have been meant, what changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kerasser.corpora.labels import nearest

#: Why an utterance was left out: its file is not there; its audio is of no use; its emotion has no sign.
MISSING, UNUSABLE, NO_VALENCE = "audio file missing", "audio cannot be used", "no valence for "
#: The victim cannot answer it.
NO_CLASS = " is none of the victim's classes"

_NAMED = 8


def sentences(
    skipped: Mapping[str, int], kept: int, *, examples: Mapping[str, str] | None = None, names: Iterable[str] = ()
) -> list[str]:
    """Returns a sentence for each kind of reason, what took most first.

    Args:
        skipped: How many utterances were left out, by reason.
        kept: How many were not.
        examples: One of a reason's, where its name helps.
        names: Emotions, or a victim's classes, that an unknown one may have been meant for.
    """
    examples = examples or {}
    total = kept + sum(skipped.values())
    kinds: dict[str, dict[str, int]] = {}
    for reason, count in skipped.items():
        kinds.setdefault(_kind(reason), {})[reason] = count
    ordered = sorted(kinds.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    listed = list(names)
    return [
        f"{sum(reasons.values())} of {total} utterances left out: {_why(kind, reasons, examples, listed)}"
        for kind, reasons in ordered
    ]


def read_as(found: Mapping[str, int]) -> list[str]:
    """Returns a sentence on the labels that were read under another name; none where there are none.

    Args:
        found: How many were, by what became of them: "Angry as anger".
    """
    if not found:
        return []
    counts = ", ".join(f"{pair} ({count})" for pair, count in _first(found))
    return [f"labels read under known names: {counts}"]


def beside(words: Iterable[str], names: Iterable[str]) -> str:
    """Returns words in a list, each with the name that it may have been meant for, where one is near."""
    listed = list(names)
    found = ((word, nearest(word, listed)) for word in words)
    return ", ".join(f"{word} (perhaps {near})" if near else word for word, near in found)


def _kind(reason: str) -> str:
    if reason.startswith(NO_VALENCE):
        return NO_VALENCE
    if reason.endswith(NO_CLASS):
        return NO_CLASS
    return UNUSABLE if reason.startswith(UNUSABLE) else reason


def _why(kind: str, reasons: Mapping[str, int], examples: Mapping[str, str], names: list[str]) -> str:
    """Returns the reason, with what it is about, and the setting that changes it."""
    if kind in (NO_VALENCE, NO_CLASS):
        words = {reason.removeprefix(NO_VALENCE).removesuffix(NO_CLASS): count for reason, count in reasons.items()}
        told = ", ".join(f"{word} ({count}{_perhaps(word, names)})" for word, count in _first(words))
        known = ", ".join(names)
        if kind == NO_VALENCE:
            cure = f"known are {known}; " if known else ""
            return f"{NO_VALENCE}{told}; {cure}data.valence gives an emotion its class"
        cure = f"it knows {known}; " if known else ""
        return f"the victim has no class for {told}; {cure}victim.classes names them in the order of its answers"
    shown = next((examples[reason] for reason in reasons if reason in examples), "")
    such = f", such as {shown}" if shown else ""
    if kind == MISSING:
        return f"{MISSING}{such}; paths lead from the corpus' folder"
    if kind == UNUSABLE:
        words = {reason.removeprefix(UNUSABLE).strip(": "): count for reason, count in reasons.items()}
        told = ", ".join(f"{word} ({count})" for word, count in _first(words) if word)
        return f"{UNUSABLE}{': ' if told else ''}{told}{such}; data.skip_unusable false refuses them instead"
    return f"{kind}{such}"


def _perhaps(word: str, names: list[str]) -> str:
    near = nearest(word, names)
    return f", perhaps {near}" if near else ""


def _first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns the words that count most; the last one stands for the others where there are many."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= _NAMED:
        return ordered
    rest = ordered[_NAMED - 1 :]
    return [*ordered[: _NAMED - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
