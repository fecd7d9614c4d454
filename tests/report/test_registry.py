"""A section is one file: a toy that is put beside the others is in every page, and nothing else knows of it."""

import csv
import sys

import pytest

from kerasser.evaluation.report import EvaluationReport, ReproductionReport
from kerasser.report import document, publication, sections
from tests.report.samples import EVALUATION, REPRODUCTION

TOY = """
from kerasser.evaluation.report import EvaluationReport, ReproductionReport
from kerasser.report import style
from kerasser.report.blocks import Picture, Table, text
from kerasser.report.section import Section


def blocks(report):
    return [
        text("A toy of", f"{report.corpus}."),
        Picture("toy", "a toy", lambda: style.finish(*style.beside("toy", 1), [], report.clean.score)),
        Table(["toy", "n"], [["one", str(report.clean.n)]]),
    ]


SECTION = Section({KINDS}, 65, blocks, lambda report: {"toys": report.figure1})
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Adds a section to the package for one test."""

    def add(kinds):
        folder = tmp_path / "more"
        folder.mkdir()
        (folder / "toy_section.py").write_text(TOY.replace("KINDS", kinds))
        monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])

    yield add
    sys.modules.pop(f"{sections.__name__}.toy_section", None)


@pytest.mark.parametrize("report", [REPRODUCTION, EVALUATION], ids=["reproduction", "evaluation"])
def test_a_toy_section_is_in_markdown_page_contents_and_csv(tmp_path, toy, report):
    toy('EvaluationReport: "Toys", ReproductionReport: "Toys"')
    (tmp_path / "out").mkdir()
    publication.write(report, tmp_path / "out")
    text, page = ((tmp_path / "out" / name).read_text() for name in ("report.md", "report.html"))
    assert "## Toys\n\nA toy of\ndemo.\n\n![a toy](toy.svg)\n\n| toy | n |\n| --- | --- |\n| one | 10 |\n" in text
    assert '<a href="#toys">Toys</a>' in page and "<td>one</td><td>10</td>" in page and 'alt="a toy"' in page
    with (tmp_path / "out/toys.csv").open() as file:
        assert [row["noise"] for row in csv.DictReader(file)] == ["cafe"]
    assert (tmp_path / "out/toy.png").read_bytes().startswith(b"\x89PNG")


def test_it_stands_in_its_place_and_in_its_kind_alone(toy):
    toy('ReproductionReport: "Toys"')
    titles = [part.title for part in document.compose(REPRODUCTION).parts]
    assert titles[titles.index("Toys") - 1] == "Table 3: the GAN"
    assert "Toys" not in [part.title for part in document.compose(EVALUATION).parts]


def test_without_it_there_is_none():
    for kind in (EvaluationReport, ReproductionReport):
        assert not any("Toys" in section.titles.values() for section in sections.of(kind))


def test_a_report_is_published_whole(tmp_path):
    publication.write(REPRODUCTION, tmp_path)
    figures = [f"figure{number}.{suffix}" for number in (1, 2, 3, 4) for suffix in ("png", "svg")]
    rows = ["figure1", "figure2", "figure3", "table2", "table3", "differences", "threats", "search_curve", "unseen"]
    rows += ["perception", "reference_noise", "errors_by_emotion"]
    expected = {"report.json", "report.md", "report.html", *figures, *(f"{name}.csv" for name in rows)}
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert ReproductionReport.read(tmp_path).to_json() == REPRODUCTION.to_json()
