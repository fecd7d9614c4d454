"""Makes the pictures of docs/ again, from a small reproduction of the demo corpus: pages, and a figure."""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image

from tests.pipelines import board_server, browser

_ROOT = Path(__file__).parents[1]
_GAN = "gan for classifier, fold 1, seed 0"
# Far smaller than the defaults, large enough that something is learned.
_RUN = (
    *(
        "--defences.adversarial_training.shares",
        "[1]",
        "--defences.conditions",
        "4",
        "--threats.unseen_environment.wanted",
        "false",
    ),
    *("--attack.epsilons", "[0.5, 1, 2]", "--attack.snrs_db", "[20, 10, 0]"),
    *("--training.epochs", "15", "--defences.gan.pretraining_epochs", "12", "--defences.gan.epochs", "10"),
)


def main() -> None:
    """Writes the pictures and prints their paths."""
    parser = argparse.ArgumentParser(prog="tools/screenshots", description=__doc__)
    parser.add_argument("--output-dir", type=Path, default=_ROOT / "outputs/screenshots", help="where the run goes")
    parser.add_argument("--docs", type=Path, default=_ROOT / "docs", help="where the pictures go")
    arguments = parser.parse_args()
    if browser.CHROMIUM is None:
        parser.error("expected chromium or chromium-browser on the PATH. Received: neither")
    output, logs = arguments.output_dir, arguments.output_dir / "logs"
    command = [sys.executable, "-m", "pipelines.reproduce", "--output-dir", str(output), "--logdir", str(logs), *_RUN]
    run = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    # The last line is the page of the report.
    report = _ROOT / run.stdout.strip().splitlines()[-1]
    shutil.copyfile(report.with_name("figure3.png"), arguments.docs / "figure3-demo.png")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser.page(Path(profile)) as page:
        _report(page, report, arguments.docs)
        _tensorboard(page, logs / _GAN, arguments.docs)


def _report(page: browser.Page, report: Path, docs: Path) -> None:
    """Takes the beginning of a report, down to its table of contents."""
    page.call("Emulation.setDeviceMetricsOverride", width=1100, height=800, deviceScaleFactor=1, mobile=False)
    page.open(report.resolve().as_uri())
    bottom = page.evaluate("document.querySelector('nav').getBoundingClientRect().bottom + 16")
    clip = {"x": 0, "y": 0, "width": 1100, "height": bottom, "scale": 1}
    _write(
        page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip), docs / "report.png"
    )


def _tensorboard(page: browser.Page, logs: Path, docs: Path) -> None:
    """Takes curves and features of one GAN training."""
    with board_server.serving(logs, runs=2) as address:
        page.call("Page.navigate", url=address)
        page.wait("document.readyState === 'complete' && location.host", 60)
        for name, tags, size in (
            ("tensorboard-curves.png", "error/|loss/", (1280, 900)),
            ("tensorboard-features.png", "features/1", (1280, 560)),
        ):
            # Wide cards for pictures; no pane of settings.
            chosen = {"timeSeriesSettingsPaneOpened": False, "stepSelectorEnabled": False}
            chosen |= {"timeSeriesCardMinWidth": 735} if tags.startswith("features") else {}
            stored = json.dumps(json.dumps(chosen))
            for key in ("_tb_global_settings", "_tb_global_settings.timeseries"):
                page.evaluate(f"localStorage.setItem({key!r}, {stored})")
            place = f"{address}?darkMode=false&smoothing=0&tagFilter={urllib.parse.quote(tags)}#timeseries"
            _take(page, place, tags.split("|"), size, docs / name)


def _take(page: browser.Page, url: str, words: Sequence[str], size: tuple[int, int], path: Path) -> None:
    """Opens a page, waits until it shows some words and has come to rest, and writes what is to be seen."""
    width, height = size
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    page.call("Page.navigate", url=url)
    for word in words:
        page.wait(f"document.body && document.body.innerText.includes({word!r})", 60)
    time.sleep(10.0)
    _write(page.call("Page.captureScreenshot", format="png"), path)


def _write(shot: Mapping[str, Any], path: Path) -> None:
    # Few colours do: a page of the docs should load at once.
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
