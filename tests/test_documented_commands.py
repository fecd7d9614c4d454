"""What the docs tell people to type: every command is parsed as it stands, and run on a tiny corpus or named below."""

import importlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import audformat
import pytest

from kerasser import corpora
from kerasser.noise import bank
from pipelines import cli
from pipelines.commands import COMMANDS
from pipelines.completion import CompletionSettings
from pipelines.config import CompanionSettings, Settings
from tests import documented
from tests.corpora import trees
from tests.pipelines import corpus

KINDS = {**COMMANDS, "completion": CompletionSettings}
#: How a command begins → why it is not run here. Whatever is no command of kerasser's has to be named.
NOT_RUN = {
    "git clone ": "needs a network",
    "cd kerasser": "changes the shell alone",
    ". .venv/bin/activate": "changes the shell alone",
    "tools/test": "is the test command itself",
    "ruff ": "is part of the test command",
    "mypy": "is part of the test command",
    "python -m pytest ": "is part of the test command",
    "tools/docs": "tests/test_site.py builds the site",
    "tools/screenshots": "takes ten minutes and a browser",
    "tools/benchmark serving": "tests/serving/test_serving_tools.py runs it",
    "tools/serving_smoke": "tests/serving/test_serving_tools.py runs it",
    "tensorboard ": "tests/test_newcomer.py starts it",
    "saved_models/docker-run.sh": "needs Docker and the image of TF Serving",
    "docker run ": "needs Docker and the image of TF Serving",
    "curl ": "needs a TF Serving",
    "python -m pipelines.predict .* --server ": "needs a TF Serving; tests/serving/test_client.py asks one",
    "tools/listening_test --score ": "needs answers of people; tests/pipelines/test_listening_test.py scores some",
}
#: Behind the flags as printed: what makes a run take seconds.
SMALLER = {
    Settings: [
        *("--fold", "1", "--seed", "0", "--seeds", "[]", "--noise.environments", "null", "--data.valence", "null"),
        *("--attack.epsilons", "[2]", "--attack.snrs_db", "[]", "--attack.draws", "1", "--perception.utterances", "0"),
        *("--defence.shares", "[1]", "--defence.random_noise_epsilon", "0", "--defence.gaussian_noise", "0"),
        *("--threats.draws", "0", "--threats.white_box_steps", "0", "--threats.unseen", "false"),
        *("--threats.epsilons", "[2]", "--threats.snrs_db", "[]", "--gan.corpora", "[]"),
        # Enough training to be better than chance, as what is published has to be.
        *("--training.balance_classes", "false", "--training.epochs", "25", "--training.learning_rate", "0.01"),
    ],
    COMMANDS["listening_test"]: ["--items", "4", "--catch-items", "1"],
}
EVERY = documented.every()


def reason(command):
    """Why a command is not run here; None if it is."""
    return next((why for beginning, why in NOT_RUN.items() if re.match(beginning, command.line)), None)


@pytest.mark.parametrize("command", [each for each in EVERY if not each.module], ids=lambda each: each.line[:60])
def test_what_is_no_command_of_ours_is_named_with_a_reason(command):
    assert reason(command), f"{command.page}: {command.line!r} is neither run nor named in NOT_RUN"


def test_no_reason_is_left_over():
    assert [each for each in NOT_RUN if not any(re.match(each, command.line) for command in EVERY)] == []


def test_programs_of_the_checkout_are_there_and_can_be_run():
    for command in EVERY:
        program = command.line.split()[0]
        if program.startswith(("tools/", ".ci/")):
            assert os.access(documented.ROOT / program, os.X_OK), f"{command.page}: {program}"


@pytest.mark.parametrize("command", [each for each in EVERY if each.module], ids=lambda each: each.line[:60])
def test_every_command_of_ours_can_be_parsed_as_it_stands(command):
    assert command.module in KINDS, f"{command.page}: there is no pipelines.{command.module}"
    parsed(command)


def parsed(command):
    """The settings; None where the command prints them and ends."""
    if "--print-config" in command.arguments:
        parser, _ = cli.build(command.module, "", KINDS[command.module])
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(list(command.arguments))
        assert ended.value.code == 0
        return None
    return cli.parse(command.module, "", command.arguments, KINDS[command.module])


def test_a_wrong_flag_and_a_new_program_are_found():
    text = (
        "```\npython -m pipelines.evaluate --attack.drawz 3\nrm -r outputs  # all of it\n```\n```text\nnot this\n```\n"
    )
    wrong, new = documented.commands(text, "x.md")
    with pytest.raises(cli.InputError, match=r"attack\.drawz"):
        parsed(wrong)
    assert (new.line, new.module, reason(new)) == ("rm -r outputs", "", None)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with all that the docs call by a name: corpora and noise, each of them tiny."""
    root = tmp_path_factory.mktemp("docs")
    listing, noise = corpus.write(root / "made", each=6)
    recordings = (root / "made/corpus").rename(root / "recordings")
    # The same files under two more emotions, which only a map of their own knows.
    rows = recordings / listing.name
    lines = rows.read_text().splitlines()
    others = [line.replace("anger", "rage").replace("neutral", "joy") for line in lines[1:]]
    rows.write_text("\n".join([*lines, *others]) + "\n")
    (recordings / "anna").mkdir()
    shutil.copy(recordings / "s0_0.wav", recordings / "anna/001.wav")
    shutil.copy(recordings / "s0_0.wav", root / "speech.wav")
    shutil.copytree(noise, root / "NOISE")
    shutil.copytree(noise, root / "noise")
    for place, name in (("PCAFETER", "PCAFETER"), ("OMEETING", "OMEETING"), ("PSTATION", "PSTATION")):
        (root / f"DEMAND/{place}_16k/{name}").mkdir(parents=True)
        shutil.copy(noise / "cafe/a.wav", root / f"DEMAND/{place}_16k/{name}/ch01.wav")
    trees.make_iemocap(root / "IEMOCAP_full_release")
    trees.make_fau_aibo(root / "FAU-AIBO")
    for speaker in range(6):
        for letter, word in (("W", "Angry"), ("F", "Happy"), ("N", "Neutral"), ("T", "Sad")):
            trees.write_wav(root / f"EMO-DB/wav/{speaker + 10}a01{letter}a.wav")
            trees.write_wav(root / f"URDU/{word}/SM{speaker + 1}_F1_{word[0]}001.wav")
        for emotion in ("01", "05"):
            name = f"03-01-{emotion}-01-01-01-{speaker + 1:02d}.wav"
            trees.write_wav(root / f"RAVDESS/Actor_{speaker + 1:02d}/{name}")
    shutil.copytree(root / "EMO-DB", root / "DIR")
    files = [f"wav/{place}.wav" for place in "abcdefghijkl"]
    for file in files:
        trees.write_wav(root / "DATABASE" / file)
    database = audformat.Database("tiny")
    database["emotion"] = audformat.Table(audformat.filewise_index(files))
    for column, values in (("emotion", ["anger", "neutral"] * 6), ("speaker", [str(each // 2) for each in range(12)])):
        database["emotion"][column] = audformat.Column()
        database["emotion"][column].set(values)
    database.save(str(root / "DATABASE"), storage_format="csv")
    return root


@pytest.mark.parametrize("command", [each for each in EVERY if each.module], ids=lambda each: each.line[:60])
def test_the_layouts_that_commands_name_are_read(command, world, monkeypatch):
    monkeypatch.chdir(world)
    settings = parsed(command)
    if not isinstance(settings, Settings):
        return
    chosen = [
        CompanionSettings(settings.corpus, settings.corpus_dir, None, settings.data.valence),
        *settings.gan.corpora,
    ]
    for each in chosen:
        if each.corpus != "demo" and each.corpus_dir is not None:
            found = corpora.folds(corpora.read(each.corpus, each.corpus_dir, each.valence))
            assert settings.fold in (None, "all") or settings.fold in [fold.name for fold in found]
    if settings.noise_dir:
        bank.environments(bank.read(Path(settings.noise_dir)), settings.noise.environments)


@dataclass(frozen=True)
class Run:
    """A page's commands run in a folder of their own, one after the other; all share a cache."""

    world: Path

    def __call__(self, command, folder):
        """Runs a command; returns the arguments that it was given."""
        kind = KINDS[command.module]
        given = [{"FILE…": "speech.wav"}.get(word, word) for word in command.arguments]
        if issubclass(kind, Settings) and "--print-config" not in given:
            place = corpus.arguments(self.world / "recordings/list.csv", self.world / "NOISE", self.world / "out")
            given += [*place, *SMALLER[Settings], *SMALLER.get(kind, []), "--quiet"]
        if command.module == "lineage":
            given = [str(next((self.world / "out/artifacts/Model").iterdir()))]
        module = importlib.import_module(f"pipelines.{command.module}")
        function = module.show if command.module == "lineage" else getattr(module, command.module)
        os.chdir(folder)
        cli.main(command.module, module.DESCRIPTION, function, given, kind)
        return given


def runnable():
    """Page → its commands that are run, each once."""
    found = {}
    for command in EVERY:
        if command.module and reason(command) is None:
            mine = found.setdefault(command.page, [])
            mine += [command] if command.line not in [each.line for each in mine] else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("page", runnable())
def test_every_command_runs_on_a_tiny_corpus(page, world, tmp_path, monkeypatch, capsys):
    """Slow: the first page trains the classifier, the defences and the GAN; the others take them from the cache."""
    monkeypatch.chdir(tmp_path)
    for place in world.iterdir():
        if place.name != "out":
            (tmp_path / place.name).symlink_to(place)
    for command in runnable()[page]:
        try:
            Run(world)(command, tmp_path)
        except SystemExit as ended:
            assert ended.code == 0, f"{command.line}: {capsys.readouterr().err}"
        assert capsys.readouterr().out.strip(), f"{command.line} printed nothing"
