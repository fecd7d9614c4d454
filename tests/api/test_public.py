"""`import kerasser`: quick, whole, typed, and at peace with the packages of the same names."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import kerasser
import kerasser.attack.search
from kerasser.api import attacking, describing
from kerasser.attack.budget import Budget
from kerasser.features.base import EGEMAPS_NAMES

ROOT = Path(__file__).parents[2]


def loaded(code):
    """Returns which heavy packages a fresh process has after some code."""
    heavy = ("tensorflow", "keras", "matplotlib", "pandas", "scipy", "numpy", "opensmile")
    report = f"{code}; import sys; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_import_alone_loads_nothing():
    assert loaded("import kerasser") == []
    assert loaded("import kerasser; callable(kerasser.attack), dir(kerasser)") == []
    assert loaded("import kerasser; kerasser.Epsilon(2), kerasser.InputError") == ["numpy"]


def test_speech_noise_and_results_wait_for_neither_tensorflow_nor_matplotlib():
    found = loaded("import kerasser; kerasser.Speech, kerasser.Noise, kerasser.Result, kerasser.Target")
    assert not {"tensorflow", "keras", "matplotlib"} & set(found)


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(kerasser, name) is not None for name in kerasser.__all__)
    assert set(kerasser.__all__) <= set(dir(kerasser))
    with pytest.raises(AttributeError, match="nonsense"):
        kerasser.nonsense  # noqa: B018


def test_the_stub_says_the_same_names_from_the_same_places():
    stub = ast.parse((ROOT / "kerasser/__init__.pyi").read_text())
    named = {
        alias.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {*named, "__version__"} == set(kerasser.__all__)
    functions = {"attack": attacking.attack, "features": describing.features}
    for name, module in named.items():
        found = functions.get(name, getattr(kerasser, name))
        assert found is getattr(sys.modules[module], name)


def test_packages_are_packages_and_can_be_called(monkeypatch):
    assert kerasser.attack.search.__name__ == "kerasser.attack.search"
    assert isinstance(kerasser.SNR(10), Budget) and len(EGEMAPS_NAMES) == 25
    monkeypatch.setattr(attacking, "attack", lambda *given, **named: ("attack", given, named))
    monkeypatch.setattr(describing, "features", lambda *given, **named: ("features", given, named))
    assert kerasser.attack("victim", draws=2) == ("attack", ("victim",), {"draws": 2})
    assert kerasser.features([0.0], 8000) == ("features", ([0.0], 8000), {})


def test_a_package_has_the_signature_of_what_it_calls():
    assert inspect.signature(kerasser.attack) == inspect.signature(attacking.attack)
    assert inspect.signature(kerasser.features) == inspect.signature(describing.features)


def test_calls_are_checked_by_their_types(tmp_path):
    (tmp_path / "user.py").write_text(
        "import kerasser\n"
        "from kerasser.attack.budget import Budget\n"
        "budget: Budget = kerasser.SNR(10)\n"
        "speech = kerasser.load_corpus('demo', limit=8)\n"
        "result = kerasser.attack(print, speech, kerasser.load_noise(), budgets=[budget], seed=1)\n"
        "error: float = result.clean.error\n"
        "kerasser.attack(print, speech, budgets=[budget])\n"
    )
    command = [sys.executable, "-m", "mypy", "--follow-imports", "silent", "--ignore-missing-imports"]
    done = subprocess.run(
        [*command, "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "user.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    (found, _) = done.stdout.splitlines()
    assert ':7: error: Missing positional argument "noise" in call to "attack"' in found
