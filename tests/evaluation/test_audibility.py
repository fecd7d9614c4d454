import numpy as np
import pandas as pd
import pytest

from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.audibility import beside
from kerasser.evaluation.results import AttackWorstOf, Figure1Row, Quartiles, Score

FIGURE1 = [
    Figure1Row(noise, budget, 9.0, Score(20.0, None), AttackWorstOf(2, Score(30.0, None), 5.0), 3.0, 0.0, 8)
    for noise in ("cafe", "any")
    for budget in (Epsilon(2), SNR(10))
]


def draws():
    rows = []
    for seed in (0, 1):
        for noise, shift in (("cafe", 0.0), ("station", 5.0)):
            for budget, target, base in (("epsilon", 2.0, 20.0), ("snr_db", 10.0, 10.0)):
                for number in range(4):
                    about = {"id": f"u{number}", "noise": noise, "budget": budget, "target": target, "draw": 0}
                    rows.append({**about, "seed": seed, "snr_db": base + shift + number})
    return pd.DataFrame(rows)


def test_each_row_of_figure_1_is_measured_by_its_own_condition():
    measured = draws().query("seed == 0 and id < 'u2'").assign(stoi=0.9, pesq=np.nan)
    measured["segmental_snr_db"] = measured["snr_db"] - 1
    rows = beside(FIGURE1, draws(), measured)
    assert [(row.noise, row.budget) for row in rows] == [
        (noise, budget) for noise in ("cafe", "any") for budget in (Epsilon(2), SNR(10))
    ]
    cafe, _, every, _ = rows
    # 20 to 23 dB once, although two trainings met it; 25 to 28 dB in the station.
    assert cafe.snr_db == Quartiles(21.5, 20.75, 22.25, 4)
    assert every.snr_db.n == 8 and every.snr_db.median == 24.0
    assert cafe.segmental_snr_db.median == 19.5 and cafe.segmental_snr_db.n == 2
    assert cafe.stoi.median == 0.9 and cafe.pesq is None
    assert (cafe.score.error, cafe.error_worst_of.score.error) == (20.0, 30.0)


def test_nothing_measured_leaves_the_ratio_alone():
    empty = draws()[:0].assign(segmental_snr_db=[], stoi=[], pesq=[])
    for row in beside(FIGURE1, draws(), empty):
        assert row.snr_db is not None
        assert row.segmental_snr_db is None and row.stoi is None and row.pesq is None


def test_quartiles_are_those_of_the_finite_values():
    values = [1.0, 2.0, 4.0, np.inf, np.nan]
    expected = pd.Series(values[:3]).quantile([0.25, 0.5, 0.75])
    found = Quartiles.of(values)
    assert [found.q25, found.median, found.q75] == pytest.approx(list(expected))
    assert found.n == 3
    assert Quartiles.of([np.nan]) is None and Quartiles.of([]) is None
