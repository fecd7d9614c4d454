import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.attack.budget import SNR, Epsilon
from kerasser.attack.draws import Seeds
from kerasser.attack.generation import Plan, attacks
from kerasser.attack.search import Query, _posterior, bayesian_search, one_draw, random_search
from kerasser.noise.bank import Recording

SAMPLES, SECONDS = 16000, 20
NOISE = {
    place: [Recording(place, f"{place}/{number}", np.random.default_rng(seed).standard_normal(16000 * SECONDS))]
    for seed, (place, number) in enumerate([("cafe", 0), ("meeting", 0), ("station", 0)])
}
SEARCHES = [random_search, bayesian_search]


def seeds(attack, utterance="u"):
    return Seeds(attack, utterance, "test", SNR(10))


def asking(margin):
    """Asks a victim whose margin is known for every draw, and who answers no tie."""
    # With a number for what has none: NaN is unequal to itself, and so are two queries with it from Python 3.13 on.
    return lambda drawn: Query(drawn, margin(drawn), margin(drawn) > 0, snr_db=0.0)


def field(seed):
    """Margins that go together as the search expects: by environment, and by offset within a recording."""
    generator = np.random.default_rng(seed)
    level = dict(zip(NOISE, 4 + 2 * generator.standard_normal(3), strict=True))
    # A random walk through offsets with a memory of 0.3 s.
    walks = {}
    for place in NOISE:
        steps, kept = generator.standard_normal(SECONDS * 25), [0.0]
        for step in steps:
            kept.append(0.87 * kept[-1] + np.sqrt(1 - 0.87**2) * step)
        walks[place] = 1.5 * np.array(kept)
    return asking(lambda drawn: float(level[drawn.environment] + walks[drawn.environment][drawn.offset // 640]))


@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 5))
def test_a_search_asks_no_more_than_it_may_and_stops_at_the_first_success(search, queries, seed):
    counted = []

    def ask(drawn):
        counted.append(drawn)
        return field(seed)(drawn)

    asked = search(NOISE, SAMPLES, ask, queries, seeds(seed))
    assert [query.draw for query in asked] == counted and 1 <= len(asked) <= queries
    assert all(query.margin >= 0 for query in asked[:-1])
    assert len(asked) == queries or asked[-1].margin < 0
    for query in asked:
        assert 0 <= query.draw.offset <= 16000 * SECONDS - SAMPLES
        assert query.draw.recording == NOISE[query.draw.environment][0].name


@pytest.mark.parametrize("search", SEARCHES)
def test_without_stopping_every_query_is_spent(search):
    asked = search(NOISE, SAMPLES, asking(lambda drawn: -1.0), 7, seeds(0), stop=False)
    assert len(asked) == 7


@pytest.mark.parametrize("search", SEARCHES)
def test_the_same_seed_asks_the_same_and_another_does_not(search):
    runs = [
        search(NOISE, SAMPLES, field(1), 6, seed, stop=False) for seed in (seeds(0), seeds(0), seeds(1), seeds(0, "v"))
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2] and runs[0] != runs[3]


def test_both_begin_with_one_piece_of_each_environment_the_same_one():
    drawn = [search(NOISE, SAMPLES, field(2), 9, seeds(0), stop=False) for search in SEARCHES]
    assert drawn[0][:3] == drawn[1][:3]
    assert [query.draw.environment for query in drawn[0][:3]] == list(NOISE)


@pytest.mark.parametrize("search", SEARCHES)
def test_both_begin_with_the_random_draws_that_are_judged_in_the_order_in_which_they_are_counted(search):
    """However the bank lists its environments: reports count draw by draw, and environments by name."""
    listed = dict(reversed(NOISE.items()))
    waveform = 0.1 * np.random.default_rng(9).standard_normal(SAMPLES).astype(np.float32)
    budget = Epsilon(2)
    made = [facts for _, facts in attacks(waveform, "u", Plan(listed, "test", [budget], 2, "lsa", 5))]
    counted = sorted(made, key=lambda facts: (facts["draw"], facts["noise"]))
    asked = search(listed, SAMPLES, field(2), 6, Seeds(5, "u", "test", budget), stop=False)
    drawn = [(query.draw.environment, query.draw.recording, query.draw.offset, query.draw.seed) for query in asked]
    pool = [tuple(facts[name] for name in ("noise", "recording", "offset", "seed")) for facts in counted]
    first = 3 if search is bayesian_search else 6
    assert drawn[:first] == pool[:first]


def test_a_budget_or_split_of_its_own_draws_its_own_noise():
    every = [Seeds(0, "u", "test", SNR(10)), Seeds(0, "u", "train", SNR(10)), Seeds(0, "u", "test", SNR(5))]
    every += [Seeds(0, "u", "test", Epsilon(10)), Seeds(0, "v", "test", SNR(10)), Seeds(1, "u", "test", SNR(10))]
    made = [seeds.of("cafe", 0) for seeds in every] + [every[0].of("cafe", 1), every[0].of("station", 0)]
    made += [every[0].of_choice("cafe"), every[0].of_choice("cafe", 1)]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("correct", [True, False])
def test_a_tie_is_settled_by_the_answer_and_not_by_the_margin(search, correct):
    asked = search(NOISE, SAMPLES, lambda drawn: Query(drawn, 0.0, correct), 5, seeds(0))
    assert len(asked) == (5 if correct else 1)


def test_one_draw_comes_from_any_environment():
    drawn = [one_draw(NOISE, SAMPLES, field(2), seeds(number)).draw.environment for number in range(60)]
    assert min(drawn.count(place) for place in NOISE) > 8


def test_it_leaves_an_environment_that_does_no_harm():
    def margin(drawn):
        return {"cafe": 20.0, "meeting": 20.0, "station": 1.0}[drawn.environment]

    asked = bayesian_search(NOISE, SAMPLES, asking(margin), 12, seeds(0))
    assert sum(query.draw.environment == "station" for query in asked[3:]) >= 7


def test_no_piece_is_asked_about_twice():
    asked = bayesian_search(NOISE, SAMPLES, field(3), 25, seeds(0), stop=False)
    assert len({(query.draw.recording, query.draw.offset) for query in asked}) == 25


def test_with_as_many_queries_it_succeeds_more_often_than_random_draws():
    fields = [field(seed) for seed in range(120)]
    found = [
        np.mean(
            [
                search(NOISE, SAMPLES, ask, 12, seeds(0, f"u{number}"))[-1].margin < 0
                for number, ask in enumerate(fields)
            ]
        )
        for search in SEARCHES
    ]
    assert found[1] > found[0] + 0.03


def test_a_recording_shorter_than_the_utterance_is_searched_too():
    short = {"cafe": [Recording("cafe", "short", np.random.default_rng(0).standard_normal(4000))]}
    asked = bayesian_search(short, SAMPLES, asking(lambda drawn: 1.0), 10, seeds(0))
    assert len(asked) == 10 and all(0 <= query.draw.offset < 4000 for query in asked)


def test_what_was_asked_is_certain_and_what_is_far_is_as_before():
    asked = random_search(NOISE, SAMPLES, field(4), 3, seeds(0), stop=False)
    draws = [query.draw for query in asked]
    mean, deviation = _posterior(draws, [query.margin for query in asked], draws)
    assert mean == pytest.approx([query.margin for query in asked], abs=1e-3)
    assert deviation == pytest.approx(0, abs=2e-3)
    known = [query for query in asked if query.draw.environment != "station"]
    _, far = _posterior([query.draw for query in known], [query.margin for query in known], [draws[2]])
    assert far == pytest.approx(1.0)
