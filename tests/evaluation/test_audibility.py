import numpy as np
import pandas as pd
import pytest

from kerasser.evaluation.audibility import beside
from kerasser.evaluation.statistics import quartiles

FIGURE1 = [
    {
        "noise": noise,
        **budget,
        "error": 20.0,
        "interval": None,
        "error_worst_of": {"N": 2, "error": 30.0, "interval": None},
    }
    for noise in ("cafe", "any")
    for budget in ({"epsilon": 2.0}, {"snr_db_target": 10.0})
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
    assert [(row["noise"], row.get("epsilon"), row.get("snr_db_target")) for row in rows] == [
        ("cafe", 2.0, None),
        ("cafe", None, 10.0),
        ("any", 2.0, None),
        ("any", None, 10.0),
    ]
    cafe, _, every, _ = rows
    # 20 to 23 dB once, although two trainings met it; 25 to 28 dB in the station.
    assert cafe["snr_db"] == {"median": 21.5, "q25": 20.75, "q75": 22.25, "n": 4}
    assert every["snr_db"]["n"] == 8 and every["snr_db"]["median"] == 24.0
    assert cafe["segmental_snr_db"]["median"] == 19.5 and cafe["segmental_snr_db"]["n"] == 2
    assert cafe["stoi"]["median"] == 0.9 and cafe["pesq"] is None
    assert (cafe["error"], cafe["error_worst_of"]["error"]) == (20.0, 30.0)


def test_nothing_measured_leaves_the_ratio_alone():
    empty = draws()[:0].assign(segmental_snr_db=[], stoi=[], pesq=[])
    for row in beside(FIGURE1, draws(), empty):
        assert row["snr_db"] is not None
        assert row["segmental_snr_db"] is None and row["stoi"] is None and row["pesq"] is None


def test_quartiles_are_those_of_the_finite_values():
    values = [1.0, 2.0, 4.0, np.inf, np.nan]
    expected = pd.Series(values[:3]).quantile([0.25, 0.5, 0.75])
    found = quartiles(values)
    assert [found[name] for name in ("q25", "median", "q75")] == pytest.approx(list(expected))
    assert found["n"] == 3
    assert quartiles([np.nan]) is None and quartiles([]) is None
