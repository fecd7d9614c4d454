"""What a defence is, and what a defended system is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class System:
    """What is judged: a classifier, defended or not.

    Attributes:
        defence: The defence's name.
        classifier: Whatever `Build.classifier` returned.
        percent: Share of adversarial examples it is trained with, in percent.
        generator: Whatever `Build.generator` returned, where features are cleaned before the classifier.
        enhance: Gain of the enhancement before the features, "lsa" or "stsa"; "" for none.
        without: The environment that no part of it has met in training; "" for none.
    """

    defence: str
    classifier: Any
    percent: float = 0.0
    generator: Any = None
    enhance: str = ""
    without: str = ""

    @property
    def name(self) -> str:
        """What its parts are called after."""
        share = f" {self.percent:g} %" if self.percent else ""
        return self.defence + share + (f" without {self.without}" if self.without else "")


class Build(Protocol):
    """What a defence may ask for, for one fold and one seed; models are trained once, however often they are asked for.

    Environments in `without` are met by no part of what is built.
    """

    def classifier(
        self,
        name: str = "classifier",
        *,
        white_noise: float = 0.0,
        adversarial_share: float = 0.0,
        gaussian_noise: float = 0.0,
        versions: int = 0,
        divergence_weight: float = 0.0,
        worst_version: bool = False,
        without: str = "",
    ) -> Any:
        """Returns a classifier that trains on the fold's training speakers.

        Args:
            name: Tells it from others; the undefended one is "classifier".
            white_noise: White noise on its training waveforms, in deviations of the reference noise.
            adversarial_share: Share of its training utterances, in [0, 1], that are under environmental noise.
            gaussian_noise: Gaussian noise on its normalised training features.
            versions: Versions under environmental noise that each training utterance is heard in beside the clean one,
                in one step; 0 for none.
            divergence_weight: Weight of the Jensen–Shannon divergence of the answers to them.
            worst_version: Whether the hardest of them alone counts in the cross-entropy.
            without: The environment that it does not meet.
        """
        ...

    def generator(self, classifier: Any, *, trained_for: Any = None, without: str = "") -> Any:
        """Returns a generator that cleans features for a classifier.

        Args:
            classifier: From `classifier`.
            trained_for: The classifier whose errors steer its training, if that is another.
            without: The environment that it does not meet.
        """
        ...


@dataclass(frozen=True)
class Defence:
    """One way to defend a classifier.

    Attributes:
        name: In files and flags.
        label: In reports.
        colour: In pictures, "#RRGGBB": the same in all of them.
        place: Orders the defences in reports.
        settings: A dataclass with a default for everything; its fields become flags.
        systems: Returns what is judged, the weakest first: of several, reports compare the last. Takes a `Build`, the
            settings of all defences and the environment that nothing of it may meet, "" for none; [] where the
            settings leave the defence out.
        meets_noise: Whether it meets environmental noise in training, so that noise may be unseen to it.
        paper_rank: Its place in the paper's figure 3, 0 for the least error; None if it is not there.
    """

    name: str
    label: str
    colour: str
    place: int
    settings: type
    systems: Callable[[Build, Any, str], Sequence[System]]
    meets_noise: bool = False
    paper_rank: int | None = None
