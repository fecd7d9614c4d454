"""What an attack found: every answer, the figures, and every waveform that was heard."""

from __future__ import annotations

import html
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kerasser.api.noise import Noise
from kerasser.api.speech import Speech
from kerasser.attack.budget import Budget
from kerasser.attack.channels import Options
from kerasser.attack.generation import Plan, attacks
from kerasser.attack.perturbation import Add
from kerasser.attack.transmissions import ChannelPlan, transmissions
from kerasser.audio import SAMPLE_RATE_HZ, clip, sha256
from kerasser.evaluation.alarms import Alarm
from kerasser.util.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerasser.api.scores import Score, Scores

_ANSWERS, _FACTS = "answers.csv", "result.json"
_TEXT = ("id", "speaker", "emotion", "noise", "budget")
#: Of an answer: what tells that a waveform made again is that of the query, once the noise is the same.
_MADE = (
    *("noise", "budget", "target", "draw", "epsilon", "snr_db", "clipped", "samples"),
    *("reference_variance", "reference_snr_db"),
)
_PROVENANCE = [*_MADE, "recording", "offset"]


@dataclass(frozen=True)
class Protocol:
    """How an attack was made.

    Attributes:
        budgets: How much noise.
        draws: Pieces of noise for each utterance, environment and budget.
        seed: Seed of every draw.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        split: Which stretch of the recordings was heard.
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals.
        rooms_dir: Folder of measured room responses, for reverberation; "" for made ones.
    """

    budgets: tuple[Budget, ...]
    draws: int
    seed: int
    estimator: str
    split: str
    replicates: int
    confidence: float
    rooms_dir: str = ""

    @property
    def options(self) -> Options:
        """What channels are given beside their level."""
        return Options(self.rooms_dir)

    def plan(self, noise: Noise) -> Plan:
        """Returns what is made of an utterance under some noise."""
        budgets = [each for each in self.budgets if not each.is_channel]
        return Plan(noise.environments, self.split, budgets, self.draws, self.estimator, self.seed)

    def passed(self) -> ChannelPlan:
        """Returns what an utterance passes beside the noise."""
        return ChannelPlan([each for each in self.budgets if each.is_channel], self.draws, self.seed, self.options)


@dataclass(frozen=True, eq=False)
class Waveforms:
    """One utterance as the victim heard it.

    Attributes:
        id: The utterance.
        clean: Without noise, float32 `[samples]` at 16 kHz in [−1, 1 − 2⁻¹⁵].
        attacked: Under every environment, budget and draw, each as long.
        answers: A row for each of `attacked`: as in `Result.answers`, with `recording` and `offset`, where in it the
            piece of noise begins, in samples.
        sample_rate_hz: The rate of all of them.
    """

    id: str
    clean: np.ndarray = field(repr=False)
    attacked: tuple[np.ndarray, ...] = field(repr=False)
    answers: pd.DataFrame = field(repr=False)
    sample_rate_hz: int = SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class Result:
    """An attack's answers, and what follows from them.

    Attributes:
        victim: What the victim is called.
        classes: Its class names, in the order of its answers.
        corpus: What the speech is called.
        answers: One row a waveform that was heard: `id`, `speaker`, `emotion`; `label` and `predicted`, places among
            the classes; `p_CLASS`, probabilities; `margin`, the logarithm of the truth's probability less that of the
            likeliest other; `cross_entropy`; `noise`, "" for clean speech, else the environment or the channel;
            `budget`, `target` and `draw`; `epsilon`, `snr_db`, as realised; `clipped` of all `samples`; and the
            reference noise.
        protocol: How it was made.
        queries: Waveforms that the victim was asked about.
        noise_sha256: Tells its noise from any other.
        skipped: How many utterances were left out, by reason.
        remarks: What to know before trusting a figure.
        asked_twice: Alarms that rang while the victim was asked.
        speech: What was attacked; None once it is loaded without.
        noise: With what.
    """

    victim: str
    classes: tuple[str, ...]
    corpus: str
    answers: pd.DataFrame = field(repr=False)
    protocol: Protocol
    queries: int
    noise_sha256: str
    skipped: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    asked_twice: tuple[Alarm, ...] = field(default=(), repr=False)
    speech: Speech | None = field(default=None, repr=False)
    noise: Noise | None = field(default=None, repr=False)

    @cached_property
    def _scores(self) -> Scores:
        # Scoring brings Keras, which who reads the answers alone need not wait for.
        from kerasser.api.scores import Scores

        return Scores(self.answers, self.classes, self.protocol.replicates, self.protocol.confidence)

    @property
    def clean(self) -> Score:
        """The error on speech as it is."""
        return self._scores.clean

    def to_frame(self) -> pd.DataFrame:
        """Returns the errors, a row an environment and budget; the environment "any" stands for all together.

        Returns:
            `noise`, or the channel; `budget`, spelled as "ε = 2", "10 dB" or "room, RT60 0.6 s"; `error`, 100 −
            unweighted average recall of the mean draw, in percent, with `ci_low` and `ci_high`; `worst_error`, which
            takes an utterance for wrong if any draw is; `attack_success_rate`, the share of what was right that a draw
            turns wrong, in percent; `snr_db`, the median of what was realised; `n` utterances. NaN where a figure is
            undefined: the error where a class has no utterance, an interval where there are fewer than five speakers
            or a class has fewer than two.
        """
        return self._scores.frame(self.protocol.budgets)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Signs that a figure means nothing: see `kerasser.evaluation.alarms`."""
        return (*self._scores.alarms(), *self.asked_twice)

    def plot(self) -> Figure:
        """Draws error against ε and against SNR for each environment: solid the mean draw, dashed the worst.

        Channels are in `to_frame` alone.

        Returns:
            A matplotlib figure, which a notebook shows and `savefig` writes, with or without a display.
        """
        return self._scores.figure(f"{self.victim} on {self.corpus}")

    def waveforms(self, index: int | str) -> Waveforms:
        """Makes again, bit for bit, what the victim heard of one utterance.

        Args:
            index: Place of the utterance among those attacked, or its id.

        Raises:
            InputError: If there is no such utterance, or speech or noise is absent or another than was attacked.
        """
        if self.speech is None or self.noise is None:
            raise InputError("waveforms: expected speech and noise; Result.load takes both. Received: neither")
        ids = [each.id for each in self.speech.utterances]
        place = ids.index(index) if isinstance(index, str) and index in ids else index
        if not isinstance(place, int | np.integer) or not -len(ids) <= place < len(ids):
            raise InputError(f"waveforms: expected an id, or a place below {len(ids)}. Received: {index!r}")
        (waveform,) = self.speech.select([int(place)]).waveforms()
        made = [
            *attacks(waveform, ids[place], self.protocol.plan(self.noise), served_add()),
            *transmissions(waveform, ids[place], self.protocol.passed()),
        ]
        mine = self.answers[(self.answers["id"] == ids[place]) & (self.answers["noise"] != "")].reset_index(drop=True)
        facts = pd.DataFrame([facts for _, facts in made], columns=_PROVENANCE)
        same = self.noise.sha256 == self.noise_sha256
        if not same or len(mine) != len(made) or not all(_alike(mine[name], facts[name]) for name in _MADE):
            raise InputError(
                f"waveforms: expected the speech and the noise of the attack. Received: others, {ids[place]}"
            )
        answers = mine.assign(recording=facts["recording"], offset=facts["offset"].astype("Int64"))
        return Waveforms(ids[place], clip(waveform)[0], tuple(attacked for attacked, _ in made), answers)

    def save(self, path: Path | str) -> Path:
        """Writes the answers, without any sound, as `answers.csv` and `result.json` into a folder.

        Args:
            path: The folder; made if absent, and files of these names replaced.

        Returns:
            The folder.
        """
        place = Path(path)
        place.mkdir(parents=True, exist_ok=True)
        table = self.answers.astype({"draw": "Int64"}).to_csv(index=False, lineterminator="\n")
        _write(place / _ANSWERS, table)
        facts = {
            "victim": self.victim,
            "classes": self.classes,
            "corpus": self.corpus,
            "protocol": asdict(self.protocol),
            "queries": self.queries,
            "noise_sha256": self.noise_sha256,
            "skipped": dict(self.skipped),
            "remarks": self.remarks,
            "asked_twice": [asdict(alarm) for alarm in self.asked_twice],
            "answers_sha256": sha256(place / _ANSWERS),
        }
        _write(place / _FACTS, json.dumps(facts, indent=1, ensure_ascii=False))
        return place

    @classmethod
    def load(cls, path: Path | str, speech: Speech | None = None, noise: Noise | None = None) -> Result:
        """Reads what `save` wrote.

        Args:
            path: The folder.
            speech: What was attacked, for `waveforms`.
            noise: With what.

        Raises:
            InputError: If there is no such result, or its files do not belong together.
        """
        place = Path(path)
        try:
            facts = json.loads((place / _FACTS).read_text(encoding="utf-8"))
            whole = facts.pop("answers_sha256") == sha256(place / _ANSWERS)
            protocol = facts.pop("protocol")
            protocol["budgets"] = tuple(Budget(**each) for each in protocol["budgets"])
            facts["asked_twice"] = tuple(Alarm(**each) for each in facts["asked_twice"])
            facts["classes"], facts["remarks"] = tuple(facts["classes"]), tuple(facts["remarks"])
            answers = _read(place / _ANSWERS)
            made = cls(answers=answers, protocol=Protocol(**protocol), speech=None, noise=noise, **facts)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{place}: expected a result that was saved. Received: {type(error).__name__}") from error
        if not whole:
            raise InputError(f"{place / _ANSWERS}: expected the answers of {_FACTS}. Received: others")
        if speech is None:
            return made
        attacked = set(answers["id"])
        named = speech.named(made.classes)
        chosen = [number for number, each in enumerate(named.utterances) if each.id in attacked]
        return cls(**{**vars(made), "speech": named.select(chosen)})

    def __str__(self) -> str:
        """Says the errors as a table."""
        return f"{self._caption()}\n{self.to_frame().round(1).to_string(index=False)}"

    def _repr_html_(self) -> str:
        notes = [*(f"Alarm: {alarm.message}" for alarm in self.alarms), *self.remarks]
        listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        table = self.to_frame().round(1).to_html(index=False, border=0)
        return f"<p>{html.escape(self._caption())}</p>{table}" + (f"<ul>{listed}</ul>" if listed else "")

    def _caption(self) -> str:
        return (
            f"{self.victim} on {self.corpus}: error {self.clean} on {self.clean.n} clean utterances, "
            f"chance {100 - 100 / len(self.classes):.1f} %"
        )


@lru_cache(maxsize=1)
def served_add() -> Add:
    """Returns what adds noise in the pipeline as well: the perturbation's SavedModel."""
    from kerasser.attack import perturbation_graph

    with tempfile.TemporaryDirectory() as place:
        perturbation_graph.write(Path(place))
        return perturbation_graph.load(Path(place))


def _read(path: Path) -> pd.DataFrame:
    """Reads the answers, in which a speaker, or an environment, may well be called "NA"."""
    names = pd.read_csv(path, nrows=0).columns
    empty = {name: [""] for name in names if name not in _TEXT}
    table = pd.read_csv(
        path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False, na_values=empty, float_precision="round_trip"
    )
    return typed(table)


def typed(answers: pd.DataFrame) -> pd.DataFrame:
    """Returns answers with one type a column, whatever they came from."""
    # What no query has is a column of nothing, and no text.
    empty = [name for name in answers if name not in _TEXT and answers[name].isna().all()]
    answers = answers.astype({**dict.fromkeys(empty, float), "target": float, "draw": "Int64"})
    return answers.assign(budget=answers["budget"].fillna(""))


def _alike(one: pd.Series, other: pd.Series) -> bool:
    # Where nothing was added there is no ratio, which is nothing or NaN.
    return bool(((one == other) | (one.isna() & other.isna())).all())


def _write(path: Path, text: str) -> None:
    """Writes a file that is whole or not there."""
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
