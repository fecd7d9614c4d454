"""Figures and names as reports print them."""

from html.parser import HTMLParser

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.evaluation.results import Quartiles, Score, WorstOf
from kerasser.report import formatting, html
from kerasser.report.blocks import Table
from kerasser.report.document import Document, Part

CHARACTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")) | st.just(" ")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=30)


class Cells(HTMLParser):
    """The text of every cell and the tags of a page's table."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.cells, self.tags = [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def cells(page):
    seen = Cells()
    seen.feed(page)
    return [cell.strip() for cell in seen.cells], seen.tags


@given(TEXTS)
def test_a_name_reads_as_it_stands_in_a_table_of_either_page(text):
    plain = " ".join(text.split())
    name = formatting.name(text)
    in_markdown = markdown.markdown(f"| a | b |\n| --- | --- |\n| {name} | x |", extensions=["tables"])
    assert cells(in_markdown) == (["a", "b", plain, "x"], {"table", "thead", "tr", "th", "tbody", "td"})
    part = Part("p", [Table(["a", "b"], [[name, "x"]])])
    page = html.page(Document("t", [], [], [], [part]), None, "t").partition("<main>")[2]
    # A figure and its unit are kept on one line.
    assert [cell.replace("\u00a0", " ") for cell in cells(page)[0]] == [
        *("a", "b"),
        plain.replace("\u00a0", " "),
        "x",
    ]


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(None, False, "–"), (1.25, True, "+1.2"), (-0.04, True, "+0.0"), (-0.04, False, "0.0"), (-3.0, True, "-3.0")],
)
def test_a_number_has_one_decimal_and_no_negative_zero(value, signed, text):
    assert formatting.number(value, signed=signed) == text


def test_an_error_and_a_difference_stand_with_their_intervals():
    assert formatting.percent(Score(31.24, (25.0, 38.06))) == "31.2 [25.0, 38.1]"
    assert formatting.percent(Score(31.24, None)) == "31.2"
    assert formatting.percent(Score(None, None)) == "–"
    assert formatting.difference(-2.0, (-5.1, 1.06)) == "-2.0 [-5.1, +1.1]"
    assert formatting.difference(None, None) == "–"


@pytest.mark.parametrize(("p", "text"), [(None, "–"), (0.0009, "< 0.001"), (0.001, "0.001"), (0.25, "0.250")])
def test_a_small_p_is_not_printed_as_zero(p, text):
    assert formatting.probability(p) == text


def test_quartiles_stand_in_parentheses():
    assert formatting.quartiles(Quartiles(9.0, 8.04, 10.06, 5), 1) == "9.0 (8.0 to 10.1)"
    assert formatting.quartiles(None, 1) == "–"


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.95, "95 %"), (0.9, "90 %"), (0.995, "99.5 %"), (0.29, "29 %"), (0.999, "99.9 %")]
)
def test_coverage_is_printed_without_what_floats_add(confidence, text):
    assert formatting.coverage(confidence) == text


def test_draws_shares_and_counts_in_words():
    assert formatting.draw("mean") == "mean" and formatting.draw("worst") == "worst of N"
    assert formatting.draw("worst", WorstOf(3, Score(1.0, None))) == "worst of 3"
    assert (formatting.share(None), formatting.share(0.0), formatting.share(12.5)) == ("", "", " (12.5 %)")
    assert (formatting.count(1, "speaker"), formatting.count(2, "speaker")) == ("1 speaker", "2 speakers")
    assert formatting.label("gan") == "GAN"


def test_few_speakers_are_said_to_allow_no_small_p():
    assert formatting.speakers_allow(0.25, 2) == " 2 speakers allow no p below 0.250."
    assert formatting.speakers_allow(0.0005, 11) == ""
