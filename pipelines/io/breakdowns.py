"""What the reports say beside the errors: how audible the attack is, and whether the label survives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kerasser.attack.audibility import MEASURES
from kerasser.evaluation import audibility, breakdown
from kerasser.evaluation import channels as evaluated
from kerasser.evaluation.channels import ChannelAnswers
from kerasser.evaluation.results import Channels, EmotionRow, Figure1Row, LabelSurvival, Perception, SexRow
from pipelines.engine.artifacts import Artifact
from pipelines.io.predictions import TEXT, read

__all__ = ["channels", "label_survival", "perception", "read"]


def perception(artifacts: Sequence[Artifact], figure1: Sequence[Figure1Row], adversarial: pd.DataFrame) -> Perception:
    """Returns how audible the attack is, from the utterances that were measured."""
    utterances, missing, measured = _measured(artifacts)
    return Perception(utterances, missing, audibility.beside(figure1, adversarial, measured))


def channels(artifacts: Sequence[Artifact], systems: Sequence[ChannelAnswers]) -> Channels | None:
    """Returns what channels cost, and how audible they are; None where speech passed none.

    Args:
        artifacts: Utterances that were measured.
        systems: What every system answered, the undefended one first.
    """
    if not systems:
        return None
    utterances, missing, measured = _measured(artifacts)
    return Channels(utterances, missing, evaluated.references(systems), evaluated.rows(systems, measured))


def _measured(artifacts: Sequence[Artifact]) -> tuple[int, list[str], pd.DataFrame]:
    """Returns how many utterances were measured, which packages were missing, and the measures."""
    facts = [json.loads((artifact.uri / "perception.json").read_text()) for artifact in artifacts]
    empty = pd.DataFrame(columns=[*TEXT, "target", *MEASURES])
    found = [read(artifact.uri / "perception.csv") for artifact in artifacts]
    return (
        sum(each["utterances"] for each in facts),
        sorted({package for each in facts for package in each["missing"]}),
        pd.concat(found) if found else empty,
    )


def label_survival(
    systems: Sequence[tuple[str, float, pd.DataFrame]],
    sexes: Mapping[str, str | None],
    classes: Sequence[str],
    replicates: int,
    confidence: float,
) -> LabelSurvival:
    """Returns the reference noise by emotion, its test, and the errors by emotion and by sex.

    Args:
        systems: Defence, share of adversarial training examples in percent and all answers, the undefended one first.
        sexes: Utterance id → sex of its speaker.
        classes: The class names, in order.
        replicates: Bootstrap replicates.
        confidence: Coverage of the intervals.
    """
    attacked = systems[0][2]
    attacked = attacked[attacked["noise"].notna()]
    by_emotion: list[EmotionRow] = []
    by_sex: list[SexRow] = []
    options: dict[str, Any] = {"replicates": replicates, "confidence": confidence}
    for defence, share, answers in systems:
        answers = answers.assign(sex=answers["id"].map(sexes))
        clean, adversarial = answers[answers["noise"].isna()], answers[answers["noise"].notna()]
        system = defence, share
        by_emotion += breakdown.errors_by_emotion(clean, adversarial, system, **options)
        by_sex += breakdown.errors_by_sex(clean, adversarial, system, classes, **options)
    return LabelSurvival(breakdown.noise_by_emotion(attacked), breakdown.noise_test(attacked), by_emotion, by_sex)
