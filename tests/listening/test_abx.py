import json
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from kerasser.attack.budget import Budget
from kerasser.listening import abx
from kerasser.noise.bank import Recording
from kerasser.util.errors import InputError

EPSILONS = (0.1, 0.5, 1.0, 1.5, 2.0)
PLACES = ("cafe", "meeting", "station")
UTTERANCES = [f"speaker{number}" for number in range(8)]
NOISE = {
    place: [Recording(place, f"{place}/a", np.random.default_rng(n).normal(scale=0.1, size=16000).astype(np.float32))]
    for n, place in enumerate(PLACES)
}


def waveform(name):
    generator = np.random.default_rng(UTTERANCES.index(name))
    envelope = np.sin(np.arange(4000) / 300) > 0
    return (0.3 * envelope * np.sin(np.arange(4000) / 9) + generator.normal(scale=0.01, size=4000)).astype(np.float32)


def design(items=20, catch_items=4, seed=0, epsilons=EPSILONS):
    return abx.design(UTTERANCES, PLACES, epsilons, items, catch_items, seed)


def write(place, trials, **about):
    sounds = [
        abx.attacked(waveform(trial.utterance), number, trial, NOISE, "test", "lsa", 7)
        for number, trial in enumerate(trials)
    ]
    # Sounds come utterance by utterance, not trial by trial.
    abx.write(place, trials, sounds[::-1], {"corpus": "tiny", **about})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("listening") / "test"
    trials = design()
    write(place, trials)
    return place, trials, json.loads((place / "key.json").read_text()), page(place)


def page(place):
    text = (place / "listeners/index.html").read_text()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', text)[1])


def contents(place):
    return {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_the_default_test_is_balanced():
    trials = design(items=100, catch_items=10)
    tested, caught = ([trial for trial in trials if trial.catch == catch] for catch in (False, True))
    assert (len(tested), len(caught)) == (100, 10)
    assert {trial.budget for trial in caught} == {Budget("snr_db", 0.0)}
    assert Counter(trial.budget.value for trial in tested) == dict.fromkeys(EPSILONS, 20)
    for trials in [[trial for trial in tested if trial.budget.value == epsilon] for epsilon in EPSILONS]:
        assert sum(trial.x_is_a for trial in trials) == sum(trial.a_is_original for trial in trials) == 10
        assert set(Counter(trial.environment for trial in trials).values()) <= {6, 7}
    assert set(Counter(trial.utterance for trial in tested).values()) <= {12, 13}
    assert len({(trial.utterance, trial.environment, trial.budget) for trial in tested}) == 100


@pytest.mark.parametrize("items", [1, 7, 23, 120])
def test_x_is_a_half_the_time_whatever_the_count(items):
    trials = design(items=items, catch_items=3)
    assert abs(2 * sum(trial.x_is_a for trial in trials) - len(trials)) <= 1
    for epsilon in EPSILONS:
        answers = [trial.x_is_a for trial in trials if trial.budget == Budget("epsilon", epsilon)]
        assert abs(2 * sum(answers) - len(answers)) <= 1


def test_no_order_gives_the_answer_away():
    """Neither the trial before, nor the condition, nor the side of the original says which X is."""
    trials = [trial for seed in range(60) for trial in design(items=40, catch_items=0, seed=seed)]
    for told in (
        [trial.a_is_original for trial in trials],
        [trial.environment == "cafe" for trial in trials],
        [False, *(trial.x_is_a for trial in trials[:-1])],
    ):
        assert abs(np.corrcoef(told, [trial.x_is_a for trial in trials])[0, 1]) < 0.08


def test_the_seed_decides_everything():
    assert design() == design()
    assert design() != design(seed=1)


def test_more_trials_than_pairs_are_refused():
    assert len(design(items=8 * 15)) == 8 * 15 + 4
    with pytest.raises(InputError, match="at most 120 trials, with 8 utterances under 15 conditions. Received: 121"):
        design(items=121)
    with pytest.raises(InputError, match="expected some for the listening test"):
        design(epsilons=())
    with pytest.raises(InputError, match="at most 0 trials, with 0 utterances"):
        abx.design([], PLACES, EPSILONS, 1, 0, 0)


def test_the_folder_holds_a_page_three_sounds_a_trial_and_a_key_beside_it(made):
    place, trials, key, shown = made
    assert sorted(path.name for path in place.iterdir()) == ["key.json", "listeners"]
    sounds = {path.name for path in (place / "listeners/sounds").iterdir()}
    assert sorted(path.name for path in (place / "listeners").iterdir()) == ["index.html", "sounds"]
    assert sounds == {trial[slot] for trial in shown["trials"] for slot in "abx"}
    assert len(sounds) == 3 * len(trials)
    assert [trial["trial"] for trial in shown["trials"]] == [row["trial"] for row in key["trials"]]
    assert not place.with_name("test.part").exists()


def test_x_is_what_the_key_says_and_the_other_is_the_attack(made):
    place, trials, key, shown = made
    for trial, row, names in zip(trials, key["trials"], shown["trials"], strict=True):
        a, b, x = (soundfile.read(place / "listeners/sounds" / names[slot], dtype="float32")[0] for slot in "abx")
        np.testing.assert_array_equal(x, a if row["x"] == "A" else b)
        original, attacked = (a, b) if row["original"] == "A" else (b, a)
        clean = waveform(trial.utterance)
        np.testing.assert_allclose(original, clean, atol=2**-15)
        assert np.std(attacked - clean) > 0 and row["identical"] == np.array_equal(a, b)
        snr_db = 10 * np.log10(np.var(clean) / np.var(attacked - clean))
        assert snr_db == pytest.approx(row["snr_db"], abs=0.5)
        assert row["catch"] == trial.catch == (row["budget"] == "snr_db")
        if row["catch"]:
            assert snr_db == pytest.approx(0, abs=0.5)


def test_nothing_that_listeners_get_names_an_answer(made):
    place, _, key, shown = made
    names = [path.name for path in (place / "listeners/sounds").iterdir()]
    assert all(re.fullmatch(r"[0-9a-f]{16}\.wav", name) for name in names)
    assert {tuple(sorted(trial)) for trial in shown["trials"]} == {("a", "b", "trial", "x")}
    text = (place / "listeners/index.html").read_text()
    for row in key["trials"]:
        assert row["utterance"] not in text and row["seed"] not in text
    for word in ("adversarial", "original", "epsilon", "catch_", '"x": "A"', "cafe"):
        assert word not in text


def test_identical_sounds_are_marked(tmp_path):
    write(tmp_path / "test", design(items=4, catch_items=1, epsilons=(0.0,)))
    rows = json.loads((tmp_path / "test/key.json").read_text())["trials"]
    assert sorted(row["identical"] for row in rows) == [False, True, True, True, True]


def test_the_page_needs_nothing_from_elsewhere(made):
    class Seen(HTMLParser):
        found = []

        def handle_starttag(self, tag, attrs):
            self.found += [value for name, value in attrs if name in ("src", "href")]

    text = (made[0] / "listeners/index.html").read_text()
    seen = Seen()
    seen.feed(text)
    assert seen.found == ["data:,"]
    assert "http" not in text.replace("http-equiv", "")
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|@import|WebSocket|sendBeacon", text)


def test_the_same_seed_makes_the_same_bytes_and_another_another_test(tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        write(tmp_path / name, design(items=5, catch_items=1, seed=seed))
    write(tmp_path / "four", design(items=5, catch_items=1), noise="another")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    tests = [page(tmp_path / name)["test"] for name in ("one", "three", "four")]
    assert len(set(tests)) == 3


def test_an_existing_folder_is_never_replaced(tmp_path):
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="a folder that does not exist yet. Received: one that does"):
        write(tmp_path / "test", design(items=1))


def test_nothing_half_written_stays(tmp_path):
    def broken():
        yield abx.attacked(waveform(trials[0].utterance), 0, trials[0], NOISE, "test", "lsa", 0)
        raise InputError("a file went away")

    trials = design(items=2)
    with pytest.raises(InputError, match="went away"):
        abx.write(tmp_path / "test", trials, broken(), {"corpus": "tiny"})
    assert list(tmp_path.iterdir()) == []
