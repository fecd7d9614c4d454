"""Signs that a figure of robustness means nothing.

A defence that looks robust has often only broken the attack or the evaluation. The signs are those of Athalye, Carlini
and Wagner (2018), "Obfuscated Gradients Give a False Sense of Security", and Carlini et al. (2019), "On Evaluating
Adversarial Robustness", applied to plain figures. Each function returns an `Alarm`, or None where there is no such
sign, which proves nothing: they are necessary, not sufficient. A figure that is undefined raises `ValueError`, since it
would compare as false and pass for a healthy one. Errors and success rates are in percent, differences of them in
points.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Recording → its stretches, `(start, end)` in samples, the end not included.
Stretches = Mapping[str, Sequence[tuple[int, int]]]

_NAMED = 3


@dataclass(frozen=True)
class Alarm:
    """A sign that a figure means nothing.

    Attributes:
        name: The function that raised it.
        message: One sentence with the figures in it.
        evidence: The figures by name, thresholds included.
    """

    name: str
    message: str
    evidence: dict[str, float]


def not_growing(
    errors: Mapping[float, float],
    *,
    tolerance: float = 2.0,
    ceiling: float = 100.0,
    spelled: Callable[[float], str] = "a budget of {:g}".format,
) -> Alarm | None:
    """Rings where more noise does not mean more error: the attack, not the defence, explains the figure.

    A budget holds all that a smaller one does, so an attack that works harms at least as much with it. A fall beyond
    the tolerance anywhere below the ceiling rings, and so does a largest budget that does no more harm than the
    smallest.

    Args:
        errors: Budget → error; the larger, the more noise. For a signal-to-noise ratio in dB, give its negative.
        tolerance: Fall that chance explains, at least 0; half the width of the errors' intervals if there are any.
            2 points are the sampling error of a few hundred utterances.
        ceiling: Error that cannot grow. Noise that drowns speech leaves an error of chance, around which it wavers; an
            adversary who sees the model reaches 100.
        spelled: What the message calls a budget.

    Raises:
        ValueError: If there are fewer than two budgets, or a figure is undefined or out of its range.
    """
    if len(errors) < 2 or not np.isfinite(list(errors)).all():
        raise ValueError(f"expected the errors at two budgets or more. Received: {dict(errors)}")
    _percentages(ceiling=ceiling, **{f"error at {budget}": error for budget, error in errors.items()})
    _thresholds(tolerance=tolerance)
    budgets = sorted(errors)
    capped = np.minimum([errors[budget] for budget in budgets], ceiling)
    falls = np.maximum.accumulate(capped) - capped
    low = int(np.argmax(falls))
    high = int(np.argmax(capped[: low + 1]))
    first, last = budgets[0], budgets[-1]
    if falls[low] > tolerance:
        message = (
            f"The error falls from {errors[budgets[high]]:.1f} % at {spelled(budgets[high])} to "
            f"{errors[budgets[low]]:.1f} % at {spelled(budgets[low])}, which is more noise."
        )
    elif capped[-1] <= capped[0] < ceiling:
        message = (
            f"The error under most noise, {errors[last]:.1f} % at {spelled(last)}, is not above that under least, "
            f"{errors[first]:.1f} % at {spelled(first)}."
        )
    else:
        return None
    evidence = {
        "smallest_budget": float(first),
        "error_at_smallest": float(errors[first]),
        "largest_budget": float(last),
        "error_at_largest": float(errors[last]),
        "largest_fall": float(falls[low]),
        "tolerance": tolerance,
        "ceiling": ceiling,
    }
    return Alarm("not_growing", message, evidence)


def falls(scores: Mapping[tuple[str, float], Mapping[str, Any]], *, chance: float) -> list[Alarm]:
    """Returns where `not_growing` rings, over the perturbation factors and over the signal-to-noise ratios.

    Args:
        scores: Kind of budget, "epsilon" or "snr_db", and amount → `error`, None where it is undefined, and `interval`,
            half of whose widest is the tolerance, if that is more than 2 points.
        chance: The error of a guess.
    """
    found = []
    for kind, sign, spelled in (("epsilon", 1, _epsilon), ("snr_db", -1, _ratio)):
        # Less signal is more noise.
        mine = {sign * target: score for (each, target), score in scores.items() if each == kind}
        errors = {budget: score["error"] for budget, score in mine.items() if score["error"] is not None}
        if len(errors) > 1:
            widths = [score["interval"][1] - score["interval"][0] for score in mine.values() if score["interval"]]
            tolerance = max([2.0, *(width / 2 for width in widths)])
            found.append(not_growing(errors, tolerance=tolerance, ceiling=chance, spelled=spelled))
    return [alarm for alarm in found if alarm is not None]


def _epsilon(budget: float) -> str:
    return f"ε = {budget:g}"


def _ratio(budget: float) -> str:
    # No minus before a zero.
    return f"{0.0 - budget:g} dB".replace("-", "−")


def black_box_beats_white_box(
    black_box_error: float, white_box_error: float, *, tolerance: float = 1.0
) -> Alarm | None:
    """Rings where an attack that sees only answers does more harm than one that sees gradients as well.

    Whoever sees the gradients can do all that others can; if that harms less, the gradients mislead.

    Args:
        black_box_error: Error under the attack that sees answers, at the same budget and on the same utterances.
        white_box_error: Error under the attack that sees gradients.
        tolerance: Lead of the black box that the luck of its draws explains, at least 0. 1 point is small, as both
            attack the same utterances and sampling error mostly cancels.

    Raises:
        ValueError: If a figure is undefined or out of its range.
    """
    _percentages(black_box_error=black_box_error, white_box_error=white_box_error)
    _thresholds(tolerance=tolerance)
    if black_box_error - white_box_error <= tolerance:
        return None
    return Alarm(
        "black_box_beats_white_box",
        f"The attack without gradients reaches an error of {black_box_error:.1f} %, the one with gradients only "
        f"{white_box_error:.1f} %.",
        {"black_box_error": black_box_error, "white_box_error": white_box_error, "tolerance": tolerance},
    )


def budget_missed(
    snr_db: float | None,
    clipped_share: float,
    *,
    budget: str,
    target_db: float | None = None,
    tolerance_db: float = 1.0,
    limit: float = 0.01,
) -> Alarm | None:
    """Rings where another amount of noise was added than the budget says, or much of it was cut off.

    The figures are then those of another budget, or of speech that is distorted by clipping rather than noisy.

    Args:
        snr_db: Median of the realised signal-to-noise ratios; None or infinite where nothing was added.
        clipped_share: Share of all samples that were carried beyond full scale, in [0, 1].
        budget: The budget with its unit, as the message shall call it.
        target_db: The ratio that was wanted; None for a budget that sets none.
        tolerance_db: Largest difference of both, at least 0: what one hears is hardly less.
        limit: Largest share of clipped samples, in [0, 1).

    Raises:
        ValueError: If a figure is undefined or out of its range.
    """
    _thresholds(tolerance_db=tolerance_db)
    if not 0.0 <= clipped_share <= 1.0 or not 0.0 <= limit < 1.0 or (snr_db is not None and np.isnan(snr_db)):
        raise ValueError(f"expected a ratio and shares in [0, 1]. Received: {snr_db}, {clipped_share}, {limit}")
    realised = np.inf if snr_db is None else snr_db
    missed = target_db is not None and not abs(realised - target_db) <= tolerance_db
    if not missed and clipped_share <= limit:
        return None
    # JSON knows no infinity.
    measured = {"snr_db": realised} if np.isfinite(realised) else {}
    return Alarm(
        "budget_missed",
        f"At {budget}, {_realised(snr_db, clipped_share)}.",
        {
            **measured,
            **({} if target_db is None else {"target_db": target_db}),
            "clipped_share": clipped_share,
            "tolerance_db": tolerance_db,
            "limit": limit,
        },
    )


def _realised(snr_db: float | None, clipped_share: float) -> str:
    """Says what was added: "the realised SNR is −17.3 dB and 2.1 % of the samples are clipped"."""
    if snr_db is None or not np.isfinite(snr_db):
        return "nothing was added"
    ratio = f"{snr_db + 0.0:.1f} dB".replace("-", "−")
    return f"the realised SNR is {ratio} and {100 * clipped_share:.1f} % of the samples are clipped"


def huge_budget_survived(
    error: float,
    *,
    chance: float,
    budget: str,
    snr_db: float | None,
    clipped_share: float,
    tolerance: float = 5.0,
) -> Alarm | None:
    """Rings where an absurd budget leaves the recogniser better than chance.

    Where nothing of the utterance is left, nobody recognises it: the attack does not reach the model, or the answer
    does not come from the speech.

    Args:
        error: Error at the budget.
        chance: Error of a guess, 100 − 100 / classes.
        budget: The budget with its unit, as the message shall call it: "−20 dB SNR", "ε = 50".
        snr_db: Median of the realised ratios, which clipping keeps above the budget; None where nothing was added.
        clipped_share: Share of all samples that were carried beyond full scale, in [0, 1].
        tolerance: How far below chance still counts as chance, at least 0. 5 points are twice the standard error of a
            guess over 400 utterances of two classes.

    Raises:
        ValueError: If a figure is undefined or out of its range.
    """
    _percentages(error=error, chance=chance)
    _thresholds(tolerance=tolerance)
    if chance - error <= tolerance:
        return None
    return Alarm(
        "huge_budget_survived",
        f"At {budget}, which should leave nothing of the speech, the error is {error:.1f} %; chance is {chance:.1f} %; "
        f"{_realised(snr_db, clipped_share)}.",
        {
            "error": error,
            "chance": chance,
            **({} if snr_db is None or not np.isfinite(snr_db) else {"snr_db": snr_db}),
            "clipped_share": clipped_share,
            "tolerance": tolerance,
        },
    )


def zero_gradients(norms: np.ndarray, *, limit: float = 0.01) -> Alarm | None:
    """Rings where the loss has no usable gradient, so that an attack by gradients stands still.

    Args:
        norms: Norm of the loss's gradient by the input, `[utterances]`. One that is exactly 0 or not finite counts as
            none; a small one does not, as attacks scale it.
        limit: Largest share of utterances without a gradient, in [0, 1). They are counted as robust unattacked, so
            that 0.01 keeps the error from being understated by more than 1 point.

    Raises:
        ValueError: If there is no utterance, a norm is below 0, or the limit is out of its range.
    """
    norms = np.asarray(norms, dtype=float)
    if norms.ndim != 1 or not norms.size or (norms < 0.0).any():
        raise ValueError(f"expected norms of at least 0, [utterances]. Received: {norms.shape}, {norms.ravel()[:3]}")
    if not 0.0 <= limit < 1.0:
        raise ValueError(f"expected a limit in [0, 1). Received: {limit}")
    zero, broken = int(np.sum(norms == 0.0)), int(np.sum(~np.isfinite(norms)))
    share = (zero + broken) / norms.size
    if share <= limit:
        return None
    return Alarm(
        "zero_gradients",
        f"The loss has no gradient for {100 * share:.1f} % of {norms.size} utterances (exactly zero: {zero}, not "
        f"finite: {broken}).",
        {"share": share, "zero": zero, "not_finite": broken, "utterances": norms.size, "limit": limit},
    )


def search_no_better(random_success: float, searched_success: float, n: int, *, margin: float = 0.0) -> Alarm | None:
    """Rings where a search finds no more than as many random draws do: it does not follow what the model answers.

    Silent where random draws leave too little to gain the margin.

    Args:
        random_success: Attack success rate of the worst of `n` random draws.
        searched_success: Attack success rate of the search with `n` queries, on the same utterances.
        n: Queries an utterance that both may spend, at least 2: a search that asks once is a random draw.
        margin: Points that a search must gain, at least 0. Its worth varies, so 0 asks only for more than nothing.

    Raises:
        ValueError: If a figure is undefined or out of its range.
    """
    _percentages(random_success=random_success, searched_success=searched_success)
    _thresholds(margin=margin)
    if n < 2:
        raise ValueError(f"expected at least 2 queries. Received: {n}")
    if searched_success - random_success > margin or random_success + margin >= 100.0:
        return None
    return Alarm(
        "search_no_better",
        f"With {n} queries each, the search succeeds on {searched_success:.1f} % of the utterances and random draws on "
        f"{random_success:.1f} %.",
        {"random_success": random_success, "searched_success": searched_success, "n": n, "margin": margin},
    )


def not_repeatable(
    first_probabilities: np.ndarray, second_probabilities: np.ndarray, *, tolerance: float = 1e-5
) -> Alarm | None:
    """Rings where the same input gets another answer: randomness, which an attack must average over and seldom does.

    Args:
        first_probabilities: `[utterances, classes]`, in [0, 1].
        second_probabilities: The same from another run on the same input, in the same order.
        tolerance: Largest difference that rounding explains, at least 0: float32 sums taken in another order differ by
            about 1e-6.

    Raises:
        ValueError: If a probability is undefined, or the shapes differ.
    """
    first, second = np.asarray(first_probabilities, dtype=float), np.asarray(second_probabilities, dtype=float)
    if first.ndim != 2 or not first.size or first.shape != second.shape:
        raise ValueError(f"expected two [utterances, classes] alike. Received: {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("expected probabilities. Received: some that are not finite")
    _thresholds(tolerance=tolerance)
    difference = float(np.max(np.abs(first - second)))
    if difference <= tolerance:
        return None
    changed = float(np.mean(first.argmax(axis=1) != second.argmax(axis=1)))
    return Alarm(
        "not_repeatable",
        f"Two runs on the same {len(first)} utterances give probabilities up to {difference:.2g} apart and another "
        f"label to {100 * changed:.1f} % of them.",
        {
            "largest_difference": difference,
            "changed_share": changed,
            "utterances": len(first),
            "tolerance": tolerance,
        },
    )


def costs_clean(before: float, after: float, *, tolerance: float = 2.0) -> Alarm | None:
    """Rings where a defence harms clean speech: robustness that is paid for by recognising less.

    Args:
        before: Error on clean speech without the defence.
        after: Error on clean speech with it, on the same utterances.
        tolerance: Rise that chance or a fair price explains, at least 0. Most speech is clean, so 2 points are a high
            price; the sampling error of a few hundred utterances is of that size.

    Raises:
        ValueError: If a figure is undefined or out of its range.
    """
    _percentages(before=before, after=after)
    _thresholds(tolerance=tolerance)
    if after - before <= tolerance:
        return None
    return Alarm(
        "costs_clean",
        f"On clean speech the defence raises the error by {after - before:.1f} points, from {before:.1f} % to "
        f"{after:.1f} %.",
        {"before": before, "after": after, "rise": after - before, "tolerance": tolerance},
    )


def seen_in_training(
    trained_speakers: Collection[str],
    tested_speakers: Collection[str],
    trained_noise: Stretches,
    tested_noise: Stretches,
) -> Alarm | None:
    """Rings where training has heard a test speaker or a sample of the test noise.

    There is no threshold: a defence may know by heart whatever it has heard, and folds and banks part without any
    overlap.

    Args:
        trained_speakers: Speakers that anything was trained or chosen on.
        tested_speakers: Speakers of the test utterances.
        trained_noise: Stretches of noise that training could draw from. A recording must have the same name on both
            sides wherever it comes from: the hash of its file.
        tested_noise: Stretches that the attack could draw from.

    Returns:
        An alarm whose evidence counts `speakers`, `recordings`, and `samples`, all of them and of each recording.

    Raises:
        ValueError: If a stretch ends before it starts.
    """
    speakers = sorted(set(trained_speakers) & set(tested_speakers))
    trained, tested = _merged(trained_noise), _merged(tested_noise)
    shared = {name: _shared_samples(trained[name], tested[name]) for name in sorted(trained.keys() & tested.keys())}
    shared = {name: samples for name, samples in shared.items() if samples}
    if not speakers and not shared:
        return None
    seen = [f"speakers of the test ({len(speakers)}: {_listed(speakers)})"] if speakers else []
    seen += [f"samples of the test noise ({sum(shared.values())}, of {_listed(list(shared))})"] if shared else []
    return Alarm(
        "seen_in_training",
        f"Training has heard {' and '.join(seen)}.",
        {
            "speakers": len(speakers),
            "recordings": len(shared),
            "samples": sum(shared.values()),
            **{f"samples of {name}": samples for name, samples in shared.items()},
        },
    )


def copied(copies: int, total: int) -> Alarm | None:
    """Rings where a corpus holds one sound under two speakers, whoever is tested.

    Its speakers are not as many as their names, and some fold parts the two.

    Args:
        copies: Utterances of the whole corpus that share sound with another speaker's.
        total: Utterances of the whole corpus.
    """
    if not copies:
        return None
    return Alarm(
        "duplicated",
        f"{copies} of {total} utterances of the corpus ({100 * copies / total:.1f} %) hold sound of another "
        "speaker's: intervals over speakers count it twice, and whatever trains on one of the two knows the other.",
        {"copies": copies, "utterances": total, "share": copies / total},
    )


def duplicated(train_hashes: Collection[str], test_hashes: Sequence[str], *, sharing: int = 0) -> Alarm | None:
    """Rings where the very content of a test utterance, or sound of it, is in the training part too.

    It finds the same recording under two names or speakers, which names alone hide. There is no threshold: no two
    recordings agree in every sample by chance. A copy that was coded, cut or scaled anew has another hash; it is known
    by its sound, see `kerasser.twins`.

    Args:
        train_hashes: SHA-256 of the waveform or of the features of every training utterance.
        test_hashes: The same of every test utterance, one each.
        sharing: Test utterances that share sound with one in training, those of one hash included.
    """
    trained = set(train_hashes)
    found = sum(digest in trained for digest in test_hashes)
    count = max(found, sharing)
    if not count:
        return None
    share = count / len(test_hashes)
    held = "the very content" if count == found else "sound"
    evidence = {"duplicated": found, "utterances": len(test_hashes), "share": share}
    return Alarm(
        "duplicated",
        f"The training part holds {held} of {count} of {len(test_hashes)} test utterances ({100 * share:.1f} %).",
        evidence | ({"sharing": sharing} if sharing else {}),
    )


def _percentages(**figures: float) -> None:
    """Refuses what is no percentage; NaN is none."""
    wrong = {name: value for name, value in figures.items() if not 0.0 <= value <= 100.0}
    if wrong:
        raise ValueError(f"expected figures in [0, 100] %. Received: {wrong}")


def _thresholds(**thresholds: float) -> None:
    """Refuses thresholds that would ring always or never."""
    wrong = {name: value for name, value in thresholds.items() if not 0.0 <= value < np.inf}
    if wrong:
        raise ValueError(f"expected thresholds of at least 0. Received: {wrong}")


def _merged(noise: Stretches) -> dict[str, list[tuple[int, int]]]:
    """Returns the same stretches, sorted and disjoint, so that no sample is counted twice."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for name, stretches in noise.items():
        merged[name] = []
        for start, end in sorted(stretches):
            if end < start:
                raise ValueError(f"{name}: expected a stretch that ends after its start. Received: {start} to {end}")
            if merged[name] and start <= merged[name][-1][1]:
                before = merged[name].pop()
                start, end = before[0], max(before[1], end)
            merged[name].append((start, end))
    return merged


def _shared_samples(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """Returns how many samples two lists of disjoint stretches share."""
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in other)


def _listed(names: Sequence[str]) -> str:
    """Returns the first names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
