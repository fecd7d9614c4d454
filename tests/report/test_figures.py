import re

import matplotlib.image
import matplotlib.text
import pytest

from kerasser.report import figures

CLEAN = {"error": 20.0, "interval": [10.0, 30.0]}


def row(**facts):
    return {"noise": "cafe", "error": 30.0, "interval": None, "error_worst_of": {"N": 3, "error": 40.0}, **facts}


# What draws, from which rows, and the side along which its panels lie: 0 below each other, 1 beside each other.
DRAW = {
    "figure1": (figures.figure1, [{}], 1),
    "figure2": (figures.figure2, [{"percent": 0.0}, {"percent": 100.0}], 1),
    "figure3": (figures.figure3, [{"defence": "none"}, {"defence": "gan"}], 0),
    "figure4": (figures.figure4, [{"defence": name, "threat": "oblivious"} for name in ("none", "gan")], 0),
}
BUDGETS = [[{"epsilon": 2.0}], [{"snr_db_target": 0.0}, {"snr_db_target": 20.0}]]


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("budgets", BUDGETS)
def test_there_is_a_panel_for_each_kind_of_budget_alone(tmp_path, name, budgets):
    draw, parts, side = DRAW[name]
    both = [{"epsilon": 2.0}, {"snr_db_target": 10.0}]
    sizes = []
    for which in (budgets, both):
        draw(tmp_path / "a.png", CLEAN, [row(**part, **budget) for part in parts for budget in which], "title")
        sizes.append(matplotlib.image.imread(tmp_path / "a.png").shape[side])
    assert 1.5 * sizes[0] < sizes[1] < 2 * sizes[0]


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_made_twice_is_the_same_bytes(tmp_path, name):
    draw, parts, _ = DRAW[name]
    rows = [row(**part, epsilon=2.0) for part in parts]
    for which in ("a", "b"):
        draw(tmp_path / f"{which}.png", CLEAN, rows, "title")
    for suffix in (".svg", ".png"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert "dc:date" not in (tmp_path / "a.svg").read_text()


def test_every_defence_is_in_the_legend_with_the_colour_of_its_bars(tmp_path):
    rows = [row(epsilon=2.0, defence=name, threat="oblivious") for name in figures.NAMES]
    figures.figure4(tmp_path / "a.png", CLEAN, rows, "title")
    drawn = re.findall(r"fill: (#[0-9a-f]{6}); opacity: 0.85", (tmp_path / "a.svg").read_text())
    # Each colour twice: once for the bar, once in the legend. SVG leaves black unsaid.
    colours = [colour.lower() for name, colour in figures._DEFENCES.items() if name != "none"]
    assert len(set(colours)) == 6 and sorted(drawn) == sorted(colours * 2)


@pytest.mark.parametrize("name", DRAW)
def test_no_letter_is_below_eight_points_on_a4(tmp_path, monkeypatch, name):
    draw, parts, _ = DRAW[name]
    seen = []
    monkeypatch.setattr(figures.Figure, "savefig", lambda self, *_, **__: seen.append(self))
    draw(tmp_path / "a.png", CLEAN, [row(**part, **budget) for part in parts for budget in sum(BUDGETS, [])], "title")
    figure = seen[0]
    figure.draw_without_rendering()
    # What is 18 cm wide between the margins.
    scale = min(1, 18 / 2.54 / figure.get_figwidth())
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    assert texts and min(text.get_fontsize() for text in texts) * scale >= 8


def test_a_name_from_data_is_no_mathematics(tmp_path):
    figures.figure1(tmp_path / "a.png", CLEAN, [row(epsilon=2.0) | {"noise": "a$b_{$"}], "x$y$")
    assert (tmp_path / "a.svg").stat().st_size > 1000


@pytest.mark.parametrize("name", DRAW)
def test_an_undefined_error_draws_no_panel_and_breaks_nothing(tmp_path, name):
    draw, parts, _ = DRAW[name]
    nothing = {"error": None, "interval": None}
    draw(tmp_path / "a.png", nothing, [row(epsilon=2.0, **part) | nothing for part in parts], "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_ratio_nearest_to_ten_is_shown():
    rows = [row(snr_db_target=level) for level in (0.0, 5.0, 11.0, 20.0)]
    panels = figures._panels(rows)
    assert [title for title, _ in panels] == ["11 dB signal-to-noise ratio"]
    assert [each["snr_db_target"] for each in panels[0][1]] == [11.0]


@pytest.mark.parametrize(("classes", "level"), [(2, 50.0), (4, 75.0), (7, 600 / 7)])
def test_chance_follows_the_number_of_classes(tmp_path, monkeypatch, classes, level):
    drawn = []
    monkeypatch.setattr(figures.Axes, "axhline", lambda axes, y, **style: drawn.append((style.get("linestyle"), y)))
    figures.figure1(tmp_path / "a.png", CLEAN, [row(epsilon=1.0)], "title", classes)
    assert [y for style, y in drawn if style == ":"] == pytest.approx([level])
