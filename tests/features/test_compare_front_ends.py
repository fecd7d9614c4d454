"""tools/compare_front_ends: what it prints, and whether it tells a front end that is off from one that is not."""

import importlib.util
import sys

import numpy as np
import pytest

from tests import tools
from tests.pipelines import corpus


@pytest.fixture(scope="module")
def compare():
    spec = importlib.util.spec_from_file_location("compare_front_ends", tools.ROOT / "tools/compare_front_ends.py")
    module = sys.modules["compare_front_ends"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def listing(tmp_path_factory):
    return corpus.write(tmp_path_factory.mktemp("compared"), speakers=1, each=4)[0]


@pytest.fixture
def ended(compare, listing, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["", *arguments, f"manifest={listing}"])
        with pytest.raises(SystemExit) as end:
            compare.main()
        return end.value.code, capsys.readouterr().out

    return run


def test_opensmile_agrees_with_itself(ended, tmp_path):
    status, printed = ended("--front-end", "opensmile", "--write", str(tmp_path / "t.md"))
    assert status == 0
    assert "4 utterances, 2 s, 184 frames; as many frames in 4 of them. Every bar is reached." in printed
    assert "| Loudness | 1.0000000 | 0e+00 | 100.00 |  | 99.9 %, r 0.99999: holds |" in printed
    assert (tmp_path / "t.md").read_text() in printed


def test_a_front_end_that_is_off_is_told_and_ends_with_status_one(compare, ended, monkeypatch):
    reference = compare.described

    def off(name, speech):
        frames = [np.array(each) for each in reference("opensmile", speech)]
        if name == "graph":
            frames = [frames[0][:-1], *(each * np.where(np.arange(25) == 0, 1.01, 1) for each in frames[1:])]
        return frames

    monkeypatch.setattr(compare, "described", off)
    status, printed = ended("--files", "2")
    assert status == 1
    assert "as many frames in 1 of them. Missed: Loudness_sma3." in printed
    assert "r 0.99999: **missed** |" in printed


def test_a_reader_that_is_not_there_is_refused(compare, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["", "other=x"])
    with pytest.raises(compare.InputError, match="expected CORPUS=DIR, of audformat"):
        compare.main()
