"""`python -m pipelines.attack`: what noise does to a recogniser of your own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cli.main import main
from pipelines.config import VictimRunSettings, VictimSettings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current
from pipelines.io.own_models import Origin, origin

if TYPE_CHECKING:
    from kerasser.victims.adapters import Target

DESCRIPTION = "Attacks any recogniser with real-world noise, without training anything, and writes the report."


def attack(settings: VictimRunSettings) -> None:
    """Asks the victim about every condition and puts the report where people find it."""
    load_tensorflow()
    from kerasser.corpora import labels
    from kerasser.evaluation.report import EvaluationReport
    from kerasser.report.summary import headlines
    from kerasser.threats.recogniser import truth
    from kerasser.victims import adapters
    from pipelines import told
    from pipelines.components.victim_attacker import heard, labelled
    from pipelines.dag import Dag
    from pipelines.io import utterances
    from pipelines.io.folds import read_fold
    from pipelines.run import publish, run
    from pipelines.victim import attack_report

    target = _target(settings.victim)
    known = _origin(target)
    asked = adapters.victim(target)
    if target.kind in (adapters.KERAS, adapters.SAVED_MODEL):
        told.answers(asked)
    card = {
        **_card(settings.victim, target, asked.classes),
        "defence": known.defence if known else None,
    }
    emotions = () if labels.valences(card["classes"]) else card["classes"]
    folds = [] if settings.fold is None else [settings.fold]
    dag = Dag(settings, folds, emotions)
    made = run(settings, dag.corpus)[dag.corpus]
    told.corpus(settings.corpus, settings.data.valence, made["utterances"])
    items, skipped = labelled(heard(made["utterances"], made["folds"], settings.fold), card["classes"])
    told.victim(skipped, [truth(utterance, card["classes"]) for utterance, _ in items], card["classes"])
    if known:
        everyone = utterances.speakers(made["utterances"])
        attacked = everyone if settings.fold is None else frozenset(read_fold(made["folds"], settings.fold).test)
        known.refuse_trained(utterances.facts(made["utterances"])["name"], everyone, attacked)
    reporter = attack_report(dag, target, card, settings.victim.limit, settings.victim.batch_size)
    artifact = run(settings, reporter)[reporter]["report"]
    report = EvaluationReport.read(artifact.uri)
    current().say(headlines(report))
    fold = "" if settings.fold is None else f"-fold-{settings.fold}"
    name = f"{report.corpus}-attack-{card['name']}{fold}"
    current().finish(publish(artifact, Path(settings.output_dir) / "reports" / name) / "report.html")


def _target(victim: VictimSettings) -> Target:
    """Returns who is attacked; of a server, the version that it has now, so that the whole run asks the same."""
    from dataclasses import replace

    from kerasser.victims import adapters

    model = victim.model or ""
    target = adapters.Target(
        model=model,
        input=victim.input,
        classes=tuple(victim.classes),
        signature=victim.signature,
        served=victim.served,
        version=victim.served_version,
        deadline_s=victim.deadline_s,
    )
    if target.kind == adapters.SERVER:
        return replace(target, version=adapters.newest_version(target))
    if target.kind == adapters.CALLABLE:
        return target
    return replace(target, model=str(Path(model).resolve()))


def _origin(target: Target) -> Origin | None:
    """Returns how the victim was made, if it is a model of ours whose files are at hand."""
    from kerasser.victims import adapters

    if target.kind not in (adapters.SAVED_MODEL, adapters.KERAS):
        return None
    return origin(Path(target.model), target.signature)


def _card(victim: VictimSettings, target: Target, classes: tuple[str, ...]) -> dict[str, Any]:
    """Returns what the report says of the victim; where its files lie is no part of it."""
    from kerasser.victims import adapters

    if target.kind == adapters.SERVER:
        # A password in the URL is nobody's business.
        url = re.sub(r"//[^/@]*@", "//", target.model)
        asked, name = f"{url}, model {target.served}", f"{target.served}-{target.version}"
    elif target.kind == adapters.CALLABLE:
        asked, name = target.model, target.model.replace(":", ".")
    else:
        path = Path(target.model)
        # Versions are folders of numbers; models of ours lie in saved_model.
        asked, name = "", f"{path.parent.name}-{path.name}" if path.name.isdigit() else path.stem
    return {
        "kind": target.kind,
        "name": re.sub(r"[^\w.-]+", "-", victim.name or name),
        "asked": asked,
        "input": target.input_kind,
        "classes": list(classes),
        "signature": target.signature if target.kind in (adapters.SERVER, adapters.SAVED_MODEL) else None,
        "served_version": target.version,
        "version": victim.version,
    }


if __name__ == "__main__":
    main("attack", DESCRIPTION, attack, settings=VictimRunSettings)
