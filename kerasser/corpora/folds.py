"""Folds: train, dev and test parts that share no speaker, and no session where the corpus has any."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.corpora.base import CLASSES, Corpus
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

PARTS = ("train", "dev", "test")
#: Random deals that are tried where the most balanced one leaves a part without a class.
_DEALS = 30


@dataclass(frozen=True)
class Fold:
    """One way to part the speakers.

    Attributes:
        name: Unique among the folds of a corpus.
        train: Speakers to train on, sorted.
        dev: Speakers that steer training, sorted.
        test: Speakers to measure on, sorted.

    Raises:
        ValueError: A part is empty, or two share a speaker.
    """

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in PARTS:
            object.__setattr__(self, name, tuple(sorted(getattr(self, name))))
            if not getattr(self, name):
                raise ValueError(f"fold {self.name}: expected speakers in every part. Received: none in {name}")
        counts = Counter((*self.train, *self.dev, *self.test))
        twice = sorted(speaker for speaker, count in counts.items() if count > 1)
        if twice:
            raise ValueError(f"fold {self.name}: expected every speaker once. Received: {twice[0]!r} twice")

    def part(self, speaker: str) -> str:
        """Returns "train", "dev" or "test".

        Raises:
            ValueError: The fold does not know the speaker.
        """
        for name in PARTS:
            if speaker in getattr(self, name):
                return name
        raise ValueError(f"fold {self.name}: expected one of its speakers. Received: {speaker!r}")

    def to_dict(self) -> dict[str, Any]:
        """Returns the fold as plain JSON types."""
        return {"name": self.name, **{name: list(getattr(self, name)) for name in PARTS}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fold:
        """Makes a fold of what `to_dict` returned.

        Raises:
            InputError: A key is absent, or a part is not a list of names.
        """
        name, parts = data.get("name"), [data.get(part) for part in PARTS]
        lists = all(isinstance(part, list) and all(isinstance(speaker, str) for speaker in part) for part in parts)
        if not isinstance(name, str) or not lists:
            raise InputError(
                f"fold: expected a name and lists of speakers for {', '.join(PARTS)}. Received: {dict(data)}"
            )
        return cls(name, *(tuple(part) for part in parts if part is not None))


def folds(corpus: Corpus, *, count: int = 5, dev_share: float = 0.25, seed: int = 0) -> tuple[Fold, ...]:
    """Parts the speakers of a corpus.

    A corpus with sessions gives one fold a session: it is the test part, another session is the dev part. A corpus
    that prescribes a test part gives one fold, named "given". Any other gives `count` folds, each speaker being
    tested in one of them, balanced in the number of utterances of each class as far as speakers allow.

    Args:
        corpus: What to part; the order of its utterances changes nothing.
        count: Number of folds, where neither sessions nor the corpus prescribe them; 2 or more.
        dev_share: Share of the speakers that are not tested that go to the dev part, by utterances of each class;
            between 0 and 1.
        seed: Chooses among equally good ways.

    Returns:
        The folds, checked.

    Raises:
        InputError: There are too few speakers or sessions, a speaker is in two sessions or splits, or a train or dev
            part would lack a class in whatever way they are dealt.
    """
    if not 0 < dev_share < 1:
        raise InputError(f"dev_share: expected a number between 0 and 1. Received: {dev_share}")
    sessions, splits = _one_each(corpus, "session"), _one_each(corpus, "split")
    if any(session is not None for session in sessions.values()):
        made, cure = _by_session(corpus, sessions, seed), "without sessions, speakers are dealt to folds"
    elif "test" in splits.values():
        made, cure = [_given(corpus, splits, dev_share, seed)], "without a dev split, train speakers are dealt to it"
    else:
        made, cure = (
            _dealt(corpus, count, dev_share, seed),
            "more folds (data.folds) leave more speakers to train and dev",
        )
    for fold in made:
        for part, name in _lacking(corpus, {"train": fold.train, "dev": fold.dev}):
            raise InputError(
                f"{corpus.root}: expected {part} speakers of both classes in fold {fold.name}; {cure}. "
                f"Received: no {name} utterance"
            )
    return tuple(made)


def check(fold: Fold, corpus: Corpus) -> dict[str, dict[str, int]]:
    """Makes sure that a fold parts a corpus without a leak.

    Args:
        fold: The parts.
        corpus: The corpus that is to be parted.

    Returns:
        Number of utterances by part and class.

    Raises:
        ValueError: A speaker of the corpus is in no part or in two, or two parts share a session.
    """
    counts = {part: dict.fromkeys(CLASSES, 0) for part in PARTS}
    heard: dict[str, str] = {}
    for utterance in corpus.utterances:
        parts = [part for part in PARTS if utterance.speaker in getattr(fold, part)]
        if len(parts) != 1:
            raise ValueError(
                f"fold {fold.name}: expected speaker {utterance.speaker!r} in one part. Received: {parts or 'none'}"
            )
        counts[parts[0]][utterance.valence] += 1
        if utterance.session is not None and heard.setdefault(utterance.session, parts[0]) != parts[0]:
            both = f"{heard[utterance.session]} and {parts[0]}"
            raise ValueError(f"fold {fold.name}: expected session {utterance.session!r} in one part. Received: {both}")
    return counts


def _one_each(corpus: Corpus, field: str) -> dict[str, str | None]:
    """Returns the session or the split of every speaker."""
    found: dict[str, str | None] = {}
    for utterance in corpus.utterances:
        value = getattr(utterance, field)
        if found.setdefault(utterance.speaker, value) != value:
            raise InputError(
                f"{corpus.root}: expected speaker {utterance.speaker!r} in one {field}. "
                f"Received: {found[utterance.speaker]} and {value}"
            )
    return found


def _lacking(corpus: Corpus, parts: Mapping[str, Collection[str]]) -> list[tuple[str, str]]:
    """Returns which part of the speakers has no utterance of which class."""
    seen = {(utterance.speaker, utterance.valence) for utterance in corpus.utterances}
    return [
        (part, name)
        for part, speakers in parts.items()
        for name in CLASSES
        if not any((speaker, name) in seen for speaker in speakers)
    ]


def _by_session(corpus: Corpus, sessions: Mapping[str, str | None], seed: int) -> list[Fold]:
    """Leaves each session out in turn; every session is also the dev part once, where all of them have every class."""
    speakers = _grouped(corpus, sessions, "session")
    names = sorted(speakers)
    if len(names) < 3:
        raise InputError(f"{corpus.root}: expected three sessions or more for train, dev and test. Received: {names}")
    made = []
    for place, test in enumerate(names):
        others = [names[(place + 1 + turn) % len(names)] for turn in range(len(names) - 1)]
        start = seed % len(others)
        ways = []
        for dev in others[start:] + others[:start]:
            train = [speaker for name in names if name not in (test, dev) for speaker in speakers[name]]
            ways.append((train, speakers[dev]))
        train, dev_speakers = _whole(corpus, ways)
        made.append(Fold(test, tuple(train), tuple(dev_speakers), tuple(speakers[test])))
    return made


def _given(corpus: Corpus, splits: Mapping[str, str | None], dev_share: float, seed: int) -> Fold:
    """Takes the parts that the corpus prescribes; without a dev part, takes some of the train speakers for it."""
    speakers = _grouped(corpus, splits, "split")
    train, dev = speakers["train"], speakers["dev"]
    if len(train) + len(dev) < 2 or not train:
        raise InputError(
            f"{corpus.root}: expected two speakers or more beside the test speakers, one of them to train on. "
            f"Received: train {train}, dev {dev}"
        )
    if not dev:
        train, dev = _whole(corpus, _deals(corpus, train, (1 - dev_share, dev_share), f"{seed} given"))
    return Fold("given", tuple(train), tuple(dev), tuple(speakers["test"]))


def _dealt(corpus: Corpus, count: int, dev_share: float, seed: int) -> list[Fold]:
    """Deals the speakers to test parts, and what each fold leaves to train and dev; anew where a class is missing."""
    speakers = sorted({utterance.speaker for utterance in corpus.utterances})
    if len(speakers) < 3 or not 2 <= count <= len(speakers):
        most = len(speakers)
        cure = (
            f"--data.folds {most} tests each of them in a fold"
            if most > 2
            else "to train, to steer the training and to test takes three, whatever --data.folds is"
        )
        raise InputError(
            f"{corpus.root}: expected {max(3, count)} speakers or more for {count} folds (--data.folds, 2 or more); "
            f"{cure}. Received: {most} speakers, {count} folds"
        )
    first: list[Fold] = []
    for tests in _deals(corpus, speakers, (1 / count,) * count, str(seed)):
        left = [[speaker for speaker in speakers if speaker not in test] for test in tests]
        small = next((place for place, rest in enumerate(left, 1) if len(rest) < 2), 0)
        if small and not first:
            raise InputError(
                f"{corpus.root}: expected two speakers or more beside those that fold {small} tests. "
                f"Received: {len(left[small - 1])} of {len(speakers)}; ask for more folds than {count} (--data.folds)"
            )
        if small:
            continue
        made = []
        for place, (test, rest) in enumerate(zip(tests, left, strict=True), 1):
            train, dev = _whole(corpus, _deals(corpus, rest, (1 - dev_share, dev_share), f"{seed} {place}"))
            made.append(Fold(str(place), tuple(train), tuple(dev), tuple(test)))
        if not any(_lacking(corpus, {"train": fold.train, "dev": fold.dev}) for fold in made):
            return made
        first = first or made
    return first


def _whole(corpus: Corpus, ways: Iterable[Sequence[list[str]]]) -> Sequence[list[str]]:
    """Returns the first way to part speakers in which no part lacks a class; the very first where there is none."""
    first: Sequence[list[str]] = ()
    for way in ways:
        if not _lacking(corpus, {str(number): part for number, part in enumerate(way)}):
            return way
        first = first or way
    return first


def _deals(corpus: Corpus, speakers: Sequence[str], shares: Sequence[float], salt: str) -> Iterator[list[list[str]]]:
    """Yields ways to deal speakers to parts, none empty: the most balanced one, then random ones."""
    yield _deal(corpus, speakers, shares, salt)
    for number in range(_DEALS):
        digest = hashlib.sha256(f"{salt} {number}".encode()).digest()
        generator = np.random.default_rng(np.frombuffer(digest, "<u4").tolist())
        order = [sorted(speakers)[place] for place in generator.permutation(len(speakers))]
        parts = [[speaker] for speaker in order[: len(shares)]]
        seats = generator.choice(len(shares), len(order) - len(shares), p=np.array(shares) / sum(shares))
        for speaker, seat in zip(order[len(shares) :], seats, strict=True):
            parts[seat].append(speaker)
        yield parts


def _grouped(corpus: Corpus, values: Mapping[str, str | None], field: str) -> dict[str, list[str]]:
    """Returns the speakers of every session or split."""
    groups: dict[str, list[str]] = defaultdict(list)
    for speaker, value in sorted(values.items()):
        if value is None:
            raise InputError(f"{corpus.root}: expected a {field} for every speaker. Received: none for {speaker!r}")
        groups[value].append(speaker)
    return groups


def _deal(corpus: Corpus, speakers: Sequence[str], shares: Sequence[float], salt: str) -> list[list[str]]:
    """Deals speakers to parts, the largest first, each to where it helps most; then mends parts that lack a class.

    Args:
        corpus: Where the speakers' utterances are counted.
        speakers: At least as many as parts.
        shares: Share of every class that each part is to hold. The first part goes first where a class is rare.
        salt: Decides between equals, with the speaker's name alone, so that order changes nothing.

    Returns:
        The speakers of each part.
    """
    counts = Counter((utterance.speaker, utterance.valence) for utterance in corpus.utterances)
    order = sorted(
        speakers,
        key=lambda speaker: (
            -sum(counts[speaker, name] for name in CLASSES),
            hashlib.sha256(f"{salt} {speaker}".encode()).digest(),
        ),
    )
    # The last column counts the speaker itself, to tell an empty part.
    sizes = np.array([[*(counts[speaker, name] for name in CLASSES), 1] for speaker in order])
    have = np.zeros((len(shares), sizes.shape[1]), int)
    place: list[int] = []
    for size in sizes:
        options = [have + size * (np.arange(len(shares)) == part)[:, None] for part in range(len(shares))]
        scores = [_score(option, sizes.sum(0), shares)[1] for option in options]
        place.append(scores.index(min(scores)))
        have = options[place[-1]]
    _mend(place, sizes, have, shares)
    return [
        [speaker for speaker, seat in zip(order, place, strict=True) if seat == part] for part in range(len(shares))
    ]


def _mend(place: list[int], sizes: Array, have: Array, shares: Sequence[float]) -> None:
    """Moves one speaker or exchanges two, as long as a part lacks something and that makes it better."""
    total = sizes.sum(0)
    while (now := _score(have, total, shares))[0]:
        moves = [[(row, part)] for row in range(len(place)) for part in range(len(shares))]
        swaps = [[(row, place[other]), (other, place[row])] for row in range(len(place)) for other in range(row)]
        for plans in (moves, swaps):
            results = [_after(plan, place, sizes, have) for plan in plans]
            scores = [_score(result, total, shares) for result in results]
            best = min(scores, default=now)
            if best < now:
                break
        else:
            return
        have = results[scores.index(best)]
        for row, part in plans[scores.index(best)]:
            place[row] = part


def _after(plan: list[tuple[int, int]], place: list[int], sizes: Array, have: Array) -> Array:
    """Returns what the parts hold after some speakers have moved."""
    result = have.copy()
    for row, part in plan:
        result[place[row]] -= sizes[row]
        result[part] += sizes[row]
    return result


def _score(have: Array, total: Array, shares: Sequence[float]) -> tuple[int, float]:
    """Returns what the parts lack, then their squared distance from the shares; both better when smaller."""
    # Anything before an empty part, and the first part before all that the others could lack together.
    weight = np.ones_like(have)
    weight[0] = have.size
    weight[:, -1] = have.size**2 * 10
    lacking = int((weight * ((have == 0) & (total > 0))).sum())
    distance = (have / np.maximum(total, 1) - np.array(shares)[:, None])[:, :-1]
    # Rounded, lest the last bit tell apart what is equal on paper.
    return lacking, round(float((distance**2).sum()), 9)
