"""What the reports say beside the errors: how audible the attack is, and whether the label survives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kerasser.attack.audibility import MEASURES
from kerasser.evaluation import audibility, breakdown
from kerasser.evaluation.results import EmotionRow, Figure1Row, LabelSurvival, Perception, SexRow
from pipelines.engine.artifacts import Artifact
from pipelines.io.predictions import TEXT, read

__all__ = ["label_survival", "perception", "read"]


def perception(artifacts: Sequence[Artifact], figure1: Sequence[Figure1Row], adversarial: pd.DataFrame) -> Perception:
    """Returns how audible the attack is, from the utterances that were measured."""
    facts = [json.loads((artifact.uri / "perception.json").read_text()) for artifact in artifacts]
    empty = pd.DataFrame(columns=[*TEXT, "target", *MEASURES])
    measured = [read(artifact.uri / "perception.csv") for artifact in artifacts]
    return Perception(
        utterances=sum(each["utterances"] for each in facts),
        missing=sorted({package for each in facts for package in each["missing"]}),
        rows=audibility.beside(figure1, adversarial, pd.concat(measured) if measured else empty),
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
