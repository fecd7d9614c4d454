"""What was left out of a corpus, on the terminal before any long work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kerasser import corpora
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.corpora import left_out
from kerasser.victims.base import Recogniser
from pipelines.engine.artifacts import Artifact
from pipelines.engine.run_log import current
from pipelines.io import utterances


def corpus(name: str, valence: Mapping[str, str] | None, artifact: Artifact, *, other: bool = False) -> None:
    """Says what a corpus was read without, and what must be known before its figures are trusted.

    Args:
        name: The corpus.
        valence: The run's map from emotion to class, which names what is known; None for the corpus' own.
        artifact: The utterances.
        other: Whether it is one that a GAN meets besides: each line names it then.
    """
    before = f"{name}: " if other else ""
    facts = utterances.facts(artifact)
    kept = utterances.count(artifact)
    known = corpora.default_valence(name) if valence is None else valence
    for sentence in left_out.sentences(facts["skipped"], kept, examples=facts["examples"], names=known):
        current().warn(before + sentence)
    for sentence in left_out.read_as(facts["read_as"]):
        current().say(before + sentence)
    if not facts["synthetic"]:
        for remark in facts["remarks"]:
            current().say(before + remark)


def victim(skipped: Mapping[str, int], truths: Sequence[str], classes: Sequence[str]) -> None:
    """Says what a victim of some classes is not asked about.

    Args:
        skipped: How many utterances, by reason.
        truths: Its class of each that it is asked about.
        classes: What it knows.
    """
    for sentence in left_out.sentences(skipped, len(truths), names=classes):
        current().warn(sentence)
    if absent := [name for name in classes if name not in truths]:
        current().say(
            f"warning: no utterance of the victim's class {', '.join(absent)} is left: the error is undefined"
        )


def answers(asked: Recogniser) -> None:
    """Asks a victim on this disk one thing, so that answers of another form are refused before any work.

    Args:
        asked: The victim; two classes that one output tells apart are said, as is which of them it is.

    Raises:
        InputError: If it answers no probabilities of its classes.
    """
    noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ).astype(np.float32)
    asked([noise], SAMPLE_RATE_HZ)
    if asked.single_output:
        current().warn(asked.one_output())
