import matplotlib.image
import pytest

from kerasser.report import figures

CLEAN = {"error": 20.0, "ci95": [10.0, 30.0]}


def row(**facts):
    return {"noise": "cafe", "error": 30.0, "ci95": None, "error_worst_of": {"N": 3, "error": 40.0}, **facts}


DRAW = {
    "figure2": (figures.figure2, [{"percent": 0.0}, {"percent": 100.0}]),
    "figure3": (figures.figure3, [{"defence": "none"}, {"defence": "gan"}]),
}


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("budgets", [[{"epsilon": 2.0}], [{"snr_db_target": 0.0}, {"snr_db_target": 20.0}]])
def test_there_is_a_panel_for_each_kind_of_budget_alone(tmp_path, name, budgets):
    draw, parts = DRAW[name]
    both = [{"epsilon": 2.0}, {"snr_db_target": 10.0}]
    sizes = []
    for which in (budgets, both):
        draw(tmp_path / "a.png", CLEAN, [row(**part, **budget) for part in parts for budget in which], "title")
        sizes.append(matplotlib.image.imread(tmp_path / "a.png").shape[1])
    assert 2 * sizes[0] == pytest.approx(sizes[1], rel=0.02)


@pytest.mark.parametrize("name", DRAW)
def test_an_undefined_error_draws_no_panel_and_breaks_nothing(tmp_path, name):
    draw, parts = DRAW[name]
    nothing = {"error": None, "ci95": None}
    draw(tmp_path / "a.png", nothing, [row(epsilon=2.0, **part) | nothing for part in parts], "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_ratio_nearest_to_ten_is_shown():
    rows = [row(snr_db_target=level) for level in (0.0, 5.0, 11.0, 20.0)]
    _, panels = figures._panels(rows, "title")
    assert [axes.get_title() for axes, _ in panels] == ["11 dB"]
    assert [each["snr_db_target"] for each in panels[0][1]] == [11.0]


@pytest.mark.parametrize(("classes", "level"), [(2, 50.0), (4, 75.0), (7, 600 / 7)])
def test_chance_follows_the_number_of_classes(tmp_path, monkeypatch, classes, level):
    drawn = []
    monkeypatch.setattr(figures.Axes, "axhline", lambda axes, y, **style: drawn.append((style["label"], y)))
    figures.figure1(tmp_path / "a.png", CLEAN, [row(epsilon=1.0)], "title", classes)
    assert [y for label, y in drawn if label == "chance"] == pytest.approx([level] * 2)
