"""What was found in a corpus, as lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerasser.corpora import left_out
from kerasser.corpora.base import CLASSES
from kerasser.corpora.survey import Survey, quartiles

_NAMED = 5


def lines(found: Survey, names: Iterable[str] = ()) -> list[str]:
    """Returns the survey of a corpus, a line each.

    Args:
        found: The survey.
        names: Emotions that a label may have been meant for.
    """
    corpus, seconds = found.corpus, found.durations_s
    kind = " (synthetic)" if corpus.synthetic else ""
    return [
        f"{corpus.name}{kind}: {len(found.files)} utterances of {len(found.speakers)} speakers, "
        f"{seconds.sum() / 60:.1f} min",
        *_emotions(found),
        f"speakers: {_sexes(found.sexes)}; {_each([counts.total() for counts in found.speakers.values()])} utterances "
        "each",
        f"audio: {_counted(Counter(f'{file.sample_rate_hz} Hz' for file in found.files))}; "
        f"{_counted(Counter(file.encoding for file in found.files))}; "
        f"{_counted(Counter(_channels(file.channels) for file in found.files))}",
        f"length: {seconds.min():.1f} to {seconds.max():.1f} s, quartiles {_listed(quartiles(seconds), 's')}",
        _levels(found),
        *_left_out(found, names),
        _copies(found),
        *(f"remark: {remark}" for remark in corpus.remarks),
        *_folds(found),
    ]


def _emotions(found: Survey) -> list[str]:
    """Returns a table: emotions by class, and how many speakers have each."""
    shown = [*CLASSES, *([""] if any("" in counts for counts in found.emotions.values()) else [])]
    head = ["emotion", *(name or "neither" for name in shown), "speakers"]
    rows = [
        [emotion, *(str(counts[name] or "–") for name in shown), str(_speakers_of(found, emotion))]
        for emotion, counts in found.emotions.items()
    ]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    return ["  ".join(["", row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in (head, *rows)]


def _speakers_of(found: Survey, emotion: str) -> int:
    return sum(counts[emotion] > 0 for counts in found.speakers.values())


def _sexes(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{counts[sex]} {sex or 'of unknown sex'}" for sex in sorted(counts, key=lambda sex: (not sex, sex))
    )


def _each(counts: Sequence[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _counted(counts: Mapping[Any, int]) -> str:
    """Returns what there is, with counts where there is more than one kind."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ordered[0][0] if len(ordered) == 1 else ", ".join(f"{name} ({count})" for name, count in ordered)


def _channels(count: int) -> str:
    return "mono" if count == 1 else f"{count} channels"


def _listed(values: Sequence[float], unit: str) -> str:
    return " / ".join(f"{value:.1f}".replace("-", "−") for value in values) + f" {unit}"


def _levels(found: Survey) -> str:
    if not found.levels:
        return "level: none could be measured"
    level, floor = (quartiles(getattr(each, name) for each in found.levels) for name in ("level_dbfs", "floor_dbfs"))
    some = "" if len(found.levels) == len(found.files) else f"; of {len(found.levels)} utterances, spread evenly"
    return (
        f"level: quartiles {_listed(level, 'dBFS')}; noise floor (a tenth of the frames lie below): "
        f"{_listed(floor, 'dBFS')}{some}"
    )


def _left_out(found: Survey, names: Iterable[str]) -> list[str]:
    corpus = found.corpus
    told = left_out.sentences(corpus.skipped, len(found.files), examples=corpus.examples, names=names)
    return [*(told or ["left out: none"]), *left_out.read_as(corpus.read_as)]


def _copies(found: Survey) -> str:
    held = "sound of each other" if found.by_sound else "the same samples"
    if not found.copies:
        more = "" if found.by_sound else " (--twins compares parts and other levels too)"
        return f"copies: no two speakers hold {held}{more}"
    pairs = [f"{one.id} of {one.speaker} and {other.id} of {other.speaker}" for one, other in found.copies]
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return (
        f"copies (duplicated): {len(pairs)} pairs of utterances of different speakers hold {held}, so that a fold may "
        f"test what it trains on: {'; '.join(pairs[:_NAMED])}{more}"
    )


def _folds(found: Survey) -> list[str]:
    if not found.folds:
        return [f"folds: none. {found.no_folds}"]
    shown = found.folds if len(found.folds) <= 2 * _NAMED else found.folds[:_NAMED]
    more = [f"  and {len(found.folds) - len(shown)} more"] if len(shown) < len(found.folds) else []
    return [
        f"folds: {len(found.folds)}, with so many speakers to train / to steer the training / to test",
        *(
            f"  {fold.name}: {len(fold.train)} / {len(fold.dev)} / {len(fold.test)} ({_few(fold.test)})"
            for fold in shown
        ),
        *more,
    ]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
