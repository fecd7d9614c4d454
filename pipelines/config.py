"""Every setting of a run, in one tree; flags and YAML files are made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, make_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse.typing import (
    NonNegativeFloat,
    NonNegativeInt,
    OpenUnitInterval,
    PositiveFloat,
    PositiveInt,
    restricted_number_type,
)

from kerasser import corpora, defences, threats
from kerasser.attack.budget import EPSILONS
from kerasser.corpora.base import named
from kerasser.features import DEFAULT as DEFAULT_FRONT_END
from kerasser.features import known as front_ends
from kerasser.noise.estimation import spelled
from kerasser.training import rules

HalfOpenUnitInterval = restricted_number_type("HalfOpenUnitInterval", float, [(">=", 0), ("<", 1)])
MadeSeconds = restricted_number_type("MadeSeconds", float, (">=", 2))
# What the registries know; names are checked when a command reads its settings.
if TYPE_CHECKING:
    CorpusName = str
    FrontEndName = str
    RuleName = str
else:
    CorpusName = Literal[tuple(["demo", *corpora.readers()])]
    FrontEndName = Literal[tuple(front_ends())]
    RuleName = Literal[tuple(rules.known())]


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
    """Skip and count audio that cannot be used, of speech and of noise, instead of refusing the first such file."""
    longest_s: PositiveFloat = 7200.0
    """Most seconds of a recording, or of the part that is wanted, that its header may claim."""
    largest_bytes: PositiveInt = 2**31
    """Most bytes that it may claim to have when it is decoded: four a sample."""
    seed: int = 0
    """Deals the speakers to folds, and makes the demo corpus and its noise; runs of all seeds share it."""

    def __post_init__(self) -> None:
        # YAML reads the label 0 as a number.
        object.__setattr__(self, "valence", named(self.valence))


@dataclass(frozen=True)
class NoiseSettings:
    """Which noise trains and which tests."""

    environments: list[str] | None = None
    """Environments to use, of either folder; all by default."""
    channel: PositiveInt = 1
    """Microphone of DEMAND, 1 to 16."""
    split: Literal["time", "recording", "environment"] = "time"
    """time cuts every recording; recording and environment leave whole ones for the test; not for a test_noise_dir."""
    test_share: OpenUnitInterval = 0.4
    """Share kept for testing: the end of every recording, or so much of an environment's; not for a test_noise_dir."""
    test_environments: list[str] = field(default_factory=list)
    """Environments that test and never train; for the split by environment."""
    guard_s: NonNegativeFloat = 0.5
    """Seconds between the training and the test stretch, and around sound that both would hold, that neither hears."""
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
    noise_tracker: Literal["mmse", "minimum_statistics"] = "mmse"
    """What follows the noise power through an utterance, for its reference noise."""
    speech_level: Literal["utterance", "active"] = "utterance"
    """What ratios are measured against: the whole utterance, or its active speech (ITU-T P.56), without its pauses."""
    channels: list[str] = field(default_factory=list)
    """Channels that test speech passes beside the noise: telephone, mp3, …, or reverberation@0.6 for one level."""
    rooms_dir: str | None = None
    """Folder of measured room responses, for reverberation; rooms are made by pyroomacoustics by default."""
    seed: int = 0
    """Seed of the draws of noise; runs of all training seeds share them."""

    @property
    def reference(self) -> str:
        """How the reference noise is estimated, in one word."""
        return spelled(self.estimator, self.noise_tracker)


@dataclass(frozen=True)
class FeatureSettings:
    """What waveforms are described by."""

    front_end: FrontEndName = DEFAULT_FRONT_END
    """Takes eGeMAPS frames from waveforms: opensmile is the reference, graph does without it."""


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
    dropout: HalfOpenUnitInterval = 0.0  # type: ignore[valid-type]
    """Share of LSTM outputs dropped in training."""
    clip_value: PositiveFloat = 5.0
    """Bound of the normalised features, in standard deviations."""


@dataclass(frozen=True)
class MadeNoiseSettings:
    """Noise that is made for the training of defences, where defences.noise asks for it."""

    environments: PositiveInt = 37
    """Environments of all kinds, each drawn from the seed and its number; more are added to the same ones."""
    duration_s: MadeSeconds = 25.0  # type: ignore[valid-type]
    """Seconds of each."""
    seed: NonNegativeInt = 0
    """Seed of all of them."""


@dataclass(frozen=True)
class _SharedDefenceSettings:
    """What the defences share."""

    noise: Literal["recorded", "made", "both"] = "recorded"
    """What they train on: the noise's training stretch, noise that is made, or half of each; tests never change."""
    made: MadeNoiseSettings = field(default_factory=MadeNoiseSettings)
    conditions: NonNegativeInt = 12
    """Environments and budgets that each training utterance meets, drawn for it; 0 takes all."""


@dataclass(frozen=True)
class _SharedThreatSettings:
    """What attackers who know more than the paper's share."""

    draws: NonNegativeInt = 6
    """Random pieces of noise from each environment; a search may ask as often in all. 0 leaves the searches out."""
    epsilons: list[NonNegativeFloat] | None = None
    """Perturbation factors they use; the largest of attack.epsilons by default."""
    snrs_db: list[float] | None = None
    """Signal-to-noise ratios they use, in dB; the one of attack.snrs_db nearest to 10 by default."""


def _with(shared: type, name: str, kinds: Iterable[tuple[str, type]]) -> type:
    """Returns settings with a group for each defence or threat model, under the name of its file."""
    fields = [(module, settings, field(default_factory=settings)) for module, settings in sorted(kinds)]
    return make_dataclass(name, fields, bases=(shared,), frozen=True, namespace={"__doc__": shared.__doc__})


def _module(settings: type) -> str:
    return settings.__module__.rpartition(".")[2]


#: The settings of all defences, each declared in its own file.
DefenceSettings: Any = _with(
    _SharedDefenceSettings,
    "DefenceSettings",
    ((_module(each.settings), each.settings) for each in defences.known().values()),
)
#: The settings of all threat models, each declared in its own file.
ThreatSettings: Any = _with(
    _SharedThreatSettings,
    "ThreatSettings",
    ((_module(each.settings), each.settings) for each in threats.known().values()),
)


@dataclass(frozen=True)
class TrainingSettings:
    """The paper's learning-rate rule and what surrounds it."""

    learning_rate: PositiveFloat = 0.002
    """First learning rate."""
    rule: RuleName = rules.DEFAULT
    """What epochs without improvement do to the rate; halving is the paper's rule."""
    patience: PositiveInt = 5
    """Epochs without improvement before the rule acts."""
    lowest_rate: PositiveFloat = 1e-5
    """Rate below which training stops."""
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
class PerceptionSettings:
    """How audible the attack is: segmental SNR and, with the extra perception, STOI and PESQ."""

    utterances: NonNegativeInt = 24
    """Most test utterances of a fold that are measured, spread over its speakers; 0 measures none."""


@dataclass(frozen=True)
class ReportSettings:
    """What the report shows beside its figures."""

    sounds: NonNegativeInt = 3
    """Test utterances that the page of the report plays, clean and attacked; 0 if others must not hear the corpus."""


@dataclass(frozen=True)
class Settings:
    """A whole run."""

    corpus: CorpusName = "demo"
    """What is read; demo is synthetic and needs no files."""
    corpus_dir: str | None = None
    """Where the corpus lies; for manifest, the CSV file."""
    noise_dir: str | None = None
    """DEMAND, or a folder per environment; synthetic noise by default."""
    test_noise_dir: str | None = None
    """The same, of noise that tests, whole: that of noise_dir then trains, whole, and nothing is cut in time."""
    fold: str | None = None
    """Name of the fold that is tested, the first by default; reproduce takes all of them for "all"."""
    defence: list[str] = field(default_factory=list, metadata={"nargs": "+", "metavar": "NAME"})
    """Defences, or all that are wanted: train trains these, the GAN by default, and reproduce compares these, all by
    default; naming one whose `wanted` is false makes it true."""
    output_dir: str = "outputs"
    """Where artifacts and reports go."""
    logdir: str | None = None
    """Where TensorBoard's event files go, a folder for each training; beside the models by default."""
    seed: int = 0
    """Seed of training: same seed, same numbers."""
    seeds: list[int] = field(default_factory=list)
    """Seeds that reproduce trains with, each a whole set of models; the one of --seed by default."""
    all_corpora: bool = False
    """Let reproduce report on every corpus of gan.corpora too, each with the others in its GAN."""
    workers: NonNegativeInt = 0
    """Threads that extract features; 0 takes every core."""
    quiet: bool = False
    """Nothing on standard error but errors and what a corpus was read without."""
    log_json: str | None = None
    """File that gets a line of JSON for the start, every step and the end; /dev/stderr is one."""
    data: CorpusSettings = field(default_factory=CorpusSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    attack: AttackSettings = field(default_factory=AttackSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    defences: DefenceSettings = field(default_factory=DefenceSettings)
    threats: ThreatSettings = field(default_factory=ThreatSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    perception: PerceptionSettings = field(default_factory=PerceptionSettings)
    report: ReportSettings = field(default_factory=ReportSettings)

    def __post_init__(self) -> None:
        # Whoever names a defence wants it, whatever a file says for all of them.
        named_ones = {
            _module(each.settings): replace(chosen, wanted=True)
            for name, each in defences.known().items()
            if {name, _module(each.settings)} & {*self.defence}
            and hasattr(chosen := getattr(self.defences, _module(each.settings)), "wanted")
        }
        object.__setattr__(self, "defences", replace(self.defences, **named_ones))


@dataclass(frozen=True)
class ExportSettings(Settings):
    """A run that ends with a published model."""

    model: str | None = None
    """Name under which it is served; the corpus' by default."""
    models_dir: str = "saved_models"
    """Where models are published, each in a folder of its name."""
    keep: PositiveInt = 3
    """Versions that stay."""
    margin: NonNegativeFloat = 2.0
    """Points of error, on clean or on attacked speech, by which a version may be worse than the one before."""
    rollback: bool = False
    """Withdraw the newest version instead, so that servers go back to the one before."""


@dataclass(frozen=True)
class VictimSettings:
    """The recogniser that is attacked."""

    model: str | None = None
    """SavedModel, .keras file, http://HOST:8501, grpc://HOST:8500, or module:function."""
    input: Literal["waveform", "frames", "functionals"] | None = None
    """What it takes: waveform, eGeMAPS frames or the 88 functionals; waveform for a function, else frames."""
    classes: list[str] = field(default_factory=list)
    """Its classes in the order of its answers, where it does not say them itself; of one output, it is the second's."""
    name: str | None = None
    """What the report calls it; after the model by default."""
    version: str = ""
    """Tells this victim from an earlier one of the same name; change it to ask anew."""
    signature: str = "serving_default"
    """Which signature of a SavedModel or server answers; undefended is ours without the generator."""
    served: str | None = None
    """Name of the model on a server."""
    served_version: PositiveInt | None = None
    """Its version there; the newest by default."""
    limit: PositiveInt | None = None
    """Most queries; one waveform is one."""
    batch_size: PositiveInt = 32
    """Waveforms in a question."""
    deadline_s: PositiveFloat = 60.0
    """Seconds for a request to a server, with all repetitions."""


@dataclass(frozen=True)
class VictimRunSettings(Settings):
    """An attack on somebody's recogniser; what concerns training is not used."""

    fold: str | None = None
    """Attack the test speakers of this fold; every speaker by default."""
    victim: VictimSettings = field(default_factory=VictimSettings)


@dataclass(frozen=True)
class CorpusRunSettings(Settings):
    """A look at a corpus; what concerns noise and models is not used."""

    measured: PositiveInt = 200
    """Most utterances whose level is measured, spread evenly; counts and lengths are of all."""
    twins: bool = False
    """Compare the sound of all speakers, parts and other levels too, which takes longer than all else."""
