"""Which utterances are heard beside a report, and that they go nowhere else."""

import pandas as pd
import pytest

from kerasser.attack.budget import Budget
from kerasser.audio import AudioFile
from kerasser.corpora.base import Utterance
from pipelines import dag, evaluation
from pipelines.components import listening_gen, noise_gen
from pipelines.components.listening_gen import ListeningGenExecutor, choose
from pipelines.config import ReportSettings, Settings
from pipelines.engine.component import Component
from pipelines.io import types
from pipelines.reproduction import reproduction

# Id → right when clean, right in the café, right in the station, seconds.
KNOWN = {
    "a": (False, False, False, 1.0),
    "b": (True, True, True, 1.0),
    "c": (True, False, False, 1.0),
    "d": (True, False, True, 8.5),
    "e": (True, True, True, 1.0),
    "f": (True, True, False, 8.0),
}
BUDGET = Budget("snr_db", 10.0)


def item(name, seconds, speaker="s"):
    utterance = Utterance(name, f"{name}.wav", speaker, "anger", "negative")
    return utterance, AudioFile(None, "WAV PCM_16", 16000, 1, int(16000 * seconds))


def chosen(count, known=KNOWN, speakers=None):
    rows = []
    for name, (*right, _) in known.items():
        for noise, correct in zip((None, "cafe", "station"), right, strict=True):
            facts = {"noise": noise, "budget": noise and "snr_db", "target": 10.0 if noise else None}
            rows.append({"id": name, "label": 1, "predicted": int(correct), **facts})
    items = [item(name, each[-1], (speakers or {}).get(name, "s")) for name, each in reversed(known.items())]
    found = choose(items, pd.DataFrame(rows), ["cafe", "station"], BUDGET, count)
    return [(each[0].id, environment) for each, environment in found]


def test_attacks_that_succeed_and_that_fail_take_turns():
    # Wrong in the café, right in the station; then none is wrong in the café but a, which never was right.
    assert chosen(2) == [("c", "cafe"), ("b", "station")]
    assert chosen(4) == [("c", "cafe"), ("b", "station"), ("a", "cafe"), ("e", "station")]


def test_the_speaker_who_was_heard_least_comes_first():
    assert chosen(2, speakers={"c": "x", "b": "x"}) == [("c", "cafe"), ("e", "station")]


def test_an_utterance_is_heard_once_and_a_long_one_never():
    assert sorted(name for name, _ in chosen(9)) == ["a", "b", "c", "e", "f"]
    assert chosen(3, {"d": KNOWN["d"]}) == []


def test_training_noise_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(noise_gen, "load", lambda _: ("train", False, {}))
    with pytest.raises(AssertionError, match="the train stretch"):
        ListeningGenExecutor().do({"noise": None}, {"sounds": tmp_path}, {})


def components(component, found):
    if component not in found:
        found.append(component)
        for channel in component.inputs.values():
            components(channel.component, found)
    return found


def test_sounds_of_test_speakers_reach_reports_alone():
    takers = {
        each.__name__
        for each in Component.__subclasses__()
        if types.SOUNDS in {**each.SPEC.INPUTS, **each.SPEC.LISTS}.values()
    }
    assert takers == {"Reporter", "Reproducer"}
    for report in (
        evaluation.report(dag.Dag(Settings(), ["1"])),
        reproduction(dag.Dag(Settings(), ["1"]), ["cafe", "station"]),
    ):
        (made,) = (each for each in components(report, []) if isinstance(each, listening_gen.ListeningGen))
        assert made.parameters["epsilons"] == [2.0] and made.parameters["snrs_db"] == [10.0]
        assert made.parameters["defences"][0] == "none"


def test_no_sounds_make_no_component():
    report = evaluation.report(dag.Dag(Settings(report=ReportSettings(sounds=0)), ["1"]))
    assert not any(isinstance(each, listening_gen.ListeningGen) for each in components(report, []))
