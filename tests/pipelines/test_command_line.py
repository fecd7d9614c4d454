import shlex

import pytest

from pipelines.cli import main
from pipelines.command_line import command_line
from pipelines.config import Settings
from pipelines.dag import reported


def test_defaults_need_no_flag():
    assert command_line("reproduce", Settings(output_dir="/home/me", workers=3, quiet=True)) == (
        "python -m pipelines.reproduce"
    )


FLAGS = [
    *("--corpus", "emodb", "--corpus-dir", "/home/me/emodb", "--noise-dir", "/home/me/noise", "--fold", "all"),
    *("--seeds", "[0, 1]", "--defence.enhancement", "null", "--defence.combined", "false", "--threats.epsilons", "[]"),
    *("--data.valence", '{"it\'s joy": "positive", "rage": "negative"}', "--noise.environments", "[café, the $1 shop]"),
    *("--gan.corpora", '[{"corpus": "manifest", "corpus_dir": "/home/me/list.csv", "fold": "2"}]'),
    *("--training.lowest_rate", "1e-7", "--output-dir", "/home/me/out"),
]


def test_the_command_gives_the_same_settings_again():
    seen = []
    main("reproduce", "", seen.append, FLAGS)
    text = command_line("reproduce", seen[0])
    assert "/home/me" not in text and "EMODB_DIR" in text and "MANIFEST.csv" in text
    assert max(map(len, text.splitlines())) < 120
    # A shell takes a backslash at the end of a line away.
    words = shlex.split(text.replace("\\\n", " "))
    main("reproduce", "", seen.append, words[3:])
    assert reported(seen[0]) == reported(seen[1])


@pytest.mark.parametrize(("unused", "said"), [((), True), (("gan",), False)])
def test_what_a_command_does_not_use_is_left_out(unused, said):
    seen = []
    main("evaluate", "", seen.append, ["--gan.units", "8"])
    assert ("--gan.units 8" in command_line("evaluate", seen[0], unused)) is said
