"""Somebody's recogniser's part of the DAG: the attack on it, and the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kerasser.threats import black_boxes, settings_of
from kerasser.victims.adapters import Target
from pipelines.cli.command_line import command_line, reported
from pipelines.components.reporter import Reporter
from pipelines.components.victim_attacker import VictimAttacker
from pipelines.dag import Dag
from pipelines.evaluation import perception


def attack_report(dag: Dag, target: Target, card: Mapping[str, Any], limit: int | None, batch_size: int) -> Reporter:
    """What the attack does to somebody's recogniser.

    Args:
        dag: What the attack stands on; its first fold, if there is one, says who is heard.
        target: Who is attacked.
        card: What the report says of it, `classes` among it.
        limit: Most queries; None sets no limit.
        batch_size: Waveforms in a question.
    """
    settings = dag.settings
    attacker = VictimAttacker(
        utterances=dag.corpus.outputs["utterances"],
        folds=dag.corpus.outputs["folds"],
        noise=dag.noise.outputs["test"],
        perturbation=dag.perturbation.outputs["perturbation"],
        victim=dict(card),
        fold=dag.folds[0] if dag.folds else None,
        epsilons=settings.attack.epsilons,
        snrs_db=settings.attack.snrs_db,
        draws=settings.attack.draws,
        search_epsilons=dag.threat_epsilons,
        search_snrs_db=dag.threat_snrs_db,
        search_draws=settings.threats.draws,
        threats={each.name: asdict(settings_of(each, settings.threats)) for each in black_boxes(settings.threats)},
        **dag.channels,
        estimator=settings.attack.reference,
        speech_level=settings.attack.speech_level,
        attack_seed=settings.attack.seed,
        replicates=settings.evaluation.replicates,
        confidence=settings.evaluation.confidence,
        seed=0,
        target=target,
        limit=limit,
        batch_size=batch_size,
        **dag.runtime,
    )
    return Reporter(
        evaluation=attacker.outputs["evaluation"],
        utterances=dag.corpus.outputs["utterances"],
        noise=dag.noise.outputs["test"],
        perception=perception(dag, dag.folds[0]) if dag.folds else [],
        sounds=[],
        seed=settings.attack.seed,
        command=command_line(
            "attack",
            settings,
            [("--victim.model", "MODEL"), ("--victim.input", card["input"])]
            + [("--victim.classes", json.dumps(card["classes"]))],
        ),
        settings=reported("attack", settings),
    )
