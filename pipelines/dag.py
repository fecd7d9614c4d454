"""The components of a run, wired from the corpus and the noise to the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasser.evaluation import comparison
from kerasser.util.errors import InputError
from pipelines.cli.command_line import command_line, reported
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.corpus_gen import CorpusGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.exporter import Exporter
from pipelines.components.feature_gen import FeatureGen
from pipelines.components.gan_trainer import GanTrainer
from pipelines.components.infra_validator import InfraValidator
from pipelines.components.listening_gen import ListeningGen
from pipelines.components.noise_gen import NoiseGen
from pipelines.components.perception_gen import PerceptionGen
from pipelines.components.perturbation_exporter import PerturbationExporter
from pipelines.components.pusher import Pusher
from pipelines.components.random_noise_gen import RandomNoiseGen
from pipelines.components.reporter import Reporter
from pipelines.components.trainer import Trainer
from pipelines.config import CompanionSettings, Settings
from pipelines.engine.component import Channel
from pipelines.io.logs import log_folder

# What trains a GAN; the rest of its settings say what its networks are.
_GAN_TRAINING = (
    *("pretraining_epochs", "pretraining_rate", "epochs", "learning_rate", "patience", "adversarial_weight"),
    *("reconstruction_weight", "saturating", "label_smoothing", "gradient_norm"),
)


@dataclass(frozen=True)
class System:
    """A classifier, defended or not.

    Attributes:
        defence: One of the names in `kerasser.evaluation.comparison`.
        trainer: Trains the classifier.
        percent: Share of adversarial examples it is trained with, in percent.
        gan: Trains the generator before it, if there is one.
        enhance: Gain of the enhancement before the features, or "".
        without: The environment that it never heard, or "".
    """

    defence: str
    trainer: Trainer
    percent: float = 0.0
    gan: GanTrainer | None = None
    enhance: str = ""
    without: str = ""

    @property
    def name(self) -> str:
        """What its components are called after."""
        share = f" {self.percent:g} %" if self.percent else ""
        return self.defence + share + (f" without {self.without}" if self.without else "")


class Dag:
    """The components of some folds and seeds; a command runs as many of them as it needs.

    Args:
        settings: The run.
        folds: Names of the folds that are tested; none cuts the corpus into none.
        emotions: Kept even if they have no valence.

    Raises:
        InputError: If a corpus other than the demo lacks its folder, or the demo has one.
    """

    def __init__(self, settings: Settings, folds: Sequence[str] = ("",), emotions: Sequence[str] = ()) -> None:
        if not settings.attack.epsilons and not settings.attack.snrs_db:
            raise InputError("attack: expected some epsilons or snrs_db. Received: neither")
        self.settings, self.folds = settings, list(folds)
        if settings.logdir and Path(settings.logdir).exists() and not Path(settings.logdir).is_dir():
            raise InputError(f"logdir: expected a folder. Received: {settings.logdir}, a file")
        self.runtime = {"workers": settings.workers, "quiet": settings.quiet}
        self.corpus = _corpus(
            settings,
            "--corpus-dir",
            settings.corpus,
            settings.corpus_dir,
            settings.data.valence,
            emotions=emotions,
            fold_count=settings.data.folds if folds else 0,
        )
        self.noise = NoiseGen(
            noise_dir=_absolute(settings.noise_dir),
            environments=settings.noise.environments or [],
            channel=settings.noise.channel,
            test_share=settings.noise.test_share,
            guard_s=settings.noise.guard_s,
            demo_duration_s=settings.noise.demo_duration_s,
            seed=settings.data.seed,
            quiet=settings.quiet,
        )
        self.perturbation = PerturbationExporter()
        self.features = self._features(self.corpus)
        self._attacks: dict[tuple[str, str, bool], AdversarialGen] = {}
        self._enhanced: dict[str, FeatureGen] = {}
        self._audible: dict[str, PerceptionGen] = {}
        self._victims: dict[tuple[str, int], Trainer] = {}

    def attack(self, fold: str, enhance: str = "", *, pool: bool = False) -> AdversarialGen:
        """The test speakers of a fold under the test stretch of the noise.

        Args:
            fold: Name of the fold.
            enhance: Gain of the enhancement before the features, or "".
            pool: The random draws of the searches, as many as a search may ask for, instead of every condition.
        """
        key = (fold, enhance, pool)
        if key not in self._attacks:
            name = ("random search on" if pool else "attack on") + f" fold {fold}" + (", enhanced" if enhance else "")
            self._attacks[key] = self.adversarial(name, self.corpus, [fold], "test", enhance, pool=pool)
        return self._attacks[key]

    def perception(self, fold: str) -> list[Channel]:
        """How audible that attack is on some of the utterances; empty where it is not to be measured."""
        settings = self.settings
        if not settings.perception.utterances:
            return []
        if fold not in self._audible:
            self._audible[fold] = PerceptionGen(
                id=f"perception of the attack on fold {fold}",
                utterances=self.corpus.outputs["utterances"],
                folds=self.corpus.outputs["folds"],
                noise=self.noise.outputs["test"],
                perturbation=self.perturbation.outputs["perturbation"],
                fold=fold,
                epsilons=settings.attack.epsilons,
                snrs_db=settings.attack.snrs_db,
                estimator=settings.attack.estimator,
                speech_level=settings.attack.speech_level,
                utterances_limit=settings.perception.utterances,
                seed=settings.attack.seed,
                **self.runtime,
            )
        return [self._audible[fold].outputs["perception"]]

    def victim(self, fold: str, seed: int) -> Trainer:
        """The classifier that trains on clean speech."""
        if (fold, seed) not in self._victims:
            self._victims[fold, seed] = self.trainer("classifier", fold, seed)
        return self._victims[fold, seed]

    def sounds(self, fold: str, evaluations: Mapping[str, Channel]) -> list[Channel]:
        """A few test utterances of a fold to listen to; empty where they are not wanted.

        Args:
            fold: Name of the fold.
            evaluations: Defence → what it answers, no defence first: all of this fold and of one seed.
        """
        settings = self.settings
        if not settings.report.sounds:
            return []
        heard = ListeningGen(
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            perturbation=self.perturbation.outputs["perturbation"],
            evaluations=list(evaluations.values()),
            defences=list(evaluations),
            epsilons=[float(each) for each in sorted(settings.attack.epsilons)[-1:]],
            snrs_db=[float(each) for each in _nearest_to_ten(settings.attack.snrs_db)],
            estimator=settings.attack.estimator,
            speech_level=settings.attack.speech_level,
            count=settings.report.sounds,
            seed=settings.attack.seed,
        )
        return [heard.outputs["sounds"]]

    def report(self) -> Reporter:
        """What the attack does to the undefended classifier of the first fold."""
        fold, seed = self.folds[0], self.settings.seed
        evaluation = self.evaluator(System(comparison.NONE, self.victim(fold, seed)), fold, seed).outputs["evaluation"]
        return Reporter(
            evaluation=evaluation,
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            perception=self.perception(fold),
            sounds=self.sounds(fold, {comparison.NONE: evaluation}),
            seed=seed,
            command=command_line("evaluate", self.settings),
            settings=reported("evaluate", self.settings),
        )

    @cached_property
    def threat_epsilons(self) -> list[float]:
        """The perturbation factors of the attackers who know more."""
        chosen, attack = self.settings.threats.epsilons, self.settings.attack.epsilons
        return [float(each) for each in (sorted(attack)[-1:] if chosen is None else chosen)]

    @cached_property
    def threat_snrs_db(self) -> list[float]:
        """Their signal-to-noise ratios, in dB."""
        chosen, attack = self.settings.threats.snrs_db, self.settings.attack.snrs_db
        return [float(each) for each in (_nearest_to_ten(attack) if chosen is None else chosen)]

    def push(self, base: Path, keep: int, margin: float) -> Pusher:
        """Publishes the defended classifier of the first fold.

        Args:
            base: The model's folder, where its versions lie.
            keep: Versions that stay.
            margin: Points of error by which it may be worse than the version before.
        """
        fold, seed = self.folds[0], self.settings.seed
        victim = self.victim(fold, seed)
        gan = self.gan(fold, seed, victim)
        undefended = self.evaluator(System(comparison.NONE, victim), fold, seed)
        defended = self.evaluator(System(comparison.GAN, victim, gan=gan), fold, seed)
        export = Exporter(
            model=victim.outputs["model"],
            generator=gan.outputs["generator"],
            undefended=undefended.outputs["evaluation"],
            defended=defended.outputs["evaluation"],
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            perturbation=self.perturbation.outputs["perturbation"],
            seed=seed,
        ).outputs["export"]
        return Pusher(
            export=export,
            blessing=InfraValidator(export=export, quiet=self.settings.quiet).outputs["blessing"],
            models_dir=str(base.parent),
            model=base.name,
            keep=keep,
            margin=margin,
        )

    @cached_property
    def training_attack(self) -> AdversarialGen:
        """Training speakers under the training stretch of the noise; once for all folds and seeds."""
        return self.adversarial("attack on training speech", self.corpus, self.folds, "training")

    @cached_property
    def random_noise(self) -> RandomNoiseGen:
        """Training speech under white noise; once for all folds and seeds."""
        return RandomNoiseGen(
            utterances=self.corpus.outputs["utterances"],
            folds=self.corpus.outputs["folds"],
            fold_names=self.folds,
            epsilon=self.settings.defence.random_noise_epsilon,
            estimator=self.settings.attack.estimator,
            seed=self.settings.attack.seed,
            **self.runtime,
        )

    @cached_property
    def _companions(self) -> list[tuple[CompanionSettings, CorpusGen, FeatureGen, AdversarialGen]]:
        """The other corpora that the GAN hears: clean speech and the same under the training stretch."""
        found = []
        for number, other in enumerate(self.settings.gan.corpora, 1):
            name = f"{other.corpus} {number}"
            corpus = _corpus(
                self.settings,
                f"gan.corpora: {other.corpus}",
                other.corpus,
                other.corpus_dir,
                other.valence,
                id=f"corpus {name}",
            )
            attack = self.adversarial(f"attack on training speech of {name}", corpus, [other.fold or ""], "training")
            found.append((other, corpus, self._features(corpus, f"features of {name}"), attack))
        return found

    def _features(self, corpus: CorpusGen, id: str | None = None, enhance: str = "") -> FeatureGen:
        return FeatureGen(id=id, utterances=corpus.outputs["utterances"], enhance=enhance, **self.runtime)

    def adversarial(
        self, id: str, corpus: CorpusGen, folds: Sequence[str], part: str, enhance: str = "", *, pool: bool = False
    ) -> AdversarialGen:
        """Utterances of one part of some folds, under noise that this part may hear."""
        settings, training = self.settings, part == "training"
        draws = settings.threats.draws if pool else settings.attack.draws
        return AdversarialGen(
            id=id,
            utterances=corpus.outputs["utterances"],
            folds=corpus.outputs["folds"],
            noise=self.noise.outputs["train" if training else "test"],
            perturbation=self.perturbation.outputs["perturbation"],
            fold_names=[fold for fold in folds if fold],
            part=part,
            epsilons=self.threat_epsilons if pool else settings.attack.epsilons,
            snrs_db=self.threat_snrs_db if pool else settings.attack.snrs_db,
            draws=1 if training else draws,
            conditions=settings.defence.conditions if training else 0,
            estimator=settings.attack.estimator,
            speech_level=settings.attack.speech_level,
            enhance=enhance,
            seed=settings.attack.seed,
            **self.runtime,
        )

    def trainer(
        self,
        name: str,
        fold: str,
        seed: int,
        *,
        examples: FeatureGen | RandomNoiseGen | None = None,
        adversarial: Sequence[AdversarialGen] = (),
        share: float = 0.0,
        gaussian_noise: float = 0.0,
        without: str = "",
    ) -> Trainer:
        """A classifier, on clean speech or another kind."""
        victim, training = asdict(self.settings.classifier), asdict(self.settings.training)
        layers, id = victim.pop("layers"), named(name, fold, seed)
        return Trainer(
            id=id,
            utterances=self.corpus.outputs["utterances"],
            examples=(examples or self.features).outputs["examples"],
            adversarial=[each.outputs["examples"] for each in adversarial],
            noise=[self.noise.outputs["train"]] if adversarial else [],
            folds=self.corpus.outputs["folds"],
            fold=fold,
            layers=layers if isinstance(layers, list) else [layers],
            classifier={**victim, "gaussian_noise": gaussian_noise},
            batch_size=training.pop("batch_size"),
            balance_classes=training.pop("balance_classes"),
            training=training,
            share=share,
            without=[without] if without else [],
            seed=seed,
            quiet=self.settings.quiet,
            logdir=log_folder(self.settings.logdir, id),
        )

    def gan(self, fold: str, seed: int, trainer: Trainer, without: str = "") -> GanTrainer:
        """The generator that cleans for a classifier."""
        settings = self.settings.gan
        frames_per_step = settings.frames_per_step or self.settings.classifier.frames_per_step
        network: dict[str, Any] = {
            "bottleneck": settings.bottleneck,
            "frames_per_step": frames_per_step,
            "form": settings.form,
            "segment_steps": settings.segment_steps,
        }
        # Where the classifier has not heard it either, its name says so.
        alone = without and not trainer.parameters["without"]
        id = f"gan for {trainer.id}" + (f", without {without}" if alone else "")
        return GanTrainer(
            id=id,
            model=trainer.outputs["model"],
            utterances=self.corpus.outputs["utterances"],
            clean=self.features.outputs["examples"],
            adversarial=self.training_attack.outputs["examples"],
            folds=self.corpus.outputs["folds"],
            noise=self.noise.outputs["train"],
            other_utterances=[corpus.outputs["utterances"] for _, corpus, _, _ in self._companions],
            other_clean=[features.outputs["examples"] for _, _, features, _ in self._companions],
            other_adversarial=[attack.outputs["examples"] for _, _, _, attack in self._companions],
            other_folds=[corpus.outputs["folds"] for _, corpus, _, _ in self._companions],
            other_fold_names=[other.fold or "" for other, _, _, _ in self._companions],
            fold=fold,
            # The classifier's bound: what it would hear of clean speech is then left as it is.
            generator_network={**network, "units": settings.units, "clip_value": self.settings.classifier.clip_value},
            discriminator_network={
                **network,
                "units": settings.discriminator_units,
                "spectral_normalization": settings.spectral_normalization,
            },
            training={name: getattr(settings, name) for name in _GAN_TRAINING},
            batch_size=settings.batch_size,
            clean_share=settings.clean_share,
            without=[without] if without else [],
            seed=seed,
            quiet=self.settings.quiet,
            logdir=log_folder(self.settings.logdir, id),
        )

    def evaluator(self, system: System, fold: str, seed: int, adversarial: AdversarialGen | None = None) -> Evaluator:
        """What a system answers, under every condition or under those given."""
        kind = "evaluation of" if adversarial is None else "random search on"
        return Evaluator(
            id=named(f"{kind} {system.name}", fold, seed),
            model=system.trainer.outputs["model"],
            generator=[system.gan.outputs["generator"]] if system.gan else [],
            clean=self.clean(system).outputs["examples"],
            adversarial=(adversarial or self.attack(fold, system.enhance)).outputs["examples"],
            folds=self.corpus.outputs["folds"],
            fold=fold,
            replicates=self.settings.evaluation.replicates,
            confidence=self.settings.evaluation.confidence,
            # The bootstrap's: of no model.
            seed=0,
            quiet=self.settings.quiet,
        )

    def clean(self, system: System) -> FeatureGen:
        """Features of clean speech as a system hears it."""
        return self._enhanced_features(system.enhance) if system.enhance else self.features

    def _enhanced_features(self, enhance: str) -> FeatureGen:
        if enhance not in self._enhanced:
            self._enhanced[enhance] = self._features(self.corpus, "enhanced features", enhance)
        return self._enhanced[enhance]


def _corpus(
    settings: Settings,
    where: str,
    name: str,
    place: str | None,
    valence: dict[str, str] | None,
    *,
    id: str | None = None,
    emotions: Sequence[str] = (),
    fold_count: int | None = None,
) -> CorpusGen:
    if (name == "demo") != (place is None):
        wanted = "no folder, since the demo corpus is made on the spot" if name == "demo" else "a folder"
        raise InputError(f"{where}: expected {wanted}. Received: {place or 'none'}")
    return CorpusGen(
        id=id,
        corpus=name,
        corpus_dir=_absolute(place),
        valence=valence or {},
        emotions=sorted(emotions),
        fold_count=settings.data.folds if fold_count is None else fold_count,
        dev_share=settings.data.dev_share,
        skip_unusable=settings.data.skip_unusable,
        seed=settings.data.seed,
        quiet=settings.quiet,
    )


def _nearest_to_ten(snrs_db: Sequence[float]) -> list[float]:
    return sorted(snrs_db, key=lambda snr_db: abs(snr_db - 10))[:1]


def named(name: str, fold: str, seed: int) -> str:
    """Returns the id of a component of one fold and seed."""
    return f"{name}, fold {fold}, seed {seed}"


def _absolute(place: str | None) -> str:
    return str(Path(place).expanduser().resolve()) if place else ""
