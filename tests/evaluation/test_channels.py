"""What channels cost: errors by hand, and differences as independent references find them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from kerasser.attack.budget import SNR, Channel, Epsilon
from kerasser.evaluation import channels
from kerasser.evaluation.channels import ChannelAnswers
from kerasser.evaluation.conversion import from_json, to_json
from kerasser.evaluation.curve import Scorer
from kerasser.evaluation.results import ChannelRow, Channels

SPEAKERS, EACH = 12, 10
LABELS = np.arange(SPEAKERS * EACH) % 2
NOTHING = pd.DataFrame(columns=["id", "noise", "budget", "target", "segmental_snr_db", "stoi", "pesq"])


def answers(right, noise=None, budget=None, draw=0):
    """A table in which an utterance is answered rightly where `right` says so."""
    return pd.DataFrame(
        {
            "id": [f"u{number:03d}" for number in range(LABELS.size)],
            "speaker": [f"s{number // EACH}" for number in range(LABELS.size)],
            "label": LABELS,
            "predicted": np.where(right, LABELS, 1 - LABELS),
            "noise": noise,
            "budget": budget.kind if budget else None,
            "target": budget.value if budget else None,
            "draw": draw,
            "snr_db": 3.0,
            "clipped": 0,
            "samples": 100,
        }
    )


def right(error, seed):
    return np.random.default_rng(seed).random(LABELS.size) >= error


def system(budgets=(SNR(20), SNR(12), SNR(0), Epsilon(2)), defence="none"):  # noqa: B008
    clean = answers(right(0.1, 0))
    noisy = [answers(right(0.25, 1 + n), place, each) for n, each in enumerate(budgets) for place in ("cafe", "office")]
    passed = [answers(right(0.3, 50), "telephone", Channel("telephone"))]
    passed += [
        answers(right(0.35, 60 + draw), "reverberation", Channel("reverberation", 0.6), draw) for draw in range(3)
    ]
    passed += [answers(right(0.1, 0), "gain", Channel("gain", -10))]
    scorer = Scorer(clean, ("negative", "positive"), replicates=400, confidence=0.95, seed=0)
    return ChannelAnswers(defence, scorer, pd.concat(noisy) if noisy else clean[:0], pd.concat(passed))


def error(correct):
    return 100 - 50 * (correct[LABELS == 0].mean() + correct[LABELS == 1].mean())


def test_the_noise_beside_them_is_the_ratio_nearest_to_10_db_else_the_largest_factor():
    assert channels.reference(system().adversarial) == SNR(12)
    assert channels.reference(system((Epsilon(1), Epsilon(2))).adversarial) == Epsilon(2)
    assert channels.reference(system(()).adversarial) is None


def test_errors_are_those_of_the_answers():
    found = {row.budget: row for row in channels.rows([system()], NOTHING)}
    assert list(found) == [Channel("telephone"), Channel("reverberation", 0.6), Channel("gain", -10)]
    rooms = np.stack([right(0.35, 60 + draw) for draw in range(3)])
    row = found[Channel("reverberation", 0.6)]
    assert row.score.error == pytest.approx(error(rooms.mean(axis=0)))
    assert row.error_worst_of.n == 3 and row.error_worst_of.score.error == pytest.approx(error(rooms.min(axis=0)))
    # u012 of 12 dB: the second of the budgets.
    noise = error(right(0.25, 2))
    assert row.against_noise.difference == pytest.approx(row.score.error - noise)
    assert row.against_clean.difference == pytest.approx(row.score.error - error(right(0.1, 0)))
    (reference,) = channels.references([system()])
    assert (reference.budget, reference.noise.error) == (SNR(12), pytest.approx(noise))


def test_what_changes_nothing_is_no_difference():
    row = channels.rows([system()], NOTHING)[-1]
    assert row.budget == Channel("gain", -10) and row.against_clean.difference == 0.0
    assert row.against_clean.bootstrap.p == 1.0 and row.against_clean.mcnemar.p == 1.0
    assert row.against_clean.minimum_detectable is None


def test_the_tests_are_exact_and_adjusted_over_the_channels():
    rows = channels.rows([system()], NOTHING)
    clean = right(0.1, 0)
    rooms = np.stack([right(0.35, 60 + draw) for draw in range(3)]).min(axis=0)
    test = rows[1].against_clean.mcnemar
    only = int(np.sum(rooms & ~clean)), int(np.sum(clean & ~rooms))
    assert (test.first_only, test.second_only) == only
    assert test.p == pytest.approx(stats.binomtest(only[0], sum(only), 0.5).pvalue)
    for part in ("bootstrap", "mcnemar"):
        raw = [getattr(row.against_clean, part).p for row in rows]
        adjusted = [getattr(row.against_clean, part).p_holm for row in rows]
        assert adjusted == pytest.approx(multipletests(raw, method="holm")[1])
    # Draws of noise and of a channel are not as many: their worst is not compared.
    assert all(row.against_noise.mcnemar is None for row in rows)
    low, high = rows[1].against_clean.interval
    assert 0 < low < rows[1].against_clean.difference < high and rows[1].against_clean.bootstrap.p < 0.05


def test_without_noise_there_is_nothing_to_compare_with():
    rows = channels.rows([system(())], NOTHING)
    assert all(row.against_noise is None for row in rows)
    assert channels.references([system(())])[0].noise is None


def test_each_system_is_compared_with_its_own_speech():
    rows = channels.rows([system(), system(defence="gan")], NOTHING)
    assert [row.defence for row in rows] == ["none"] * 3 + ["gan"] * 3


def test_quality_stands_beside_the_channel_that_has_it():
    measured = [{"budget": "telephone", "target": 3400.0, "stoi": value} for value in (0.7, 0.8, 0.9)]
    measured.append({"budget": "gain", "target": -10.0, "stoi": 1.0})
    table = pd.DataFrame(measured).assign(segmental_snr_db=1.0, pesq=np.nan)
    telephone, room, gain = channels.rows([system()], table)
    assert telephone.stoi.median == 0.8 and telephone.stoi.n == 3 and telephone.pesq is None
    assert room.stoi is None and gain.stoi.median == 1.0
    assert room.snr_db.n == 3 * LABELS.size


def test_they_come_back_from_json():
    part = Channels(3, ["pesq"], channels.references([system()]), channels.rows([system()], NOTHING))
    kept = to_json(part)
    assert (kept["rows"][0]["channel"], kept["rows"][0]["level"]) == ("telephone", 3400.0)
    back = from_json(Channels, kept, "report.json")
    assert to_json(back) == kept and list(back.rows) == list(part.rows)
    assert from_json(ChannelRow, kept["rows"][1], "row") == part.rows[1]
