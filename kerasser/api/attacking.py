"""`kerasser.attack`: what real-world noise does to a recogniser, in one call."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kerasser.api.noise import Noise
from kerasser.api.result import Protocol, Result, served_add, typed
from kerasser.api.speech import Speech
from kerasser.api.victims import AnyVictim, recogniser
from kerasser.attack import channels
from kerasser.attack.budget import Budget
from kerasser.corpora import left_out
from kerasser.evaluation.alarms import Alarm, not_repeatable
from kerasser.threats.recogniser import RecogniserAttack, truth
from kerasser.util import progress
from kerasser.util.errors import InputError
from kerasser.victims.base import Recogniser

_LOG = logging.getLogger("kerasser")


def attack(
    victim: AnyVictim,
    speech: Speech,
    noise: Noise | Mapping[str, ArrayLike | Sequence[ArrayLike]],
    budgets: Sequence[Budget],
    draws: int = 3,
    seed: int = 0,
    *,
    classes: Sequence[str] | None = None,
    input: str | None = None,
    estimator: str = "lsa",
    replicates: int = 2000,
    confidence: float = 0.95,
    batch_size: int = 32,
    workers: int = 0,
    quiet: bool = False,
    rooms_dir: Path | str | None = None,
) -> Result:
    """Asks a recogniser about speech as it is, and under every environment, budget and draw (paper, section 3).

    The figures are those of `python -m pipelines.attack` on the same speech and noise, digit for digit.

    Args:
        victim: A function `(waveforms, sample_rate_hz) → probabilities [batch, classes]`, a Keras model, the path of a
            SavedModel or a `.keras` file, `http://HOST:8501/v1/models/NAME`, a `Target`, or a `Defended`.
        speech: From `load_corpus` or `Speech.from_arrays`. Where the victim knows none but negative and positive, the
            truth is an utterance's valence, else its emotion; utterances that it has no class for are left out.
        noise: From `load_noise` or `Noise.from_arrays`; or environment → waveforms at 16 kHz.
        budgets: How much noise: `Epsilon(2)` is the paper's perturbation factor, `SNR(10)` a ratio in dB. Beside them,
            channels that speech passes without noise: `Channel("telephone")`, `Channel("reverberation", 0.6)`.
        draws: Pieces of noise for each utterance, environment and budget, or rooms for each reverberation, at least 1.
        seed: Seed of every draw; the same seed gives the same noise to the same ids.
        classes: Class names in the order of the victim's answers; None asks its attribute `classes`, or the model.
        input: What the victim takes, "waveform", "frames" or "functionals"; None is "waveform" for a function, and
            "frames" for all else.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        replicates: Bootstrap replicates over speakers.
        confidence: Coverage of the intervals, in (0, 1).
        batch_size: Waveforms in a question.
        workers: Threads that extract features; 0 takes every core.
        quiet: No progress bar.
        rooms_dir: Folder of measured room responses, for reverberation; None makes rooms.

    Returns:
        The answers and what follows from them.

    Raises:
        InputError: If the victim cannot be opened or answers no probabilities, the speech has none of its classes, or
            an argument is out of its range.

    Examples:
        >>> import kerasser
        >>> import numpy as np
        >>> def victim(waveforms, sample_rate_hz):
        ...     loud = np.array([np.std(waveform) > 0.05 for waveform in waveforms])
        ...     return np.stack([loud, ~loud], axis=1).astype(float)
        >>> victim.classes = ("anger", "sadness")
        >>> result = kerasser.attack(
        ...     victim,
        ...     kerasser.load_corpus("demo", limit=8),
        ...     kerasser.load_noise(environments=["cafe"], demo_duration_s=5, quiet=True),
        ...     budgets=[kerasser.SNR(0)],
        ...     draws=2,
        ...     quiet=True,
        ... )
        >>> result.skipped
        {"happiness is none of the victim's classes": 2, "neutral is none of the victim's classes": 2}
        >>> list(result.to_frame()["noise"])
        ['cafe', 'any']
    """
    noise = noise if isinstance(noise, Noise) else Noise.from_arrays(noise)
    rooms = "" if rooms_dir is None else str(rooms_dir)
    protocol = Protocol(_budgets(budgets), draws, seed, estimator, noise.split, replicates, confidence, rooms)
    _check(protocol, batch_size)
    asked = recogniser(victim, classes, input, workers)
    speech, skipped = answerable(speech, asked.classes)
    lines = _ask(asked, speech, noise, protocol, batch_size, quiet)
    if asked.single_output:
        _LOG.warning(asked.one_output())
    answers = typed(pd.DataFrame([row for line in lines for row in [*line["rows"], *line["channels"]]]))
    return Result(
        victim=asked.name,
        classes=asked.classes,
        corpus=speech.name,
        answers=answers,
        protocol=protocol,
        queries=sum(line["queries"] for line in lines),
        noise_sha256=noise.sha256,
        skipped=skipped,
        remarks=speech.remarks,
        asked_twice=_alarms(answers, lines, asked.classes),
        speech=speech,
        noise=noise,
    )


def answerable(speech: Speech, classes: Sequence[str]) -> tuple[Speech, dict[str, int]]:
    """Returns the utterances that a victim of these classes can answer, and how many others there are, by reason.

    Raises:
        InputError: If there is none.
    """
    speech = speech.named(classes)
    truths = [truth(each, classes) for each in speech.utterances]
    known = [number for number, name in enumerate(truths) if name in classes]
    others = Counter(name or "what has no valence" for name in truths if name not in classes)
    if not known:
        raise InputError(
            f"classes: expected some that the speech has: {', '.join(sorted(others))}. "
            f"Received: {left_out.beside(classes, others)}"
        )
    skipped = {f"{name}{left_out.NO_CLASS}": count for name, count in sorted(others.items())}
    for sentence in left_out.sentences(skipped, len(known), names=classes):
        _LOG.warning(sentence)
    return speech.select(known), {**speech.skipped, **skipped}


def _ask(
    victim: Recogniser, speech: Speech, noise: Noise, protocol: Protocol, batch_size: int, quiet: bool
) -> list[dict[str, Any]]:
    """Returns `queries`, `again` and `rows` of each utterance: the one place that knows how a victim is asked."""
    asked = RecogniserAttack(victim, protocol.plan(noise), None, (), served_add(), batch_size, protocol.passed())
    found = zip(speech.utterances, speech.waveforms(), strict=True)
    title = f"attack, {asked.size} conditions each"
    return [
        asked(utterance, waveform, None, 0)
        for utterance, waveform in progress.steps(found, len(speech), "utterances", title, quiet=quiet)
    ]


def _alarms(answers: pd.DataFrame, lines: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> tuple[Alarm, ...]:
    """Returns whether the victim answers the same speech differently when it is asked again."""
    first = answers.loc[answers["noise"] == "", [f"p_{name}" for name in classes]].to_numpy()
    found = not_repeatable(first, np.array([line["again"] for line in lines]))
    return (found,) if found else ()


def _budgets(budgets: Sequence[Budget]) -> tuple[Budget, ...]:
    chosen = (budgets,) if isinstance(budgets, Budget) else tuple(budgets)
    odd = [each for each in chosen if not isinstance(each, Budget)]
    if odd or not chosen or len(set(chosen)) < len(chosen):
        received = ", ".join(map(str, chosen)) or "none"
        raise InputError(
            f"budgets: expected some of Epsilon(…), SNR(…) and Channel(…), each once. Received: {received}"
        )
    return chosen


def _check(protocol: Protocol, batch_size: int) -> None:
    for name, value in (("draws", protocol.draws), ("replicates", protocol.replicates), ("batch_size", batch_size)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name}: expected a whole number, at least 1. Received: {value!r}")
    if protocol.estimator not in ("lsa", "stsa"):
        raise InputError(f"estimator: expected lsa or stsa. Received: {protocol.estimator!r}")
    levels = [(each.kind, each.value) for each in protocol.budgets if each.is_channel]
    channels.refuse([name for name, _ in levels], levels, protocol.options)
    if not 0.0 < protocol.confidence < 1.0:
        raise InputError(f"confidence: expected a share in (0, 1). Received: {protocol.confidence!r}")
