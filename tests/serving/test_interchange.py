"""A SavedModel of one stack answers alike in the other: TensorFlow 2.17 serves what 2.21 wrote, and 2.21 what 2.17 did.

Slow: each network is written in one process and asked in another, with TensorFlow imported in both.
"""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kerasser.serving import validation

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.smoke]
_TENSORFLOW = "import importlib.metadata; print(importlib.metadata.version('tensorflow'))"
#: Writes a defended classifier and the perturbation, with records of what they answered there and then.
_WRITE = """
import sys
from pathlib import Path
from kerasser.attack import perturbation_graph
from kerasser.serving import export, warmup
from tests.serving.small import CLASSES, MEAN, VARIANCE, networks

place = Path(sys.argv[1])
model, cleaner = networks()
export.write(place / "classifier", model, CLASSES, cleaner)
warmup.write(place / "classifier", warmup.of_models(model, CLASSES, cleaner, MEAN, VARIANCE))
perturbation_graph.write(place / "perturbation")
warmup.write(place / "perturbation", perturbation_graph.warm_up_records())
"""


def run(python, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [python, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def there():
    """The Python of the other stack: tools/test makes it where --stack names it."""
    for python in sorted(ROOT.glob(".venv*/bin/python")):
        found = run(python, "-c", _TENSORFLOW)
        if found.returncode == 0 and found.stdout.strip() != version("tensorflow"):
            return python
    pytest.skip("there is no environment of the other stack: tools/test --stack modern, or --stack default, makes one")


@pytest.mark.parametrize("outward", [True, False], ids=["here-to-there", "there-to-here"])
def test_what_one_stack_writes_the_other_answers_alike(there, outward, tmp_path, monkeypatch):
    written, asked = (sys.executable, there) if outward else (there, sys.executable)
    made = run(written, "-c", _WRITE, tmp_path)
    assert made.returncode == 0, made.stderr
    monkeypatch.setattr(validation.sys, "executable", str(asked))
    for name in ("classifier", "perturbation"):
        found = validation.validate(tmp_path / name, tolerance=1e-5)
        assert found.records > 0
