import base64
from html.parser import HTMLParser

from kerasser.report import html


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_holds_its_pictures_and_asks_no_network(tmp_path):
    (tmp_path / "a.png").write_bytes(b"picture")
    text = "# T\n\n![shown](a.png)\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    seen = Seen()
    page = html.page(text, tmp_path, "a < b")
    seen.feed(page)
    assert seen.sources == ["data:image/png;base64," + base64.b64encode(b"picture").decode()]
    assert {"table", "h1", "img"} <= set(seen.tags)
    assert "script" not in seen.tags and "link" not in seen.tags
    assert "<title>a &lt; b</title>" in page
