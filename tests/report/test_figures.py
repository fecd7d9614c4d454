"""What the pictures show, and how."""

import re
from dataclasses import replace

import matplotlib.image
import matplotlib.text
import pytest

from kerasser import defences
from kerasser.attack.budget import SNR, Epsilon
from kerasser.evaluation.results import Clean, Figure2Row, Score, WorstOf
from kerasser.report import style
from kerasser.report.sections import figure1, figure2, figure3, threats
from tests.report import samples
from tests.report.samples import reproduction

SCORE, WORST = Score(30.0, None), WorstOf(3, Score(40.0, None))


def row1(budget, score=SCORE):
    return [samples.figure1("cafe", budget, score)]


def row2(budget, score=SCORE):
    return [Figure2Row("cafe", percent, budget, score, WORST) for percent in (0.0, 100.0)]


def row3(budget, score=SCORE):
    return [samples.figure3(name, "cafe", budget, score) for name in ("none", "gan")]


def row4(budget, score=SCORE):
    return [samples.threat(name, "oblivious", score.error, budget=budget) for name in ("none", "gan")]


# What draws, from which rows, and the side along which its panels lie: 0 below each other, 1 beside each other.
DRAW = {
    "figure1": (figure1.draw, row1, 1),
    "figure2": (figure2.draw, row2, 1),
    "figure3": (figure3.draw, row3, 0),
    "threats": (threats.draw, row4, 0),
}
BUDGETS = [[Epsilon(2)], [SNR(0), SNR(20)]]


def drawn(name, budgets, score=SCORE, **changes):
    """A picture of the rows at some budgets."""
    draw, rows, _ = DRAW[name]
    return draw(reproduction(**{name: [row for budget in budgets for row in rows(budget, score)]}, **changes))


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("budgets", BUDGETS)
def test_there_is_a_panel_for_each_kind_of_budget_alone(tmp_path, name, budgets):
    sizes = []
    for which in (budgets, [Epsilon(2), SNR(10)]):
        style.save(drawn(name, which), tmp_path / "a")
        sizes.append(matplotlib.image.imread(tmp_path / "a.png").shape[DRAW[name][2]])
    assert 1.5 * sizes[0] < sizes[1] < 2 * sizes[0]


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_made_twice_is_the_same_bytes(tmp_path, name):
    for which in ("a", "b"):
        style.save(drawn(name, [Epsilon(2)]), tmp_path / which)
    for suffix in (".svg", ".png"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert "dc:date" not in (tmp_path / "a.svg").read_text()


def test_every_defence_is_in_the_legend_with_the_colour_of_its_bars(tmp_path):
    rows = [samples.threat(name, "oblivious", 30.0) for name in defences.known()]
    style.save(threats.draw(reproduction(threats=rows)), tmp_path / "a")
    found = re.findall(r"fill: (#[0-9a-f]{6}); opacity: 0.85", (tmp_path / "a.svg").read_text())
    # Each colour twice: once for the bar, once in the legend. SVG leaves black unsaid.
    colours = [each.colour.lower() for name, each in defences.known().items() if name != "none"]
    assert len(set(colours)) >= 6 and sorted(found) == sorted(colours * 2)


def test_a_defence_that_is_registered_later_has_its_label_and_colour(tmp_path, monkeypatch):
    toy = replace(defences.get("gan"), name="toy", label="a toy", colour="#123456")
    monkeypatch.setattr(defences, "known", lambda: {"toy": toy})
    report = reproduction(threats=[samples.threat("toy", "oblivious", 30.0)], search_curve=[], unseen=[])
    figure = threats.draw(report)
    style.save(figure, tmp_path / "a")
    assert (tmp_path / "a.svg").read_text().count("fill: #123456") == 2
    assert "a toy" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert threats.blocks(report)[3].rows[0][1] == "a toy"


@pytest.mark.parametrize("name", DRAW)
def test_no_letter_is_below_eight_points_on_a4(name):
    figure = drawn(name, sum(BUDGETS, []))
    figure.draw_without_rendering()
    # What is 18 cm wide between the margins.
    scale = min(1, 18 / 2.54 / figure.get_figwidth())
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    assert texts and min(text.get_fontsize() for text in texts) * scale >= 8


def test_a_name_from_data_is_no_mathematics(tmp_path):
    report = reproduction(corpus="x$y$", figure1=[samples.figure1("a$b_{$")])
    style.save(figure1.draw(report), tmp_path / "a")
    assert (tmp_path / "a.svg").stat().st_size > 1000


@pytest.mark.parametrize("name", DRAW)
def test_an_undefined_error_draws_no_panel_and_breaks_nothing(tmp_path, name):
    nothing = Score(None, None)
    style.save(drawn(name, [Epsilon(2)], nothing, clean=Clean(None, nothing, 1, [[1]])), tmp_path / "a")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("levels", "chosen"), [((0, 5, 11, 20), 11), ((20, 0), 0), ((9, 11), 9), ((11, 9), 9), ((-5,), -5)]
)
def test_the_ratio_nearest_to_ten_is_drawn_of_two_the_one_with_more_noise(levels, chosen):
    panels = style.panels([row for level in levels for row in row1(SNR(level))])
    assert [title for title, _ in panels] == [f"{SNR(chosen)} signal-to-noise ratio"]
    assert [each.budget for each in panels[0][1]] == [SNR(chosen)]


@pytest.mark.parametrize(("classes", "level"), [(2, 50.0), (4, 75.0), (7, 600 / 7)])
def test_chance_follows_the_number_of_classes(classes, level):
    figure = drawn("figure1", [Epsilon(1)], classes=list(range(classes)))
    (dotted,) = (line for line in figure.axes[0].lines if line.get_linestyle() == ":")
    assert dotted.get_ydata() == pytest.approx([level, level])


def test_bars_lines_and_bands_are_where_the_figures_are():
    rows = [
        samples.figure1("any", Epsilon(value), Score(10.0 * value, (value, 20.0 * value)), 50.0) for value in (2, 1)
    ]
    axes = figure1.draw(reproduction(figure1=rows)).axes[0]
    mean = next(line for line in axes.lines if line.get_marker() == "o")
    assert mean.get_xdata().tolist() == [1.0, 2.0] and mean.get_ydata().tolist() == [10.0, 20.0]
    # A band is drawn for single noises alone.
    assert len(axes.collections) == 0
    single = [replace(row, noise="cafe") for row in rows]
    assert len(figure1.draw(reproduction(figure1=single)).axes[0].collections) == 1
    axes = figure3.draw(reproduction(figure3=row3(Epsilon(2)))).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [30.0, 30.0]
    assert [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "v"] == [40.0, 40.0]


def test_the_title_says_whether_anybody_spoke():
    many = {"test_speakers": list("abcde")}
    assert style.caption(reproduction(**many)) == "demo (synthetic speech), 2 folds, seed 0"
    assert style.caption(samples.evaluation(synthetic=False, **many)) == "demo (recorded speech), fold 1, seed 0"
    victim = samples.evaluation(victim=samples.VICTIM, fold=None, **many)
    assert style.caption(victim) == "demo (synthetic speech), mine"
    few = samples.evaluation(test_speakers=["a", "b"])
    assert style.caption(few).endswith("fold 1, seed 0, bars and bands: range over 2 speakers")
