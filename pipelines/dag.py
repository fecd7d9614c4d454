"""The components of a run, wired from the corpus and the noise to the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasser.attack.adapters import Target
from kerasser.errors import InputError
from kerasser.evaluation import comparison
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.corpus_gen import CorpusGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.exporter import Exporter
from pipelines.components.feature_gen import FeatureGen
from pipelines.components.gan_trainer import GanTrainer
from pipelines.components.infra_validator import InfraValidator
from pipelines.components.noise_gen import NoiseGen
from pipelines.components.perturbation_exporter import PerturbationExporter
from pipelines.components.pusher import Pusher
from pipelines.components.random_noise_gen import RandomNoiseGen
from pipelines.components.reporter import Reporter
from pipelines.components.reproducer import Reproducer
from pipelines.components.trainer import Trainer
from pipelines.components.victim_attacker import VictimAttacker
from pipelines.config import CompanionSettings, Settings

# What trains a GAN; the rest of its settings say what its networks are.
_GAN_TRAINING = (
    *("pretraining_epochs", "pretraining_rate", "epochs", "learning_rate", "patience", "adversarial_weight"),
    *("reconstruction_weight", "saturating", "label_smoothing", "gradient_norm"),
)

# The settings that count where nothing is trained.
_MEASURED = ("corpus", "fold", "data", "noise", "attack", "evaluation")


@dataclass(frozen=True)
class _System:
    """A classifier, defended or not.

    Attributes:
        defence: One of the names in `kerasser.evaluation.comparison`.
        trainer: Trains the classifier.
        percent: Share of adversarial examples it is trained with, in percent.
        gan: Trains the generator before it, if there is one.
        enhance: Gain of the enhancement before the features, or "".
    """

    defence: str
    trainer: Trainer
    percent: float = 0.0
    gan: GanTrainer | None = None
    enhance: str = ""


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
        self._runtime = {"workers": settings.workers, "quiet": settings.quiet}
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
        )
        self.perturbation = PerturbationExporter()
        self.features = self._features(self.corpus)
        self._attacks: dict[tuple[str, str], AdversarialGen] = {}
        self._enhanced: dict[str, FeatureGen] = {}
        self._victims: dict[tuple[str, int], Trainer] = {}

    def attack(self, fold: str, enhance: str = "") -> AdversarialGen:
        """The test speakers of a fold under the test stretch of the noise: every condition."""
        key = (fold, enhance)
        if key not in self._attacks:
            name = f"attack on fold {fold}" + (", enhanced" if enhance else "")
            self._attacks[key] = self._adversarial(name, self.corpus, [fold], "test", enhance)
        return self._attacks[key]

    def victim(self, fold: str, seed: int) -> Trainer:
        """The classifier that trains on clean speech."""
        if (fold, seed) not in self._victims:
            self._victims[fold, seed] = self._trainer("classifier", fold, seed)
        return self._victims[fold, seed]

    def report(self) -> Reporter:
        """What the attack does to the undefended classifier of the first fold."""
        fold, seed = self.folds[0], self.settings.seed
        return Reporter(
            evaluation=self._evaluator(_System(comparison.NONE, self.victim(fold, seed)), fold, seed).outputs[
                "evaluation"
            ],
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            seed=seed,
            settings=reported(self.settings),
        )

    def attack_report(self, target: Target, card: Mapping[str, Any], limit: int | None, batch_size: int) -> Reporter:
        """What the attack does to somebody's recogniser.

        Args:
            target: Who is attacked.
            card: What the report says of it, `classes` among it.
            limit: Most queries; None sets no limit.
            batch_size: Waveforms in a question.
        """
        settings = self.settings
        attacker = VictimAttacker(
            utterances=self.corpus.outputs["utterances"],
            folds=self.corpus.outputs["folds"],
            noise=self.noise.outputs["test"],
            perturbation=self.perturbation.outputs["perturbation"],
            victim=dict(card),
            fold=self.folds[0] if self.folds else None,
            epsilons=settings.attack.epsilons,
            snrs_db=settings.attack.snrs_db,
            draws=settings.attack.draws,
            estimator=settings.attack.estimator,
            attack_seed=settings.attack.seed,
            replicates=settings.evaluation.replicates,
            confidence=settings.evaluation.confidence,
            seed=0,
            target=target,
            limit=limit,
            batch_size=batch_size,
            **self._runtime,
        )
        return Reporter(
            evaluation=attacker.outputs["evaluation"],
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            seed=settings.attack.seed,
            settings={name: reported(settings)[name] for name in _MEASURED},
        )

    def reproduction(self) -> Reproducer:
        """All defences beside each other, over all folds and seeds."""
        settings, systems, evaluations = self.settings, [], []
        for seed in dict.fromkeys(settings.seeds or [settings.seed]):
            for fold in self.folds:
                for each in self._systems(fold, seed):
                    systems.append({"defence": each.defence, "percent": each.percent, "fold": fold, "seed": seed})
                    evaluations.append(self._evaluator(each, fold, seed).outputs["evaluation"])
        return Reproducer(
            evaluations=evaluations,
            systems=systems,
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            replicates=settings.evaluation.replicates,
            confidence=settings.evaluation.confidence,
            settings=reported(settings),
        )

    def push(self, base: Path, keep: int, margin: float) -> Pusher:
        """Publishes the defended classifier of the first fold.

        Args:
            base: The model's folder, where its versions lie.
            keep: Versions that stay.
            margin: Points of error by which it may be worse than the version before.
        """
        fold, seed = self.folds[0], self.settings.seed
        victim = self.victim(fold, seed)
        gan = self._gan(fold, seed, victim)
        undefended = self._evaluator(_System(comparison.NONE, victim), fold, seed)
        defended = self._evaluator(_System(comparison.GAN, victim, gan=gan), fold, seed)
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
            blessing=InfraValidator(export=export).outputs["blessing"],
            models_dir=str(base.parent),
            model=base.name,
            keep=keep,
            margin=margin,
        )

    def _systems(self, fold: str, seed: int) -> list[_System]:
        """Returns every model of a fold and seed."""
        defence, victim = self.settings.defence, self.victim(fold, seed)
        systems = [_System(comparison.NONE, victim)]
        for share in sorted({share for share in defence.shares if share > 0}):
            percent = round(100 * share, 6)
            trainer = self._trainer(
                f"adversarial training {percent:g} %", fold, seed, adversarial=[self._training_attack], share=share
            )
            systems.append(_System(comparison.TRAINING, trainer, percent))
        if defence.random_noise_epsilon:
            trainer = self._trainer(comparison.RANDOM, fold, seed, examples=self._random_noise)
            systems.append(_System(comparison.RANDOM, trainer))
        if defence.gaussian_noise:
            trainer = self._trainer(comparison.RANDOM_FEATURES, fold, seed, gaussian_noise=defence.gaussian_noise)
            systems.append(_System(comparison.RANDOM_FEATURES, trainer))
        if defence.enhancement:
            systems.append(_System(comparison.ENHANCEMENT, victim, enhance=defence.enhancement))
        if defence.combined and defence.shares and max(defence.shares) > 0:
            trained = next(each for each in reversed(systems) if each.defence == comparison.TRAINING).trainer
            systems.append(_System(comparison.COMBINED, trained, gan=self._gan(fold, seed, trained)))
        systems.append(_System(comparison.GAN, victim, gan=self._gan(fold, seed, victim)))
        return systems

    @cached_property
    def _training_attack(self) -> AdversarialGen:
        """Training speakers under the training stretch of the noise; once for all folds and seeds."""
        return self._adversarial("attack on training speech", self.corpus, self.folds, "training")

    @cached_property
    def _random_noise(self) -> RandomNoiseGen:
        return RandomNoiseGen(
            utterances=self.corpus.outputs["utterances"],
            folds=self.corpus.outputs["folds"],
            fold_names=self.folds,
            epsilon=self.settings.defence.random_noise_epsilon,
            estimator=self.settings.attack.estimator,
            seed=self.settings.attack.seed,
            **self._runtime,
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
            attack = self._adversarial(f"attack on training speech of {name}", corpus, [other.fold or ""], "training")
            found.append((other, corpus, self._features(corpus, f"features of {name}"), attack))
        return found

    def _features(self, corpus: CorpusGen, id: str | None = None, enhance: str = "") -> FeatureGen:
        return FeatureGen(id=id, utterances=corpus.outputs["utterances"], enhance=enhance, **self._runtime)

    def _adversarial(
        self, id: str, corpus: CorpusGen, folds: Sequence[str], part: str, enhance: str = ""
    ) -> AdversarialGen:
        settings, training = self.settings, part == "training"
        return AdversarialGen(
            id=id,
            utterances=corpus.outputs["utterances"],
            folds=corpus.outputs["folds"],
            noise=self.noise.outputs["train" if training else "test"],
            perturbation=self.perturbation.outputs["perturbation"],
            fold_names=[fold for fold in folds if fold],
            part=part,
            epsilons=settings.attack.epsilons,
            snrs_db=settings.attack.snrs_db,
            draws=1 if training else settings.attack.draws,
            conditions=settings.defence.conditions if training else 0,
            estimator=settings.attack.estimator,
            enhance=enhance,
            seed=settings.attack.seed,
            **self._runtime,
        )

    def _trainer(
        self,
        name: str,
        fold: str,
        seed: int,
        *,
        examples: FeatureGen | RandomNoiseGen | None = None,
        adversarial: Sequence[AdversarialGen] = (),
        share: float = 0.0,
        gaussian_noise: float = 0.0,
    ) -> Trainer:
        victim, training = asdict(self.settings.classifier), asdict(self.settings.training)
        layers = victim.pop("layers")
        return Trainer(
            id=_named(name, fold, seed),
            examples=(examples or self.features).outputs["examples"],
            adversarial=[each.outputs["examples"] for each in adversarial],
            folds=self.corpus.outputs["folds"],
            fold=fold,
            layers=layers if isinstance(layers, list) else [layers],
            classifier={**victim, "gaussian_noise": gaussian_noise},
            batch_size=training.pop("batch_size"),
            balance_classes=training.pop("balance_classes"),
            training=training,
            share=share,
            seed=seed,
            quiet=self.settings.quiet,
        )

    def _gan(self, fold: str, seed: int, trainer: Trainer) -> GanTrainer:
        settings = self.settings.gan
        frames_per_step = settings.frames_per_step or self.settings.classifier.frames_per_step
        network: dict[str, Any] = {
            "code": settings.code,
            "frames_per_step": frames_per_step,
            "form": settings.form,
            "segment_steps": settings.segment_steps,
        }
        return GanTrainer(
            id=f"gan for {trainer.id}",
            model=trainer.outputs["model"],
            utterances=self.corpus.outputs["utterances"],
            clean=self.features.outputs["examples"],
            adversarial=self._training_attack.outputs["examples"],
            folds=self.corpus.outputs["folds"],
            other_utterances=[corpus.outputs["utterances"] for _, corpus, _, _ in self._companions],
            other_clean=[features.outputs["examples"] for _, _, features, _ in self._companions],
            other_adversarial=[attack.outputs["examples"] for _, _, _, attack in self._companions],
            other_folds=[corpus.outputs["folds"] for _, corpus, _, _ in self._companions],
            other_fold_names=[other.fold or "" for other, _, _, _ in self._companions],
            fold=fold,
            # The classifier's bound: what it would hear of clean speech is then left as it is.
            generator_network={**network, "units": settings.units, "bound": self.settings.classifier.bound},
            discriminator_network={
                **network,
                "units": settings.discriminator_units,
                "spectral_normalization": settings.spectral_normalization,
            },
            training={name: getattr(settings, name) for name in _GAN_TRAINING},
            batch_size=settings.batch_size,
            clean_share=settings.clean_share,
            seed=seed,
            quiet=self.settings.quiet,
        )

    def _evaluator(self, system: _System, fold: str, seed: int) -> Evaluator:
        name = f"{system.defence} {system.percent:g} %" if system.percent else system.defence
        clean = self._enhanced_features(system.enhance) if system.enhance else self.features
        return Evaluator(
            id=_named(f"evaluation of {name}", fold, seed),
            model=system.trainer.outputs["model"],
            generator=[system.gan.outputs["generator"]] if system.gan else [],
            clean=clean.outputs["examples"],
            adversarial=self.attack(fold, system.enhance).outputs["examples"],
            folds=self.corpus.outputs["folds"],
            fold=fold,
            replicates=self.settings.evaluation.replicates,
            confidence=self.settings.evaluation.confidence,
            # The bootstrap's: of no model.
            seed=0,
        )

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
    )


def _named(name: str, fold: str, seed: int) -> str:
    return f"{name}, fold {fold}, seed {seed}"


def _absolute(place: str | None) -> str:
    return str(Path(place).expanduser().resolve()) if place else ""


def reported(settings: Settings) -> dict[str, Any]:
    """Returns the settings that a figure depends on: not where things lie, nor how they were watched."""
    leave_out = ("corpus_dir", "noise_dir", "output_dir", "workers", "quiet", "all_corpora")
    names = [field.name for field in fields(Settings) if field.name not in leave_out]
    kept = {name: value for name, value in asdict(settings).items() if name in names}
    kept["gan"]["corpora"] = [other["corpus"] for other in kept["gan"]["corpora"]]
    return kept
