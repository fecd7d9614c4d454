"""The components of a run, wired from the corpus and the noise to the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from kerasser.errors import InputError
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.corpus_gen import CorpusGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.feature_gen import FeatureGen
from pipelines.components.noise_gen import NoiseGen
from pipelines.components.reporter import Reporter
from pipelines.components.trainer import Trainer
from pipelines.config import Settings


@dataclass(frozen=True)
class Dag:
    """One instance of every component; a command runs as many of them as it needs."""

    corpus: CorpusGen
    noise: NoiseGen
    features: FeatureGen
    attack: AdversarialGen
    trainer: Trainer
    evaluator: Evaluator
    reporter: Reporter


def build(settings: Settings) -> Dag:
    """Wires a run.

    Raises:
        InputError: If a corpus other than the demo lacks its folder, or the demo has one.
    """
    if (settings.corpus == "demo") != (settings.corpus_dir is None):
        wanted = "no folder, since the demo corpus is made on the spot" if settings.corpus == "demo" else "a folder"
        raise InputError(f"--corpus-dir: expected {wanted}. Received: {settings.corpus_dir or 'none'}")
    if not settings.attack.epsilons and not settings.attack.snrs_db:
        raise InputError("attack: expected some epsilons or snrs_db. Received: neither")
    fold, seed, quiet = settings.fold or "", settings.seed, settings.quiet
    corpus = CorpusGen(
        corpus=settings.corpus,
        corpus_dir=_absolute(settings.corpus_dir),
        valence=settings.data.valence or {},
        fold_count=settings.data.folds,
        dev_share=settings.data.dev_share,
        skip_unusable=settings.data.skip_unusable,
        seed=settings.data.seed,
    )
    noise = NoiseGen(
        noise_dir=_absolute(settings.noise_dir),
        environments=settings.noise.environments or [],
        channel=settings.noise.channel,
        test_share=settings.noise.test_share,
        guard_s=settings.noise.guard_s,
        demo_duration_s=settings.noise.demo_duration_s,
        seed=settings.data.seed,
    )
    features = FeatureGen(utterances=corpus.outputs["utterances"], workers=settings.workers, quiet=quiet)
    attack = AdversarialGen(
        utterances=corpus.outputs["utterances"],
        folds=corpus.outputs["folds"],
        noise=noise.outputs["test"],
        fold=fold,
        part="test",
        epsilons=settings.attack.epsilons,
        snrs_db=settings.attack.snrs_db,
        draws=settings.attack.draws,
        estimator=settings.attack.estimator,
        seed=seed,
        workers=settings.workers,
        quiet=quiet,
    )
    victim, training = asdict(settings.classifier), asdict(settings.training)
    layers = victim.pop("layers")
    trainer = Trainer(
        examples=features.outputs["examples"],
        folds=corpus.outputs["folds"],
        fold=fold,
        layers=layers if isinstance(layers, list) else [layers],
        classifier=victim,
        batch_size=training.pop("batch_size"),
        balance_classes=training.pop("balance_classes"),
        training=training,
        seed=seed,
        quiet=quiet,
    )
    evaluator = Evaluator(
        model=trainer.outputs["model"],
        clean=features.outputs["examples"],
        adversarial=attack.outputs["examples"],
        folds=corpus.outputs["folds"],
        fold=fold,
        replicates=settings.evaluation.replicates,
        confidence=settings.evaluation.confidence,
        seed=seed,
    )
    reporter = Reporter(
        evaluation=evaluator.outputs["evaluation"],
        model=trainer.outputs["model"],
        utterances=corpus.outputs["utterances"],
        noise=noise.outputs["test"],
        seed=seed,
        settings=_reported(settings),
    )
    return Dag(corpus, noise, features, attack, trainer, evaluator, reporter)


def _absolute(place: str | None) -> str:
    return str(Path(place).expanduser().resolve()) if place else ""


def _reported(settings: Settings) -> dict:
    """Returns the settings that a figure depends on: not where things lie, nor how they were watched."""
    leave_out = ("corpus_dir", "noise_dir", "output_dir", "workers", "quiet")
    return {name: value for name, value in asdict(settings).items() if name not in leave_out}
