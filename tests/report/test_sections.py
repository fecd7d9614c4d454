"""What is said of audibility and of the label, in each case that a report may be in."""

import copy

import markdown
import pytest

from kerasser.report import sections

QUARTILES = {"median": 9.0, "q25": 8.0, "q75": 10.04, "n": 6}
WORST = {"N": 9, "error": 50.0, "interval": None}
ROWS = [
    {
        "defence": defence,
        "percent": 0.0,
        group: name,
        "n": 12,
        "speakers": 3,
        **budget,
        "error": error,
        "interval": [1.0, 2.0],
    }
    | ({"error_worst_of": WORST} if budget else {})
    for defence, error in (("none", 30.0), ("gan", 20.0), ("random noise", 25.0))
    for group, name in (("emotion", "anger"), ("emotion", "joy"))
    for budget in ({}, {"epsilon": 2.0}, {"snr_db_target": 10.0})
]
REPORT = {
    "perception": {
        "utterances": 24,
        "missing": [],
        "rows": [
            {
                **{"noise": "cafe", "snr_db_target": 10.0, "snr_db": QUARTILES, "segmental_snr_db": QUARTILES},
                **{"stoi": {**QUARTILES, "median": 0.876}, "pesq": None},
                **{"error": 20.0, "interval": [10.0, 30.0], "error_worst_of": WORST},
            }
        ],
    },
    "label_survival": {
        "reference_noise": [
            {
                **{"emotion": "anger", "n": 12, "speakers": 3},
                **{"level_db": QUARTILES, "pause_level_db": QUARTILES, "snr_db": QUARTILES},
            },
            {"emotion": "joy", "n": 12, "speakers": 3, "level_db": None, "pause_level_db": None, "snr_db": QUARTILES},
        ],
        "test": {"statistic": 7.21, "p": 0.0123, "speakers": 3, "emotions": 2},
        "errors_by_emotion": ROWS,
        "errors_by_sex": [],
    },
}


def changed(part, **values):
    report = copy.deepcopy(REPORT)
    report[part] |= values
    return report


def test_measures_stand_beside_the_error():
    lines = sections.perception(REPORT)
    measures = "9.0 (8.0 to 10.0) | 9.0 (8.0 to 10.0) | 0.88 (8.00 to 10.04) | –"
    assert f"| cafe | 10 dB | {measures} | 20.0 [10.0, 30.0] | 50.0 | 9 |" in lines
    assert any("24 utterances" in line for line in lines)
    assert not any("would fill" in line for line in lines)


def test_a_missing_package_is_named_with_the_column_it_would_fill():
    (line,) = (line for line in sections.perception(changed("perception", missing=["pesq"])) if "would fill" in line)
    assert line == 'PESQ is empty: the package pesq would fill it (`pip install "kerasser[perception]"`).'
    text = "\n".join(sections.perception(changed("perception", missing=["pesq", "pystoi"])))
    assert "the package pystoi would fill it" in text and "STOI is empty" in text


def test_nothing_measured_is_said():
    assert any(
        "`perception.utterances` is 0" in line for line in sections.perception(changed("perception", utterances=0))
    )


@pytest.mark.parametrize("section", [sections.perception, sections.label_survival])
def test_a_report_without_the_part_says_nothing(section):
    assert section({}) == []


def test_reference_noise_and_errors_are_told_by_emotion():
    lines = sections.label_survival(REPORT)
    assert "| emotion | utterances | speakers | reference noise (dB) | pauses (dB) | reference SNR (dB) |" in lines
    assert f"| anger | 12 | 3 |{' 9.0 (8.0 to 10.0) |' * 3}" in lines
    assert "| joy | 12 | 3 | – | – | 9.0 (8.0 to 10.0) |" in lines
    head = "| emotion | defence | utterances | speakers | clean | ε = 2, mean draw | ε = 2, worst of 9 "
    assert head + "| 10 dB, mean draw | 10 dB, worst of 9 |" in lines
    cells = "20.0 [1.0, 2.0] | 20.0 [1.0, 2.0] | 50.0 | 20.0 [1.0, 2.0] | 50.0"
    assert f"| anger | GAN | 12 | 3 | {cells} |" in lines
    assert not any("random" in line for line in lines)


def test_one_system_needs_no_name():
    rows = [row for row in ROWS if row["defence"] == "none"]
    lines = sections.label_survival(changed("label_survival", errors_by_emotion=rows))
    assert any(line.startswith("| emotion | utterances | speakers | clean | ε = 2") for line in lines)


def test_the_test_is_said_with_its_limits():
    text = "\n".join(sections.label_survival(REPORT))
    assert "H = 7.2" in text and "p = 0.012" in text and "not why" in text
    sure = "\n".join(
        sections.label_survival(changed("label_survival", test=REPORT["label_survival"]["test"] | {"p": 1e-4}))
    )
    assert "p < 0.001" in sure
    none = {"statistic": None, "p": None, "speakers": 0, "emotions": 0}
    assert "cannot be tested" in "\n".join(sections.label_survival(changed("label_survival", test=none)))


def test_an_unknown_sex_is_said_and_a_known_one_shown():
    assert any("does not tell the speakers' sex" in line for line in sections.label_survival(REPORT))
    rows = [
        {"defence": "none", "sex": sex, "n": 5, "speakers": 1, "error": error, "interval": None}
        for sex, error in (("female", None), ("male", 12.5))
    ]
    lines = sections.label_survival(changed("label_survival", errors_by_sex=rows))
    assert "| female | 5 | 1 | – |" in lines and "| male | 5 | 1 | 12.5 |" in lines


def test_every_line_of_a_table_has_as_many_cells():
    for section in (sections.perception, sections.label_survival):
        columns = None
        for line in section(REPORT):
            if not line.startswith("|"):
                columns = None
                continue
            columns = columns or line.count("|")
            assert line.count("|") == columns, line


def test_an_emotion_s_name_can_break_neither_table_nor_page():
    rows = [{**REPORT["label_survival"]["reference_noise"][0], "emotion": "<script>a|b\nc</script>"}]
    text = "\n".join(sections.label_survival(changed("label_survival", reference_noise=rows)))
    page = markdown.markdown(text, extensions=["tables"])
    assert "<script>" not in page
    assert "<td>&lt;script&gt;a|b c&lt;/script&gt;</td>" in page
