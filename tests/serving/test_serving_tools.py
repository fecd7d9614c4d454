"""The tools that measure what is served; against a real server they need one, here they meet the loopback."""

import re
import subprocess

import pytest
import soundfile

from tests.serving import server
from tests.serving.small import voice
from tests.tools import ROOT, run


@pytest.mark.slow
def test_the_smoke_test_runs_the_clients_tests_and_measures(models_dir):
    """Slow: the client's tests run once more, in a process that takes the loopback for a real server."""
    with server.loopback(models_dir) as served:
        said = run(
            "serving_smoke.py",
            "--models-dir",
            models_dir,
            "--model",
            "tiny",
            "--seconds",
            "0.3",
            TF_SERVING_URL=served.rest,
            TF_SERVING_GRPC=served.grpc,
        )
    assert said.returncode == 0, said.stdout + said.stderr
    assert re.search(r"\b1[0-9] passed", said.stdout)
    for address in (served.rest, f"grpc://{served.grpc}"):
        assert re.search(rf"{re.escape(address)}: .* p50 \d.* p99 \d.* utterances/s", said.stdout)


def test_without_a_server_the_smoke_test_says_that_it_is_skipped(tmp_path):
    for tool in ("bash", "dirname", "env"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    said = subprocess.run(
        [ROOT / "tools" / "serving_smoke"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert said.returncode == 77
    assert "skipped: neither is tensorflow_model_server installed nor TF_SERVING_URL set" in said.stderr


def test_the_agreement_of_answers_is_printed(listening_model, tmp_path):
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.wav", voice(1, number), 16000, subtype="PCM_16")
    said = run("agreement_benchmark.py", listening_model, tmp_path)
    assert said.returncode == 0, said.stderr
    rows = re.findall(r"^\| (\w+) \| 2 \| ([012]) \((\d+)\.0 %\) \| [\d.e-]+ \|$", said.stdout, re.M)
    assert [name for name, _, _ in rows] == ["audio", "audio_undefended"]
    assert all(50 * int(equal) == int(share) for _, equal, share in rows)
    assert len(re.findall(r"^\| \w+ \| [01]\.wav \|", said.stdout, re.M)) == 4 - sum(int(equal) for _, equal, _ in rows)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_benchmark_prints_a_row_for_each_duration_and_signature(listening_model):
    """Slow: each figure takes three calls at least, some of them for 32 times 16 s of speech."""
    said = run("serving_benchmark.py", "--saved-model", listening_model, "--seconds", "0")
    assert said.returncode == 0, said.stderr
    rows = [line for line in said.stdout.splitlines() if re.match(r"\| \d+ s \|", line)]
    assert [line.split(" | ")[0].strip("| ") for line in rows] == [*["1 s"] * 4, *["4 s"] * 4, *["16 s"] * 4]
    assert all(float(number) > 0 for line in rows for number in re.findall(r"[\d.]+(?= /)", line))
