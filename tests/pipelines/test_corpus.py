"""`python -m pipelines.corpus`, as a user runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines import corpus as command
from pipelines.cli.main import main
from pipelines.config import CorpusRunSettings
from tests.pipelines import corpus

ROOT = Path(__file__).parents[2]


def run(*arguments):
    main("corpus", command.DESCRIPTION, command.corpus, [*map(str, arguments)], CorpusRunSettings)


@pytest.fixture
def listing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return corpus.write(tmp_path)[0]


def test_it_prints_what_is_there_and_where_the_picture_is(listing, capsys):
    run("--corpus", "manifest", "--corpus-dir", listing, "--data.folds", "3")
    shown, told = capsys.readouterr()
    lines = shown.splitlines()
    assert lines[0] == "manifest: 24 utterances of 6 speakers, 0.2 min"
    assert "speakers: 3 female, 3 male; 4 utterances each" in lines and "left out: none" in lines
    assert sum(line.startswith("  ") for line in lines) == 3 + 3
    picture = Path(lines[-1])
    assert picture.read_bytes().startswith(b"\x89PNG") and told.endswith(" s in all\n")
    facts = json.loads(picture.with_name("corpus.json").read_text())
    assert facts["speakers"]["s0"] == {"anger": 2, "neutral": 2} and len(facts["folds"]) == 3
    assert str(listing.parent) not in json.dumps(facts)


def test_copies_of_whole_files_are_found_at_once_and_other_levels_where_they_are_asked_for(listing, capsys, tmp_path):
    shutil.copy(listing.parent / "s0_1.wav", listing.parent / "copy.wav")
    listing.write_text(listing.read_text() + "copy.wav,zz,neutral,\n")
    run("--corpus", "manifest", "--corpus-dir", listing)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("copies")]
    assert "(duplicated): 1 pairs" in line and "copy.wav of zz and s0_1.wav of s0" in line


def test_what_a_header_may_claim_is_the_same_as_for_a_training(listing, capsys):
    soundfile.write(listing.parent / "s0_0.wav", np.random.default_rng(0).normal(0, 0.1, 32000), 16000)
    run("--corpus", "manifest", "--corpus-dir", listing, "--data.longest_s", "1")
    shown = capsys.readouterr().out
    assert "manifest: 23 utterances of 6 speakers" in shown and "1 of 24 utterances left out" in shown


def test_a_demo_without_files_is_surveyed_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("--quiet", "--measured", "8")
    assert capsys.readouterr().out.startswith("demo (synthetic): 240 utterances of 15 speakers, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "manifest"], "--corpus-dir: expected a folder. Received: none"),
        (["--corpus-dir", "x"], "--corpus-dir: expected no folder, since the demo corpus is made on the spot"),
        (["--corpus", "emodb", "--corpus-dir", "absent"], "absent: expected wav/"),
        (["--measured", "0"], "measured"),
    ],
)
def test_what_is_wrong_ends_in_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and message in told and len(told.splitlines()) == 1


def test_one_file_of_settings_serves_it_too(listing, capsys):
    run("--config", "emodb", "--corpus", "manifest", "--corpus-dir", listing, "--data.folds", "2")
    assert "folds: 2, with" in capsys.readouterr().out


def test_it_loads_neither_tensorflow_nor_statistics(listing):
    code = (
        "import sys; from pipelines.__main__ import main; "
        f"main(['corpus', '--quiet', '--corpus', 'manifest', '--corpus-dir', {str(listing)!r}]); "
        "print([name for name in ('tensorflow', 'keras', 'opensmile', 'scipy.stats') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert found.returncode == 0 and found.stdout.splitlines()[-1] == "[]", found.stderr
