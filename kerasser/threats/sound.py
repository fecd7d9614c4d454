"""What threat models share that follow gradients to the sound: whom they attack, and how it is judged in the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasser.attack.budget import Budget
from kerasser.attack.draws import derive_seed
from kerasser.attack.generation import DECIBEL_DIGITS
from kerasser.evaluation.alarms import Alarm, zero_gradients
from kerasser.threats.base import Answer, Gradients, Target, TestUtterance

if TYPE_CHECKING:
    import pandas as pd

    from kerasser.evaluation.results import ThreatRow

#: Utterances in a batch.
BATCH = 8
#: Batches are as long as a multiple of so many samples, for the sake of their transforms: 0.1 s.
_GRAIN = 1600


def chosen(utterances: Sequence[TestUtterance], count: int) -> list[TestUtterance]:
    """Returns some utterances, as many of each speaker and class as there can be; the same for every system.

    Args:
        utterances: All.
        count: How many; 0 takes all.
    """
    if not count or count >= len(utterances):
        return list(utterances)
    kinds: dict[tuple[int, str], list[TestUtterance]] = {}
    for each in sorted(utterances, key=lambda each: derive_seed(each.seed, each.id, "sound")):
        kinds.setdefault((each.label, each.speaker), []).append(each)
    turns = [(place, kind) for kind, mine in kinds.items() for place in range(len(mine))]
    # Classes in turn within a round: of sixteen, eight are of either.
    order = sorted(turns, key=lambda turn: (turn[0], turn[1][1], turn[1][0]))
    wanted = {kinds[kind][place].id for place, kind in order[:count]}
    return [each for each in utterances if each.id in wanted]


def batches(utterances: Sequence[TestUtterance]) -> list[list[TestUtterance]]:
    """Returns utterances in batches of like length."""
    ordered = sorted(utterances, key=lambda each: (each.speech.clean.size, each.id))
    return [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]


def padded(waveforms: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns waveforms as float32 `[batch, samples]`, zero beyond their lengths, and these, int32 `[batch]`."""
    lengths = np.array([each.size for each in waveforms], np.int32)
    found = np.zeros((len(waveforms), -(-int(lengths.max()) // _GRAIN) * _GRAIN), np.float32)
    for row, each in zip(found, waveforms, strict=True):
        row[: each.size] = each
    return found, lengths


def inside(target: Target) -> Gradients:
    """Returns the inside of a system.

    Raises:
        ValueError: If nobody sees it.
    """
    if target.gradients is None:
        raise ValueError("expected a system with gradients. Received: another")
    return target.gradients


def sent(target: Target, utterance: TestUtterance, waveform: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Sends a waveform, rounded to 16 bits, to the system as it is, with its own front end.

    Args:
        target: The system.
        utterance: Whose speech is in it.
        waveform: Speech and what was added, float `[samples]`.

    Returns:
        What was sent, and `margin`, `correct`, `snr_db` and `clipped`.
    """
    from kerasser.attack.waveform_gradients import rounded

    whole, beyond = rounded(waveform)
    reply = target.answer(utterance, whole)
    clean = utterance.speech.clean.astype(np.float64)
    added = float(np.mean(np.square(whole - clean)))
    against = utterance.speech.power
    snr_db = 10 * math.log10(against / added) if added > 0 and against > 0 else None
    return whole, {
        "margin": reply.margin,
        "correct": reply.correct,
        "snr_db": None if snr_db is None else round(snr_db, DECIBEL_DIGITS),
        "clipped": beyond / whole.size,
    }


def answered(
    target: Target,
    utterance: TestUtterance,
    budget: Budget,
    attempts: Sequence[tuple[np.ndarray, float, float]],
    more: Callable[[int], dict[str, Any]] = lambda _: {},
) -> Answer:
    """Returns the worst of what some runs found, judged by the system itself.

    Args:
        target: The system.
        utterance: Who is attacked.
        budget: How much may be added.
        attempts: Of each run: the waveform, the graph's margin for it, infinite where it was not asked, and the norm of
            the gradient where it began.
        more: Returns further facts by the number of the run.
    """
    judged = [sent(target, utterance, waveform) for waveform, _, _ in attempts]
    worst = min(range(len(judged)), key=lambda number: judged[number][1]["margin"])
    whole, facts = judged[worst]
    right = facts.pop("correct")
    in_graph = [margin for _, margin, _ in attempts]
    facts |= {
        "graph_margin": float(min(in_graph)),
        "graph_correct": float(min(in_graph) > 0),
        "drawn_correct": float(all(target.drawn(utterance, budget).values())),
        "gradient_norm": float(attempts[worst][2]),
        **more(worst),
    }
    return Answer(utterance.id, budget, float(right), facts=facts, waveform=whole)


def no_gradients(rows: Sequence[ThreatRow], answers: pd.DataFrame, chance: float) -> list[Alarm | None]:
    """Rings where there is no gradient to follow."""
    once = answers.drop_duplicates(["id", "seed"])
    return [zero_gradients(once["gradient_norm"].to_numpy())]


def by_budget(utterances: Sequence[TestUtterance], seed_of: str) -> Iterator[tuple[Budget, list[TestUtterance], int]]:
    """Yields the budgets with each batch, and a seed for it."""
    groups = batches(utterances)
    for budget in utterances[0].budgets if utterances else ():
        for group in groups:
            seed = derive_seed(group[0].seed, group[0].id, seed_of, budget.kind, float(budget.value))
            yield budget, group, int(seed[:8], 16)
