"""What the paper prints (Latif, Rana and Qadir 2018), to stand beside what is measured; errors in percent."""

from __future__ import annotations

from collections.abc import Mapping

from kerasser.attack.budget import Budget, Epsilon

#: Corpus → noise → error under attack, and with a defence.
Table = Mapping[str, Mapping[str, tuple[float, float]]]

NOISES = ("cafe", "meeting", "station")
CORPORA = ("FAU-AIBO", "IEMOCAP")
#: What the readers call the paper's corpora → what the paper calls them.
NAMES: Mapping[str, str] = {"fau-aibo": "FAU-AIBO", "iemocap": "IEMOCAP"}
#: The perturbation factor of its tables.
EPSILON = Epsilon(2)

#: Section 4: error on clean speech.
CLEAN: Mapping[str, float] = {"FAU-AIBO": 31.65, "IEMOCAP": 43.59}

#: Figure 1: the largest error at ε = 2.
FIGURE1_MAX: Mapping[str, float] = {"FAU-AIBO": 56.87, "IEMOCAP": 66.87}

#: Corpus → noise → error under attack, and after training with random noise.
TABLE2: Table = {
    "FAU-AIBO": {"cafe": (56.87, 54.02), "meeting": (52.58, 49.24), "station": (53.57, 48.51)},
    "IEMOCAP": {"cafe": (64.58, 56.73), "meeting": (63.88, 52.57), "station": (66.87, 60.87)},
}

#: Corpus → noise → error under attack, and after cleaning by the GAN. The attacked column differs from table 2's as
#: printed.
TABLE3: Table = {
    "FAU-AIBO": {"cafe": (68.82, 38.31), "meeting": (62.58, 36.02), "station": (66.87, 35.14)},
    "IEMOCAP": {"cafe": (65.87, 49.20), "meeting": (67.70, 48.18), "station": (69.87, 46.24)},
}


def recovered_share(corpus: str, noise: str) -> float:
    """Returns (attacked − cleaned) / (attacked − clean) of table 3."""
    attacked, cleaned = TABLE3[corpus][noise]
    return (attacked - cleaned) / (attacked - CLEAN[corpus])


def shown(corpus: str) -> tuple[str, ...]:
    """Returns whose figures stand beside those of a corpus: its own, or all where the paper did not measure it."""
    return (NAMES[corpus],) if corpus in NAMES else CORPORA


def comparable(budget: Budget, noise: str) -> bool:
    """Tells whether the paper prints a figure for a noise at a budget."""
    return budget == EPSILON and noise in NOISES


def difference(ours: float | None, theirs: float) -> float | None:
    """Returns our error less the paper's, in points; None where ours is undefined."""
    return None if ours is None else ours - theirs


def pair(values: Mapping[str, float]) -> str:
    """Returns a figure of each of its corpora in words."""
    return ", ".join(f"{corpus} {value} %" for corpus, value in values.items())
