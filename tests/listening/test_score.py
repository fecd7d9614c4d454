import csv
import json

import numpy as np
import pytest
from scipy.stats import beta, binom

from kerasser.listening import score as scoring
from kerasser.listening.score import Rate, not_told_apart
from kerasser.util.errors import InputError

EPSILONS = (0.1, 2.0)


def key(path, corpus="tiny", each=20, catches=10, prefix="t"):
    """Writes the key of a test, with X as A and B in turn."""
    targets = [epsilon for epsilon in EPSILONS for _ in range(each)] + [0.0] * catches
    rows = [
        {
            "trial": f"{prefix}{number}",
            "x": "AB"[number % 2],
            "catch": number >= len(EPSILONS) * each,
            "identical": number == 0,
            "target": target,
        }
        for number, target in enumerate(targets)
    ]
    path.write_text(json.dumps({"test": prefix, "corpus": corpus, "trials": rows}))
    return rows


def answers(path, rows, listener, right, only=None):
    """Writes a listener's answers, right wherever `right` of the row is true."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(scoring.COLUMNS)
        for row in rows[:only]:
            letter = row["x"] if right(row) else "AB".replace(row["x"], "")
            table.writerow([listener, row["trial"], letter, "2024-01-01T00:00:00.000Z", 1234])
    return path


def score(tmp_path, files, keys=("key.json",), least=0.9):
    known = scoring.read_keys(tmp_path / name for name in keys)
    return scoring.markdown(scoring.read_answers(files, known), known, least)


def cells(text, *start):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    found = [line for line in lines if tuple(line[: len(start)]) == start]
    assert len(found) == 1, (start, text)
    return found[0]


def clopper_pearson(right, count):
    low = beta.ppf(0.025, right, count - right + 1) if right else 0.0
    high = beta.ppf(0.975, right + 1, count - right) if right < count else 1.0
    return low, high


@pytest.mark.parametrize(("count", "right"), [(1, 0), (1, 1), (40, 20), (40, 31), (200, 200), (7, 0)])
def test_a_rate_has_the_exact_interval_and_the_binomial_p(count, right):
    rate = Rate(count, right)
    assert rate.interval == pytest.approx(clopper_pearson(right, count), abs=1e-9)
    chances = binom.pmf(np.arange(count + 1), count, 0.5)
    assert rate.p == pytest.approx(chances[chances <= chances[right] * (1 + 1e-9)].sum())


def test_guessing_is_all_not_told_apart_and_perfection_nothing():
    assert [not_told_apart(share) for share in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]


def test_perfect_guessing_and_inattentive_listeners(tmp_path):
    rows = key(tmp_path / "key.json")
    generator = np.random.default_rng(1)
    guesses = {row["trial"]: bool(generator.integers(2)) for row in rows}
    files = [
        answers(tmp_path / "perfect.csv", rows, "perfect", lambda row: True),
        answers(tmp_path / "keen.csv", rows, "keen", lambda row: row["catch"] or guesses[row["trial"]]),
        answers(tmp_path / "asleep.csv", rows, "asleep", lambda row: row["x"] == "A"),
    ]
    text = score(tmp_path, files)
    assert cells(text, "perfect")[1:] == ["40", "10 of 10", "kept"]
    assert cells(text, "keen")[1:] == ["40", "10 of 10", "kept"]
    assert cells(text, "asleep")[1:3] == ["40", "5 of 10"]
    assert cells(text, "asleep")[3].startswith("dropped: expected at least 90 %")
    for epsilon, name in ((0.1, "0.1"), (2.0, "2")):
        guessed = sum(guesses[row["trial"]] for row in rows if row["target"] == epsilon and not row["catch"])
        for listener, right, count in (
            ("all 2 kept", 20 + guessed, 40),
            ("perfect", 20, 20),
            ("keen", guessed, 20),
            ("asleep (dropped)", 10, 20),
        ):
            share, (low, high) = right / count, clopper_pearson(right, count)
            row = cells(text, "tiny", name, listener)
            assert row[3] == str(count)
            assert row[5] == f"{100 * share:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
            apart = [100 * min(1, 2 * (1 - value)) for value in (share, high, low)]
            assert row[6] == "{:.1f} [{:.1f}, {:.1f}]".format(*apart)
            assert float(row[7]) == pytest.approx(Rate(count, right).p, rel=0.01)
    assert cells(text, "tiny", "all", "perfect")[3:6] == ["40", "1", "100.0 [91.2, 100.0]"]
    assert "twice the share of\nwrong answers" in text


def test_who_skipped_the_catch_trials_is_dropped_unless_there_were_none(tmp_path):
    rows = key(tmp_path / "key.json")
    early = answers(tmp_path / "early.csv", rows, "early", lambda row: True, only=40)
    whole = answers(tmp_path / "whole.csv", rows, "whole", lambda row: True)
    text = score(tmp_path, [early, whole])
    assert cells(text, "early")[2:] == ["0 of 0", "dropped: expected at least 90 % of the catch trials right"]
    assert cells(text, "tiny", "all", "all 1 kept")[3] == "40"
    assert cells(score(tmp_path, [early]), "tiny", "all", "all 0 kept")[3:] == ["0", "0", "–", "–", "–"]
    rows = key(tmp_path / "key.json", catches=0)
    assert cells(score(tmp_path, [early]), "early")[2:] == ["0 of 0", "kept"]


def test_several_tests_are_scored_by_corpus(tmp_path):
    one, two = key(tmp_path / "one.json"), key(tmp_path / "two.json", "other", prefix="u")
    files = [
        answers(tmp_path / "1.csv", one, "p", lambda row: True),
        answers(tmp_path / "2.csv", two, "p", lambda row: row["catch"]),
    ]
    text = score(tmp_path, files, ["one.json", "two.json"])
    assert cells(text, "p")[2] == "20 of 20"
    assert cells(text, "tiny", "2", "all 1 kept")[5].startswith("100.0 ")
    assert cells(text, "other", "2", "all 1 kept")[5].startswith("0.0 ")


def test_the_same_answer_in_an_earlier_and_a_later_file_counts_once(tmp_path):
    rows = key(tmp_path / "key.json")
    files = [answers(tmp_path / f"{only}.csv", rows, "p", lambda row: True, only) for only in (30, 50)]
    assert cells(score(tmp_path, files), "p")[1] == "40"


HEAD = "listener,trial,answer,time,ms\n"
BAD = {
    "no rows": (HEAD, "expected answers. Received: none"),
    "empty": ("", "expected the columns listener, trial"),
    "columns": ("listener;trial;answer;time;ms\np;t0;A;x;1\n", "expected the columns"),
    "answer": (HEAD + "p,t0,C,x,1\n", "line 2: expected the answer A or B. Received: 'C'"),
    "trial": (HEAD + "p,t0,A,x,1\np,zzz,A,x,1\n", "line 3: expected a trial of the key. Received: 'zzz'"),
    "twice": (HEAD + "p,t0,A,x,1\np,t0,B,x,1\n", "line 3: expected one answer to a trial"),
    "short": (HEAD + "p,t0,A\n", "line 2: expected listener, trial"),
    "long": (HEAD + "p,t0,A,x,1,2\n", "line 2: expected listener, trial"),
    "nobody": (HEAD + ",t0,A,x,1\n", "line 2: expected listener, trial"),
    "ms": (HEAD + "p,t0,A,x,soon\n", "line 2: expected listener, trial"),
    "latin": (b"listener,trial,answer,time,ms\np\xe9,t0,A,x,1\n", "expected a CSV file in UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_answers_are_refused(tmp_path, case):
    key(tmp_path / "key.json")
    text, message = BAD[case]
    (tmp_path / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        score(tmp_path, [tmp_path / "bad.csv"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"corpus": "a", "trials": [{"trial": "t"}]}', "\x00"])
def test_bad_keys_are_refused(tmp_path, text):
    (tmp_path / "key.json").write_text(text)
    with pytest.raises(InputError, match="key.json: expected the key.json of a listening test. Received: something"):
        scoring.read_keys([tmp_path / "key.json"])


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match="none.json: expected .* Received: No such file"):
        scoring.read_keys([tmp_path / "none.json"])
    with pytest.raises(InputError, match="none.csv: expected a file of answers. Received: No such file"):
        scoring.read_answers([tmp_path / "none.csv"], {})
