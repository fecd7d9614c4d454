"""Threat models against tables whose figures are known by hand."""

import numpy as np
import pandas as pd
import pytest

from kerasser.evaluation import threats
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.threats import Attacks

BUDGET = ("epsilon", 2.0)
SPEAKERS, EACH = 8, 4
LABELS = np.arange(SPEAKERS * EACH) % 2
IDS = [f"u{number:02d}" for number in range(LABELS.size)]


def scorer(right=None):
    right = np.ones(LABELS.size, bool) if right is None else right
    clean = pd.DataFrame(
        {
            "id": IDS,
            "speaker": [f"s{number // EACH}" for number in range(LABELS.size)],
            "label": LABELS,
            "predicted": np.where(right, LABELS, 1 - LABELS),
        }
    )
    return Scorer(clean, ("negative", "positive"), replicates=100, confidence=0.95, seed=0)


def draws(wrong, noises=("cafe", "station"), number=2, seed=0):
    """Random draws; `wrong(utterance, noise, draw)` says which are answered wrongly."""
    rows = [
        {"id": name, "seed": seed, "budget": "epsilon", "target": 2.0, "noise": noise, "draw": draw}
        | {"correct": not wrong(place, noise, draw)}
        for place, name in enumerate(IDS)
        for noise in noises
        for draw in range(number)
    ]
    return pd.DataFrame(rows)


def questions(first_success, method=threats.BAYESIAN, most=4, target=2.0, budget="epsilon"):
    """A search that stops at its first success, 0 where there is none."""
    rows = []
    for place, name in enumerate(IDS):
        success = first_success(place)
        for query in range(1, (success or most) + 1):
            rows.append({"id": name, "seed": 0, "budget": budget, "target": target, "method": method, "query": query})
            rows[-1] |= {"correct": query != success, "snr_db": -14.0, "clipped": 0.25}
    return pd.DataFrame(rows)


def by_threat(attacks, right=None):
    found = threats.rows({"none": (scorer(right), attacks)}, [BUDGET])
    return {row["threat"]: row for row in found}


def test_each_threat_model_by_hand():
    search = pd.concat(
        [
            questions(lambda place: 1 + place % 4 if place < 16 else 0),
            questions(lambda place: place % 8 == 0, threats.GREY_BOX, 1),
        ]
    )
    white_box = pd.DataFrame({"id": IDS, "seed": 0, "budget": "epsilon", "target": 2.0, "radius": 0.5})
    white_box = white_box.assign(
        label=LABELS, predicted=np.where(np.arange(32) < 24, 1 - LABELS, LABELS), gradient_norm=1.0
    )
    unseen = {
        "cafe": draws(lambda place, noise, draw: noise == "cafe" and draw == 0),
        "station": draws(lambda place, noise, draw: noise == "station"),
    }
    rows = by_threat(Attacks(draws(lambda place, noise, draw: place < 8 and draw == 0), search, white_box, unseen))
    errors = {threat: row["error"] for threat, row in rows.items()}
    assert errors == pytest.approx(
        {
            # Half of the draws of a quarter of the utterances.
            threats.OBLIVIOUS: 12.5,
            threats.GREY_BOX: 12.5,
            threats.ADAPTIVE_RANDOM: 25.0,
            threats.ADAPTIVE: 50.0,
            threats.WHITE_BOX: 75.0,
            # Left out alone counts: half of the café's draws, and all of the station's.
            threats.UNSEEN: 75.0,
        }
    )
    assert [rows[name]["queries"] for name in (threats.OBLIVIOUS, threats.ADAPTIVE_RANDOM, threats.ADAPTIVE)] == [
        0,
        4,
        4,
    ]
    # Random draws come draw by draw, noise by noise: a quarter falls at the first, the rest takes all four.
    assert rows[threats.ADAPTIVE_RANDOM]["queries_mean"] == pytest.approx((8 * 1 + 24 * 4) / 32)
    assert rows[threats.ADAPTIVE]["queries_mean"] == pytest.approx((16 * 2.5 + 16 * 4) / 32)
    assert rows[threats.WHITE_BOX]["radius"] == 0.5
    assert rows[threats.ADAPTIVE]["interval"][0] <= 50 <= rows[threats.ADAPTIVE]["interval"][1]


def test_success_counts_only_what_was_right_when_clean():
    right = np.arange(32) >= 8
    rows = by_threat(Attacks(draws(lambda place, noise, draw: place < 16)), right)
    assert rows[threats.ADAPTIVE_RANDOM]["attack_success_rate"] == pytest.approx(100 * 8 / 24)


def test_the_curve_of_a_search_grows_query_by_query():
    search = questions(lambda place: 1 + place % 4 if place < 16 else 0)
    attacks = Attacks(draws(lambda place, noise, draw: draw == 1 and place < 8), search)
    curve = threats.search_curve({"none": (scorer(), attacks)}, [BUDGET])
    assert [row["queries"] for row in curve] == [1, 2, 3, 4]
    assert [row["bayesian"] for row in curve] == pytest.approx([12.5, 25.0, 37.5, 50.0])
    assert [row["random"] for row in curve] == pytest.approx([0, 0, 25.0, 25.0])


def test_the_matrix_shows_what_trained_and_what_tests():
    unseen = {"cafe": draws(lambda place, noise, draw: noise == "cafe")}
    system = {"gan": (scorer(), Attacks(draws(lambda *_: False), unseen=unseen))}
    rows = threats.unseen_matrix(system, [BUDGET])
    shown = {(row["trained_without"], row["noise"]): row["error"] for row in rows}
    assert shown == {("", "cafe"): 0, ("", "station"): 0, ("cafe", "cafe"): 100, ("cafe", "station"): 0}


def test_who_trained_on_no_noise_meets_it_unseen_as_the_oblivious_attack_does():
    attacks = Attacks(draws(lambda place, noise, draw: place < 8 and draw == 0))
    left_out = Attacks(attacks.draws, unseen={"cafe": draws(lambda place, noise, draw: noise == "cafe")})
    rows = threats.rows({"none": (scorer(), attacks), "gan": (scorer(), left_out)}, [BUDGET])
    errors = {(row["defence"], row["threat"]): row["error"] for row in rows}
    assert errors["none", threats.UNSEEN] == errors["none", threats.OBLIVIOUS] == pytest.approx(12.5)
    assert errors["gan", threats.UNSEEN] == 100
    assert threats.UNSEEN not in by_threat(attacks)


def test_seeds_are_averaged():
    attacked = pd.concat([draws(lambda *_: False, seed=0), draws(lambda *_: True, seed=1)])
    clean = pd.concat(
        pd.DataFrame(
            {"id": IDS, "speaker": IDS, "label": LABELS, "predicted": LABELS, "seed": seed, "noise": None, "draw": 0}
        )
        for seed in (0, 1)
    )
    both = Scorer(clean, ("negative", "positive"), replicates=50, confidence=0.95, seed=0)
    (row,) = (
        row for row in threats.rows({"none": (both, Attacks(attacked))}, [BUDGET]) if row["threat"] == "oblivious"
    )
    assert row["error"] == pytest.approx(50)


def found(attacks):
    systems = {"none": (scorer(), attacks)}
    return [alarm for _, alarm in threats.alarms(systems, [BUDGET], threats.rows(systems, [BUDGET]))]


def rung(attacks):
    return {alarm.name for alarm in found(attacks)}


def test_alarms_ring_for_what_they_are_for_and_not_for_a_sound_attack():
    attacked = draws(lambda place, noise, draw: place < 4)
    drowned = questions(lambda place: place % 4 // 2, threats.EXTREME, 1, threats.EXTREME_SNR_DB, "snr_db")
    search = pd.concat([questions(lambda place: 2 if place < 12 else 0), drowned])
    box = pd.DataFrame({"id": IDS, "seed": 0, "budget": "epsilon", "target": 2.0, "radius": 0.5})
    box = box.assign(label=LABELS, predicted=1 - LABELS, gradient_norm=1.0)
    assert rung(Attacks(attacked, search, box)) == set()
    assert rung(Attacks(attacked, search, box.assign(predicted=LABELS))) == {"black_box_beats_white_box"}
    assert rung(Attacks(attacked, search, box.assign(gradient_norm=0.0))) == {"zero_gradients"}
    assert rung(Attacks(attacked, search, box.assign(gradient_norm=np.nan))) == {"zero_gradients"}
    lazy = pd.concat([questions(lambda place: 2 if place < 4 else 0), drowned])
    assert rung(Attacks(attacked, lazy, box)) == {"search_no_better"}
    survived = search.assign(correct=search["correct"] | (search["method"] == threats.EXTREME))
    (alarm,) = found(Attacks(attacked, survived, box))
    assert alarm.name == "huge_budget_survived"
    assert "the realised SNR is −14.0 dB and 25.0 % of the samples are clipped" in alarm.message


def test_the_white_box_is_held_to_the_draws_that_its_box_holds():
    """The Bayesian search goes on to pieces that no radius was taken from; the random draws lie within."""
    drawn = draws(lambda place, noise, draw: place < 4)
    search = questions(lambda place: 2)
    half = pd.DataFrame({"id": IDS, "seed": 0, "budget": "epsilon", "target": 2.0, "radius": 0.5, "gradient_norm": 1.0})
    half = half.assign(label=LABELS, predicted=np.where(np.arange(32) < 16, 1 - LABELS, LABELS))
    extreme = questions(lambda place: 1, threats.EXTREME, 1, threats.EXTREME_SNR_DB, "snr_db")
    assert rung(Attacks(drawn, pd.concat([search, extreme]), half)) == set()
    stronger = draws(lambda place, noise, draw: place < 24)
    assert "black_box_beats_white_box" in rung(Attacks(stronger, None, half))
