"""The client's tests, and then latency and throughput, against a TF Serving of saved_models/."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from kerasser.serving.client import Model, connect
from tests.serving import server
from tests.serving.small import speech

_THREADS = 4


def main() -> None:
    """Ends with the status of the tests."""
    parser = argparse.ArgumentParser(prog="tools/serving_smoke", description=__doc__)
    parser.add_argument("--models-dir", type=Path, default=Path("saved_models"), help="what the server serves")
    parser.add_argument("--model", default="demo", help="the model that is asked")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each figure is measured")
    arguments = parser.parse_args()
    environment = {
        **os.environ,
        "KERASSER_MODELS_DIR": str(arguments.models_dir.resolve()),
        "TF_SERVING_MODEL": arguments.model,
    }
    tests = [sys.executable, "-m", "pytest", "-q", "tests/serving/test_client.py", "-k", "tensorflow_model_server"]
    status = subprocess.run(tests, env=environment, cwd=Path(__file__).parents[1], check=False).returncode
    url = os.environ.get("TF_SERVING_URL")
    models_dir = arguments.models_dir.resolve()
    found = (
        nullcontext(server.running(url, models_dir, arguments.model))
        if url
        else server.real(models_dir, arguments.model)
    )
    with found as served:
        for address in (served.rest, f"grpc://{served.grpc}"):
            print(_measured(address, connect(address, arguments.model), arguments.seconds))
    raise SystemExit(status)


def _measured(address: str, model: Model, seconds: float) -> str:
    """Returns p50 and p99 of one request at a time, and how many utterances several threads get answered."""
    utterance = speech(396)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        model.answer([utterance])
        times.append(1000 * (time.perf_counter() - start))

    def keep_asking(_: int) -> int:
        count, until = 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            count += len(model.answer([utterance] * 8))
        return count

    with ThreadPoolExecutor(_THREADS) as pool:
        start = time.perf_counter()
        rate = sum(pool.map(keep_asking, range(_THREADS))) / (time.perf_counter() - start)
    return (
        f"{address}: 4 s of speech, p50 {np.median(times):.1f} ms, p99 {np.percentile(times, 99):.1f} ms; "
        f"{_THREADS} threads with 8 utterances a request: {rate:.0f} utterances/s"
    )


if __name__ == "__main__":
    main()
