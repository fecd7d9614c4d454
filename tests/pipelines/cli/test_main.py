"""Flags, files of settings, help and completion: what is met before anything runs."""

import json
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from kerasser.util.errors import InputError
from pipelines.cli import completion, config_files
from pipelines.cli import main as cli
from pipelines.cli.commands import COMMANDS
from pipelines.cli.main import parse
from pipelines.cli.unused import UNUSED
from pipelines.config import Settings

ROOT = Path(__file__).parents[3]
KINDS = {**COMMANDS, "completion": completion.CompletionSettings}
POSITIONAL = {"predict": ["a.wav", "b.wav"], "lineage": ["place"], "completion": ["bash"]}


def refused(arguments, name="evaluate"):
    with pytest.raises(InputError) as error:
        parse(name, "", arguments, KINDS[name])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_command_is_known_here():
    modules = (ROOT / "pipelines").rglob("[a-z]*.py")
    found = {path.stem for path in modules if '__name__ == "__main__"' in path.read_text()}
    assert found == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_what_print_config_prints_is_read_back_as_the_same_settings(name, tmp_path, capsys):
    changed = {field.name for field in fields(KINDS[name])} & {"seed", "output_dir", "seeds"}
    flags = [*POSITIONAL.get(name, []), "--quiet", "--log-json", "log"]
    flags += (
        ["--seed", "7", "--attack.snrs_db", "[3, -2.5]", "--training.lowest_rate", "1e-6"] if "seed" in changed else []
    )
    flags += (
        ["--defences.gan.corpora", "[{corpus: urdu, corpus_dir: x, valence: {a: positive}}]"]
        if "seed" in changed
        else []
    )
    with pytest.raises(SystemExit) as status:
        parse(name, "", [*flags, "--print-config"], KINDS[name])
    assert status.value.code == 0
    printed = capsys.readouterr().out
    assert set(yaml.safe_load(printed)) == {field.name for field in fields(KINDS[name])}
    (tmp_path / "all.yaml").write_text(printed)
    wanted = parse(name, "", flags, KINDS[name])
    again = parse(name, "", [*POSITIONAL.get(name, []), "--config", str(tmp_path / "all.yaml")], KINDS[name])
    assert again == wanted
    assert again.quiet and again.log_json == "log"


@pytest.mark.parametrize("name", POSITIONAL)
def test_print_config_takes_no_file_and_what_it_prints_takes_none_back(name, tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse(name, "", ["--print-config"], KINDS[name])
    (tmp_path / "all.yaml").write_text(capsys.readouterr().out)
    config = ["--config", str(tmp_path / "all.yaml")]
    wanted = parse(name, "", POSITIONAL[name], KINDS[name])
    for flags in ([*config, *POSITIONAL[name]], [*POSITIONAL[name], *config]):
        assert parse(name, "", flags, KINDS[name]) == wanted


@pytest.mark.parametrize("name", config_files.names())
def test_a_packaged_file_is_found_by_its_bare_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_name = parse("evaluate", "", ["--config", name], Settings)
    assert by_name == parse("evaluate", "", ["--config", str(config_files.PACKAGED / f"{name}.yaml")], Settings)
    assert by_name.corpus == name.removeprefix("paper-")


def test_a_file_in_the_working_directory_comes_before_a_packaged_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("emodb").write_text("seed: 9\n")
    assert parse("evaluate", "", ["--config", "emodb"], Settings).seed == 9


def test_an_unknown_bare_name_is_refused_with_the_nearest_and_the_list():
    line = refused(["--config", "ravdes"])
    assert "perhaps ravdess" in line and "Received: 'ravdes'" in line
    assert all(name in line for name in config_files.names())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("attack:\n  drawz: 3\n", ["attack.drawz", "perhaps draws"]),
        ("attak:\n  draws: 3\n", ["attak", "perhaps attack"]),
        ("corpus-dir: x\n", ["corpus-dir", "perhaps corpus_dir"]),
        ("gan:\n  corpora: [{corpus: emodb, corpus_dirr: x}]\n", ["gan.corpora[0].corpus_dirr", "perhaps corpus_dir"]),
        ("attack:\n  draws: some\n", ["attack.draws", "some"]),
        ("attack:\n  estimator: wiener\n", ["attack.estimator", "expected one of 'lsa', 'stsa'", "wiener"]),
        ("attack: 3\n", ["attack:", "3"]),
        ("attack:\n", ["attack:", "None"]),
        ("gan:\n  corpora: {corpus: emodb}\n", ["gan.corpora:", "expected a list"]),
        ("gan:\n  corpora: [emodb]\n", ["gan.corpora[0]", "emodb"]),
        ("quiet: 7\n", ["quiet", "true or false", "7"]),
        ("seed: [1]\n", ["seed", "[1]"]),
        ("corpus: emodbb\n", ["corpus", "emodbb"]),
        ("- seed\n", ["list"]),
        ("seed: [1\n", ["expected YAML"]),
    ],
)
def test_what_is_wrong_in_a_file_names_the_file_and_the_key(tmp_path, text, words):
    (tmp_path / "mine.yaml").write_text(text)
    line = refused(["--config", str(tmp_path / "mine.yaml")])
    assert line.startswith(f"{tmp_path / 'mine.yaml'}: ")
    assert all(word in line for word in words), line


def test_an_empty_file_changes_nothing(tmp_path):
    (tmp_path / "mine.yaml").write_text("# nothing\n")
    assert parse("evaluate", "", ["--config", str(tmp_path / "mine.yaml")], Settings) == Settings()


def test_settings_in_braces_are_checked_as_a_file_is():
    assert parse("evaluate", "", ["--config", "{attack: {draws: 7}}"], Settings).attack.draws == 7
    assert "attack.drawz" in refused(["--config", "{attack: {drawz: 7}}"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--drawz", "1"], ["--drawz", "perhaps --attack.draws"]),
        (["--corpus_dir", "x"], ["--corpus_dir", "perhaps --corpus-dir"]),
        (["--attack.drawz=1"], ["--attack.drawz:", "perhaps --attack.draws"]),
        (["--attack", "{drawz: 1}"], ["drawz", "perhaps attack.draws"]),
        (["--attack", "3"], ["attack"]),
        (["--defences.gan.corpora", "[{corpus: emodb, corpus_dirr: x}]"], ["gan.corpora", "corpus_dirr"]),
        (["--qqqq"], ["--qqqq", "expected a flag that --help lists. Received"]),
        (["stray"], ["stray"]),
    ],
)
def test_an_unknown_flag_is_refused_with_the_nearest(flags, words):
    line = refused(flags)
    assert all(word in line for word in words), line


@pytest.mark.parametrize("flags", [["--all"], ["--attack.draw", "7"], ["--out", "x"], ["--print"], ["--conf", "demo"]])
def test_the_beginning_of_a_flag_stands_for_no_flag(flags):
    assert flags[0] in refused(flags)


@pytest.mark.parametrize("name", KINDS)
def test_help_says_every_setting_in_a_sentence(name, capsys):
    with pytest.raises(SystemExit) as status:
        parse(name, "What it does.", ["--help"], KINDS[name])
    shown = capsys.readouterr().out
    assert status.value.code == 0
    assert shown.startswith(f"usage: python -m pipelines.{name} ") and "What it does." in shown
    reworded = cli.descriptions(KINDS[name])
    flat = " ".join(shown.split())
    idle = UNUSED.get(name, ())
    listed, _, left_out = flat.partition("without effect here")
    assert bool(left_out) is bool(idle)
    for field in fields(KINDS[name]):
        flag = "--" + field.name.replace("_", "-")
        if field.name in idle:
            assert f"{flag} " not in listed and f"{flag}." not in listed and flag in left_out
        elif field.name in reworded:
            assert " ".join(reworded[field.name].split()) in listed
    assert "Path to a configuration file" not in shown and "supported flags" not in shown


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """What a shell sources."""
    place = tmp_path_factory.mktemp("completion") / "kerasser.bash"
    command = [sys.executable, "-m", "pipelines.cli.completion", "bash"]
    place.write_text(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    return place


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["python", "-m", "pipelines.re"], ["pipelines.reproduce"]),
        (["python", "-m", "pipelines.evaluate", "--corpus", "r"], ["ravdess"]),
        (["python", "-m", "pipelines.evaluate", "--corpus", "=", "em"], ["emodb"]),
        (["python", "-m", "pipelines.export", "--roll"], ["--rollback"]),
        (["python", "-m", "pipelines.evaluate", "--roll"], []),
        (["python3", "-m", "pipelines.evaluate", "--seed", "1", "--config", "paper-i"], ["paper-iemocap"]),
        (["python", "-m", "pipelines.reproduce", "--defences.enhancement.gain", ""], ["lsa", "stsa", "null"]),
        (["python", "-m", "pipelines.evaluate", "--config", "READ"], ["README.md"]),
        (["tools/listening_test", "--catch-r"], ["--catch-right"]),
        (["kerasser", "re"], ["reproduce"]),
        (["/usr/bin/kerasser", "attack", "--corpus", "e"], ["emodb"]),
        (["kerasser", "export", "--seed=1", "--roll"], ["--rollback"]),
        (["python", "-c"], []),
        (["python", "-m", "http.server", "--b"], []),
    ],
)
def test_bash_completes_commands_flags_and_values(script, words, offered):
    quoted = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _kerasser; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", f". {script}; {ask}"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (offered, "")


ZSH = shutil.which("zsh")


@pytest.mark.skipif(not ZSH, reason="zsh is not on the PATH")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["python", "-m", "pipelines.train", "--seed", ""], ["kerasser", "train", "--seed", ""]),
        (["python", "-m", "pipelines.train", "--se"], ["kerasser", "train", "--se"]),
        (["tools/demo", "--corpus", "r"], ["kerasser", "evaluate", "--corpus", "r"]),
        (["python", "-m", "pipelines.tr"], ["modules"]),
        (["python", "-c", ""], ["files"]),
    ],
)
def test_zsh_completes_a_module_as_the_program(tmp_path, words, completed):
    (tmp_path / "script").write_text(completion.script("zsh"))
    stubs = "compdef() { }; compadd() { print -l modules }; _files() { print -l files }"
    seen = '_shtab_kerasser() { [[ $service == kerasser && $CURRENT == $#words ]] && print -rl -- "$words[@]" }'
    quoted = " ".join(f"'{word}'" for word in words)
    evaluated = f'eval "$(<{tmp_path}/script)"'
    asked = f"{stubs}\n{evaluated}\n{seen}\nwords=({quoted}) CURRENT={len(words)}\n_kerasser"
    done = subprocess.run([ZSH, "-f", "-c", asked], capture_output=True, text=True, check=True)
    assert (done.stdout.removesuffix("\n").split("\n"), done.stderr) == (completed, "")


def test_zsh_gets_its_own_script_and_other_shells_are_refused(capsys):
    cli.main("completion", "", completion.completion, ["zsh"], completion.CompletionSettings)
    shown = capsys.readouterr().out
    assert "#compdef kerasser" in shown and "compinit" in shown and "--print-config" in shown
    with pytest.raises(SystemExit) as status:
        cli.main("completion", "", completion.completion, ["zssh"], completion.CompletionSettings)
    assert status.value.code == 2
    assert "perhaps zsh" in capsys.readouterr().err


def test_a_run_that_is_refused_is_in_the_log_too(tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    with pytest.raises(SystemExit):
        cli.main("lineage", "", lambda _: _refuse(), ["x", "--log-json", str(log)], KINDS["lineage"])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["start", "error", "end"]
    assert lines[1]["message"] == "x: expected y" and lines[2]["status"] == 2
    assert capsys.readouterr().err == "lineage: x: expected y\n"


def _refuse():
    raise InputError("x: expected y")
