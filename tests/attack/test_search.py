import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.attack.search import _posterior, bayesian_search, random_search
from kerasser.noise.bank import Recording

SAMPLES, SECONDS = 16000, 20
NOISE = {
    place: [Recording(place, f"{place}/{number}", np.random.default_rng(seed).standard_normal(16000 * SECONDS))]
    for seed, (place, number) in enumerate([("cafe", 0), ("meeting", 0), ("station", 0)])
}
SEARCHES = [random_search, bayesian_search]


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
    return lambda drawn: float(level[drawn.environment] + walks[drawn.environment][drawn.offset // 640])


@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 5))
def test_a_search_asks_no_more_than_it_may_and_stops_at_the_first_success(search, queries, seed):
    counted = []

    def ask(drawn):
        counted.append(drawn)
        return field(seed)(drawn)

    asked = search(NOISE, SAMPLES, ask, queries, (seed, "u"))
    assert [query.draw for query in asked] == counted and 1 <= len(asked) <= queries
    assert all(query.margin >= 0 for query in asked[:-1])
    assert len(asked) == queries or asked[-1].margin < 0
    for query in asked:
        assert 0 <= query.draw.offset <= 16000 * SECONDS - SAMPLES
        assert query.draw.recording == NOISE[query.draw.environment][0].name


@pytest.mark.parametrize("search", SEARCHES)
def test_without_stopping_every_query_is_spent(search):
    asked = search(NOISE, SAMPLES, lambda drawn: -1.0, 7, (0, "u"), stop=False)
    assert len(asked) == 7


@pytest.mark.parametrize("search", SEARCHES)
def test_the_same_seed_asks_the_same_and_another_does_not(search):
    runs = [search(NOISE, SAMPLES, field(1), 6, seed, stop=False) for seed in ((0, "u"), (0, "u"), (1, "u"), (0, "v"))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2] and runs[0] != runs[3]


def test_both_begin_with_one_piece_of_each_environment_the_same_one():
    drawn = [search(NOISE, SAMPLES, field(2), 9, (0, "u"), stop=False) for search in SEARCHES]
    assert drawn[0][:3] == drawn[1][:3]
    assert [query.draw.environment for query in drawn[0][:3]] == list(NOISE)


def test_it_leaves_an_environment_that_does_no_harm():
    def ask(drawn):
        return {"cafe": 20.0, "meeting": 20.0, "station": 1.0}[drawn.environment]

    asked = bayesian_search(NOISE, SAMPLES, ask, 12, (0, "u"))
    assert sum(query.draw.environment == "station" for query in asked[3:]) >= 7


def test_no_piece_is_asked_about_twice():
    asked = bayesian_search(NOISE, SAMPLES, field(3), 25, (0, "u"), stop=False)
    assert len({(query.draw.recording, query.draw.offset) for query in asked}) == 25


def test_with_as_many_queries_it_succeeds_more_often_than_random_draws():
    fields = [field(seed) for seed in range(120)]
    found = [
        np.mean([search(NOISE, SAMPLES, ask, 12, (0, number))[-1].margin < 0 for number, ask in enumerate(fields)])
        for search in SEARCHES
    ]
    assert found[1] > found[0] + 0.03


def test_a_recording_shorter_than_the_utterance_is_searched_too():
    short = {"cafe": [Recording("cafe", "short", np.random.default_rng(0).standard_normal(4000))]}
    asked = bayesian_search(short, SAMPLES, lambda drawn: 1.0, 10, (0, "u"))
    assert len(asked) == 10 and all(0 <= query.draw.offset < 4000 for query in asked)


def test_what_was_asked_is_certain_and_what_is_far_is_as_before():
    asked = random_search(NOISE, SAMPLES, field(4), 3, (0, "u"), stop=False)
    draws = [query.draw for query in asked]
    mean, deviation = _posterior(draws, [query.margin for query in asked], draws)
    assert mean == pytest.approx([query.margin for query in asked], abs=1e-3)
    assert deviation == pytest.approx(0, abs=2e-3)
    known = [query for query in asked if query.draw.environment != "station"]
    _, far = _posterior([query.draw for query in known], [query.margin for query in known], [draws[2]])
    assert far == pytest.approx(1.0)
