"""All that a report is made from: of an evaluation or an attack, and of a reproduction; `report.json` holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from kerasser.evaluation.conversion import from_json, to_json
from kerasser.evaluation.results import (
    Alarm,
    Channels,
    Clean,
    CleanRow,
    DifferenceRow,
    Figure1Row,
    Figure2Row,
    Figure3Row,
    LabelSurvival,
    Model,
    OrderRow,
    Perception,
    QueriesRow,
    SearchCurveRow,
    SoundExample,
    TableRow,
    ThreatRow,
    UnseenRow,
    VictimFacts,
)
from kerasser.util.errors import InputError

FILE = "report.json"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What both kinds of report hold.

    Attributes:
        corpus: Its name.
        synthetic: Whether no human spoke.
        noise_synthetic: Whether the noise was recorded nowhere.
        versions: Package → version.
        classes: Their names, in order.
        test_speakers: Everyone who is tested.
        clean: The undefended classifier, or the victim, on clean speech.
        figure1: The same under attack.
        perception: How audible the attack is.
        label_survival: Whether emotions are attacked alike.
        alarms: Which rang.
        remarks: What else a reader must know.
        skipped: Reason → utterances that were left out of the corpus.
        sounds: A few utterances to listen to.
        command: Makes the report again.
        inputs: What went in → SHA-256.
        models: Every model that was measured.
        settings: As the command line and its defaults gave them, nested.
        channels: What channels cost; None where speech passed none.
        many_queries: Errors by queries; None where they were not counted.
    """

    corpus: str
    synthetic: bool
    noise_synthetic: bool
    versions: Mapping[str, str]
    classes: Sequence[str]
    test_speakers: Sequence[str]
    clean: Clean
    figure1: Sequence[Figure1Row]
    perception: Perception
    label_survival: LabelSurvival
    alarms: Sequence[Alarm]
    remarks: Sequence[str]
    skipped: Mapping[str, int]
    sounds: Sequence[SoundExample]
    command: str
    inputs: Mapping[str, str]
    models: Sequence[Model]
    settings: Mapping[str, Any]
    channels: Channels | None = None
    many_queries: Sequence[QueriesRow] | None = None

    @property
    def confidence(self) -> float:
        """Coverage of the intervals, in (0, 1)."""
        return float(self.settings["evaluation"]["confidence"])

    @property
    def chance_error(self) -> float:
        """The error of a guess, in percent."""
        return 100.0 - 100.0 / len(self.classes)

    @property
    def threat_rows(self) -> Sequence[ThreatRow]:
        """Errors by threat model; none where no attacker knew more."""
        return ()

    @property
    def search_rows(self) -> Sequence[SearchCurveRow]:
        """How efficient the search is; none where nothing was searched."""
        return ()

    @property
    def training_seeds(self) -> Sequence[int]:
        """Seeds of the trainings."""
        raise NotImplementedError

    @property
    def scope(self) -> str:
        """Which folds and seeds, or whose recogniser, in words."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Returns the report as `report.json` holds it."""
        found: dict[str, Any] = to_json(self)
        return found

    @classmethod
    def from_json(cls, data: Any, what: str = FILE) -> Self:
        """Returns the report that `report.json` holds: of this kind, or of either, as only a reproduction has `folds`.

        Args:
            data: What `json.loads` returned.
            what: What an error calls the file.

        Raises:
            InputError: If it is none: a field is missing, unknown or of another type.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"{what}: expected a report. Received: {type(data).__name__}")
        either = ReproductionReport if "folds" in data else EvaluationReport
        return from_json(cast(type[Self], either) if cls is Report else cls, data, what)

    def write(self, directory: Path) -> None:
        """Writes `report.json`."""
        (directory / FILE).write_text(json.dumps(self.to_json(), indent=1, allow_nan=False))

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Reads `report.json`; errors as for `from_json`, and if it is no JSON."""
        path = directory / FILE
        try:
            data = json.loads(path.read_text())
        except ValueError as error:
            raise InputError(f"{path}: expected JSON. Received: {error}") from None
        return cls.from_json(data, str(path))


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(Report):
    """Of one model, or of anybody's recogniser.

    Attributes:
        seed: Of the training.
        fold: Whose test speakers were measured; None for the whole corpus.
        chance: The error of a guess, in percent.
        search: Depths that were tried; none of somebody else's recogniser, as what follows.
        trained_speakers: Speakers that anything was trained or chosen on.
        trained_noises: Environments that it met in training.
        model: Its size.
        victim: Whose recogniser was attacked.
        threats: What attackers who know more did to it.
        search_curve: How efficient their search is.
    """

    seed: int
    fold: str | None
    chance: float
    search: Sequence[Mapping[str, Any]] | None = None
    trained_speakers: Sequence[str] | None = None
    trained_noises: Sequence[str] | None = None
    model: Mapping[str, Any] | None = None
    victim: VictimFacts | None = None
    threats: Sequence[ThreatRow] | None = None
    search_curve: Sequence[SearchCurveRow] | None = None

    @property
    def threat_rows(self) -> Sequence[ThreatRow]:
        """Errors by threat model."""
        return self.threats or ()

    @property
    def search_rows(self) -> Sequence[SearchCurveRow]:
        """How efficient the search is."""
        return self.search_curve or ()

    @property
    def training_seeds(self) -> Sequence[int]:
        """The seed."""
        return (self.seed,)

    @property
    def scope(self) -> str:
        """The fold, and whose recogniser or which seed."""
        fold = "" if self.fold is None else f"fold {self.fold}, "
        return fold + (self.victim.name if self.victim else f"seed {self.seed}")


@dataclass(frozen=True, kw_only=True)
class ReproductionReport(Report):
    """Of all defences, over folds and seeds.

    Attributes:
        folds: Whose test speakers were measured.
        seeds: Of the trainings.
        clean_defended: Every system on clean speech.
        figure2: Adversarial training by its share of examples.
        table2: Random noise in training.
        table3: The GAN.
        figure3: Every defence.
        ordering: Whether the paper's order of the defences holds.
        differences: How certain each difference is.
        threats: Errors by threat model.
        search_curve: How efficient a search is.
        unseen: Errors under noise that a defence was trained without.
        unheard: Environment that tests → "environment" where no training heard it, "recording" where no training heard
            these recordings of it; None where training heard the rest of every recording.
        training_noise: Which noise the defences heard, in words; None where they heard none.
    """

    folds: Sequence[str]
    seeds: Sequence[int]
    clean_defended: Sequence[CleanRow]
    figure2: Sequence[Figure2Row]
    table2: Sequence[TableRow]
    table3: Sequence[TableRow]
    figure3: Sequence[Figure3Row]
    ordering: Sequence[OrderRow]
    differences: Sequence[DifferenceRow]
    threats: Sequence[ThreatRow]
    search_curve: Sequence[SearchCurveRow]
    unseen: Sequence[UnseenRow]
    unheard: Mapping[str, str] | None = None
    training_noise: str | None = None

    @property
    def threat_rows(self) -> Sequence[ThreatRow]:
        """Errors by threat model."""
        return self.threats

    @property
    def search_rows(self) -> Sequence[SearchCurveRow]:
        """How efficient the search is."""
        return self.search_curve

    @property
    def training_seeds(self) -> Sequence[int]:
        """The seeds."""
        return self.seeds

    @property
    def scope(self) -> str:
        """Folds and seeds."""
        which = f"fold {self.folds[0]}" if len(self.folds) == 1 else f"{len(self.folds)} folds"
        return f"{which}, " + (f"seed {self.seeds[0]}" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds")
