"""Channels through whole commands: beside the noise, and without changing a figure of it."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

import kerasser
from kerasser import audio
from kerasser.attack import transmissions
from kerasser.attack.channels import Options
from kerasser.features import front_end, records
from pipelines import attack, evaluate, reproduce
from pipelines.cli.main import main
from pipelines.config import Settings, VictimRunSettings
from pipelines.io import shards
from tests.attack.test_room_responses import decay
from tests.pipelines import corpus

CHANNELS = ["telephone", "reverberation@0.3", "gain@-10"]
PITCH = """
import numpy as np

def answer(waveforms, sample_rate_hz):
    rows = []
    for waveform in waveforms:
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hz = np.fft.rfftfreq(len(waveform), 1 / sample_rate_hz)
        anger = 1 / (1 + np.exp(-((power * hz).sum() / power.sum() - 630) / 40))
        rows.append([anger, 1 - anger])
    return rows
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("channels")
    listing, noise = corpus.write(root, speakers=6)
    rooms = root / "rooms"
    rooms.mkdir()
    for number in range(3):
        soundfile.write(rooms / f"{number}.wav", decay(0.3, 0.5, seed=number) / 5.0, 16000, subtype="FLOAT")
    (root / "centre.py").write_text(PITCH)
    return root, listing, noise


@pytest.fixture(scope="module")
def flags(place):
    root, *where = place
    small = corpus.arguments(*where, root / "out")
    return small, ["--attack.channels", json.dumps(CHANNELS), "--attack.rooms_dir", str(root / "rooms")]


def run(command, arguments, settings=Settings):
    main(
        command.__name__.rpartition(".")[2], command.DESCRIPTION, getattr(command, _name(command)), arguments, settings
    )


def _name(command):
    return command.__name__.rpartition(".")[2]


def report(root, command=""):
    (path,) = (root / "out/reports").glob(f"*{command}*/report.json")
    return path, json.loads(path.read_text())


@pytest.fixture(scope="module")
def evaluated(place, flags):
    """The reports of an evaluation without channels, and of one with them."""
    small, more = flags
    run(evaluate, small)
    _, before = report(place[0], "seed")
    run(evaluate, [*small, *more])
    path, after = report(place[0], "seed")
    return before, path, after


def test_no_figure_of_the_noise_changes(place, evaluated):
    before, path, after = evaluated
    assert "channels" not in before and "channels" in after
    for name in before:
        if name not in ("command", "settings"):
            assert after[name] == before[name], name
    tables = {each.read_bytes() for each in (place[0] / "out/artifacts/Evaluation").glob("*/predictions.csv")}
    assert len(tables) == 1
    assert '--attack.channels \'["telephone", "reverberation@0.3", "gain@-10"]\'' in after["command"].replace(
        "\\\n  ", ""
    )
    assert str(place[0]) not in json.dumps(after)


def test_every_channel_has_its_error_beside_clean_speech_and_noise(evaluated):
    _, path, after = evaluated
    rows, (reference,) = after["channels"]["rows"], after["channels"]["references"]
    assert [(row["channel"], row["level"], row["error_worst_of"]["N"]) for row in rows] == [
        ("telephone", 3400.0, 1),
        ("reverberation", 0.3, 2),
        ("gain", -10.0, 1),
    ]
    assert reference["clean"]["error"] == after["clean"]["error"] and reference["snr_db_target"] == 10.0
    (noise,) = (row for row in after["figure1"] if row["noise"] == "any" and row.get("snr_db_target") == 10.0)
    assert reference["noise"]["error"] == noise["error"]
    for row in rows:
        assert row["against_clean"]["difference"] == pytest.approx(row["error"] - after["clean"]["error"])
        assert row["against_noise"]["difference"] == pytest.approx(row["error"] - noise["error"])
        assert row["segmental_snr_db"]["n"] == after["channels"]["utterances"] == 3
    # What is turned down by 10 dB differs from the speech by 20·log₁₀(1 − 10^−½).
    assert rows[-1]["snr_db"]["median"] == pytest.approx(-20 * np.log10(1 - 10**-0.5), abs=1e-4)
    text = path.with_name("report.md").read_text()
    assert "## What channels cost" in text and "| room, RT60 0.3 s |" in text
    assert "The rooms are measured ones." in text and "2 speakers allow no p below 0.500." in text
    assert path.with_name("channels.svg").exists()
    assert list(pd.read_csv(path.with_name("channels.csv"))["channel"]) == [row["channel"] for row in rows]


def test_provenance_makes_every_example_again(place, evaluated):
    root = place[0]
    (index,) = (
        found
        for found in (root / "out/artifacts/Examples").glob("*/examples.json")
        if json.loads(found.read_text())["shards"][0]["examples"]
        == 4 * json.loads(found.read_text())["shards"][0]["utterances"]
    )
    speakers = {each["speaker"] for each in json.loads(index.read_text())["shards"]}
    extract, drawn = front_end(), set()
    for example in records.dataset(shards.files(index.parent, speakers), len(shards.features(index.parent))):
        facts = json.loads(example["provenance"].numpy())
        file = root / "corpus" / example["id"].numpy().decode()
        clean, _ = audio.clip(next(audio.waveforms([audio.probe(file)])))
        heard = transmissions.replay(clean, facts, Options(str(root / "rooms")))
        np.testing.assert_array_equal(extract(heard), example["features"].numpy())
        drawn.add(facts.get("recording"))
    # Not always the same room.
    assert len(drawn) > 2


@pytest.fixture(scope="module")
def attacked(place):
    """A recogniser behind the channels, by the command."""
    root, listing, noise = place
    where = ["--corpus", "manifest", "--corpus-dir", str(listing), "--noise-dir", str(noise)]
    small = ["--attack.epsilons", "[]", "--attack.snrs_db", "[10]", "--attack.draws", "2", "--threats.snrs_db", "[10]"]
    who = ["--victim.model", "centre:answer", "--victim.classes", '["negative", "positive"]', "--threats.draws", "0"]
    more = ["--attack.channels", json.dumps(CHANNELS), "--attack.rooms_dir", str(root / "rooms")]
    rest = ["--evaluation.replicates", "100", "--output-dir", str(root / "out"), "--quiet", "--attack.seed", "3"]
    before = list(sys.path)
    sys.path.insert(0, str(root))
    try:
        run(attack, [*where, *small, *who, *more, *rest], VictimRunSettings)
    finally:
        sys.path[:] = before
    return report(root, "attack")[1]


def test_anybodys_recogniser_hears_them_too(attacked):
    # 24 utterances: clean twice, two noises of two draws, and four behind channels.
    # One room of three is drawn twice for some, and what was asked before is not asked again.
    assert 24 * (2 + 4 + 3) < attacked["victim"]["queries"] < 24 * (2 + 4 + 4)
    assert [row["channel"] for row in attacked["channels"]["rows"]] == ["telephone", "reverberation", "gain"]
    assert all(row["n"] == 24 for row in attacked["channels"]["rows"])


def test_python_gives_the_figures_of_the_command(place, attacked):
    root, listing, noise = place
    space: dict = {}
    exec(PITCH, space)
    budgets = [
        kerasser.SNR(10),
        *(kerasser.Channel(*pair) for pair in (("telephone",), ("reverberation", 0.3), ("gain", -10))),
    ]
    result = kerasser.attack(
        space["answer"],
        kerasser.load_corpus("manifest", listing),
        kerasser.load_noise(noise, quiet=True),
        budgets,
        draws=2,
        seed=3,
        classes=("negative", "positive"),
        replicates=100,
        quiet=True,
        rooms_dir=root / "rooms",
    )
    frame = result.to_frame().set_index("budget")
    for row in attacked["channels"]["rows"]:
        mine = frame.loc[str(kerasser.Budget.of(row))]
        assert mine["noise"] == row["channel"]
        assert (mine["error"], mine["ci_low"], mine["ci_high"]) == (row["error"], *row["interval"])
        assert mine["worst_error"] == row["error_worst_of"]["error"]
        assert mine["snr_db"] == pytest.approx(row["snr_db"]["median"])
    assert list(frame["noise"]) == ["cafe", "station", "any", "telephone", "reverberation", "gain"]
    # What was heard is made again, from a saved result as well.
    loaded = kerasser.Result.load(
        result.save(root / "saved"), kerasser.load_corpus("manifest", listing), kerasser.load_noise(noise, quiet=True)
    )
    for each in (result, loaded):
        heard = each.waveforms(5)
        assert len(heard.attacked) == len(heard.answers) == 4 + 4
        quiet = heard.answers.index[heard.answers["budget"] == "gain"][0]
        np.testing.assert_allclose(heard.attacked[quiet], heard.clean * 10**-0.5, rtol=1e-6)
    pd.testing.assert_frame_equal(loaded.to_frame(), result.to_frame())


def test_a_channel_alone_is_an_attack(place):
    root, listing, noise = place
    space: dict = {}
    exec(PITCH, space)
    result = kerasser.attack(
        space["answer"],
        kerasser.load_corpus("manifest", listing, limit=6),
        kerasser.load_noise(noise, quiet=True),
        [kerasser.Channel("clipping", 20)],
        classes=("negative", "positive"),
        replicates=100,
        quiet=True,
    )
    assert list(result.to_frame()["budget"]) == ["clipping, 20 % of the samples"]
    assert result.alarms == ()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_every_defence_hears_them(place, flags):
    """Slow: a reproduction of two systems, one of which hears enhanced speech."""
    small, more = flags
    wanted = ["--defences.enhancement.gain", "lsa", "--defence", "enhancement", "--report.sounds", "0", "--fold", "1"]
    run(reproduce, [*small, *more, *wanted])
    path, found = report(place[0], "reproduction")
    rows = found["channels"]["rows"]
    assert [(row["defence"], row["channel"]) for row in rows] == [
        (defence, channel) for defence in ("none", "enhancement") for channel in ("telephone", "reverberation", "gain")
    ]
    assert "### How much of it is heard" in path.with_name("report.md").read_text()
