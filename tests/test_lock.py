"""What is installed is what was tested: the lock files hold all that setup.cfg asks for, with hashes alone."""

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)[^\n]*\\\n(?:    --hash=[^\n]+\n)+", re.MULTILINE)


def pins(path):
    """Releases by name; several where Pythons differ."""
    found: dict[str, list[str]] = {}
    for match in _PIN.finditer(path.read_text()):
        found.setdefault(match["name"], []).append(match["version"])
    return found


def asked(extra):
    """What setup.cfg asks for: of everybody, or of an extra."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    text = config["options.extras_require"][extra] if extra != "default" else config["options"]["install_requires"]
    return [Requirement(line) for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_satisfies_setup_cfg(path):
    found = pins(ROOT / "requirements/default.lock") | pins(path)
    for wanted in asked(path.stem):
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        assert name in found, f"{wanted}: tools/lock adds it"
        assert all(wanted.specifier.contains(version) for version in found[name]), wanted


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_releases_and_hashes_and_no_place(path):
    text = path.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(map(len, pins(path).values())) == sum(not line.startswith(" ") for line in lines)
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line.startswith(" "))
    assert "://" not in text and not re.search(r"^-|@", text, re.M)


def test_one_release_of_a_package_in_all_locks():
    found: dict[str, list[str]] = {}
    for path in LOCKS:
        for name, versions in pins(path).items():
            assert found.setdefault(name, versions) == versions, name
