"""The components of a run, wired from the corpus and the noise to the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasser.errors import InputError
from kerasser.evaluation import comparison
from pipelines.component import Channel
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.corpus_gen import CorpusGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.exporter import Exporter
from pipelines.components.feature_gen import FeatureGen
from pipelines.components.gan_trainer import GanTrainer
from pipelines.components.infra_validator import InfraValidator
from pipelines.components.noise_gen import NoiseGen
from pipelines.components.perception_gen import PerceptionGen
from pipelines.components.perturbation_exporter import PerturbationExporter
from pipelines.components.pusher import Pusher
from pipelines.components.random_noise_gen import RandomNoiseGen
from pipelines.components.reporter import Reporter
from pipelines.components.reproducer import Reproducer
from pipelines.components.searcher import Searcher
from pipelines.components.trainer import Trainer
from pipelines.components.white_box import WhiteBox
from pipelines.config import CompanionSettings, Settings
from pipelines.logs import log_folder

# What trains a GAN; the rest of its settings say what its networks are.
_GAN_TRAINING = (
    *("pretraining_epochs", "pretraining_rate", "epochs", "learning_rate", "patience", "adversarial_weight"),
    *("reconstruction_weight", "saturating", "label_smoothing", "gradient_norm"),
)


@dataclass(frozen=True)
class _System:
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


@dataclass(frozen=True)
class _Threats:
    """Channels of what attackers who know more got out of the systems."""

    pools: list[Channel] = field(default_factory=list)
    searches: list[Channel] = field(default_factory=list)
    white_boxes: list[Channel] = field(default_factory=list)
    unseen: list[Channel] = field(default_factory=list)
    unseen_systems: list[dict[str, Any]] = field(default_factory=list)


def _compared(systems: Sequence[_System]) -> list[_System]:
    """Returns no defence first, and of adversarial training the largest share alone."""
    shares = [each.percent for each in systems if each.defence == comparison.TRAINING]
    return [each for each in systems if each.defence != comparison.TRAINING or each.percent == max(shares)]


class Dag:
    """The components of some folds and seeds; a command runs as many of them as it needs.

    Args:
        settings: The run.
        folds: Names of the folds that are tested.

    Raises:
        InputError: If a corpus other than the demo lacks its folder, or the demo has one.
    """

    def __init__(self, settings: Settings, folds: Sequence[str] = ("",)) -> None:
        if not settings.attack.epsilons and not settings.attack.snrs_db:
            raise InputError("attack: expected some epsilons or snrs_db. Received: neither")
        self.settings, self.folds = settings, list(folds)
        if settings.logdir and Path(settings.logdir).exists() and not Path(settings.logdir).is_dir():
            raise InputError(f"logdir: expected a folder. Received: {settings.logdir}, a file")
        self._runtime = {"workers": settings.workers, "quiet": settings.quiet}
        self.corpus = _corpus(settings, "--corpus-dir", settings.corpus, settings.corpus_dir, settings.data.valence)
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
        self._attacks: dict[tuple[str, str], AdversarialGen] = {}
        self._pools: dict[tuple[str, str], AdversarialGen] = {}
        self._enhanced: dict[str, FeatureGen] = {}
        self._audible: dict[str, PerceptionGen] = {}
        self._victims: dict[tuple[str, int], Trainer] = {}

    def attack(self, fold: str, enhance: str = "") -> AdversarialGen:
        """The test speakers of a fold under the test stretch of the noise: every condition."""
        key = (fold, enhance)
        if key not in self._attacks:
            name = f"attack on fold {fold}" + (", enhanced" if enhance else "")
            self._attacks[key] = self._adversarial(name, self.corpus, [fold], "test", enhance)
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
                utterances_limit=settings.perception.utterances,
                seed=settings.attack.seed,
                **self._runtime,
            )
        return [self._audible[fold].outputs["perception"]]

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
            model=self.victim(fold, seed).outputs["model"],
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            perception=self.perception(fold),
            seed=seed,
            settings=reported(self.settings),
        )

    def reproduction(self, environments: Sequence[str] = ()) -> Reproducer:
        """All defences beside each other, over all folds and seeds.

        Args:
            environments: Those that the defences are also trained without, to be attacked with.
        """
        settings, systems, evaluations = self.settings, [], []
        known, threats = [], _Threats()
        for seed in dict.fromkeys(settings.seeds or [settings.seed]):
            for fold in self.folds:
                mine = self._systems(fold, seed)
                for each in mine:
                    systems.append({"defence": each.defence, "percent": each.percent, "fold": fold, "seed": seed})
                    evaluations.append(self._evaluator(each, fold, seed).outputs["evaluation"])
                known += self._threats(_compared(mine), fold, seed, threats)
                if environments:
                    for left_out in self._unseen(fold, seed, environments):
                        threats.unseen_systems.append({"defence": left_out.defence, "without": left_out.without})
                        threats.unseen_systems[-1] |= {"fold": fold, "seed": seed}
                        threats.unseen.append(self._evaluator(left_out, fold, seed).outputs["evaluation"])
        return Reproducer(
            evaluations=evaluations,
            perception=[channel for fold in self.folds for channel in self.perception(fold)],
            systems=systems,
            threatened=known,
            pools=threats.pools,
            searches=threats.searches,
            white_boxes=threats.white_boxes,
            unseen=threats.unseen,
            unseen_systems=threats.unseen_systems,
            budgets=[*(["epsilon", value] for value in self._threat_epsilons)]
            + [["snr_db", value] for value in self._threat_snrs_db],
            utterances=self.corpus.outputs["utterances"],
            noise=self.noise.outputs["test"],
            training_noise=self.noise.outputs["train"],
            replicates=settings.evaluation.replicates,
            confidence=settings.evaluation.confidence,
            settings=reported(settings),
            quiet=settings.quiet,
        )

    def _threats(self, systems: Sequence[_System], fold: str, seed: int, threats: _Threats) -> list[dict[str, Any]]:
        """Adds what attackers who know more get out of each system; returns which systems these are."""
        settings, known = self.settings.threats, []
        undefended: Searcher | None = None
        for each in systems:
            known.append({"defence": each.defence, "fold": fold, "seed": seed})
            generator = [each.gan.outputs["generator"]] if each.gan else []
            adversarial = self.attack(fold, each.enhance)
            if settings.draws:
                adversarial = self._pool(fold, each.enhance)
                threats.pools.append(self._evaluator(each, fold, seed, adversarial).outputs["evaluation"])
                searcher = Searcher(
                    id=_named(f"search on {each.name}", fold, seed),
                    model=each.trainer.outputs["model"],
                    generator=generator,
                    utterances=self.corpus.outputs["utterances"],
                    folds=self.corpus.outputs["folds"],
                    noise=self.noise.outputs["test"],
                    transfer=[undefended.outputs["search"]] if undefended else [],
                    fold=fold,
                    epsilons=self._threat_epsilons,
                    snrs_db=self._threat_snrs_db,
                    draws=settings.draws,
                    estimator=self.settings.attack.estimator,
                    enhance=each.enhance,
                    seed=self.settings.attack.seed,
                    **self._runtime,
                )
                undefended = undefended or searcher
                threats.searches.append(searcher.outputs["search"])
            if settings.white_box_steps:
                white_box = WhiteBox(
                    id=_named(f"white box on {each.name}", fold, seed),
                    model=each.trainer.outputs["model"],
                    generator=generator,
                    clean=self._clean(each).outputs["examples"],
                    adversarial=adversarial.outputs["examples"],
                    folds=self.corpus.outputs["folds"],
                    fold=fold,
                    epsilons=self._threat_epsilons,
                    snrs_db=self._threat_snrs_db,
                    steps=settings.white_box_steps,
                    restarts=settings.white_box_restarts,
                    seed=self.settings.attack.seed,
                    quiet=self.settings.quiet,
                )
                threats.white_boxes.append(white_box.outputs["white_box"])
        return known

    def _unseen(self, fold: str, seed: int, environments: Sequence[str]) -> list[_System]:
        """Returns the defences that hear noise, each trained without one environment."""
        defence, systems = self.settings.defence, list[_System]()
        if len(environments) < 2 or defence.conditions == 1:
            raise InputError(
                "threats.unseen: expected two environments or more, and defence.conditions other than 1, so that "
                "something is heard when one environment is left out. "
                f"Received: {len(environments)} and {defence.conditions}"
            )
        victim, share = self.victim(fold, seed), max(defence.shares, default=0.0)
        for place in environments:
            if share > 0:
                percent = round(100 * share, 6)
                trained = self._trainer(
                    f"adversarial training {percent:g} % without {place}",
                    fold,
                    seed,
                    adversarial=[self._training_attack],
                    share=share,
                    without=place,
                )
                systems.append(_System(comparison.TRAINING, trained, percent, without=place))
                if defence.combined:
                    gan = self._gan(fold, seed, trained, place)
                    systems.append(_System(comparison.COMBINED, trained, gan=gan, without=place))
            systems.append(_System(comparison.GAN, victim, gan=self._gan(fold, seed, victim, place), without=place))
        return systems

    @cached_property
    def _threat_epsilons(self) -> list[float]:
        chosen, attack = self.settings.threats.epsilons, self.settings.attack.epsilons
        return [float(each) for each in (sorted(attack)[-1:] if chosen is None else chosen)]

    @cached_property
    def _threat_snrs_db(self) -> list[float]:
        chosen, attack = self.settings.threats.snrs_db, self.settings.attack.snrs_db
        nearest = sorted(attack, key=lambda snr_db: abs(snr_db - 10))[:1]
        return [float(each) for each in (nearest if chosen is None else chosen)]

    def _pool(self, fold: str, enhance: str) -> AdversarialGen:
        """The random draws of the searches' budgets: as many as a search may ask for."""
        key = (fold, enhance)
        if key not in self._pools:
            name = f"random search on fold {fold}" + (", enhanced" if enhance else "")
            self._pools[key] = self._adversarial(name, self.corpus, [fold], "test", enhance, pool=True)
        return self._pools[key]

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
            blessing=InfraValidator(export=export, quiet=self.settings.quiet).outputs["blessing"],
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
        self, id: str, corpus: CorpusGen, folds: Sequence[str], part: str, enhance: str = "", *, pool: bool = False
    ) -> AdversarialGen:
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
            epsilons=self._threat_epsilons if pool else settings.attack.epsilons,
            snrs_db=self._threat_snrs_db if pool else settings.attack.snrs_db,
            draws=1 if training else draws,
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
        without: str = "",
    ) -> Trainer:
        victim, training = asdict(self.settings.classifier), asdict(self.settings.training)
        layers, id = victim.pop("layers"), _named(name, fold, seed)
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

    def _gan(self, fold: str, seed: int, trainer: Trainer, without: str = "") -> GanTrainer:
        settings = self.settings.gan
        frames_per_step = settings.frames_per_step or self.settings.classifier.frames_per_step
        network: dict[str, Any] = {
            "code": settings.code,
            "frames_per_step": frames_per_step,
            "form": settings.form,
            "segment_steps": settings.segment_steps,
        }
        id = f"gan for {trainer.id}" + (f", without {without}" if without else "")
        return GanTrainer(
            id=id,
            model=trainer.outputs["model"],
            utterances=self.corpus.outputs["utterances"],
            clean=self.features.outputs["examples"],
            adversarial=self._training_attack.outputs["examples"],
            folds=self.corpus.outputs["folds"],
            noise=self.noise.outputs["train"],
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
            without=[without] if without else [],
            seed=seed,
            quiet=self.settings.quiet,
            logdir=log_folder(self.settings.logdir, id),
        )

    def _evaluator(self, system: _System, fold: str, seed: int, adversarial: AdversarialGen | None = None) -> Evaluator:
        kind = "evaluation of" if adversarial is None else "random search on"
        return Evaluator(
            id=_named(f"{kind} {system.name}", fold, seed),
            model=system.trainer.outputs["model"],
            generator=[system.gan.outputs["generator"]] if system.gan else [],
            clean=self._clean(system).outputs["examples"],
            adversarial=(adversarial or self.attack(fold, system.enhance)).outputs["examples"],
            folds=self.corpus.outputs["folds"],
            fold=fold,
            replicates=self.settings.evaluation.replicates,
            confidence=self.settings.evaluation.confidence,
            # The bootstrap's: of no model.
            seed=0,
            quiet=self.settings.quiet,
        )

    def _clean(self, system: _System) -> FeatureGen:
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
    id: str | None = None,
) -> CorpusGen:
    if (name == "demo") != (place is None):
        wanted = "no folder, since the demo corpus is made on the spot" if name == "demo" else "a folder"
        raise InputError(f"{where}: expected {wanted}. Received: {place or 'none'}")
    return CorpusGen(
        id=id,
        corpus=name,
        corpus_dir=_absolute(place),
        valence=valence or {},
        fold_count=settings.data.folds,
        dev_share=settings.data.dev_share,
        skip_unusable=settings.data.skip_unusable,
        seed=settings.data.seed,
        quiet=settings.quiet,
    )


def _named(name: str, fold: str, seed: int) -> str:
    return f"{name}, fold {fold}, seed {seed}"


def _absolute(place: str | None) -> str:
    return str(Path(place).expanduser().resolve()) if place else ""


def reported(settings: Settings) -> dict[str, Any]:
    """Returns the settings that a figure depends on: not where things lie, nor how they were watched."""
    leave_out = (
        *("corpus_dir", "noise_dir", "output_dir", "logdir"),
        *("workers", "quiet", "log_json", "all_corpora"),
    )
    names = [field.name for field in fields(Settings) if field.name not in leave_out]
    kept = {name: value for name, value in asdict(settings).items() if name in names}
    kept["gan"]["corpora"] = [other["corpus"] for other in kept["gan"]["corpora"]]
    return kept
