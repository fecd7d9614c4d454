"""The reproduction's part of the DAG: every defence, over folds and seeds, under every threat model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kerasser import defences, threats
from kerasser.defences import NONE, System, gan
from kerasser.noise import bank
from kerasser.threats import Threat, adaptive_bayesian, settings_of
from pipelines.cli.command_line import command_line, reported
from pipelines.components.attacker import Attacker
from pipelines.components.evaluator import Evaluator
from pipelines.components.reproducer import Reproducer
from pipelines.dag import Dag, Pool, named
from pipelines.engine.component import Channel
from pipelines.evaluation import evaluator, generator, perception, sounds
from pipelines.models import Models, compared


@dataclass
class Attacks:
    """What attackers get out of the systems of all folds and seeds.

    Attributes:
        unheard: What no training hears of environments that test, see `kerasser.noise.splits.unheard`.
        of: What each of the channels below is of: `{"defence", "without", "threat", "fold", "seed"}`.
        answers: What threat models got out of a system.
        drawn_of: The same for the channels below, without `threat`.
        drawn: Answers to random draws, as many as a search may ask for.
    """

    unheard: Mapping[str, str] = field(default_factory=dict)
    of: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Channel] = field(default_factory=list)
    drawn_of: list[dict[str, Any]] = field(default_factory=list)
    drawn: list[Channel] = field(default_factory=list)

    def add(self, models: Models, systems: Sequence[System], left_out: Sequence[System]) -> None:
        """Attacks the systems of a fold and seed.

        Args:
            models: Where they come from.
            systems: The undefended one first: whoever has it searches there.
            left_out: Defences that were trained without an environment.
        """
        settings = models.dag.settings.threats
        wanted = [each for each in threats.known().values() if each.wanted(settings_of(each, settings))]
        # Whoever may not ask searches nothing.
        wanted = [each for each in wanted if settings.draws or not each.searches]
        searched = [each for each in wanted if each.name == adaptive_bayesian.NAME]
        # Without a search there is nothing to transfer.
        wanted = [each for each in wanted if searched or each.needs != "undefended"]
        retrained = [each for each in wanted if each.needs == "retraining"] if left_out else []
        elsewhere = [each for each in wanted if self._without_retraining(each) and each not in searched]
        unseen = {system.defence for system in left_out}
        transfer: list[Channel] = []
        for system in systems:
            drawn = _drawn(models, system, "draws" if settings.draws else "")
            self._note(self.drawn_of, self.drawn, models, system, drawn.outputs["evaluation"])
            found = [self._attacked(models, system, threat, drawn, []) for threat in searched]
            transfer = transfer or found
            # What trains on no environment meets them all unseen.
            for threat in [*elsewhere, *(() if system.defence in unseen else retrained)]:
                pieces = _drawn(models, system, "turns") if threat.in_turn else drawn
                self._attacked(models, system, threat, pieces, transfer)
        for system in left_out:
            drawn = _drawn(models, system, "")
            self._note(self.drawn_of, self.drawn, models, system, drawn.outputs["evaluation"])
            for threat in retrained:
                self._attacked(models, system, threat, drawn, [])

    def _without_retraining(self, threat: Threat) -> bool:
        """Returns whether a threat model can be tried on what is trained anyway."""
        if threat.needs == "retraining":
            return bank.ENVIRONMENT in self.unheard.values()
        return threat.needs != "unheard recordings" or bank.RECORDING in self.unheard.values()

    def _attacked(
        self, models: Models, system: System, threat: Threat, drawn: Evaluator, transfer: Sequence[Channel]
    ) -> Channel:
        answers = _attacker(models, system, threat, drawn, transfer).outputs["answers"]
        self._note(self.of, self.answers, models, system, answers, threat=threat.name)
        return answers

    def _note(
        self,
        of: list[dict[str, Any]],
        channels: list[Channel],
        models: Models,
        system: System,
        channel: Channel,
        **more: str,
    ) -> None:
        facts = {"defence": system.defence, "without": system.without, "fold": models.fold, "seed": models.seed}
        of.append({**facts, **more})
        channels.append(channel)


def _drawn(models: Models, system: System, pool: Pool) -> Evaluator:
    """What a system answers to random draws: as many as a search may ask for, or those of every condition."""
    return evaluator(models.dag, system, models.fold, models.seed, pool)


def _attacker(
    models: Models, system: System, threat: Threat, drawn: Evaluator, transfer: Sequence[Channel]
) -> Attacker:
    """What one threat model gets out of one system."""
    dag = models.dag
    gradients = threat.needs == "gradients"
    return Attacker(
        id=named(f"{threat.name} on {system.name}", models.fold, models.seed),
        model=system.classifier.outputs["model"],
        generator=generator(system),
        utterances=dag.corpus.outputs["utterances"],
        folds=dag.corpus.outputs["folds"],
        noise=dag.noise.outputs["test"],
        drawn=drawn.outputs["evaluation"],
        transfer=list(transfer) if threat.needs == "undefended" else [],
        clean=[drawn.inputs["clean"]] if gradients else [],
        adversarial=[drawn.inputs["adversarial"]] if gradients else [],
        threat=threat.name,
        settings=asdict(settings_of(threat, dag.settings.threats)),
        defence=system.defence,
        without=system.without,
        fold=models.fold,
        epsilons=dag.threat_epsilons,
        snrs_db=dag.threat_snrs_db,
        draws=dag.settings.threats.draws,
        estimator=dag.settings.attack.reference,
        speech_level=dag.settings.attack.speech_level,
        front_end=dag.settings.features.front_end,
        enhance=system.enhance,
        seed=dag.settings.attack.seed,
        **dag.runtime,
    )


def reproduction(dag: Dag, environments: Sequence[str] = (), unheard: Mapping[str, str] | None = None) -> Reproducer:
    """All defences beside each other, over all folds and seeds.

    Args:
        dag: What the defences stand on.
        environments: Those that the defences are also trained without, to be attacked with.
        unheard: What no training hears of environments that test, see `kerasser.noise.splits.unheard`.
    """
    settings, systems, evaluations = dag.settings, [], list[Channel]()
    # Without the undefended classifier nothing could be compared.
    names = [NONE, *(name for name in defences.chosen(settings.defence, list(defences.known())) if name != NONE)]
    attacks = Attacks(unheard or {})
    for seed in dict.fromkeys(settings.seeds or [settings.seed]):
        for fold in dag.folds:
            models = Models(dag, fold, seed)
            mine = models.systems(names)
            for each in mine:
                systems.append({"defence": each.defence, "percent": each.percent, "fold": fold, "seed": seed})
                evaluations.append(evaluator(dag, each, fold, seed).outputs["evaluation"])
            attacks.add(models, compared(mine), _left_out(models, names, environments))
    first = systems[0]["fold"], systems[0]["seed"]
    played = {
        system["defence"]: channel
        for system, channel in zip(systems, evaluations, strict=True)
        if system["defence"] in (NONE, gan.NAME) and (system["fold"], system["seed"]) == first
    }
    return Reproducer(
        evaluations=evaluations,
        perception=[channel for fold in dag.folds for channel in perception(dag, fold)],
        sounds=sounds(dag, played),
        systems=systems,
        attacks_of=attacks.of,
        attacks=attacks.answers,
        drawn_of=attacks.drawn_of,
        drawn=attacks.drawn,
        budgets=[[each.kind, each.value] for each in dag.threat_budgets],
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        training_noise=dag.wired_training_noise,
        replicates=settings.evaluation.replicates,
        confidence=settings.evaluation.confidence,
        command=command_line("reproduce", settings),
        settings=reported("reproduce", settings),
        quiet=settings.quiet,
    )


def _left_out(models: Models, names: Sequence[str], environments: Sequence[str]) -> list[System]:
    """Returns the defences that meet noise, each trained without one environment; none where there is but one."""
    settings = models.dag.settings.defences
    # Without the one environment that an utterance meets, nothing would be left; but for made noise.
    if len(environments) < (1 if settings.noise == "both" else 2) or settings.conditions == 1:
        return []
    return [system for place in environments for system in models.systems(names, without=place)]
