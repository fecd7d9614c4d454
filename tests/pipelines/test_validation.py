import math
from dataclasses import replace

import numpy as np
import pytest

from kerasser import audio
from kerasser.defences.gan import CompanionSettings
from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.config import ExportSettings, Settings
from pipelines.validation import validate


def changed(group="", **values):
    """The settings with some of one group changed, "a.b" being one within another, or some of the whole run."""
    return _replaced(Settings(), group.split(".") if group else [], values)


def _replaced(settings, groups, values):
    if not groups:
        return replace(settings, **values)
    return replace(settings, **{groups[0]: _replaced(getattr(settings, groups[0]), groups[1:], values)})


def _known_places(**values):
    """Threat models that train no defence without an environment."""
    settings = changed("threats.unseen_environment", wanted=False)
    return replace(settings, threats=replace(settings.threats, **values))


COMMANDS = ["generate", "train", "evaluate", "export", "reproduce", "attack"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_defaults_can_be_run(command):
    validate(command, Settings())


REFUSED = [
    (changed(seed=-1), "seed: expected 0 or more"),
    (changed(seeds=[1, 2**32]), "seeds: expected 0 or more, at most 4294967295. Received: 4294967296"),
    (changed("noise", environments=[]), "noise.environments: expected some, or null for all"),
    (changed("noise", environments=["cafe", "cafe"]), "noise.environments: expected each value once"),
    (changed("noise", environments=["moon"]), "noise.environments: expected some of .*cafe.* Received: 'moon'"),
    (changed("noise", demo_duration_s=2.0), "demo/.*: expected a recording long enough for a training"),
    (changed("noise", test_share=0.999), "demo/.*: expected a recording long enough for a training"),
    (changed("noise", guard_s=1000.0), "demo/.*: expected a recording long enough for a training"),
    (changed("noise", demo_duration_s=math.inf), "noise.demo_duration_s: expected a finite number. Received: inf"),
    (changed("attack", epsilons=[], snrs_db=[]), "attack: expected some epsilons or snrs_db. Received: neither"),
    (changed("attack", epsilons=[1.0, 2.0, 1.0]), "attack.epsilons: expected each value once. Received: 1.0 twice"),
    (changed("attack", snrs_db=[10, 10.0]), "attack.snrs_db: expected each value once"),
    (changed("attack", snrs_db=[math.nan]), "attack.snrs_db: expected a finite number. Received: nan"),
    (changed("attack", channels=["wire"]), "channel: expected one of telephone, mp3, .* Received: 'wire'"),
    (changed("attack", channels=["mp3@33"]), "mp3: expected a level of one of 16, 24, .* kbit/s. Received: 33"),
    (changed("attack", channels=["gain", "gain@-10"]), "channels: expected each once. Received: gain@-10 twice"),
    (
        changed("attack", channels=["reverberation"], rooms_dir="nowhere"),
        "attack.rooms_dir: expected a folder of room responses, WAV or FLAC. Received: no such folder",
    ),
    (changed("classifier", layers=[]), "classifier.layers: expected a number, or some to compare"),
    (changed("classifier", layers=[2, 2]), "classifier.layers: expected each value once"),
    (
        changed("defences.adversarial_training", shares=[0.0, 0.5]),
        "training.shares: expected shares above 0",
    ),
    (
        changed("defences.adversarial_training", shares=[0.5, 0.5 + 1e-12]),
        "training.shares: expected each value once",
    ),
    (changed("defences.random_noise", epsilon=math.inf), "defences.random_noise.epsilon: expected a finite number"),
    (
        changed("defences.gan", epochs=0, pretraining_epochs=0),
        "defences.gan: expected pretraining_epochs",
    ),
    (
        changed("defences.gan", corpora=[CompanionSettings("nonsense", "x")]),
        "gan.corpora: expected some of demo, .*emodb.* Received: 'nonsense'",
    ),
    (
        changed("defences.gan", corpora=[CompanionSettings("emodb", "no-such-folder")]),
        "gan.corpora: emodb: expected a corpus_dir that exists. Received: no-such-folder",
    ),
    (
        changed("defences.gan", corpora=[CompanionSettings("emodb")]),
        "gan.corpora: emodb: expected a corpus_dir",
    ),
    (changed("threats", epsilons=[], snrs_db=[]), "threats: expected some epsilons or snrs_db"),
    (
        replace(changed("noise", split="recording"), test_noise_dir="x"),
        "noise: expected no split beside test_noise_dir, which says what tests. Received: split recording",
    ),
    (
        replace(changed("noise", test_environments=["cafe"]), test_noise_dir="x"),
        r"noise: expected no split beside test_noise_dir.* Received: test_environments \['cafe'\]",
    ),
    (changed("threats.many_queries", counts=[3, 3]), "threats.many_queries.counts: expected each value once"),
    (
        replace(changed("threats.many_queries", counts=[3]), attack=replace(Settings().attack, snrs_db=[])),
        "threats.many_queries.counts: expected some threats.snrs_db",
    ),
    (changed("threats", snrs_db=[5.0, 5.0]), "threats.snrs_db: expected each value once"),
    (changed("threats", epsilons=[3.0]), r"threats.epsilons: expected some of attack.epsilons \(0.1, .* Received: 3$"),
    (
        changed("threats", snrs_db=[-5.0]),
        r"threats.snrs_db: .*\(20, 10, 5, 0\), as threats.unseen_environment .*Received: -5$",
    ),
    (_known_places(epsilons=[3.0], draws=0), "threats.epsilons: .* with threats.draws 0"),
    (changed("evaluation", replicates=19), "evaluation.replicates: expected 20 or more for intervals of 95 %"),
    (
        changed("evaluation", confidence=0.9999),
        "evaluation.replicates: expected 10000 or more .* 99.99 %",
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=[message.split(".* ")[0] for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_one_line(settings, message):
    with pytest.raises(InputError, match=message) as caught:
        validate("reproduce", settings)
    assert "\n" not in str(caught.value)


def test_a_command_refuses_before_it_begins(tmp_path, capsys):
    def never(settings):
        raise AssertionError("it has begun")

    with pytest.raises(SystemExit) as ended:
        main("reproduce", "", never, ["--threats.epsilons", "[3]", "--output-dir", str(tmp_path / "out")])
    assert ended.value.code == 2 and not (tmp_path / "out").exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reproduce: threats.epsilons: expected some of attack.epsilons")


def test_a_search_with_draws_of_its_own_may_ask_at_any_budget():
    validate("reproduce", _known_places(epsilons=[3.0], snrs_db=[-5.0]))
    validate("attack", changed("threats", epsilons=[3.0], snrs_db=[-5.0]))


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("train", changed("threats", epsilons=[3.0, 3.0])),
        ("evaluate", changed("threats", epsilons=[3.0, 3.0])),
        ("attack", changed("defences.adversarial_training", shares=[0.0])),
        ("export", ExportSettings(rollback=True, noise_dir="nowhere")),
    ],
)
def test_settings_that_a_command_does_not_use_are_not_looked_at(command, settings):
    validate(command, settings)


def test_the_headers_of_real_noise_are_read_beforehand(tmp_path):
    for environment, seconds in (("cafe", 10), ("street", 2)):
        (tmp_path / environment).mkdir()
        waveform = np.random.default_rng(0).uniform(-0.1, 0.1, seconds * 16000).astype(np.float32)
        audio.write(tmp_path / environment / "a.wav", waveform)
    settings = replace(Settings(), noise_dir=str(tmp_path))
    with pytest.raises(InputError, match="street/a: expected a recording long enough"):
        validate("generate", settings)
    chosen = replace(settings, noise=replace(settings.noise, environments=["cafe"]))
    validate("generate", chosen)
    with pytest.raises(InputError, match="noise.environments: expected some of cafe, street. Received: 'moon'"):
        validate("generate", replace(settings, noise=replace(settings.noise, environments=["moon"])))
    with pytest.raises(InputError, match="nowhere: expected a folder of noise"):
        validate("evaluate", replace(settings, noise_dir=str(tmp_path / "nowhere")))


def test_the_headers_of_both_folders_are_read_beforehand(tmp_path):
    for place, seconds in (("train/cafe", 3), ("test/bus", 1.5)):
        (tmp_path / place).mkdir(parents=True)
        waveform = np.random.default_rng(0).uniform(-0.1, 0.1, int(seconds * 16000)).astype(np.float32)
        audio.write(tmp_path / place / "a.wav", waveform)
    # Neither is long enough to be cut.
    settings = replace(Settings(), noise_dir=str(tmp_path / "train"), test_noise_dir=str(tmp_path / "test"))
    validate("reproduce", settings)
    with pytest.raises(InputError, match="nowhere: expected a folder of noise"):
        validate("attack", replace(settings, test_noise_dir="nowhere"))
    audio.write(tmp_path / "test/bus/a.wav", waveform[:12000])
    with pytest.raises(InputError, match="of bus with a stretch of 1.0 s of sound to test. Received: 0.8 s"):
        validate("evaluate", settings)


def test_a_count_of_queries_needs_a_search():
    settings = changed("threats.many_queries", counts=[3])
    validate("attack", settings)
    none = replace(settings, threats=replace(settings.threats, draws=0))
    validate("reproduce", none)
    with pytest.raises(InputError, match="threats.many_queries.counts: expected threats.draws above 0"):
        validate("attack", none)
