"""The examples of docs/api.md run, in their order, as they are printed."""

import re
from pathlib import Path

import pytest

from kerasser.serving import export
from tests.serving.small import CLASSES, networks

PAGE = Path(__file__).parents[2] / "docs/api.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_examples_run_in_order(tmp_path, monkeypatch, capsys):
    """Slow: the demo's noise is a minute of each place, and forty utterances are attacked with it."""
    monkeypatch.chdir(tmp_path)
    model, cleaner = networks()
    export.write(tmp_path / "saved_models/demo/1", model, CLASSES, cleaner)
    space = {}
    for number, block in enumerate(BLOCKS, 1):
        exec(compile(block, f"{PAGE.name}, example {number}", "exec"), space)
    assert len(BLOCKS) == 5 and capsys.readouterr().out
    frame = space["frame"]
    assert set(frame["noise"]) == {"cafe", "meeting", "station", "any"} and set(frame["budget"]) == {"ε = 2", "10 dB"}
    # The example has to show what the page is about.
    assert space["again"].clean.error < 40 < frame["error"].max()
    assert (tmp_path / "figure1.png").stat().st_size > 10000
    assert space["cleaned"].shape == space["frames"].shape
