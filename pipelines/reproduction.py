"""The reproduction's part of the DAG: every defence, over folds and seeds, and every attacker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from kerasser.attack.budget import budgets
from kerasser.evaluation import comparison
from pipelines.cli.command_line import command_line, reported
from pipelines.components.reproducer import Reproducer
from pipelines.components.searcher import Searcher
from pipelines.components.white_box import WhiteBox
from pipelines.dag import Dag, System, named
from pipelines.engine.component import Channel


@dataclass(frozen=True)
class Attackers:
    """What attackers who know more got out of some systems.

    Attributes:
        systems: Who they are, `{"defence", "fold", "seed"}`, one for each of the channels below.
        pools: Answers to as many random draws as a search may ask for.
        searches: Questions of the searches.
        white_boxes: What gradients found.
        unseen_systems: Those that were trained without an environment, with `without`.
        unseen: Their answers.
    """

    systems: list[dict[str, Any]] = field(default_factory=list)
    pools: list[Channel] = field(default_factory=list)
    searches: list[Channel] = field(default_factory=list)
    white_boxes: list[Channel] = field(default_factory=list)
    unseen_systems: list[dict[str, Any]] = field(default_factory=list)
    unseen: list[Channel] = field(default_factory=list)

    def add(self, dag: Dag, systems: Sequence[System], fold: str, seed: int) -> None:
        """Lets them try each system of a fold and seed; the undefended one comes first: the grey box is built on it."""
        settings = dag.settings.threats
        undefended: Searcher | None = None
        for each in systems:
            self.systems.append({"defence": each.defence, "fold": fold, "seed": seed})
            generator = [each.gan.outputs["generator"]] if each.gan else []
            adversarial = dag.attack(fold, each.enhance)
            if settings.draws:
                adversarial = dag.attack(fold, each.enhance, pool=True)
                self.pools.append(dag.evaluator(each, fold, seed, adversarial).outputs["evaluation"])
                searcher = Searcher(
                    id=named(f"search on {each.name}", fold, seed),
                    model=each.trainer.outputs["model"],
                    generator=generator,
                    utterances=dag.corpus.outputs["utterances"],
                    folds=dag.corpus.outputs["folds"],
                    noise=dag.noise.outputs["test"],
                    transfer=[undefended.outputs["search"]] if undefended else [],
                    fold=fold,
                    epsilons=dag.threat_epsilons,
                    snrs_db=dag.threat_snrs_db,
                    draws=settings.draws,
                    estimator=dag.settings.attack.estimator,
                    speech_level=dag.settings.attack.speech_level,
                    enhance=each.enhance,
                    seed=dag.settings.attack.seed,
                    **dag.runtime,
                )
                undefended = undefended or searcher
                self.searches.append(searcher.outputs["search"])
            if settings.white_box_steps:
                white_box = WhiteBox(
                    id=named(f"white box on {each.name}", fold, seed),
                    model=each.trainer.outputs["model"],
                    generator=generator,
                    clean=dag.clean(each).outputs["examples"],
                    adversarial=adversarial.outputs["examples"],
                    folds=dag.corpus.outputs["folds"],
                    fold=fold,
                    epsilons=dag.threat_epsilons,
                    snrs_db=dag.threat_snrs_db,
                    steps=settings.white_box_steps,
                    restarts=settings.white_box_restarts,
                    seed=dag.settings.attack.seed,
                    quiet=dag.settings.quiet,
                )
                self.white_boxes.append(white_box.outputs["white_box"])


def reproduction(dag: Dag, environments: Sequence[str] = ()) -> Reproducer:
    """All defences beside each other, over all folds and seeds.

    Args:
        dag: What the defences stand on.
        environments: Those that the defences are also trained without, to be attacked with.
    """
    settings, systems, evaluations = dag.settings, [], list[Channel]()
    attackers = Attackers()
    for seed in dict.fromkeys(settings.seeds or [settings.seed]):
        for fold in dag.folds:
            mine = _systems(dag, fold, seed)
            for each in mine:
                systems.append({"defence": each.defence, "percent": each.percent, "fold": fold, "seed": seed})
                evaluations.append(dag.evaluator(each, fold, seed).outputs["evaluation"])
            attackers.add(dag, _compared(mine), fold, seed)
            if environments:
                for left_out in _unseen(dag, fold, seed, environments):
                    known = {"defence": left_out.defence, "without": left_out.without, "fold": fold, "seed": seed}
                    attackers.unseen_systems.append(known)
                    attackers.unseen.append(dag.evaluator(left_out, fold, seed).outputs["evaluation"])
    return Reproducer(
        evaluations=evaluations,
        perception=[channel for fold in dag.folds for channel in dag.perception(fold)],
        sounds=dag.sounds(dag.folds[0], _heard(systems, evaluations)),
        systems=systems,
        threatened=attackers.systems,
        pools=attackers.pools,
        searches=attackers.searches,
        white_boxes=attackers.white_boxes,
        unseen=attackers.unseen,
        unseen_systems=attackers.unseen_systems,
        budgets=[list(astuple(each)) for each in budgets(dag.threat_epsilons, dag.threat_snrs_db)],
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        training_noise=dag.noise.outputs["train"],
        replicates=settings.evaluation.replicates,
        confidence=settings.evaluation.confidence,
        command=command_line("reproduce", settings),
        settings=reported("reproduce", settings),
        quiet=settings.quiet,
    )


def _heard(systems: Sequence[Mapping[str, Any]], evaluations: Sequence[Channel]) -> dict[str, Channel]:
    """Returns the answers of no defence and of the GAN, for the first fold and seed."""
    first = systems[0]["fold"], systems[0]["seed"]
    return {
        system["defence"]: channel
        for system, channel in zip(systems, evaluations, strict=True)
        if system["defence"] in (comparison.NONE, comparison.GAN) and (system["fold"], system["seed"]) == first
    }


def _systems(dag: Dag, fold: str, seed: int) -> list[System]:
    """Returns every model of a fold and seed."""
    defence, victim = dag.settings.defence, dag.victim(fold, seed)
    systems = [System(comparison.NONE, victim)]
    for share in sorted({share for share in defence.shares if share > 0}):
        percent = round(100 * share, 6)
        trainer = dag.trainer(
            f"adversarial training {percent:g} %", fold, seed, adversarial=[dag.training_attack], share=share
        )
        systems.append(System(comparison.TRAINING, trainer, percent))
    if defence.random_noise_epsilon:
        trainer = dag.trainer(comparison.RANDOM, fold, seed, examples=dag.random_noise)
        systems.append(System(comparison.RANDOM, trainer))
    if defence.gaussian_noise:
        trainer = dag.trainer(comparison.RANDOM_FEATURES, fold, seed, gaussian_noise=defence.gaussian_noise)
        systems.append(System(comparison.RANDOM_FEATURES, trainer))
    if defence.enhancement:
        systems.append(System(comparison.ENHANCEMENT, victim, enhance=defence.enhancement))
    if defence.combined and defence.shares and max(defence.shares) > 0:
        trained = next(each for each in reversed(systems) if each.defence == comparison.TRAINING).trainer
        systems.append(System(comparison.COMBINED, trained, gan=dag.gan(fold, seed, trained)))
    systems.append(System(comparison.GAN, victim, gan=dag.gan(fold, seed, victim)))
    return systems


def _compared(systems: Sequence[System]) -> list[System]:
    """Returns no defence first, and of adversarial training the largest share alone."""
    shares = [each.percent for each in systems if each.defence == comparison.TRAINING]
    return [each for each in systems if each.defence != comparison.TRAINING or each.percent == max(shares)]


def _unseen(dag: Dag, fold: str, seed: int, environments: Sequence[str]) -> list[System]:
    """Returns the defences that hear noise, each trained without one environment; none where there is but one."""
    defence, systems = dag.settings.defence, list[System]()
    if len(environments) < 2 or defence.conditions == 1:
        # Without the one environment that an utterance meets, nothing would be heard.
        return []
    victim, share = dag.victim(fold, seed), max(defence.shares, default=0.0)
    for place in environments:
        if share > 0:
            percent = round(100 * share, 6)
            trained = dag.trainer(
                f"adversarial training {percent:g} % without {place}",
                fold,
                seed,
                adversarial=[dag.training_attack],
                share=share,
                without=place,
            )
            systems.append(System(comparison.TRAINING, trained, percent, without=place))
            if defence.combined:
                gan = dag.gan(fold, seed, trained, place)
                systems.append(System(comparison.COMBINED, trained, gan=gan, without=place))
        systems.append(System(comparison.GAN, victim, gan=dag.gan(fold, seed, victim, place), without=place))
    return systems
