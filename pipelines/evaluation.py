"""The part of the DAG that measures: evaluations of systems, how audible the attack is, sounds, the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kerasser.attack.budget import typical
from kerasser.defences import NONE, System
from pipelines.cli.command_line import command_line, reported
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.channel_gen import ChannelGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.listening_gen import ListeningGen
from pipelines.components.perception_gen import PerceptionGen
from pipelines.components.reporter import Reporter
from pipelines.dag import Dag, Pool, named
from pipelines.engine.component import Channel
from pipelines.models import Models


def evaluator(dag: Dag, system: System, fold: str, seed: int, pool: Pool = "") -> Evaluator:
    """What a system answers, under every condition or in a pool of draws; the same component when asked again."""
    kind = {"": "evaluation of", "draws": "random search on", "turns": "search in turn on"}[pool]
    id = named(f"{kind} {system.name}", fold, seed)
    if id not in dag.evaluators:
        # What is compared with others alone, under random draws or without an environment, passes no channel.
        whole = not pool and not system.without
        transmitted = dag.transmitted(fold, system.enhance) if whole else []
        attacked = dag.attack(fold, system.enhance, pool)
        dag.evaluators[id] = _evaluator(id, dag, system, fold, attacked, transmitted)
    return dag.evaluators[id]


def _evaluator(
    id: str,
    dag: Dag,
    system: System,
    fold: str,
    adversarial: AdversarialGen,
    transmitted: Sequence[ChannelGen],
) -> Evaluator:
    return Evaluator(
        id=id,
        model=system.classifier.outputs["model"],
        generator=generator(system),
        clean=dag.clean(system.enhance).outputs["examples"],
        adversarial=adversarial.outputs["examples"],
        channels=[each.outputs["examples"] for each in transmitted],
        folds=dag.corpus.outputs["folds"],
        fold=fold,
        replicates=dag.settings.evaluation.replicates,
        confidence=dag.settings.evaluation.confidence,
        # The bootstrap's: of no model.
        seed=0,
        quiet=dag.settings.quiet,
    )


def generator(system: System) -> list[Channel]:
    """Returns the generator of a system, if there is one."""
    return [system.generator.outputs["generator"]] if system.generator else []


def perception(dag: Dag, fold: str) -> list[Channel]:
    """How audible the attack on a fold is, on some of its utterances; empty where it is not to be measured."""
    settings = dag.settings
    if not settings.perception.utterances:
        return []
    measured = PerceptionGen(
        id=f"perception of the attack on fold {fold}",
        utterances=dag.corpus.outputs["utterances"],
        folds=dag.corpus.outputs["folds"],
        noise=dag.noise.outputs["test"],
        perturbation=dag.perturbation.outputs["perturbation"],
        fold=fold,
        epsilons=settings.attack.epsilons,
        snrs_db=settings.attack.snrs_db,
        estimator=settings.attack.reference,
        speech_level=settings.attack.speech_level,
        utterances_limit=settings.perception.utterances,
        seed=settings.attack.seed,
        **dag.channels,
        **dag.runtime,
    )
    return [measured.outputs["perception"]]


def sounds(dag: Dag, evaluations: Mapping[str, Channel]) -> list[Channel]:
    """A few test utterances of a fold to listen to; empty where they are not wanted.

    Args:
        dag: What they are made of.
        evaluations: Defence → what it answers, no defence first: all of one fold and one seed.
    """
    settings = dag.settings
    if not settings.report.sounds:
        return []
    chosen = ListeningGen(
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        perturbation=dag.perturbation.outputs["perturbation"],
        evaluations=list(evaluations.values()),
        defences=list(evaluations),
        epsilons=[float(each) for each in sorted(settings.attack.epsilons)[-1:]],
        snrs_db=[float(each) for each in typical(settings.attack.snrs_db)],
        estimator=settings.attack.reference,
        speech_level=settings.attack.speech_level,
        count=settings.report.sounds,
        seed=settings.attack.seed,
    )
    return [chosen.outputs["sounds"]]


def report(dag: Dag) -> Reporter:
    """What the attack does to the undefended classifier of the first fold."""
    fold, seed = dag.folds[0], dag.settings.seed
    undefended = System(NONE, Models(dag, fold, seed).classifier())
    evaluation = evaluator(dag, undefended, fold, seed).outputs["evaluation"]
    return Reporter(
        evaluation=evaluation,
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        perception=perception(dag, fold),
        sounds=sounds(dag, {NONE: evaluation}),
        seed=seed,
        command=command_line("evaluate", dag.settings),
        settings=reported("evaluate", dag.settings),
    )
