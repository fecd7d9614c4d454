"""Every example in a docstring of the API runs, and says what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(f"kerasser.api.{path.stem}" for path in (ROOT / "kerasser/api").glob("[a-z]*.py"))


def examples():
    for module in MODULES:
        for each in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module)):
            if each.examples:
                yield each


@pytest.mark.parametrize("example", list(examples()), ids=lambda each: each.name)
def test_an_example_runs(example):
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert result.attempted and not result.failed, "".join(said)
