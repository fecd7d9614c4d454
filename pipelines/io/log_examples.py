"""What a trainer's log shows beside its curves, gathered from artifacts: development speakers, training noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack.generation import replay
from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.features import records
from kerasser.features.records import Example
from kerasser.training.development import to_show
from kerasser.training.tensorboard.log import plain
from kerasser.training.tensorboard.pages import LogContents, LoggedUtterance
from kerasser.util.errors import InputError
from pipelines.components import noise_gen
from pipelines.engine.artifacts import Artifact
from pipelines.io import utterances


def contents(
    what: str,
    settings: Mapping[str, Any],
    fold: Fold,
    corpus: Artifact,
    files: Sequence[Path],
    contexts: Sequence[Example],
    descriptors: Sequence[str],
    banks: Sequence[Artifact] = (),
    others: Sequence[str] = (),
) -> LogContents:
    """Chooses a few utterances of development speakers, and says what is trained.

    Args:
        what: One sentence: what is trained, and to what end.
        settings: What decides the result.
        fold: Who trains, steers and tests.
        corpus: The table of utterances.
        files: Examples of the development speakers, clean and adversarial.
        contexts: What they hold, from `kerasser.features.records.contexts`.
        descriptors: Names of the features.
        banks: The training banks of the noise, where adversarial speech is to be heard.
        others: Further corpora that are trained on.

    Raises:
        AssertionError: If a speaker who tests, or noise that tests, would be shown.
    """
    strangers = {context.speaker for context in contexts} - {*fold.dev}
    if strangers:
        raise AssertionError(f"only development speakers are shown, not {sorted(strangers)}")
    pairs = to_show(contexts)
    own = records.read(files, len(descriptors), [place for place, _ in pairs])
    attacked = iter(records.read(files, len(descriptors), [place for _, place in pairs if place is not None]))
    logged = [
        LoggedUtterance(mine, None if place is None else next(attacked))
        for mine, (_, place) in zip(own, pairs, strict=True)
    ]
    if banks:
        logged = _with_sounds(logged, corpus, banks)
    card = _card(what, settings, fold, corpus, logged, others)
    return LogContents(card, settings, descriptors, CLASSES, logged)


def _with_sounds(
    logged: Sequence[LoggedUtterance], corpus: Artifact, banks: Sequence[Artifact]
) -> list[LoggedUtterance]:
    """Makes the waveforms again from what is noted beside the features."""
    wanted = {each.adversarial.provenance["recording"] for each in logged if each.adversarial is not None}
    recordings: dict[tuple[str, str], np.ndarray] = {}
    for bank in banks:
        noise_split, _, noise = noise_gen.load(bank, wanted)
        if noise_split != "train":
            raise AssertionError(f"the {noise_split} stretch of the noise would be heard beside a training")
        recordings |= {(name, each.name): each.waveform for name, found in noise.items() for each in found}
    files = {utterance.id: file for utterance, file in utterances.read(corpus)}
    heard = []
    for each in logged:
        try:
            waveform = audio.read(files[each.own.id])
        except InputError:
            # Features outlive the recordings they were taken from; a training needs no sound.
            heard.append(each)
            continue
        original, _ = audio.clip(waveform)
        sounds = {"original": original}
        if each.adversarial is not None:
            facts = each.adversarial.provenance
            sounds["adversarial"] = replay(original, recordings[facts["noise"], facts["recording"]], facts)
        heard.append(LoggedUtterance(each.own, each.adversarial, sounds))
    return heard


def _card(
    what: str,
    settings: Mapping[str, Any],
    fold: Fold,
    corpus: Artifact,
    logged: Sequence[LoggedUtterance],
    others: Sequence[str],
) -> str:
    facts = utterances.facts(corpus)
    heard = f"{facts['name']}, synthetic speech" if facts["synthetic"] else facts["name"]
    lines = [
        f"**{what}**",
        "",
        f"- Corpus: {plain(heard)}" + (f"; also trained on {plain(', '.join(others))}" if others else ""),
        f"- Fold: {plain(fold.name)}: {len(fold.train)} speakers train, {len(fold.dev)} steer, "
        f"{len(fold.test)} test and are heard by no training",
        f"- Seed: {settings['seed']}",
    ]
    if "share" in settings:
        lines.append(f"- Adversarial share of the training utterances: {100 * settings['share']:g} %")
    lines += [
        "- Figures here are of the development speakers, under the training noise. They chose the epoch, so they are "
        "better than what strangers will see: the Evaluator's report has the figures of the test speakers.",
        f"- Shown: {plain(', '.join(each.own.id for each in logged))}",
        "- Not for: decisions about people; emotions that the corpus does not hold; speech in other languages or "
        "from other microphones, unmeasured; figures in a paper.",
    ]
    if facts["synthetic"]:
        lines.append("- This model has heard no human voice.")
    return "\n".join(lines)
