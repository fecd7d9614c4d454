"""What the docs tell people to type: every command is parsed as it stands, and run on a tiny corpus or named below."""

import importlib
import os
import re
from pathlib import Path

import pytest

from kerasser import corpora
from kerasser.defences.gan import CompanionSettings
from kerasser.noise import bank
from pipelines.cli import main as cli
from pipelines.cli.commands import COMMANDS
from pipelines.cli.completion import CompletionSettings
from pipelines.config import Settings
from tests import documented, world

KINDS = {**COMMANDS, "completion": CompletionSettings}
#: Commands whose module is not of their name alone.
PLACES = {"completion": "cli.completion"}
#: How a command begins → why it is not run here. Whatever is no command of kerasser's has to be named.
NOT_RUN = {
    "git clone ": "needs a network",
    "python -m venv light ": "needs a network; tests/serving/test_light.py makes such an environment",
    "cd kerasser": "changes the shell alone",
    ". .venv/bin/activate": "changes the shell alone",
    "tools/test": "is the test command itself",
    "tools/coverage": "is the test command once more",
    "tools/lock": "needs a network",
    "tools/mutate": "takes half an hour; tests/test_mutate.py draws a few",
    "pre-commit install": "changes git's own folder",
    "ruff ": "is part of the test command",
    "mypy": "is part of the test command",
    "python -m pytest ": "is part of the test command",
    "tools/docs": "tests/test_site.py builds the site",
    "tools/screenshots": "takes ten minutes and a browser",
    "tools/benchmark demo": "only figures of this machine",
    "tools/benchmark features": "tests/features/test_benchmark.py measures two utterances",
    "tools/benchmark search": "takes minutes; tests/pipelines/test_attackers.py runs it",
    "tools/benchmark tensorboard": "takes minutes; tests/pipelines/test_tensorboard.py runs it",
    "tools/benchmark coverage": "tests/evaluation/test_statistics.py simulates a part of it",
    "tools/benchmark reference-noise": "takes minutes; tests/noise/test_benchmark.py runs it",
    "tools/benchmark agreement": "tests/serving/test_serving_tools.py runs it",
    "tools/benchmark made-noise": "takes a minute; tests/noise/test_benchmark.py runs a part of it",
    "tools/benchmark serving": "tests/serving/test_serving_tools.py runs it",
    "tools/compare_front_ends": "takes minutes; tests/features/test_compare_front_ends.py compares two utterances",
    "tools/serving_smoke": "tests/serving/test_serving_tools.py runs it",
    "tensorboard ": "tests/test_newcomer.py starts it",
    "saved_models/docker-run.sh": "needs Docker and the image of TF Serving",
    "python -m pipelines.attack ": "needs a model; tests/pipelines/test_attack.py attacks some, as the docs do",
    "python train_svm.py ": "tests/pipelines/test_attack.py runs the docs' example",
    "python -m pipelines.evaluate .* --attack.channels .*reverberation": "needs the extra channels; "
    "tests/pipelines/test_channels.py gives it rooms",
    "mkdir -p outputs": "makes a folder for the next line",
    "docker ": "needs Docker, and images from its registry",
    "curl ": "needs a TF Serving",
    "python -m pipelines.predict .* --server ": "needs a TF Serving; tests/serving/test_client.py asks one",
    "tools/listening_test --score ": "needs answers of people; tests/pipelines/test_listening_test.py scores some",
}
#: Behind the flags as printed, and those of every tiny run: what makes a command take seconds.
SMALLER = {COMMANDS["listening_test"]: ["--items", "4", "--catch-items", "1"]}
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


@pytest.mark.parametrize("command", [each for each in EVERY if each.module], ids=lambda each: each.line[:60])
def test_the_layouts_that_commands_name_are_read(command, tiny_world, monkeypatch):
    monkeypatch.chdir(tiny_world)
    settings = parsed(command)
    if not isinstance(settings, Settings):
        return
    chosen = [
        CompanionSettings(settings.corpus, settings.corpus_dir, None, settings.data.valence),
        *settings.defences.gan.corpora,
    ]
    for each in chosen:
        if each.corpus != "demo" and each.corpus_dir is not None:
            found = corpora.folds(corpora.read(each.corpus, each.corpus_dir, each.valence))
            assert settings.fold in (None, "all") or settings.fold in [fold.name for fold in found]
    if settings.noise_dir:
        bank.environments(bank.read(Path(settings.noise_dir)), settings.noise.environments)


def _run(command, place):
    """Runs a command in the current folder; all share a cache."""
    kind = KINDS[command.module]
    given = [{"FILE…": "speech.wav"}.get(word, word) for word in command.arguments]
    if issubclass(kind, Settings) and "--print-config" not in given:
        given += [*world.arguments(place), *SMALLER.get(kind, []), "--quiet"]
    if command.module == "lineage":
        given = [str(next((place / "out/artifacts/Model").iterdir()))]
    module = importlib.import_module(f"pipelines.{PLACES.get(command.module, command.module)}")
    function = module.show if command.module == "lineage" else getattr(module, command.module)
    cli.main(command.module, module.DESCRIPTION, function, given, kind)


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
def test_every_command_runs_on_a_tiny_corpus(page, tiny_world, tmp_path, monkeypatch, capsys):
    """Slow: the first page trains the classifier, the defences and the GAN; the others take them from the cache."""
    monkeypatch.chdir(tmp_path)
    for place in tiny_world.iterdir():
        if place.name != "out":
            (tmp_path / place.name).symlink_to(place)
    for command in runnable()[page]:
        try:
            _run(command, tiny_world)
        except SystemExit as ended:
            assert ended.code == 0, f"{command.line}: {capsys.readouterr().err}"
        assert capsys.readouterr().out.strip(), f"{command.line} printed nothing"
