"""The page of a reproduction in a browser: on a phone, on a desk and on paper."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from kerasser import audio
from kerasser.attack.budget import Epsilon
from kerasser.evaluation.results import Alarm, Answer, Sound, SoundExample
from kerasser.report import document, html, style
from tests.pipelines import browser
from tests.report.samples import REPRODUCTION

BAD = "<script>alert(1)</script>|`*[a](javascript:b)"
ANSWERS = {"gan": Answer(0, 0.6), "none": Answer(1, 0.6)}
SOUNDS = SoundExample(
    *(f"u_{BAD}", BAD, BAD, 0, BAD, 1.0),
    [
        Sound(file="0-0.wav", snr_db=None, answers={"none": Answer(0, 0.9)}),
        Sound(file="0-1.wav", snr_db=9.0, budget=Epsilon(2), answers=ANSWERS),
    ],
)


def hostile():
    """A report whose every name would break a page that trusts it."""
    noises = {
        part: [replace(row, noise=BAD) for row in getattr(REPRODUCTION, part)]
        for part in ("figure1", "figure2", "table2", "figure3")
    }
    return replace(
        REPRODUCTION,
        corpus=BAD,
        folds=[BAD],
        test_speakers=[BAD, "b"],
        remarks=[BAD],
        sounds=[SOUNDS],
        skipped={BAD: 2},
        alarms=[Alarm(defence="gan", name="costs_clean", message=BAD)],
        command="python -m pipelines.reproduce \\\n  --fold '<script>'",
        **noises,
    )


def write(report, directory):
    (directory / "sounds").mkdir()
    clock = np.arange(16000, dtype=np.float32) / 16000
    for name in ("0-0.wav", "0-1.wav"):
        audio.write(directory / "sounds" / name, 0.3 * np.sin(2 * np.pi * 220 * clock))
    said = document.compose(report)
    for picture in said.pictures:
        style.save(picture.draw(), directory / picture.file)
    place = directory / "report.html"
    place.write_text(html.page(said, directory, BAD), encoding="utf-8")
    return place.as_uri()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if browser.CHROMIUM is None:
        pytest.skip("chromium is not on the PATH")
    place = tmp_path_factory.mktemp("page")
    url = write(hostile(), place)
    with browser.page(place / "profile") as opened:
        opened.call("Network.enable")
        opened.open(url)
        opened.url = url
        yield opened


@pytest.mark.parametrize("width", [390, 1280])
def test_the_body_never_scrolls_sideways(page, width):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
    page.open(page.url)
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth]"
    scroll, client, inner = page.evaluate(widths)
    assert scroll <= client <= inner == width
    # Whoever cannot drag a table scrolls it by the keys.
    assert page.evaluate("[...document.querySelectorAll('table')].every(t => t.parentElement.tabIndex === 0)")


def test_nothing_is_asked_of_a_network(page):
    page.open(page.url)
    asked = [url for url in page.asked if not url.startswith("data:")]
    assert asked and set(asked) == {page.url}


def test_sounds_can_be_played_and_pictures_are_there(page):
    page.open(page.url)
    page.wait("[...document.querySelectorAll('audio')].every(sound => sound.duration > 0)")
    assert page.evaluate("[...document.querySelectorAll('audio')].map(sound => sound.duration)") == [1, 1]
    assert page.evaluate("[...document.images].map(image => image.naturalWidth > 500)") == [True] * 4


def test_a_name_from_data_is_a_name(page):
    page.open(page.url)
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("[...document.links].every(link => link.getAttribute('href').startsWith('#'))")
    assert page.evaluate("document.querySelector('h1').textContent").startswith(BAD + ": ")
    cells = page.evaluate("[...document.querySelectorAll('td')].map(cell => cell.textContent)")
    assert cells.count(BAD) >= 6
    assert page.evaluate("document.querySelector('.alarms li').textContent") == f"GAN: {BAD}"
    assert page.evaluate("document.querySelector('pre').textContent").splitlines()[1] == "  --fold '<script>'"


def test_it_prints_on_paper_without_a_cut_table_or_picture(page):
    page.open(page.url)
    # 180 mm lie between the margins.
    page.call("Emulation.setDeviceMetricsOverride", width=680, height=1000, deviceScaleFactor=1, mobile=False)
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('table, img')].every(e => e.getBoundingClientRect().right <= 680)"
    )
    split = "[...document.querySelectorAll('.figure, tr')].map(e => getComputedStyle(e).breakInside)"
    assert set(page.evaluate(split)) == {"avoid"}
    page.call("Emulation.setEmulatedMedia", media="")
    printed = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF") and b"595" in printed


def test_markdown_and_page_say_the_same(page):
    page.open(page.url)
    text = document.markdown(document.compose(hostile()))
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert page.evaluate("[...document.querySelectorAll('h2')].map(title => title.textContent)") == titles
    assert page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.textContent)") == titles
    assert json.dumps(titles).count("Listen") == 1
    assert page.evaluate("document.querySelectorAll('tr').length") == sum(
        line.startswith("|") and not line.startswith("| ---") and "| --- |" not in line for line in text.splitlines()
    )
