"""The models of one fold and one seed: what a defence may ask for, made of components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kerasser import defences
from kerasser.defences import NONE, System
from pipelines.components.gan_trainer import GanTrainer
from pipelines.components.generator_transfer import GeneratorTransfer
from pipelines.components.trainer import Trainer
from pipelines.dag import Dag, named
from pipelines.io.logs import log_folder

# What trains a GAN; the rest of its settings say what its networks are.
_GAN_TRAINING = (
    *("pretraining_epochs", "pretraining_rate", "epochs", "learning_rate", "patience", "adversarial_weight"),
    *("reconstruction_weight", "saturating", "label_smoothing", "gradient_norm"),
)


class Models:
    """Builds what is trained for one fold and one seed; see `kerasser.defences.base.Build`.

    Args:
        dag: What the models stand on.
        fold: Name of the fold.
        seed: Seed of training.
    """

    def __init__(self, dag: Dag, fold: str, seed: int) -> None:
        self.dag, self.fold, self.seed = dag, fold, seed
        self._classifiers: dict[str, Trainer] = {}
        self._generators: dict[tuple[Trainer, str], GanTrainer] = {}
        self._transferred: dict[tuple[Trainer, GanTrainer], GeneratorTransfer] = {}

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
    ) -> Trainer:
        """A classifier, on clean speech or another kind."""
        if name in self._classifiers:
            return self._classifiers[name]
        dag, settings, id = self.dag, self.dag.settings, named(name, self.fold, self.seed)
        network, training = asdict(settings.classifier), asdict(settings.training)
        layers = network.pop("layers")
        examples = dag.random_noise(self.fold, white_noise) if white_noise else [dag.features]
        adversarial = dag.training_attacks(self.fold) if adversarial_share or versions else []
        consistency = {"versions": versions, "weight": divergence_weight, "worst": worst_version} if versions else {}
        self._classifiers[name] = Trainer(
            id=id,
            utterances=dag.corpus.outputs["utterances"],
            examples=[each.outputs["examples"] for each in examples],
            adversarial=[each.outputs["examples"] for each in adversarial],
            noise=dag.training_noise(self.fold) if adversarial else [],
            folds=dag.corpus.outputs["folds"],
            fold=self.fold,
            layers=layers if isinstance(layers, list) else [layers],
            classifier={**network, "gaussian_noise": gaussian_noise},
            batch_size=training.pop("batch_size"),
            balance_classes=training.pop("balance_classes"),
            training=training,
            share=adversarial_share,
            consistency=consistency,
            without=[without] if without else [],
            seed=self.seed,
            quiet=settings.quiet,
            logdir=log_folder(settings.logdir, id),
        )
        return self._classifiers[name]

    def generator(
        self, classifier: Trainer, *, trained_for: Trainer | None = None, without: str = ""
    ) -> GanTrainer | GeneratorTransfer:
        """The generator that cleans for a classifier, trained for it or for another."""
        trained = self._generator(trained_for or classifier, without)
        if trained_for in (None, classifier):
            return trained
        if (classifier, trained) not in self._transferred:
            self._transferred[classifier, trained] = GeneratorTransfer(
                id=f"{trained.id}, before {classifier.id}",
                trained=trained.outputs["generator"],
                model=classifier.outputs["model"],
                clean=self.dag.features.outputs["examples"],
                adversarial=[each.outputs["examples"] for each in self.dag.training_attacks(self.fold)],
                folds=self.dag.corpus.outputs["folds"],
                fold=self.fold,
                without=[without] if without else [],
                quiet=self.dag.settings.quiet,
            )
        return self._transferred[classifier, trained]

    def _generator(self, classifier: Trainer, without: str) -> GanTrainer:
        if (classifier, without) in self._generators:
            return self._generators[classifier, without]
        dag, settings = self.dag, self.dag.settings.defences.gan
        frames_per_step = settings.frames_per_step or self.dag.settings.classifier.frames_per_step
        network: dict[str, Any] = {
            "bottleneck": settings.bottleneck,
            "frames_per_step": frames_per_step,
            "form": settings.form,
            "segment_steps": settings.segment_steps,
        }
        # Where the classifier has not met it either, its name says so.
        alone = without and not classifier.parameters["without"]
        id = f"gan for {classifier.id}" + (f", without {without}" if alone else "")
        companions = dag.companions
        self._generators[classifier, without] = GanTrainer(
            id=id,
            model=classifier.outputs["model"],
            utterances=dag.corpus.outputs["utterances"],
            clean=dag.features.outputs["examples"],
            adversarial=[each.outputs["examples"] for each in dag.training_attacks(self.fold)],
            folds=dag.corpus.outputs["folds"],
            noise=dag.training_noise(self.fold),
            other_utterances=[corpus.outputs["utterances"] for _, corpus, _, _ in companions],
            other_clean=[features.outputs["examples"] for _, _, features, _ in companions],
            other_adversarial=[attack.outputs["examples"] for _, _, _, attack in companions],
            other_folds=[corpus.outputs["folds"] for _, corpus, _, _ in companions],
            other_fold_names=[other.fold or "" for other, _, _, _ in companions],
            fold=self.fold,
            # The classifier's bound: what it would see of clean speech is then left as it is.
            generator_network={
                **network,
                "units": settings.units,
                "clip_value": self.dag.settings.classifier.clip_value,
            },
            discriminator_network={
                **network,
                "units": settings.discriminator_units,
                "spectral_normalization": settings.spectral_normalization,
            },
            training={name: getattr(settings, name) for name in _GAN_TRAINING},
            batch_size=settings.batch_size,
            clean_share=settings.clean_share,
            without=[without] if without else [],
            seed=self.seed,
            quiet=self.dag.settings.quiet,
            logdir=log_folder(self.dag.settings.logdir, id),
        )
        return self._generators[classifier, without]

    def systems(self, names: Sequence[str], without: str = "") -> list[System]:
        """Returns every system of some defences, in the order of reports.

        Args:
            names: The defences.
            without: The environment that no part of them meets; "" for none. Those that meet none anyway are left out.
        """
        settings = self.dag.settings.defences
        wanted = [each for each in defences.known().values() if each.name in names]
        wanted = [each for each in wanted if each.meets_noise or not without]
        return [system for each in wanted for system in each.systems(self, settings, without)]


def compared(systems: Sequence[System]) -> list[System]:
    """Returns one system a defence: of several, the last, which is the strongest; no defence first."""
    last = {system.defence: system for system in systems}
    return sorted(last.values(), key=lambda system: system.defence != NONE)
