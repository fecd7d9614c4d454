"""Made environments: the same from the same seed, at one level, of everybody who may speak and nobody else."""

import numpy as np
import pytest

from kerasser.noise import bank, made, statistics
from kerasser.noise.made import Voice
from kerasser.noise.made.environment import SHORTEST_S
from kerasser.util.errors import InputError

KINDS = list(made.known())


def voices(speakers="abc"):
    """Noise that comes in syllables, each speaker's own."""
    clock = np.arange(16000) / 16000
    found = []
    for number, speaker in enumerate(speakers):
        noise = np.random.default_rng(number).standard_normal(16000) * np.sin(2 * np.pi * 2 * clock) ** 2
        found.append(Voice(speaker, (0.1 * noise).astype(np.float32)))
    return found


def test_the_kinds_are_known():
    assert KINDS == ["babble", "coloured", "hum", "impacts", "mixture", "modulated", "rumble", "tones"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_samples_and_another_makes_others(kind):
    first, again, other = (made.environment(kind, seed, 4.0, voices()) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first.facts == again.facts
    correlation = np.corrcoef(first.waveform, other.waveform)[0, 1]
    assert abs(correlation) < 0.2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_every_environment_has_a_level_no_mean_and_no_clipping(kind, seed):
    waveform = made.environment(kind, seed, 4.0, voices()).waveform
    assert waveform.dtype == np.float32 and waveform.shape == (64000,)
    level_db, peak = 20 * np.log10(waveform.std()), np.abs(waveform).max()
    assert level_db == pytest.approx(-23.0, abs=0.01) or (level_db < -23.0 and peak == pytest.approx(0.9, abs=1e-4))
    assert peak <= 0.9 + 1e-6 and abs(waveform.mean()) < 1e-4
    # No piece as short as the shortest utterance is digital silence.
    assert np.ptp(np.round(waveform[: waveform.size // 800 * 800].reshape(-1, 800) * 2**15), axis=1).min() > 0


def test_what_was_drawn_shows_in_what_is_heard():
    """Kinds differ as they should: impacts are peaked, coloured noise is not, rumble falls more than impacts do."""
    of = {
        kind: [statistics.of(made.environment(kind, seed, 6.0, voices()).waveform) for seed in range(5)]
        for kind in ("coloured", "impacts", "rumble")
    }
    median = {kind: np.median([each.kurtosis for each in found]) for kind, found in of.items()}
    assert median["impacts"] > 8 > 4 > median["coloured"]
    tilts = {kind: np.median([each.tilt_db for each in found]) for kind, found in of.items()}
    assert tilts["rumble"] < tilts["impacts"]


def test_a_bank_has_names_of_its_own_and_each_kind_as_often_as_it_weighs():
    found = list(made.bank(0, 37, 2.0, voices()))
    assert len({each.name for each in found}) == 37
    assert all(each.name.startswith(bank.MADE_PREFIX) for each in found)
    for each in found:
        bank.checked_name(each.name, "made")
    counts = [sum(each.kind == kind for each in found) for kind in KINDS]
    weights = np.array([made.known()[kind].weight for kind in KINDS])
    assert np.abs(counts - 37 * weights / weights.sum()).max() <= 1


def test_a_larger_bank_begins_as_a_smaller_one():
    small, large = list(made.bank(5, 4, 2.0, voices())), list(made.bank(5, 9, 2.0, voices()))
    for one, other in zip(small, large, strict=False):
        assert one.name == other.name
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_who_speaks_is_told_of_mixtures_too():
    found = list(made.bank(0, 20, 2.0, voices("ab")))
    for each in found:
        inner = each.facts if each.kind == "babble" else each.facts.get("parts", {}).get("babble", {})
        assert each.speakers == inner.get("speakers", [])
        assert set(each.speakers) <= {"a", "b"}
    assert any(each.kind == "mixture" and each.speakers for each in found)


def test_other_voices_change_nothing_where_nobody_speaks():
    one, other = (made.environment("hum", 0, 2.0, voices(who)) for who in ("ab", "xyz"))
    np.testing.assert_array_equal(one.waveform, other.waveform)
    assert not np.array_equal(
        *(made.environment("babble", 0, 2.0, voices(who)).waveform for who in ("ab", "xyz")),
    )


def test_without_voices_nobody_babbles():
    found = list(made.bank(0, 12, 2.0))
    assert {each.kind for each in found} == set(KINDS) - {"babble"}
    assert not any(each.speakers for each in found)


def test_what_cannot_be_made_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"expected one of the kinds babble, .* Received: 'moon'"):
        made.environment("moon", 0, 4.0)
    with pytest.raises(InputError, match="expected speech to make babble of. Received: none"):
        made.environment("babble", 0, 4.0)
    for seconds in (0.5 * SHORTEST_S, float("nan")):
        with pytest.raises(InputError, match="expected a duration of 2 s or more"):
            made.environment("hum", 0, seconds)
