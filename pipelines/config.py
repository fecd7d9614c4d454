"""Every setting of a run, in one tree; flags and YAML files are made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jsonargparse.typing import (
    ClosedUnitInterval,
    NonNegativeFloat,
    NonNegativeInt,
    OpenUnitInterval,
    PositiveFloat,
    PositiveInt,
)

from kerasser.attack.perturbation import EPSILONS

CorpusName = Literal["demo", "emodb", "ravdess", "urdu", "iemocap", "fau-aibo", "manifest", "audformat"]


@dataclass(frozen=True)
class CorpusSettings:
    """How a corpus is read and cut into folds."""

    valence: dict[str, str] | None = None
    """Emotion → positive or negative, instead of the reader's map; what it leaves out is skipped."""
    folds: PositiveInt = 5
    """Speaker-disjoint folds, for corpora that prescribe no split."""
    dev_share: OpenUnitInterval = 0.25
    """Share of the training speakers that steers the learning rate."""
    skip_unusable: bool = False
    """Skip and count audio that cannot be used, instead of refusing the corpus."""
    seed: int = 0
    """Deals the speakers to folds, and makes the demo corpus and its noise; runs of all seeds share it."""


@dataclass(frozen=True)
class NoiseSettings:
    """Where the noise comes from in time."""

    environments: list[str] | None = None
    """Environments to use; all by default."""
    channel: PositiveInt = 1
    """Microphone of DEMAND, 1 to 16."""
    test_share: OpenUnitInterval = 0.4
    """Share of every recording, its end, that is kept for testing."""
    guard_s: NonNegativeFloat = 0.5
    """Seconds between the training and the test stretch that neither hears."""
    demo_duration_s: PositiveFloat = 60.0
    """Seconds of each synthetic environment, where no noise_dir is given."""


@dataclass(frozen=True)
class AttackSettings:
    """How much noise, and how many pieces of it."""

    epsilons: list[NonNegativeFloat] = field(default_factory=lambda: list(EPSILONS))
    """Perturbation factors."""
    snrs_db: list[float] = field(default_factory=lambda: [20.0, 10.0, 5.0, 0.0])
    """Signal-to-noise ratios, in dB."""
    draws: PositiveInt = 3
    """Pieces of noise per utterance, environment and budget: figures are their mean and their worst."""
    estimator: Literal["lsa", "stsa"] = "lsa"
    """Gain behind the reference noise: lsa or stsa."""


@dataclass(frozen=True)
class ClassifierSettings:
    """The victim."""

    layers: PositiveInt | list[PositiveInt] = 2
    """LSTM layers; a list is compared on the development speakers, and the best is kept."""
    units: PositiveInt = 128
    """Units of each LSTM layer."""
    frames_per_step: PositiveInt = 10
    """Frames of 10 ms averaged into one LSTM step."""
    pooling: Literal["last", "mean"] = "last"
    """last takes the output at the last frame; mean averages the outputs."""
    dropout: ClosedUnitInterval = 0.0
    """Share of LSTM outputs dropped in training."""
    bound: PositiveFloat = 5.0
    """Bound of the normalised features, in standard deviations."""


@dataclass(frozen=True)
class TrainingSettings:
    """The paper's learning-rate rule and what surrounds it."""

    learning_rate: PositiveFloat = 0.002
    """First learning rate."""
    patience: PositiveInt = 5
    """Epochs without improvement before the rate is halved."""
    lowest_rate: PositiveFloat = 1e-5
    """Training stops below it."""
    epochs: PositiveInt = 200
    """Training stops after so many epochs in any case."""
    batch_size: PositiveInt = 32
    """Utterances in a batch."""
    gradient_norm: PositiveFloat = 1.0
    """Largest norm of the gradient."""
    balance_classes: bool = False
    """Weigh both classes alike in the loss."""


@dataclass(frozen=True)
class EvaluationSettings:
    """Intervals."""

    replicates: PositiveInt = 2000
    """Bootstrap replicates over speakers."""
    confidence: OpenUnitInterval = 0.95
    """Coverage of the intervals."""


@dataclass(frozen=True)
class Settings:
    """A whole run."""

    corpus: CorpusName = "demo"
    """What is read; demo is synthetic and needs no files."""
    corpus_dir: str | None = None
    """Where the corpus lies; for manifest, the CSV file."""
    noise_dir: str | None = None
    """DEMAND, or a folder per environment; synthetic noise by default."""
    fold: str | None = None
    """Name of the fold that is tested; the first by default."""
    output_dir: str = "outputs"
    """Where artifacts and reports go."""
    seed: int = 0
    """Seed of training and of the attack's draws: same seed, same numbers."""
    workers: NonNegativeInt = 0
    """Threads that extract features; 0 takes every core."""
    quiet: bool = False
    """No progress bars."""
    data: CorpusSettings = field(default_factory=CorpusSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    attack: AttackSettings = field(default_factory=AttackSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
