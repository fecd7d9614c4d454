"""The listening test as its makers, its listeners and its scorers meet it."""

import csv
import json
import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from kerasser.attack.budget import Budget
from kerasser.listening import score
from pipelines.cli.main import main
from pipelines.listening_test import DESCRIPTION, ListeningSettings, listening_test
from tests.pipelines import browser, corpus

FEW = ["--items", "4", "--catch-items", "2", "--quiet"]


def run(*arguments):
    main("listening_test", DESCRIPTION, listening_test, [str(argument) for argument in arguments], ListeningSettings)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("listening")
    listing, noise = corpus.write(root)
    return root, corpus.arguments(listing, noise, root / "out")


@pytest.fixture(scope="module")
def made(place):
    root, arguments = place
    run(*arguments, *FEW)
    return root / "out/listening-tests/manifest-fold-1-seed-0"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_test_is_made_where_it_is_said(made):
    assert sorted(path.name for path in made.iterdir()) == ["key.json", "listeners"]
    key = json.loads((made / "key.json").read_text())
    assert (key["corpus"], key["synthetic"], key["noise_synthetic"], key["fold"]) == ("manifest", False, False, "1")
    rows = key["trials"]
    assert len(list((made / "listeners/sounds").iterdir())) == 3 * len(rows) == 18
    assert Counter(row["target"] for row in rows if not row["catch"]) == {0.5: 2, 2.0: 2}
    assert sum(row["catch"] for row in rows) == 2


def test_the_test_speakers_meet_the_test_stretch(place, made):
    folds = json.loads(next((place[0] / "out/artifacts").glob("*/*/folds.json")).read_text())
    rows = json.loads((made / "key.json").read_text())["trials"]
    assert {row["noise_split"] for row in rows} == {"test"}
    assert {row["utterance"].split("_")[0] for row in rows} <= set(folds[0]["test"])


def test_what_is_heard_is_the_first_draw_of_the_attack(place, made):
    """The seed of a draw is that of the examples which evaluate measures."""
    from kerasser.attack.draws import derive_seed

    for row in json.loads((made / "key.json").read_text())["trials"]:
        budget = Budget(row["budget"], row["target"])
        parts = (0, row["utterance"], "test", row["noise"], budget.kind, budget.value, 0)
        assert row["seed"] == derive_seed(*parts)


def test_the_same_seed_makes_the_same_bytes(place, made, capsys):
    root, arguments = place
    run(*arguments, *FEW, "--out", root / "again")
    said = capsys.readouterr().out.splitlines()
    assert said == [str(root / "again/key.json"), str(root / "again/listeners/index.html")]
    assert contents(made) == contents(root / "again")
    run(*arguments, *FEW, "--out", root / "other", "--seed", 1)
    assert contents(root / "again") != contents(root / "other")


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1 and said.startswith("listening_test: ")
    return said


def test_bad_wishes_are_refused_in_one_line_and_leave_nothing(place, made, capsys):
    root, arguments = place
    new = [*arguments, "--quiet", "--out", root / "new"]
    assert "expected a folder that does not exist yet" in refused(capsys, *arguments, *FEW)
    assert "expected a folder that does not exist yet" in refused(capsys, *arguments, *FEW, "--out", made)
    assert "Received: 500" in refused(capsys, *new, "--items", "500")
    assert "with 0 utterances" in refused(capsys, *new, "--longest-s", "0.2")
    assert "attack.epsilons" in refused(capsys, *new, "--attack.epsilons", "[]")
    assert "--score with --key. Received: no --key" in refused(capsys, "--score", "a.csv")
    assert "--score with --key. Received: no --score" in refused(capsys, "--key", made / "key.json")
    assert "a.csv: expected a file of answers" in refused(capsys, "--score", "a.csv", "--key", made / "key.json")
    assert "key.json of a listening test" in refused(capsys, "--score", "a.csv", "--key", "none.json")
    assert "Received: 'all'" in refused(capsys, *new, "--fold", "all")
    assert not (root / "new").exists() and not (root / "new.part").exists()


def test_scores_are_printed_for_several_files_and_keys(made, tmp_path, capsys):
    rows = json.loads((made / "key.json").read_text())["trials"]
    files = []
    for listener in ("p", "q"):
        files.append(tmp_path / f"{listener}.csv")
        with files[-1].open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(score.COLUMNS)
            table.writerows([listener, row["trial"], row["x"], "x", 1] for row in rows)
    run("--score", *files, "--key", made / "key.json", made / "key.json")
    said = capsys.readouterr().out
    assert "| p | 4 | 2 of 2 | kept |" in said
    assert (
        re.search(r"\| manifest \| 2 \| all 2 kept \| 4 \| 0 \| 100.0 \[39.8, 100.0\] \| 0.0 \[0.0, 120", said) is None
    )
    assert "| manifest | 2 | all 2 kept | 4 | 0 | 100.0 [39.8, 100.0] | 0.0 [0.0, 100.0] | 0.125 |" in said


def downloaded(folder):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        # Chromium gives a file its name once it is whole.
        if files := list(folder.glob("*.csv")):
            return files[0]
        time.sleep(0.05)
    raise AssertionError("no CSV file was downloaded")


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="neither chromium nor chromium-browser is on PATH")
def test_a_listener_hears_answers_reloads_and_is_scored(made, tmp_path, capsys):
    """Slow: a browser starts, and sounds play in real time."""
    key = {row["trial"]: row for row in json.loads((made / "key.json").read_text())["trials"]}
    url = (made / "listeners/index.html").as_uri()
    given = {}
    with browser.page(tmp_path / "profile") as page:
        page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        page.call("Network.enable")
        page.open(url)
        assert page.evaluate("getComputedStyle(find('trial')).display") == "none"
        assert page.evaluate("find('start').disabled")
        page.click("#start")
        page.press("1")
        assert not page.evaluate("localStorage.length")
        page.click("#consent")
        page.click("#start")
        for number in range(len(key)):
            assert page.evaluate("find('place').textContent") == f"Trial {number + 1} of {len(key)}"
            trial = page.evaluate("order[state.answers.length].trial")
            page.press("1")
            assert page.evaluate("state.answers.length") == number, "an answer before X was heard"
            if number % 2:
                page.press(" ")
            else:
                for slot in "abx":
                    page.press(slot)
                    page.wait(f"heard.has('{slot}')")
            page.wait("heard.size === 3")
            given[trial] = key[trial]["x"]
            page.press("1" if given[trial] == "A" else "2")
            page.wait(f"state.answers.length === {number + 1}")
            if number == 2:
                before = page.evaluate("JSON.stringify([state, order])")
                page.evaluate("window.old = true")
                page.call("Page.reload")
                page.wait("!window.old && document.readyState === 'complete' && typeof state === 'object'")
                assert page.evaluate("JSON.stringify([state, order])") == before
        assert page.evaluate("find('trial').hidden && !find('done').hidden && find('trouble').hidden")
        page.click("#download")
        file = downloaded(tmp_path)
        listener = page.evaluate("state.listener")
        folder = url.removesuffix("index.html")
        assert page.asked and all(address.startswith((folder, "data:", f"blob:{folder[:7]}")) for address in page.asked)
    assert file.name == f"answers-{listener}.csv" and re.fullmatch("[0-9a-f]{12}", listener)
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert {row["trial"]: row["answer"] for row in rows} == given
    assert all(row["listener"] == listener and 0 < int(row["ms"]) < 60000 for row in rows)
    run("--score", file, "--key", made / "key.json")
    said = capsys.readouterr().out
    assert f"| {listener} | 4 | 2 of 2 | kept |" in said
    assert "| manifest | all | all 1 kept | 4 | 0 | 100.0" in said


@pytest.mark.real_audio
def test_real_recordings_make_a_test(real_data, tmp_path):
    place = ["--corpus", "emodb", "--corpus-dir", real_data / "EMO-DB", "--noise-dir", real_data / "noise"]
    run(*place, "--output-dir", tmp_path, "--items", 10, "--catch-items", 2, "--quiet", "--out", tmp_path / "test")
    rows = json.loads((tmp_path / "test/key.json").read_text())["trials"]
    assert Counter(row["target"] for row in rows if not row["catch"]) == dict.fromkeys((0.1, 0.5, 1.0, 1.5, 2.0), 2)
    for path in Path(tmp_path, "test/listeners/sounds").iterdir():
        assert soundfile.info(path).samplerate == 16000
    assert os.listdir(tmp_path / "test/listeners/sounds")
