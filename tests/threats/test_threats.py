"""Threat models against targets whose answers are known, and their figures by hand."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from kerasser import threats
from kerasser.attack.budget import SNR, Epsilon
from kerasser.attack.generation import Plan, attacks
from kerasser.evaluation.curve import Scorer
from kerasser.noise.bank import Recording
from kerasser.threats import (
    adaptive_bayesian,
    adaptive_random,
    extreme_noise,
    grey_box,
    many_queries,
    oblivious,
    scoring,
    unseen_environment,
    unseen_recording,
    white_box,
    white_box_inaudible,
    white_box_waveform,
    worst_mixture,
)
from kerasser.threats.base import Answer, Reply, TestUtterance

BUDGET = Epsilon(2)
SPEAKERS, EACH = 8, 4
LABELS = np.arange(SPEAKERS * EACH) % 2
IDS = [f"u{number:02d}" for number in range(LABELS.size)]
NOISE = {
    place: [Recording(place, "a", np.random.default_rng(number).normal(size=4000).astype(np.float32))]
    for number, place in enumerate(("cafe", "station"))
}


@dataclass
class Speech:
    """Silence under whatever was drawn: what is answered depends on the piece alone."""

    clean: np.ndarray = field(default_factory=lambda: np.zeros(1000, np.float32))

    def under(self, drawn, budget):
        return SimpleNamespace(waveform=(drawn, budget), snr_db=10.0, clipped=0)


def utterances(draws=2, budgets=(BUDGET,), **more):
    return [
        TestUtterance(
            id=name,
            speaker=f"s{place // EACH}",
            label=int(LABELS[place]),
            load=Speech,
            noise=NOISE,
            budgets=budgets,
            draws=draws,
            seed=0,
            **more,
        )
        for place, name in enumerate(IDS)
    ]


@dataclass
class Target:
    """Answers by functions of the utterance's place and the piece of noise."""

    wrong: object = lambda place, noise, draw: False
    margins: object = lambda place, drawn, budget: 1.0
    undefended: bool = False
    without: str = ""
    gradients: object = None
    asked: list = field(default_factory=list)

    def answer(self, utterance, waveform):
        drawn, budget = waveform
        self.asked.append((utterance.id, drawn, budget))
        margin = self.margins(IDS.index(utterance.id), drawn, budget)
        return Reply(margin, margin > 0)

    def drawn(self, utterance, budget):
        place = IDS.index(utterance.id)
        return {
            (draw, noise): not self.wrong(place, noise, draw)
            for draw in range(utterance.draws)
            for noise in utterance.noise
        }


def run(threat, target=None, speech=None, **settings):
    return list(threat.run(target or Target(), speech or utterances(), threat.Settings(**settings)))


def scorer(right=None, seeds=(0,)):
    right = np.ones(LABELS.size, bool) if right is None else right
    clean = [
        pd.DataFrame(
            {
                "id": IDS,
                "speaker": [f"s{number // EACH}" for number in range(LABELS.size)],
                "label": LABELS,
                "predicted": np.where(right, LABELS, 1 - LABELS),
                "seed": seed,
            }
        )
        for seed in seeds
    ]
    return Scorer(pd.concat(clean), ("negative", "positive"), replicates=100, confidence=0.95, seed=0)


def table(answers, seed=0, without=""):
    return scoring.table(answers).assign(seed=seed, without=without)


def row(threat, answers, right=None):
    (found,) = scoring.rows({"none": (scorer(right), {threat.NAME: table(answers)})})
    return found


def test_the_registry_orders_them_from_who_knows_least():
    gradients = [white_box, white_box_waveform, white_box_inaudible, worst_mixture]
    names = [oblivious, grey_box, adaptive_random, many_queries, adaptive_bayesian, *gradients]
    names += [unseen_recording, unseen_environment, extreme_noise]
    assert list(threats.known()) == [each.NAME for each in names]


def test_oblivious_is_the_mean_draw():
    # Half of the draws of a quarter of the utterances.
    answers = run(oblivious, Target(lambda place, noise, draw: place < 8 and draw == 0))
    assert row(oblivious, answers).score.error == pytest.approx(12.5)
    assert (row(oblivious, answers).queries, row(oblivious, answers).queries_mean) == (0, 0.0)


def test_random_draws_come_one_of_each_noise_in_turn():
    answers = run(adaptive_random, Target(lambda place, noise, draw: place < 8 and (noise, draw) == ("cafe", 1)))
    assert [each.first_wrong for each in answers[:8]] == [3] * 8 and answers[8].first_wrong is None
    found = row(adaptive_random, answers)
    assert found.score.error == pytest.approx(25.0)
    assert (found.queries, found.queries_mean) == (4, pytest.approx((8 * 3 + 24 * 4) / 32))


def test_success_counts_only_what_was_right_when_clean():
    answers = run(adaptive_random, Target(lambda place, noise, draw: place < 16))
    assert row(adaptive_random, answers, np.arange(32) >= 8).attack_success_rate == pytest.approx(100 * 8 / 24)


def test_a_search_stops_at_its_first_success_and_says_which_piece_it_was():
    target = Target(margins=lambda place, drawn, budget: -1.0 if drawn.environment == "station" else 1.0)
    answers = run(adaptive_bayesian, target)
    assert all(each.first_wrong == each.queries == 2 and each.allowed == 4 for each in answers)
    assert {each.facts["noise"] for each in answers} == {"station"} and len(target.asked) == 64


def test_of_the_undefended_classifier_every_question_is_spent_and_the_hardest_piece_is_kept():
    margins = iter(np.tile([-1.0, -2.0, 3.0, -0.5], 32))
    target = Target(margins=lambda *_: next(margins), undefended=True)
    answers = run(adaptive_bayesian, target)
    assert len(target.asked) == 128
    assert all((each.first_wrong, each.facts["margin"]) == (1, -2.0) for each in answers)


def test_the_search_begins_with_the_pieces_that_the_random_draws_begin_with():
    target = Target(undefended=True)
    speech = utterances()
    run(adaptive_bayesian, target, speech)
    for utterance in speech:
        random = utterance.random_draws(BUDGET)
        first = [drawn for id, drawn, _ in target.asked if id == utterance.id][:2]
        assert {(each.environment, each.offset) for each in first} == {
            (noise, random[0, noise].offset) for noise in NOISE
        }


def test_the_grey_box_asks_once_about_the_piece_that_was_hardest_elsewhere():
    piece = utterances()[0].random_draws(BUDGET)[1, "cafe"]
    target = Target(margins=lambda *_: -1.0)
    (answer, *_) = run(grey_box, target, utterances(hardest={BUDGET: piece}))
    assert (answer.correct, answer.facts["offset"], answer.facts["draw_seed"]) == (0.0, piece.offset, piece.seed)
    assert len(target.asked) == 32


def test_left_out_alone_counts_where_a_place_was_left_out():
    of_cafe = Target(lambda place, noise, draw: noise == "cafe" and draw == 0, without="cafe")
    of_station = Target(lambda place, noise, draw: noise == "station", without="station")
    tables = [table(run(unseen_environment, each), without=each.without) for each in (of_cafe, of_station)]
    (found,) = scoring.rows({"gan": (scorer(), {unseen_environment.NAME: pd.concat(tables)})})
    # Half of the café's draws, and all of the station's.
    assert found.score.error == pytest.approx(75.0)


def test_who_trained_on_no_noise_meets_it_unseen_as_the_oblivious_attack_does():
    target = Target(lambda place, noise, draw: place < 8 and draw == 0)
    assert row(unseen_environment, run(unseen_environment, target)).score.error == pytest.approx(12.5)


def test_noise_that_no_training_heard_is_told_apart_by_what_was_unheard():
    # Half of the café's draws, and a quarter of the utterances in the station.
    target = Target(lambda place, noise, draw: draw == 0 if noise == "cafe" else place < 8)
    speech = utterances(unheard={"cafe": "recording", "station": "environment"})
    recording, environment = (run(each, target, speech) for each in (unseen_recording, unseen_environment))
    assert row(unseen_recording, recording).score.error == pytest.approx(50.0)
    assert row(unseen_environment, environment).score.error == pytest.approx(25.0)
    # A mean over both is the oblivious one.
    assert row(oblivious, run(oblivious, target, speech)).score.error == pytest.approx(37.5)


def test_an_environment_heard_in_other_recordings_is_no_unseen_one():
    target = Target(lambda place, noise, draw: noise == "station", without="station")
    speech = utterances(unheard={"cafe": "recording", "station": "recording"})
    assert row(unseen_environment, run(unseen_environment, target, speech)).score.error == pytest.approx(100.0)


def searched(wrong, counts, **more):
    return run(many_queries, Target(wrong), utterances(budgets=(BUDGET, SNR(10)), **more), counts=counts)


def test_many_queries_are_asked_at_ratios_alone_and_the_pool_is_as_large_as_the_largest_count():
    # The third of the station: the sixth question; a count of five is not told of it.
    late = lambda place, noise, draw: (noise, draw) == ("station", 2)  # noqa: E731
    for counts, first in (([2, 6], 6), ([5], None), ([7, 1], 6)):
        answers = searched(late, counts)
        assert {each.budget for each in answers} == {SNR(10)} and len(answers) == len(IDS)
        assert {(each.first_wrong, each.allowed) for each in answers} == {(first, max(counts))}


def test_the_error_by_queries_grows_and_ends_at_the_worst_of_all():
    wrong = {
        "none": lambda place, noise, draw: place < 16 and draw >= place % 4,
        "gan": lambda place, noise, draw: place < 8 and draw >= place % 4,
    }
    answers = {name: searched(each, [3, 8]) for name, each in wrong.items()}
    systems = {name: (scorer(), {many_queries.NAME: table(each)}) for name, each in answers.items()}
    rows = scoring.by_queries(systems)
    for name, worst in (("none", 50.0), ("gan", 25.0)):
        errors = [each.score.error for each in rows if each.defence == name]
        # A quarter of the utterances that can be wrong at all has its first wrong piece in the draw of its number, and
        # each draw is asked of both environments, of which the first succeeds.
        assert errors == pytest.approx([worst * share / 4 for share in (1, 1, 2, 2, 3, 3, 4, 4)])
        (found,) = scoring.rows({name: systems[name]})
        assert errors[-1] == pytest.approx(found.score.error) and errors[-1] == found.attack_success_rate
    assert [each.queries for each in rows if each.defence == "gan"] == list(range(1, 9))
    shares = {(each.defence, each.queries): each.recovered_share for each in rows}
    # Half of what it does undefended, at every number; speech was answered rightly when clean.
    assert shares["gan", 8] == pytest.approx(0.5) and shares["gan", 3] == pytest.approx(0.5)
    assert shares["none", 8] is None and rows[-1].recovered_interval[0] <= 0.5 <= rows[-1].recovered_interval[1]
    assert scoring.reported(scoring.rows(systems)) == [] and scoring.by_queries({"none": (scorer(), {})}) == []


PLACES = {
    place: [
        Recording(place, f"{place}/{n}", np.random.default_rng(n).normal(size=2000 + 900 * n).astype(np.float32))
        for n in range(count)
    ]
    for place, count in (("bus", 1), ("cafe", 4), ("hall", 3))
}


def test_in_turn_every_recording_is_tried_and_not_in_the_same_order_by_all():
    speech = [replace(each, noise=PLACES, draws=4, in_turn=True) for each in utterances()]
    orders = set()
    for utterance in speech:
        draws = utterance.random_draws(BUDGET)
        for place, recordings in PLACES.items():
            names = [draws[number, place].recording for number in range(4)]
            assert set(names) == {each.name for each in recordings}
        orders.add(tuple(draws[number, "cafe"].recording for number in range(4)))
    assert len(orders) > 5


def test_the_features_of_the_search_are_of_the_pieces_that_a_recogniser_is_asked_about():
    waveform = np.random.default_rng(9).normal(scale=0.1, size=1000).astype(np.float32)
    plan = Plan(PLACES, "test", [SNR(10)], 3, "lsa", 0, in_turn=True)
    made = {(facts["draw"], facts["noise"]): (facts["recording"], facts["offset"])
            for _, facts in attacks(waveform, IDS[0], plan)}  # fmt: skip
    utterance = replace(utterances()[0], noise=PLACES, draws=3, in_turn=True)
    asked = {key: (each.recording, each.offset) for key, each in utterance.random_draws(SNR(10)).items()}
    assert made == asked and plan.size == len(made) == 9
    assert asked != {key: (each.recording, each.offset)
                     for key, each in replace(utterance, in_turn=False).random_draws(SNR(10)).items()}  # fmt: skip


def test_extreme_noise_asks_once_at_minus_20_db_and_has_no_column():
    target = Target(margins=lambda place, drawn, budget: 1.0 if place % 2 else -1.0)
    answers = run(extreme_noise, target)
    assert {each.budget for each in answers} == {SNR(-20)} and len(target.asked) == 32
    found = row(extreme_noise, answers)
    assert scoring.reported([found]) == []


def test_the_curve_of_a_search_grows_query_by_query():
    random = run(adaptive_random, Target(lambda place, noise, draw: draw == 1 and place < 8))
    searched = [
        Answer(name, BUDGET, float(place >= 16), 1, 4, 1 + place % 4 if place < 16 else None)
        for place, name in enumerate(IDS)
    ]
    answers = {adaptive_random.NAME: table(random), adaptive_bayesian.NAME: table(searched)}
    curve = scoring.search_curve({"none": (scorer(), answers)})
    assert [each.queries for each in curve] == [1, 2, 3, 4]
    assert [each.bayesian for each in curve] == pytest.approx([12.5, 25.0, 37.5, 50.0])
    assert [each.random for each in curve] == pytest.approx([0, 0, 25.0, 25.0])


def test_the_matrix_shows_what_trained_and_what_tests():
    rows = [
        {"id": name, "seed": 0, "budget": "epsilon", "target": 2.0, "noise": noise, "draw": 0}
        for name in IDS
        for noise in NOISE
    ]
    drawn = pd.DataFrame(rows)
    tables = {"": drawn.assign(correct=True), "cafe": drawn.assign(correct=drawn["noise"] != "cafe")}
    found = scoring.unseen_matrix(
        {"gan": scorer(), "none": scorer()}, {"gan": tables, "none": {"": tables[""]}}, [BUDGET]
    )
    shown = {(each.defence, each.trained_without, each.noise): each.score.error for each in found}
    assert shown == {
        **{("gan", "", "cafe"): 0, ("gan", "", "station"): 0},
        **{("gan", "cafe", "cafe"): 100, ("gan", "cafe", "station"): 0},
    }


def test_seeds_are_averaged():
    tables = [table(run(oblivious, Target(lambda *_, seed=seed: bool(seed))), seed) for seed in (0, 1)]
    (found,) = scoring.rows({"none": (scorer(seeds=(0, 1)), {oblivious.NAME: pd.concat(tables)})})
    assert found.score.error == pytest.approx(50)


def gradients(answers):
    return [
        Answer(name, BUDGET, correct, facts={"radius": 0.5, "gradient_norm": norm, "margin": correct - 0.5})
        for name, (correct, norm) in zip(IDS, answers, strict=True)
    ]


def rung(**changed):
    """Which alarms ring for a sound attack in which something has changed."""
    found = {
        adaptive_random: run(adaptive_random, Target(lambda place, noise, draw: place < 4)),
        adaptive_bayesian: [
            Answer(name, BUDGET, float(place >= changed.get("found", 12)), 2, 4, 2 if place < 12 else None)
            for place, name in enumerate(IDS)
        ],
        white_box: gradients([(changed.get("right", 0.0), changed.get("norm", 1.0))] * 32),
        extreme_noise: [
            Answer(
                name,
                SNR(-20),
                float(changed.get("survived", place % 4 // 2)),
                facts={"snr_db": -19.0, "clipped": 0.2},
            )
            for place, name in enumerate(IDS)
        ],
    }
    systems = {"none": (scorer(), {threat.NAME: table(answers) for threat, answers in found.items()})}
    return {alarm.name for _, alarm in scoring.alarms(systems, scoring.rows(systems))}


@pytest.mark.parametrize(
    ("changed", "alarm"),
    [
        ({"right": 1.0}, "black_box_beats_white_box"),
        ({"norm": 0.0}, "zero_gradients"),
        ({"norm": np.nan}, "zero_gradients"),
        ({"found": 4}, "search_no_better"),
        ({"survived": 1.0}, "huge_budget_survived"),
    ],
)
def test_alarms_ring_for_what_they_are_for_and_not_for_a_sound_attack(changed, alarm):
    assert rung() == set()
    assert rung(**changed) == {alarm}
