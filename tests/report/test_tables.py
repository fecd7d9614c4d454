import csv

from kerasser.report import tables


def test_nested_figures_become_columns_and_intervals_two(tmp_path):
    rows = [
        {
            "noise": "cafe",
            "epsilon": 2.0,
            "gan": 30.5,
            "interval": {"gan": [20.0, 40.0]},
            "worst_of": {"N": 3, "interval": {"gan": None}},
        },
        {
            "noise": "cafe",
            "snr_db_target": 10.0,
            "gan": None,
            "interval": {"gan": None},
            "worst_of": {"N": 3, "interval": {"gan": [1, 2]}},
        },
    ]
    tables.write(tmp_path / "a.csv", rows)
    with (tmp_path / "a.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["epsilon"], first["snr_db_target"], second["snr_db_target"]) == ("2.0", "", "10.0")
    assert (first["interval_gan_low"], first["interval_gan_high"], first["worst_of_interval_gan_low"]) == (
        "20.0",
        "40.0",
        "",
    )
    assert (second["gan"], second["interval_gan_low"], second["worst_of_interval_gan_high"]) == ("", "", "2")


def test_figure_1_keeps_its_intervals(tmp_path):
    row = {
        "noise": "any",
        "error": 1.0,
        "interval": None,
        "error_worst_of": {"N": 9, "error": 2.0, "interval": [1.0, 3.0]},
    }
    tables.write(tmp_path / "a.csv", [row])
    header, line = (tmp_path / "a.csv").read_text().splitlines()
    assert dict(zip(header.split(","), line.split(","), strict=True)) == {
        "noise": "any",
        "error": "1.0",
        "interval_low": "",
        "interval_high": "",
        "error_worst_of_N": "9",
        "error_worst_of_error": "2.0",
        "error_worst_of_interval_low": "1.0",
        "error_worst_of_interval_high": "3.0",
    }
