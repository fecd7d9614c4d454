"""The tools say in plain words what a machine lacks."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout without its environment, and a folder whose programs come first."""
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("tools", "kerasser", "pipelines", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(checkout, name, script):
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


#: A Python of no use but for tools/environment.sh: what it is run for, its environment says on standard output.
_PYTHON = """
case "$*" in
  "-c import sys"*) echo VERSION ;;
  --version) echo "Python VERSION.1" ;;
  "-m venv "*)
    place="$3/lib/pythonVERSION/site-packages/kerasser-1.dist-info"
    mkdir -p "$3/bin" "$place"
    echo 'Requires-Dist: tensorflow<2.18; python_version < "3.13"' > "$place/METADATA"
    for name in python mypy ruff; do cp "$0" "$3/bin/$name"; done ;;
  *" pip "*"uv.lock"*) cp "$(dirname "$0")/../../uv" "$(dirname "$0")/uv" ;;
  *) case "$0" in *python) echo "$(basename "$(dirname "$(dirname "$0")")") VERSION $*" ;; esac ;;
esac
"""
_UV = """
case "$*" in
  "python install"*) cp VERSIONS/python$4 got ;;
  "python find"*) [ "${UV_PYTHON_DOWNLOADS:-}" != never ] && echo "$PWD/got" ;;
  *) exit 1 ;;
esac
"""
#: Has a Python of one version, and reaches no network.
_UV_KNOWS = """
case "$UV_PYTHON_DOWNLOADS $*" in
  "never python find"*3.12) echo KNOWN ;;
  *) exit 1 ;;
esac
"""


def pythons(checkout, *versions):
    """Puts Pythons on the PATH; whatever else has such a name does not run."""
    for name in ("uv", "python3", "python3.11", "python3.12", "python3.13"):
        program(checkout, name, '[ "$1" = --version ] && echo "Python 3.9.2" && exit 0; exit 1')
    for version in versions:
        program(checkout, f"python{version}", _PYTHON.replace("VERSION", version))
    program(checkout, "df", "echo header; echo /dev/x 9 9 9000000 1% /")


def uv(checkout):
    """Puts a uv on the PATH that gets any of three Pythons."""
    store = checkout / "store"
    store.mkdir()
    program(checkout, "uv", _UV.replace("VERSIONS", str(store)))
    for version in ("3.11", "3.12", "3.13"):
        (store / f"python{version}").write_text("#!/bin/bash\n" + _PYTHON.replace("VERSION", version))
        (store / f"python{version}").chmod(0o755)


def run(checkout, tool, *arguments, **variables):
    environment = {**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"}
    environment.pop("PYTHON", None)
    return subprocess.run(
        [checkout / "tools" / tool, *arguments],
        cwd="/",
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def installed(checkout, folder):
    """Which stack's releases an environment was made of."""
    (stack,) = set(re.findall(r"requirements/(\w+)/base\.lock", (checkout / folder / "install.log").read_text()))
    return stack


@pytest.mark.parametrize("tool", ["completion", "coverage", "demo", "docs", "listening_test", "test"])
def test_a_wrong_python_is_said(checkout, tool):
    pythons(checkout)
    result = run(checkout, tool)
    assert result.returncode == 1
    assert f"{tool}: Python 3.13, 3.12, 3.11 is needed, found Python 3.9.2" in result.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("versions", "chosen", "stack"),
    [
        (("3.11", "3.12", "3.13"), "3.13", "modern"),
        (("3.11", "3.12"), "3.12", "default"),
        (("3.11",), "3.11", "default"),
    ],
)
def test_the_newest_python_chooses_the_stack(checkout, versions, chosen, stack):
    pythons(checkout, *versions)
    result = run(checkout, "demo", "--seed", "1")
    assert result.stdout.split() == [
        *(".venv", chosen, "-m", "pipelines.evaluate"),
        *("--config", "pipelines/configs/demo.yaml", "--seed", "1"),
    ]
    (said,) = result.stderr.splitlines()
    assert f"demo: installing the {stack} stack for Python {chosen} into .venv, once" in said
    assert installed(checkout, ".venv") == stack
    # It is made once, whatever Python comes to the machine afterwards.
    pythons(checkout, "3.11", "3.12", "3.13")
    assert run(checkout, "demo").stdout.startswith(f".venv {chosen} ")


def test_a_python3_without_its_number_is_found(checkout):
    pythons(checkout)
    program(checkout, "python3", _PYTHON.replace("VERSION", "3.12"))
    assert run(checkout, "demo").stdout.startswith(".venv 3.12 ")


def test_the_other_stack_lies_beside_the_first(checkout):
    pythons(checkout, "3.11")
    result = run(checkout, "test", "--stack", "modern", "-k", "noise")
    assert result.stdout.startswith(".venv-modern 3.11 -m pytest ") and result.stdout.endswith(" -k noise\n")
    assert not (checkout / ".venv").exists() and installed(checkout, ".venv-modern") == "modern"
    # What is installed asks for what was installed.
    (metadata,) = (checkout / ".venv-modern").glob("lib/*/*/*/METADATA")
    assert metadata.read_text() == 'Requires-Dist: tensorflow<2.18; python_version < "3.11"\n'
    assert run(checkout, "test", "-x").stdout.startswith(".venv 3.11 -m pytest ")
    assert run(checkout, "test", "--stack=default").stdout.startswith(".venv 3.11 -m pytest ")
    assert run(checkout, "test", "--stack=modern").stdout.startswith(".venv-modern 3.11 -m pytest ")


def test_the_default_stack_lies_beside_todays(checkout):
    pythons(checkout, "3.11", "3.13")
    assert run(checkout, "test", "--stack", "default").stdout.startswith(".venv-default 3.11 -m pytest ")
    assert installed(checkout, ".venv-default") == "default"
    assert run(checkout, "test", "--stack", "modern").stdout.startswith(".venv 3.13 -m pytest ")
    assert installed(checkout, ".venv") == "modern"


@pytest.mark.parametrize("arguments", [("--stack",), ("--stack=old",), ("-x", "--stack", "-k")])
def test_an_unknown_stack_is_said(checkout, arguments):
    pythons(checkout, "3.11")
    result = run(checkout, "test", *arguments)
    assert result.returncode == 1
    assert "test: --stack: expected default or modern. Received: " in result.stderr and "\n" not in result.stderr[:-1]


def test_a_python_that_was_named_is_taken_or_refused(checkout):
    pythons(checkout, "3.12", "3.13")
    result = run(checkout, "test", "--stack", "default", PYTHON="python3.13")
    assert result.returncode == 1
    assert result.stderr == "test: PYTHON: expected Python 3.12, 3.11. Received: python3.13, 3.13\n"
    assert run(checkout, "demo", PYTHON="python3.12").stdout.startswith(".venv 3.12 ")


def test_where_no_python_is_uv_gets_one(checkout):
    pythons(checkout)
    uv(checkout)
    result = run(checkout, "demo")
    assert result.stdout.startswith(".venv 3.13 "), result.stderr
    assert result.stderr.splitlines()[:2] == [
        "demo: no Python 3.13, 3.12, 3.11 on the PATH: asking uv for one …",
        "demo: uv downloads Python 3.13, once …",
    ]
    assert run(checkout, "test", "--stack", "default").stdout.startswith(".venv-default 3.12 ")


def test_a_python_that_uv_knows_is_not_downloaded(checkout):
    pythons(checkout)
    program(checkout, "uv", _UV_KNOWS.replace("KNOWN", str(checkout / "known")))
    (checkout / "known").write_text("#!/bin/bash\n" + _PYTHON.replace("VERSION", "3.12"))
    (checkout / "known").chmod(0o755)
    result = run(checkout, "demo")
    assert result.stdout.startswith(".venv 3.12 "), result.stderr
    assert "downloads" not in result.stderr


def test_where_no_uv_is_an_older_python_installs_it(checkout):
    pythons(checkout)
    program(checkout, "python3", _PYTHON.replace("VERSION", "3.9"))
    uv(checkout)
    (checkout / "bin/uv").rename(checkout / "uv")
    # Of all that is on the PATH, a machine's own uv alone is missing.
    places = [place for place in os.environ["PATH"].split(":") if not os.path.exists(f"{place}/uv")]
    result = run(checkout, "demo", PATH=":".join([str(checkout / "bin"), *places]))
    assert result.stdout.startswith(".venv 3.13 "), result.stderr
    assert (checkout / ".venv-uv/bin/uv").is_file()


def test_a_full_disk_is_said(checkout):
    program(checkout, "df", "echo header; echo /dev/x 9 9 2000000 1% /")
    result = run(checkout, "demo")
    assert result.returncode == 1
    assert "5 GB of disk are needed" in result.stderr and "1 GB are free" in result.stderr


def test_a_missing_network_is_said(checkout):
    # An interpreter that makes environments, for all that it has nothing to install.
    program(checkout, "python3.13", f'exec "{sys.executable}" "$@"')
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": "/dev/null"}
    program(checkout, "df", "echo header; echo /dev/x 9 9 9000000 1% /")
    result = run(checkout, "demo", **nowhere, PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")
    assert result.returncode == 1
    assert "the Python package index could not be reached" in result.stderr
    assert not (checkout / ".venv/.installed").exists()


def test_the_image_holds_what_the_demo_needs():
    """No engine builds it here: what the Dockerfile copies is there, and no more than that goes to the engine."""
    copied = re.findall(r"^COPY --chown=kerasser (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [name for line in copied for name in line.split()]
    assert "." in sources and all((ROOT / name).exists() for name in sources)
    ignored, *kept = (ROOT / ".dockerignore").read_text().split()
    kept = {name[1:].split("/")[0] for name in kept if name.startswith("!")}
    assert ignored == "*" and {name.split("/")[0] for name in sources} - {"."} <= kept
    # What makes the stamp of an environment and what is installed into it, before the code is there.
    assert {"setup.cfg", "pyproject.toml", "requirements", "tools"} <= set(sources)
