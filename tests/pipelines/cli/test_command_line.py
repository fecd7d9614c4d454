import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from kerasser.defences import chosen
from kerasser.victims.adapters import Target
from pipelines.cli.command_line import command_line, reported
from pipelines.cli.main import main, parse
from pipelines.cli.unused import UNUSED
from pipelines.config import Settings, VictimRunSettings
from pipelines.dag import Dag
from pipelines.evaluation import report
from pipelines.models import Models
from pipelines.publication import push
from pipelines.victim import attack_report


def test_defaults_need_no_flag():
    assert command_line("reproduce", Settings(output_dir="/home/me", workers=3, quiet=True)) == (
        "python -m pipelines.reproduce"
    )


FLAGS = [
    *("--corpus", "emodb", "--corpus-dir", "/home/me/emodb", "--noise-dir", "/home/me/noise", "--fold", "all"),
    *(
        "--seeds",
        "[0, 1]",
        "--defences.enhancement.gain",
        "null",
        "--defences.gan_adversarial_training.wanted",
        "false",
        "--threats.epsilons",
        "[]",
    ),
    *("--data.valence", '{"it\'s joy": "positive", "rage": "negative"}', "--noise.environments", "[café, the $1 shop]"),
    *("--defences.gan.corpora", '[{"corpus": "manifest", "corpus_dir": "/home/me/list.csv", "fold": "2"}]'),
    *("--training.lowest_rate", "1e-7", "--output-dir", "/home/me/out"),
]


def test_the_command_gives_the_same_settings_again():
    # Not run: the folders exist nowhere.
    given = parse("reproduce", "", FLAGS, Settings)
    text = command_line("reproduce", given)
    assert "/home/me" not in text and "EMODB_DIR" in text and "MANIFEST.csv" in text
    assert max(map(len, text.splitlines())) < 120
    # A shell takes a backslash at the end of a line away.
    words = shlex.split(text.replace("\\\n", " "))
    again = parse("reproduce", "", words[3:], Settings)
    assert reported("reproduce", given) == reported("reproduce", again)


@pytest.mark.parametrize(("command", "kept"), [("evaluate", False), ("export", True), ("reproduce", True)])
def test_what_a_command_does_not_use_is_left_out(command, kept):
    seen = []
    main(command, "", seen.append, ["--defences.gan.units", "8"])
    assert ("--defences.gan.units 8" in command_line(command, seen[0])) is kept
    assert ("defences" in reported(command, seen[0])) is kept


OTHERS = {
    **{"seeds": [5], "all_corpora": True, "seed": 9, "logdir": "elsewhere"},
    **{"noise_dir": "elsewhere", "test_noise_dir": "elsewhere"},
    **{"classifier": {"units": 8}, "training": {"lowest_rate": 1e-7}, "defence": ["none"]},
    **{
        "defences": {"conditions": 5},
        "features": {"front_end": "other"},
        "threats": {"draws": 1},
        "evaluation": {"replicates": 7},
        "noise": {"channel": 2},
    },
    **{"attack": {"draws": 7, "seed": 3}, "perception": {"utterances": 3}, "report": {"sounds": 1}},
}


def targets(command, settings):
    graph = Dag(settings, ["1"])
    if command == "attack":
        card = {"classes": ["negative", "positive"], "input": "waveform"}
        return [attack_report(graph, Target(model="numpy:sin"), card, None, 32)]
    return {
        # It looks, and makes nothing; what it looks at is what the others read.
        "corpus": lambda: [graph.corpus],
        "generate": lambda: [graph.features, graph.attack("1")],
        "train": lambda: _trained(Models(graph, "1", settings.seed).systems(chosen(settings.defence, ["none", "gan"]))),
        "evaluate": lambda: [report(graph)],
        "export": lambda: [push(graph, chosen(settings.defence, ["gan"])[0], Path("models/demo"), 3, 2.0)],
    }[command]()


def _trained(systems):
    return [part for system in systems for part in (system.classifier, system.generator) if part]


def asked(components):
    """Returns the parameters of some components and of all that they stand on."""
    found = {}
    for component in components:
        found |= asked(channel.component for channel in component.inputs.values())
        found[component.id] = dict(component.parameters)
    return found


@pytest.mark.parametrize(("command", "name"), [(command, name) for command, names in UNUSED.items() for name in names])
def test_what_is_said_to_be_without_effect_reaches_no_component(command, name):
    kind = VictimRunSettings if command == "attack" else Settings
    default = kind()
    # Which fold, and how many threads, is of no effect in a look at a corpus alone.
    value = {**OTHERS, "fold": "2", "workers": 3}[name]
    if isinstance(value, dict):
        value = replace(getattr(default, name), **value)
    assert asked(targets(command, default)) == asked(targets(command, replace(default, **{name: value})))


@pytest.mark.parametrize("command", UNUSED)
def test_what_is_not_said_to_be_without_effect_reaches_one(command):
    kind = VictimRunSettings if command == "attack" else Settings
    default = kind()
    for name in set(OTHERS) - {*UNUSED[command]} if command != "reproduce" else ():
        value = OTHERS[name]
        if isinstance(value, dict):
            value = replace(getattr(default, name), **value)
        assert asked(targets(command, default)) != asked(targets(command, replace(default, **{name: value}))), name
