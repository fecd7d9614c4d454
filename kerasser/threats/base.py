"""What a threat model is, what it attacks, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kerasser.attack.budget import Budget
from kerasser.attack.draws import Draw, Seeds, at_random, in_turn
from kerasser.attack.generation import DECIBEL_DIGITS, Speech
from kerasser.attack.search import Noise, Query

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from kerasser.evaluation.alarms import Alarm
    from kerasser.evaluation.results import ThreatRow

#: What a threat model needs beyond an utterance: answers of the system; the undefended classifier too; gradients of the
#: whole system; an environment that no training heard, or a system that was trained without one; recordings that no
#: training heard, of environments that it did.
Knowledge = Literal["answers", "undefended", "gradients", "retraining", "unheard recordings"]


@dataclass(frozen=True)
class TestUtterance:
    """One test utterance, and what an attacker may do to it.

    Attributes:
        id: The utterance's.
        speaker: Who speaks.
        label: Index of the true class.
        load: Returns the utterance, to be put under any piece of noise.
        noise: Environment → its recordings, all of the test split.
        budgets: How much noise may be added.
        draws: Random pieces of each environment; whoever asks may ask as often in all.
        seed: Seed of every draw.
        hardest: Budget → the piece that the undefended classifier found hardest, where it was searched.
        frames: Returns the features of clean speech, float32 `[frames, features]`, where a system takes them.
        noisy_frames: The same under each random piece of a budget.
        unheard: Environment → what no training heard of it, see `kerasser.noise.splits.unheard`.
        in_turn: Whether random pieces take the recordings of an environment in turn.
    """

    #: Not a test, whatever pytest takes its name for.
    __test__ = False

    id: str
    speaker: str
    label: int
    load: Callable[[], Speech]
    noise: Noise
    budgets: Sequence[Budget]
    draws: int
    seed: int
    hardest: Mapping[Budget, Draw] = field(default_factory=dict)
    frames: Callable[[], np.ndarray] | None = None
    noisy_frames: Callable[[Budget], Iterable[np.ndarray]] | None = None
    unheard: Mapping[str, str] = field(default_factory=dict)
    in_turn: bool = False

    @cached_property
    def speech(self) -> Speech:
        """The utterance, which is read, and its background measured, once somebody asks for it."""
        return self.load()

    @property
    def queries(self) -> int:
        """How often an attacker may ask at one budget."""
        return self.draws * len(self.noise)

    def seeds(self, budget: Budget) -> Seeds:
        """Returns the seeds of all draws at a budget."""
        return Seeds(self.seed, self.id, "test", budget)

    def random_draws(self, budget: Budget) -> dict[tuple[int, str], Draw]:
        """Returns the random pieces at a budget by number and environment, in the order in which they are tried."""
        return {
            (number, environment): self.random_draw(budget, environment, number)
            for number in range(self.draws)
            for environment in sorted(self.noise)
        }

    def random_draw(self, budget: Budget, environment: str, number: int) -> Draw:
        """Returns the random piece of an environment that has a number, from 0, at a budget."""
        taken = in_turn if self.in_turn else at_random
        return taken(self.noise[environment], self.speech.clean.size, self.seeds(budget), number)


class Gradients(Protocol):
    """The inside of a system that takes frames."""

    @property
    def logits(self) -> Callable[[Any, Any], Any]:
        """From raw frames `[batch, frames, features]` and `lengths [batch]` to logits, differentiable."""

    @property
    def mean(self) -> np.ndarray:
        """Mean of each feature over the training frames, float `[features]`."""

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of each feature over the training frames, float `[features]`."""

    @property
    def clip_value(self) -> float:
        """Beyond so many deviations the system looks no further."""

    @property
    def enhance(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """What is done to a waveform before its features are taken; None for nothing."""


@dataclass(frozen=True)
class Reply:
    """What a system answers to a waveform.

    Attributes:
        margin: By how much the truth wins, in logits; below 0 where another class does.
        correct: Whether the answer is right.
    """

    margin: float
    correct: bool


class Target(Protocol):
    """A system under attack: one of ours, or anybody's recogniser."""

    @property
    def undefended(self) -> bool:
        """Whether it is the classifier that others are defended versions of."""

    @property
    def without(self) -> str:
        """The environment that it was trained without; "" for none."""

    @property
    def gradients(self) -> Gradients | None:
        """Its inside; None where nobody sees it."""

    def answer(self, utterance: TestUtterance, waveform: np.ndarray) -> Reply:
        """Answers for a waveform."""
        ...

    def drawn(self, utterance: TestUtterance, budget: Budget) -> Mapping[tuple[int, str], bool]:
        """Answers for the random pieces of a budget: number and environment → whether it was right."""
        ...


@dataclass(frozen=True)
class Answer:
    """What an attacker got out of a system for one utterance at one budget.

    Attributes:
        utterance: The utterance's id.
        budget: How much noise was added.
        correct: Share of right answers, in [0, 1].
        queries: Questions asked by an attacker who stops at a success.
        allowed: Questions it may ask.
        first_wrong: Number of the first question, from 1, that was answered wrongly; None if none was.
        facts: What else is known, by name: the piece of noise, the realised ratio, norms of gradients.
        waveform: What was sent, float32 `[samples]` of 16 bits, where it may be listened to.
    """

    utterance: str
    budget: Budget
    correct: float
    queries: int = 0
    allowed: int = 0
    first_wrong: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    waveform: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Threat:
    """A threat model.

    Attributes:
        name: In files and reports.
        explanation: One clause for the report: what the attacker knows and does.
        place: Orders the threat models in reports.
        needs: What it needs to know.
        settings: A dataclass with a default for everything; its fields become flags.
        wanted: Tells from its settings whether it is to be tried.
        run: Attacks a system through some utterances; yields an answer for each utterance and budget. Takes its
            settings last.
        alarms: Returns what makes its figures worthless, from the rows of one system under all threat models, its own
            answers (a table, a row each) and the error of a guess.
        signs: What its alarms look for, a clause each.
        searches: Whether it asks questions beyond the random draws.
        whole: Whether it takes all utterances at once, because that is faster; else they come one by one.
        reported: Whether it has a column in the report; else its alarms are heard of alone, or a section of its own has
            its answers.
        title: What people read in place of its name; "" for the name.
        in_turn: Whether a system is given to it with its answers to pieces of all recordings in turn, at
            signal-to-noise ratios alone, instead of those to the random draws that all share.
    """

    name: str
    explanation: str
    place: int
    needs: Knowledge
    settings: type
    wanted: Callable[[Any], bool]
    run: Callable[[Target, Iterable[TestUtterance], Any], Iterator[Answer]]
    alarms: Callable[[Sequence[ThreatRow], pd.DataFrame, float], Sequence[Alarm | None]] = lambda *_: ()
    signs: tuple[str, ...] = ()
    searches: bool = False
    whole: bool = False
    reported: bool = True
    title: str = ""
    in_turn: bool = False


def ask(target: Target, utterance: TestUtterance, drawn: Draw, budget: Budget) -> Query:
    """Asks a target about an utterance under one piece of noise."""
    made = utterance.speech.under(drawn, budget)
    reply = target.answer(utterance, made.waveform)
    return Query(drawn, reply.margin, reply.correct, made.snr_db, made.clipped / utterance.speech.clean.size)


def facts_of(query: Query) -> dict[str, Any]:
    """Returns the piece of noise of a question, how much of it there was, and the margin that came of it."""
    drawn = query.draw
    return {
        "noise": drawn.environment,
        "recording": drawn.recording,
        "offset": drawn.offset,
        "draw_seed": drawn.seed,
        "margin": query.margin,
        # JSON knows no infinity: null says that nothing was added.
        "snr_db": round(query.snr_db, DECIBEL_DIGITS) if math.isfinite(query.snr_db) else None,
        "clipped": query.clipped,
    }
