"""The documentation as a site: built without a warning, whole, and at home without a network."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import documented
from tests.pipelines import browser

ROOT = documented.ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not (importlib.util.find_spec("mkdocs") and importlib.util.find_spec("mkdocstrings")):
        pytest.skip("the extra docs is not installed: pip install '.[docs]'")
    place = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return place


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(site):
    """Slow: the reference of a hundred modules is read and laid out."""
    assert (site / "index.html").is_file() and (site / "search/search_index.json").is_file()


def test_every_module_of_the_library_is_in_the_reference():
    named = set(re.findall(r"^::: (\S+)$", "".join(page.read_text() for page in documented.PAGES), re.MULTILINE))
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "kerasser").rglob("*.py")
        if path.name != "__init__.py"
    }
    # Run as a file, never imported; and the shared words of sections.
    assert modules - named == {"kerasser.serving.replay"}


@pytest.mark.slow
def test_no_page_asks_another_host(site):
    """Slow: it stands on the built site, as above."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?(https?://[^\s\">]+)", text)
        assert loaded == [], page


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="neither chromium nor chromium-browser is on the PATH")
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_a_desktop_and_a_phone_and_open_from_disk(site, width):
    """Slow: it stands on the built site, as above."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser.page(Path(profile)) as page:
        page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=850, deviceScaleFactor=1, mobile=width < 500
        )
        for name in ("index", "tutorial", "results", "perturbation", "architecture", "reference/attack"):
            page.open((site / f"{name}.html").as_uri())
            assert page.evaluate("document.querySelector('h1').innerText.length") > 3
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert page.evaluate("[...document.images].every(each => each.naturalWidth > 0)"), name
        assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_relative_links_of_the_readme_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md"):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_figures_of_the_readme_stand_in_the_results():
    results = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    section = re.search(r"## Results on recordings.*?\n## ", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    shown = re.findall(r"\d+\.\d", "".join(re.findall(r"^\|.*$", section, re.MULTILINE)))
    assert len(shown) > 20
    assert [figure for figure in shown if f"| {figure} [" not in results] == []
