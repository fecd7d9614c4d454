"""How certain a difference between systems is, as reports state it: effect, interval, tests, least effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.paired import mcnemar, minimum_detectable_difference, paired_difference
from kerasser.evaluation.results import AdjustedP, Difference, McNemarP
from kerasser.evaluation.statistics import holm


class _Tested(Protocol):
    @property
    def bootstrap(self) -> AdjustedP: ...

    @property
    def mcnemar(self) -> McNemarP | None: ...


Row = TypeVar("Row", bound=_Tested)


def difference(
    scorer: Scorer, first: np.ndarray, second: np.ndarray, answers: tuple[np.ndarray, np.ndarray] | None = None
) -> Difference:
    """Compares two sets of answers to the same utterances; no p is adjusted yet.

    Args:
        scorer: Knows the speakers.
        first: Shares that are right, `[seeds, utterances]` in [0, 1].
        second: Those that are subtracted from it.
        answers: What McNemar's test is of, if it is made: two arrays of such shape that hold 0 and 1 alone.
    """
    exact = None
    if answers:
        # One answer an utterance: of several seeds, right with each.
        test = mcnemar(*(np.asarray(each).min(axis=0) == 1 for each in answers))
        exact = McNemarP(test.first_only, test.second_only, test.p, None)
    if not scorer.bootstrap:
        return Difference(None, None, None, AdjustedP(None, None), exact)
    paired = paired_difference(scorer.bootstrap, first, second)
    return Difference(
        paired.estimate,
        paired.interval,
        minimum_detectable_difference(scorer.bootstrap, first, second),
        AdjustedP(paired.p, None),
        exact,
        scorer.interval_kind,
    )


def adjusted(rows: Sequence[Row]) -> list[Row]:
    """Returns the rows with both p adjusted after Holm, over them."""
    known = list(enumerate(rows))
    bootstrap = holm({str(place): row.bootstrap.p for place, row in known if row.bootstrap.p is not None})
    exact = holm({str(place): row.mcnemar.p for place, row in known if row.mcnemar and row.mcnemar.p is not None})
    return [
        replace(  # type: ignore[type-var]
            row,
            bootstrap=replace(row.bootstrap, p_holm=bootstrap.get(str(place))),
            mcnemar=row.mcnemar and replace(row.mcnemar, p_holm=exact.get(str(place))),
        )
        for place, row in known
    ]
