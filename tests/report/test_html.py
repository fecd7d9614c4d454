import base64
from html.parser import HTMLParser

from kerasser.report import html
from kerasser.report.blocks import Picture, SoundLink, Table, Text, text
from kerasser.report.document import Document, Part


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        self.ids += [value for name, value in attrs if name == "id"]


def said(*blocks, title="T"):
    return Document(title, ["**Mind.**"], ["One.", "Two."], [text("No alarm rang.")], [Part("A & b: c?", blocks)])


def test_the_page_holds_its_pictures_and_sounds_and_leads_nowhere_else(tmp_path):
    (tmp_path / "a.svg").write_bytes(b"<svg/>")
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/0-0.wav").write_bytes(b"RIFF")
    table = Table(["a", "b"], [["1", SoundLink("sounds/0-0.wav", "clean")]])
    seen = Seen()
    page = html.page(said(Picture("a", "shown", None), table), tmp_path, "a < b")
    seen.feed(page)
    embedded = [("image/svg+xml", b"<svg/>"), ("audio/wav", b"RIFF")]
    sources = [f"data:{kind};base64,{base64.b64encode(content).decode()}" for kind, content in embedded]
    assert [source for source in seen.sources if len(source) > 12] == sources
    # An empty icon, so that no browser asks for one, and the table of contents.
    assert seen.sources[:2] == ["data:,", "#a-b-c"] and seen.ids == ["a-b-c"]
    assert {"table", "h1", "img", "audio", "nav"} <= set(seen.tags)
    assert "script" not in seen.tags and "@import" not in page and "url(" not in page
    assert "<title>a &lt; b</title>" in page and "<h2>A &amp; b: c?</h2>" in page


def test_html_in_the_text_is_shown_as_it_stands(tmp_path):
    bad = "<script>alert(1)</script>"
    page = html.page(said(Text(bad), Text(f"x {bad} <img src=x onerror=alert(1)>"), title=bad), tmp_path, bad)
    seen = Seen()
    seen.feed(page)
    assert "script" not in seen.tags and "img" not in seen.tags
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4


def test_a_figure_and_its_unit_stay_on_one_line(tmp_path):
    page = html.page(said(Text("It is 12.5 % [1.0, 2.0] % at 10 dB, and 5 days.")), tmp_path, "t")
    assert "12.5\N{NO-BREAK SPACE}% [1.0, 2.0]\N{NO-BREAK SPACE}% at 10\N{NO-BREAK SPACE}dB, and 5 days." in page


def test_a_cell_is_one_line_whatever_it_begins_with(tmp_path):
    cells = ["- a", "1. b", "# c", "> d", "    e", "**f**", "-1.5 [-2.0, +1.0]", ""]
    page = html.page(said(Table(list("abcdefgh"), [cells])), tmp_path, "t")
    assert "<td>- a</td><td>1. b</td><td># c</td><td>&gt; d</td>" in page
    assert "<td><strong>f</strong></td><td>-1.5 [-2.0, +1.0]</td><td></td>" in page


def test_a_word_for_a_picture_or_a_sound_cannot_leave_its_attribute(tmp_path):
    (tmp_path / "a.svg").write_bytes(b"<svg/>")
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    bad = '" onerror="alert(1)'
    blocks = [Picture("a", bad, None), Table(["x"], [[SoundLink("b.wav", bad)]])]
    page = html.page(said(*blocks), tmp_path, "t")
    assert "onerror=&#34;alert(1)" in page and 'onerror="' not in page
