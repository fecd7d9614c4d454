"""The GAN: a generator that cleans features before the unchanged classifier (paper, section 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from jsonargparse.typing import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    restricted_number_type,
)

from kerasser.corpora.base import named
from kerasser.defences.base import Build, Defence, System

NAME = "gan"
HalfOpenUnitInterval = restricted_number_type("HalfOpenUnitInterval", float, [(">=", 0), ("<", 1)])


@dataclass(frozen=True)
class CompanionSettings:
    """Another corpus whose training speakers the GAN hears too."""

    corpus: str
    """Its reader."""
    corpus_dir: str | None = None
    """Where it lies."""
    fold: str | None = None
    """The fold whose training speakers are heard; the first by default."""
    valence: dict[str, str] | None = None
    """Emotion → positive or negative, instead of the reader's map."""

    def __post_init__(self) -> None:
        # YAML reads the label 0 as a number.
        object.__setattr__(self, "valence", named(self.valence))


@dataclass(frozen=True)
class Settings:
    """The generator that cleans features, and the discriminator it is trained against."""

    corpora: list[CompanionSettings] = field(default_factory=list)
    """Further corpora to train on, each with corpus, corpus_dir and, if wanted, fold and valence."""
    units: PositiveInt = 128
    """Units of the generator's encoder and of its decoder."""
    bottleneck: PositiveInt = 48
    """Width of the code between encoder and decoder, in both networks."""
    discriminator_units: PositiveInt = 64
    """Units of the discriminator's encoder and of its decoder."""
    frames_per_step: PositiveInt | None = None
    """Frames averaged into one LSTM step; as in the classifier by default."""
    form: Literal["frame", "segment"] = "frame"
    """frame corrects every step; segment passes one code a segment, as an autoencoder read literally."""
    segment_steps: PositiveInt = 10
    """LSTM steps in a segment."""
    adversarial_weight: NonNegativeFloat = 0.1
    """Weight of the adversarial loss in the generator's."""
    reconstruction_weight: NonNegativeFloat = 1.0
    """Weight of the L1 loss in the generator's; 0 is pure adversarial."""
    saturating: bool = True
    """Equation 1 as printed; false takes -log D(G(z)) for the generator."""
    label_smoothing: HalfOpenUnitInterval = 0.0  # type: ignore[valid-type]
    """Taken from the discriminator's target for real speech."""
    gradient_norm: NonNegativeFloat = 0.0
    """Largest norm of a gradient; 0 bounds none."""
    spectral_normalization: bool = False
    """Bound the spectral norm of the discriminator's dense layers."""
    clean_share: HalfOpenUnitInterval = 0.125  # type: ignore[valid-type]
    """Share of the training pairs that are clean on both sides."""
    batch_size: PositiveInt = 32
    """Utterances in a batch."""
    pretraining_epochs: NonNegativeInt = 40
    """Most epochs of the generator alone."""
    pretraining_rate: PositiveFloat = 0.002
    """Learning rate of Adam in them."""
    epochs: PositiveInt = 20
    """Most epochs of generator against discriminator."""
    learning_rate: PositiveFloat = 1e-4
    """Learning rate of RMSProp, for both."""
    patience: PositiveInt = 5
    """Epochs without a better development error before either part stops."""


def systems(build: Build, settings: Any, without: str = "") -> list[System]:
    """Returns the undefended classifier behind a generator that is trained for it."""
    classifier = build.classifier()
    return [System(NAME, classifier, generator=build.generator(classifier, without=without), without=without)]


DEFENCE = Defence(NAME, "GAN", "#CC79A7", 50, Settings, systems, meets_noise=True, paper_rank=0)
