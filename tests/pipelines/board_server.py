"""A real TensorBoard in a process of its own."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(logdir: Path, runs: int):
    """Starts TensorBoard on a free port; yields its address once it has found so many runs."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = next((found[0] for line in process.stderr if (found := re.findall(r"http://127\S+", line))), None)
            assert address, f"TensorBoard did not start: status {process.poll()}"
            end = time.monotonic() + 60
            while len(found := ask(address, "data/runs")) < runs:
                assert time.monotonic() < end, f"TensorBoard found {found}"
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def ask(address, place, body=None, **query):
    """Returns what TensorBoard answers, parsed where it is JSON."""
    url = urllib.parse.urljoin(address, place) + (f"?{urllib.parse.urlencode(query)}" if query else "")
    request = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
        return json.loads(content) if "json" in answer.headers["Content-Type"] else content
