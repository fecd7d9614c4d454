"""What an evaluation finds, as it travels to the report: one dataclass a kind of row.

Errors are 100 − UA, in percent; rates and shares of utterances are in percent as well, unless they say otherwise. None
stands for what is undefined: the error where a class has no example, an interval where speakers are too few. Rows are
written to JSON and CSV by `kerasser.evaluation.conversion`, a budget as `epsilon` or `snr_db_target`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from kerasser.attack.budget import Budget
from kerasser.evaluation.conversion import FLAT, Key
from kerasser.evaluation.statistics import quartiles

Interval = tuple[float, float]
#: Rows over several kinds of noise: the mean over them, and all of their draws together.
MEAN, ANY = "mean", "any"
#: What stands in the place of an interval is the range over the speakers, of whom there are too few for one.
RANGE = "range"


@dataclass(frozen=True)
class Score:
    """An error with its interval; `interval_kind` is `RANGE` where that is the range over few speakers instead."""

    error: float | None
    interval: Interval | None
    interval_kind: str | None = None


@dataclass(frozen=True)
class WorstOf:
    """The error where an utterance counts as wrong if any of N draws is answered wrongly."""

    n: Annotated[int, Key("N")]
    score: Annotated[Score, FLAT]


@dataclass(frozen=True)
class AttackWorstOf(WorstOf):
    """The same, with the share of the utterances right when clean that any of the draws turns wrong."""

    attack_success_rate: float | None


@dataclass(frozen=True)
class Clean:
    """Clean speech: `ua` is 100 − error; `confusion` has a row a true class and a column an answer."""

    ua: float | None
    score: Annotated[Score, FLAT]
    n: int
    confusion: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Figure1Row:
    """One noise, or `ANY`, at one budget; `clipped_share` of all samples, in [0, 1], `n` utterances."""

    noise: str
    budget: Annotated[Budget, FLAT]
    snr_db_median: float | None
    score: Annotated[Score, FLAT]
    error_worst_of: AttackWorstOf
    attack_success_rate: float | None
    clipped_share: float
    n: int


@dataclass(frozen=True)
class Figure2Row:
    """One noise at one budget, after training with a share of adversarial examples in percent."""

    noise: str
    percent: float
    budget: Annotated[Budget, FLAT]
    score: Annotated[Score, FLAT]
    error_worst_of: WorstOf


@dataclass(frozen=True, kw_only=True)
class Figure3Row:
    """One defence under one noise at one budget; `percent` only where the defence has a share of examples."""

    defence: str
    noise: str
    budget: Annotated[Budget, FLAT]
    percent: float | None = None
    score: Annotated[Score, FLAT]
    error_worst_of: WorstOf


@dataclass(frozen=True)
class CleanRow:
    """One system on clean speech."""

    defence: str
    percent: float
    score: Annotated[Score, FLAT]


class _Columns:
    """The figures of a table's row by column, and the intervals of those that have one."""

    interval: Mapping[str, Interval | None]
    values: Mapping[str, float | None]
    interval_kind: str | None

    def score(self, column: str) -> Score:
        """Returns the figure of a column with its interval."""
        interval = self.interval.get(column)
        return Score(self.values[column], interval, self.interval_kind if interval else None)


@dataclass(frozen=True)
class TableWorst(_Columns):
    """A row's figures for the worst of N draws."""

    interval: Mapping[str, Interval | None]
    n: Annotated[int, Key("N")]
    values: Annotated[Mapping[str, float | None], FLAT]
    interval_kind: str | None = None


@dataclass(frozen=True)
class TableRow(_Columns):
    """A row of table 2 or 3: errors by column, for the mean draw and for the worst of N.

    Table 3 has beside them `clean`, `clean_through_gan` and, of either draw, `recovered_share`.
    """

    noise: str
    budget: Annotated[Budget, FLAT]
    interval: Mapping[str, Interval | None]
    worst_of: TableWorst
    values: Annotated[Mapping[str, float | None], FLAT]
    interval_kind: str | None = None


@dataclass(frozen=True)
class PairOrder:
    """Two defences that are neighbours in the paper's order; `p` is one-sided, that the first is not better."""

    better: str
    worse: str
    difference: float | None
    interval: Interval | None
    p: float | None
    interval_kind: str | None = None


@dataclass(frozen=True)
class OrderRow:
    """Whether the paper's order holds at one budget, for the "mean" or the "worst" draw."""

    budget: Annotated[Budget, FLAT]
    draw: str
    order: Sequence[str]
    holds: bool
    p: float | None
    pairs: Sequence[PairOrder]


@dataclass(frozen=True)
class AdjustedP:
    """A p, and the same adjusted after Holm."""

    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class McNemarP:
    """McNemar's test: utterances that only one of two systems answers rightly, its p, and that adjusted after Holm."""

    first_only: int | None
    second_only: int | None
    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class DifferenceRow:
    """The error of a first system less that of a second at one budget and draw, and how certain that is."""

    budget: Annotated[Budget, FLAT]
    draw: str
    first: str
    second: str
    difference: float | None
    interval: Interval | None
    minimum_detectable: float | None
    bootstrap: AdjustedP
    mcnemar: McNemarP
    interval_kind: str | None = None


@dataclass(frozen=True)
class ThreatRow:
    """One defence under one threat model: queries allowed and, on average, asked an utterance; radius if white box.

    Where gradients reached the sound: how many utterances were attacked, if not all; the error in the graph, before
    rounding and the reference front end; that of the worst random draw of the same utterances; the median realised
    ratio.
    """

    defence: str
    budget: Annotated[Budget, FLAT]
    threat: str
    queries: int
    queries_mean: float
    radius: float | None
    score: Annotated[Score, FLAT]
    attack_success_rate: float | None
    utterances: int | None = None
    graph_error: float | None = None
    drawn_error: float | None = None
    snr_db_median: float | None = None


@dataclass(frozen=True)
class SearchCurveRow:
    """The attack success rate of both searches after some queries."""

    defence: str
    budget: Annotated[Budget, FLAT]
    queries: int
    random: float | None
    bayesian: float | None


@dataclass(frozen=True)
class QueriesRow:
    """The error of one defence after some queries, and the share that it gives back of what they do undefended."""

    defence: str
    budget: Annotated[Budget, FLAT]
    queries: int
    score: Annotated[Score, FLAT]
    attack_success_rate: float | None
    recovered_share: float | None
    recovered_interval: Interval | None

    @property
    def recovered(self) -> Score:
        """The share with its interval."""
        return Score(self.recovered_share, self.recovered_interval, self.score.interval_kind)


@dataclass(frozen=True)
class UnseenRow:
    """The error by the noise that was left out of training, "" for none, and the one that tests."""

    defence: str
    budget: Annotated[Budget, FLAT]
    trained_without: str
    noise: str
    score: Annotated[Score, FLAT]


@dataclass(frozen=True)
class Quartiles:
    """The quartiles of `n` finite values."""

    median: float
    q25: float
    q75: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Quartiles | None:
        """Returns those of the finite values; None where there is none."""
        found = quartiles(values)
        return None if found is None else cls(found["median"], found["q25"], found["q75"], int(found["n"]))


@dataclass(frozen=True)
class PerceptionRow:
    """How audible one condition is, beside its errors."""

    noise: str
    budget: Annotated[Budget, FLAT]
    snr_db: Quartiles | None
    segmental_snr_db: Quartiles | None
    stoi: Quartiles | None
    pesq: Quartiles | None
    score: Annotated[Score, FLAT]
    error_worst_of: AttackWorstOf


@dataclass(frozen=True)
class Perception:
    """How audible the attack is: `utterances` measured, packages that are `missing`."""

    utterances: int
    missing: Sequence[str]
    rows: Sequence[PerceptionRow]


@dataclass(frozen=True)
class Difference:
    """The error of one set of answers less that of another, and how certain it is."""

    difference: float | None
    interval: Interval | None
    minimum_detectable: float | None
    bootstrap: AdjustedP
    mcnemar: McNemarP | None = None
    interval_kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChannelRow:
    """One system behind one channel at one level, how audible that is, and how far it lies from clean and from noise.

    `against_noise` is None where no noise was added.
    """

    defence: str
    budget: Annotated[Budget, FLAT]
    score: Annotated[Score, FLAT]
    error_worst_of: AttackWorstOf
    attack_success_rate: float | None
    clipped_share: float
    n: int
    snr_db: Quartiles | None
    segmental_snr_db: Quartiles | None
    stoi: Quartiles | None
    pesq: Quartiles | None
    against_clean: Difference
    against_noise: Difference | None


@dataclass(frozen=True)
class ChannelReference:
    """What a system's channels are compared with: clean speech, and noise at one budget, over all environments."""

    defence: str
    clean: Score
    budget: Annotated[Budget | None, FLAT]
    noise: Score | None


@dataclass(frozen=True)
class Channels:
    """What channels cost: `utterances` whose quality was measured, packages that are `missing`."""

    utterances: int
    missing: Sequence[str]
    references: Sequence[ChannelReference]
    rows: Sequence[ChannelRow]


@dataclass(frozen=True)
class EmotionNoise:
    """The reference noise of one emotion's `n` utterances."""

    emotion: str
    n: int
    speakers: int
    level_db: Quartiles | None
    pause_level_db: Quartiles | None
    snr_db: Quartiles | None


@dataclass(frozen=True)
class NoiseTest:
    """Whether the level of the reference noise differs between emotions: the H of Kruskal and Wallis, and p."""

    statistic: float | None
    p: float | None
    speakers: int
    emotions: int


@dataclass(frozen=True, kw_only=True)
class EmotionRow:
    """The share of one emotion's utterances that a system answers wrongly; of clean speech where there is no budget."""

    defence: str
    percent: float
    emotion: str
    n: int
    speakers: int
    budget: Annotated[Budget | None, FLAT] = None
    score: Annotated[Score, FLAT]
    error_worst_of: WorstOf | None = None

    @property
    def group(self) -> str:
        """The emotion."""
        return self.emotion


@dataclass(frozen=True, kw_only=True)
class SexRow:
    """A system's error within one sex; of clean speech where there is no budget."""

    defence: str
    percent: float
    sex: str
    n: int
    speakers: int
    budget: Annotated[Budget | None, FLAT] = None
    score: Annotated[Score, FLAT]
    error_worst_of: WorstOf | None = None

    @property
    def group(self) -> str:
        """The sex."""
        return self.sex


@dataclass(frozen=True)
class LabelSurvival:
    """Whether the label survives: reference noise and errors by emotion, errors by the speaker's sex."""

    reference_noise: Sequence[EmotionNoise]
    test: NoiseTest
    errors_by_emotion: Sequence[EmotionRow]
    errors_by_sex: Sequence[SexRow]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A sign that a figure means nothing; `defence` is "" where it is about all, None where there is but one system."""

    defence: str | None = None
    name: str
    message: str


@dataclass(frozen=True)
class Answer:
    """What a system answers to one sound: the index of a class, and its probability."""

    predicted: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One version of an utterance: its file, the ratio that it comes to, each defence's answer; no budget if clean."""

    file: str
    snr_db: float | None
    budget: Annotated[Budget | None, FLAT] = None
    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class SoundExample:
    """An utterance to listen to; `label` is the index of its class."""

    utterance: str
    speaker: str
    emotion: str
    label: int
    noise: str
    duration_s: float
    versions: Sequence[Sound]


@dataclass(frozen=True)
class VictimFacts:
    """Whose recogniser was attacked, how it was reached, how often it was asked, and what defence it says it has."""

    kind: str
    name: str
    asked: str
    input: str
    classes: Sequence[str]
    signature: str | None
    served_version: int | None
    version: str | None
    queries: int
    defence: str | None = None


@dataclass(frozen=True)
class Model:
    """A model that was measured; `facts` are its size, its `dev_ua`, its hash and its generator's, where known."""

    defence: str
    percent: float
    fold: str
    seed: int
    facts: Annotated[Mapping[str, Any], FLAT]
