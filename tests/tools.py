"""The scripts in tools/, run as the shell runs them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(script, *arguments, timeout=300, **variables):
    """Runs a script of tools/ from the top of the clone; the variables come on top of the environment."""
    return subprocess.run(
        [sys.executable, ROOT / "tools" / script, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
