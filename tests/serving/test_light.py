"""Sound files to emotions without TensorFlow and opensmile: what the client's machine needs."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kerasser.serving.client import AUDIO, LocalModel
from tests.serving import server
from tests.serving.small import voice

ROOT = Path(__file__).parents[2]
#: What each of them brings in turn, as their modules are called.
_SOUND = "numpy soundfile _soundfile _soundfile_data cffi _cffi_backend typing_extensions "
REST = _SOUND + "requests urllib3 certifi idna charset_normalizer"
GRPC = _SOUND + "grpc google"
# No module but the standard library's, ours and these.
ALONE = """
import sys
class Alone:
    allowed = {*sys.stdlib_module_names, "kerasser", *%r.split()}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Alone())
"""
LIGHT = [
    *("kerasser.audio", "kerasser.decoding", "kerasser.resampling", "kerasser.headers"),
    *("kerasser.serving.sound", "kerasser.serving.wav", "kerasser.serving.predictions", "kerasser.serving.client"),
    *("kerasser.serving.client.answers", "kerasser.serving.client.retrying", "kerasser.serving.client.local"),
]


@pytest.fixture
def sounds(tmp_path):
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", voice(0.5 + number / 4, number), 16000, subtype="PCM_16")
    soundfile.write(tmp_path / "3.flac", np.stack([voice(0.4, 3)] * 2, 1), 16000)
    (tmp_path / "4.wav").write_bytes(b"RIFF nothing")
    return tmp_path


@pytest.fixture(scope="module")
def loopback(models_dir):
    with server.loopback(models_dir) as served:
        yield served


def run(*command, **options):
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [*map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, **options
    )


def check(said, loopback, sounds):
    """The answers are those of the SavedModel, and the file that is none is named."""
    assert said.returncode == 0, said.stderr
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["0.wav", "1.wav", "2.wav", "3.flac", "4.wav"]
    assert "expected" in lines.pop()["error"]
    heard = [soundfile.read(line["file"], dtype="float32", always_2d=True)[0][:, 0] for line in lines]
    expected = LocalModel(loopback.saved_model).listen(heard, AUDIO)
    assert [line["label"] for line in lines] == [answer.label for answer in expected]
    for line, answer in zip(lines, expected, strict=True):
        assert line["probabilities"] == pytest.approx(answer.probabilities, abs=1e-5)
        assert line["undefended"]["label"] in answer.probabilities


@pytest.mark.parametrize(
    ("packages", "modules"),
    [
        (REST, [*LIGHT, "kerasser.serving.client.rest"]),
        (GRPC, [*LIGHT, "kerasser.serving.client.rpc", "kerasser.serving.client.messages"]),
    ],
    ids=["REST", "gRPC"],
)
def test_each_way_is_importable_with_its_own_packages_alone(packages, modules):
    said = run(sys.executable, "-c", ALONE % packages + f"import {', '.join(modules)}")
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("way", ["REST", "gRPC"])
def test_files_are_answered_with_these_packages_alone(way, loopback, sounds):
    url = loopback.rest if way == "REST" else f"grpc://{loopback.grpc}"
    arguments = [str(sounds), "--server", url, "--model", loopback.model, "--compare", "--skip-unusable"]
    code = ALONE % (REST if way == "REST" else GRPC)
    code += f"from kerasser.serving.client.__main__ import main; main({arguments!r})"
    check(run(sys.executable, "-c", code), loopback, sounds)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "nobody"], "nobody"),
        ([], "4.wav: expected"),
        (["--model", "perturbation"], "features: expected a model with the signature audio"),
    ],
    ids=["model", "file", "no sound"],
)
def test_what_the_small_client_refuses_is_one_line(arguments, words, loopback, sounds):
    command = [sys.executable, "-m", "kerasser.serving.client", sounds, "--server", loopback.rest]
    said = run(*command, "--model", loopback.model, *arguments)
    assert said.returncode == 2
    assert said.stderr.startswith("client: ") and words in said.stderr and said.stderr.count("\n") == 1


def test_a_missing_package_is_named(loopback, sounds):
    arguments = [str(sounds), "--server", f"grpc://{loopback.grpc}", "--model", loopback.model]
    code = ALONE % REST + f"from kerasser.serving.client.__main__ import main; main({arguments!r})"
    said = run(sys.executable, "-c", code)
    assert said.returncode == 2
    assert "pip install grpcio protobuf. Received: No module named 'grpc'" in said.stderr


@pytest.mark.slow
def test_predict_runs_in_an_environment_of_the_packages_in_client_txt(loopback, sounds, tmp_path_factory):
    """Slow: makes an environment and installs into it, from the network or pip's cache."""
    try:
        urllib.request.urlopen("https://pypi.org/simple/idna/", timeout=10).close()
    except OSError as error:
        pytest.skip(f"the package index is not reachable: {error}")
    place = tmp_path_factory.mktemp("light")
    assert run(sys.executable, "-m", "venv", place).returncode == 0
    python = place / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", "-r", "requirements/client.txt", timeout=600)
    assert installed.returncode == 0, installed.stderr
    there = run(python, "-m", "pip", "list", "--format", "freeze").stdout.lower()
    assert not any(name in there for name in ("tensorflow", "keras", "opensmile", "scipy", "pandas"))
    # At another rate too.
    soundfile.write(sounds / "5.wav", voice(0.5), 22050)
    arguments = ["--server", loopback.rest, "--model", loopback.model, "--compare", "--skip-unusable"]
    said = run(python, "-m", "pipelines.predict", sounds, *arguments)
    *lines, last = said.stdout.splitlines(keepends=True)
    assert json.loads(last)["label"] in ("negative", "positive"), said.stderr
    check(subprocess.CompletedProcess(said.args, said.returncode, "".join(lines), said.stderr), loopback, sounds)
    helped = run(python, "-m", "pipelines.predict", "--help")
    assert "--features" in helped.stdout, helped.stderr
