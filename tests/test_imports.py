"""What trains and measures needs no library that draws."""

import subprocess
import sys

import pytest

MODULES = [
    *("kerasser.training.classifier", "kerasser.training.gan", "kerasser.training.tensorboard.pages"),
    *("kerasser.evaluation.comparison", "kerasser.evaluation.report", "kerasser.report.summary"),
]
DRAWING = ["kerasser.report.style", "kerasser.training.tensorboard.pictures"]


def imported(module):
    """Whether it can be imported where matplotlib is missing; Keras takes it where it is there."""
    code = f"import sys; sys.modules['matplotlib'] = None; import {module}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0 or "matplotlib" in found.stderr.splitlines()[-1]
    return found.returncode == 0


def test_what_trains_and_measures_needs_no_matplotlib():
    assert imported(", ".join(MODULES))


@pytest.mark.parametrize("module", DRAWING)
def test_what_draws_does(module):
    assert not imported(module)
