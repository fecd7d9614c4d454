"""What is installed is what was tested: the lock files hold all that setup.cfg asks for, with hashes alone."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
STACKS = {"default": "3.11", "modern": "3.13"}
LOCKS = [path for stack in STACKS for path in sorted((ROOT / "requirements" / stack).glob("*.lock"))]
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)[^\n]*\\\n(?:    --hash=[^\n]+\n)+", re.MULTILINE)


def pins(path):
    """Releases by name; several where Pythons differ."""
    found: dict[str, list[str]] = {}
    for match in _PIN.finditer(path.read_text()):
        found.setdefault(match["name"], []).append(match["version"])
    return found


def asked(extra, stack):
    """What setup.cfg asks for on a stack's Python: of everybody, or of an extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    text = config["options.extras_require"][extra] if extra != "base" else config["options"]["install_requires"]
    wanted = [Requirement(line) for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    python = {"python_version": STACKS[stack]}
    return [each for each in wanted if not each.marker or each.marker.evaluate(python)]


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", LOCKS, ids=name_of)
def test_a_lock_satisfies_setup_cfg(path):
    found = pins(path.with_name("base.lock")) | pins(path)
    for wanted in asked(path.stem, path.parent.name):
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        assert name in found, f"{wanted}: tools/lock adds it"
        assert all(wanted.specifier.contains(version) for version in found[name]), wanted


def test_the_stacks_are_what_their_names_say():
    default, modern = (pins(ROOT / "requirements" / stack / "base.lock") for stack in STACKS)
    assert (default["tensorflow"], default["tensorflow-io"]) == (["2.17.1"], ["0.37.1"])
    assert modern["tensorflow"] == ["2.21.0"] and "tensorflow-io" not in modern
    assert all(version.startswith("1.") for version in default["numpy"])
    assert all(version.startswith("2.") for version in modern["numpy"])
    assert default["keras"] == modern["keras"]


@pytest.mark.parametrize("path", [*LOCKS, ROOT / "requirements/uv.lock"], ids=name_of)
def test_a_lock_names_releases_and_hashes_and_no_place(path):
    text = path.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(map(len, pins(path).values())) == sum(not line.startswith(" ") for line in lines) > 0
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line.startswith(" "))
    assert "://" not in text and not re.search(r"^-|@", text, re.M)


def test_the_clients_packages_are_bounded_as_everybodys():
    """NumPy's branch is chosen by TensorFlow, which the client does without."""
    lines = (ROOT / "requirements" / "client.txt").read_text().splitlines()
    listed = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    everybodys = {str(each).partition(";")[0].strip() for each in asked("base", "default")}
    assert {each for each in listed if not each.startswith("numpy")} <= everybodys
    names = {Requirement(each).name for each in listed}
    assert names == {
        *("numpy", "soundfile", "requests", "urllib3", "soxr"),
        *("jsonargparse", "docstring-parser", "pyyaml", "tqdm"),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_one_release_of_a_package_in_all_locks(stack):
    found: dict[str, list[str]] = {}
    for path in (path for path in LOCKS if path.parent.name == stack):
        for name, versions in pins(path).items():
            assert found.setdefault(name, versions) == versions, name


@pytest.mark.parametrize(
    ("stack", "python"),
    [("default", "3.11"), ("default", "3.12"), ("modern", "3.11"), ("modern", "3.12"), ("modern", "3.13")],
)
def test_on_any_python_a_stack_asks_for_its_own_releases(stack, python):
    script = f". tools/environment.sh; of_stack {stack} <setup.cfg"
    found = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    config = configparser.ConfigParser()
    config.read_string(found)
    wanted = [Requirement(line) for line in config["options"]["install_requires"].splitlines() if line[:1].isalpha()]
    chosen = [str(each.specifier) for each in wanted if each.name == "tensorflow" and _holds(each, python)]
    assert chosen == [{"default": "<2.18,>=2.16.2", "modern": "<2.22,>=2.21"}[stack]]
    assert any(each.name == "tensorflow-io" and _holds(each, python) for each in wanted) == (stack == "default")


def _holds(requirement, python):
    return requirement.marker is None or requirement.marker.evaluate({"python_version": python})
