"""What listeners told apart: answers of a listening test against its key."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from kerasser.util.errors import InputError

#: Columns of the file that the page hands out.
COLUMNS = ("listener", "trial", "answer", "time", "ms")
_CONFIDENCE = 0.95

EXPLANATION = """\
Right: share of trials in which X was named rightly, with its exact (Clopper–Pearson) 95 % interval.
Who hears no difference guesses, and is right in half of the trials: not told apart is therefore twice the share of
wrong answers, at most 100 %. p is of a two-sided binomial test that half of the answers are right: a small p says that
listeners did hear something, a large one does not prove that they heard nothing.
The pooled rows take all answers for independent, although those of one listener are alike: look at each listener too.
Identical: trials whose two sounds are the same in 16 bits, which nobody can tell apart."""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        listener: The random id of who gave it.
        corpus: The corpus of the utterance.
        epsilon: The perturbation factor that was asked for; None in a catch trial.
        right: Whether X was named rightly.
        identical: Whether A and B were the same sound.
    """

    listener: str
    corpus: str
    epsilon: float | None
    right: bool
    identical: bool


@dataclass(frozen=True)
class Rate:
    """How many of some answers are right.

    Attributes:
        answers: How many there are, above 0.
        right: How many are right.
    """

    answers: int
    right: int

    @property
    def share(self) -> float:
        """Share of right answers, in [0, 1]."""
        return self.right / self.answers

    @property
    def interval(self) -> tuple[float, float]:
        """Its exact 95 % interval (Clopper & Pearson 1934)."""
        low, high = binomtest(self.right, self.answers).proportion_ci(_CONFIDENCE, method="exact")
        return float(low), float(high)

    @property
    def p(self) -> float:
        """Two-sided p of as many right answers if all are guessed."""
        return float(binomtest(self.right, self.answers, 0.5).pvalue)


def not_told_apart(share: float) -> float:
    """Returns the share of trials that were not told apart, given the share that was answered rightly."""
    return min(1.0, 2.0 * (1.0 - share))


def read_keys(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Returns every trial by its id, with the corpus of its test.

    Raises:
        InputError: If a file is no key.
    """
    trials: dict[str, dict[str, Any]] = {}
    for path in paths:
        try:
            key = json.loads(path.read_text(encoding="utf-8"))
            for row in key["trials"]:
                target = None if row["catch"] else float(row["target"])
                known = {"corpus": str(key["corpus"]), "epsilon": target, "x": row["x"], "identical": row["identical"]}
                trials[row["trial"]] = known
        except OSError as error:
            raise InputError(f"{path}: expected the key.json of a listening test. Received: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: expected the key.json of a listening test. Received: something else") from error
    return trials


def read_answers(paths: Iterable[Path], key: Mapping[str, Mapping[str, Any]]) -> list[Answer]:
    """Reads what the page handed out; an answer that comes twice, as in an earlier file and a later one, counts once.

    Args:
        paths: CSV files.
        key: From `read_keys`.

    Raises:
        InputError: If a file is not of the page's form, knows a trial that no key has, or contradicts another.
    """
    given: dict[tuple[str, str], dict[str, str]] = {}
    for path in paths:
        rows = _rows(path)
        for line, row in enumerate(rows, 2):
            place = f"{path}, line {line}"
            if None in row or None in row.values() or not row["listener"] or not row["ms"].isdecimal():
                raise InputError(f"{place}: expected {', '.join(COLUMNS)}. Received: {list(row.values())}")
            if row["answer"] not in ("A", "B"):
                raise InputError(f"{place}: expected the answer A or B. Received: {row['answer']!r}")
            if row["trial"] not in key:
                raise InputError(f"{place}: expected a trial of the key. Received: {row['trial']!r}")
            if given.setdefault((row["listener"], row["trial"]), row) != row:
                raise InputError(f"{place}: expected one answer to a trial. Received: another for {row['trial']!r}")
    return [
        Answer(
            listener,
            key[trial]["corpus"],
            key[trial]["epsilon"],
            row["answer"] == key[trial]["x"],
            key[trial]["identical"],
        )
        for (listener, trial), row in given.items()
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            rows, columns = list(table), table.fieldnames
    except OSError as error:
        raise InputError(f"{path}: expected a file of answers. Received: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8. Received: something else") from error
    if tuple(columns or ()) != COLUMNS:
        raise InputError(f"{path}: expected the columns {', '.join(COLUMNS)}. Received: {', '.join(columns or ())}")
    if not rows:
        raise InputError(f"{path}: expected answers. Received: none")
    return rows


def markdown(answers: Sequence[Answer], key: Mapping[str, Mapping[str, Any]], least_caught: float) -> str:
    """Returns the tables of a test: who was attentive, and what was told apart per corpus and ε.

    Args:
        answers: From `read_answers`.
        key: From `read_keys`.
        least_caught: Share of the catch trials that a listener has to get right. Who gets fewer, or answered none of
            those in the key, is shown but left out of the pooled rows.
    """
    listeners = list(dict.fromkeys(answer.listener for answer in answers))
    catches = any(row["epsilon"] is None for row in key.values())
    tests = [answer for answer in answers if answer.epsilon is not None]
    kept, lines = [], ["| listener | answers | catch trials right | |", "| --- | --- | --- | --- |"]
    for listener in listeners:
        caught = [answer.right for answer in answers if answer.listener == listener and answer.epsilon is None]
        passed = not catches or (bool(caught) and sum(caught) >= least_caught * len(caught))
        kept += [listener] if passed else []
        verdict = "kept" if passed else f"dropped: expected at least {100 * least_caught:g} % of the catch trials right"
        count = sum(answer.listener == listener for answer in tests)
        lines.append(f"| {listener} | {count} | {sum(caught)} of {len(caught)} | {verdict} |")
    lines += ["", EXPLANATION, ""]
    lines += ["| corpus | ε | listener | answers | identical | right (%) | not told apart (%) | p |"]
    lines += ["| --- " * 8 + "|"]
    for corpus in sorted({answer.corpus for answer in tests}):
        here = [answer for answer in tests if answer.corpus == corpus]
        epsilons = sorted({answer.epsilon for answer in here if answer.epsilon is not None})
        groups = [(f"{epsilon:g}", [answer for answer in here if answer.epsilon == epsilon]) for epsilon in epsilons]
        for name, group in [*groups, ("all", here)]:
            pooled = [answer for answer in group if answer.listener in kept]
            lines.append(_row(corpus, name, f"all {len(kept)} kept", pooled))
            for listener in listeners:
                mine = [answer for answer in group if answer.listener == listener]
                lines.append(_row(corpus, name, listener + ("" if listener in kept else " (dropped)"), mine))
    return "\n".join(lines)


def _row(corpus: str, epsilon: str, listener: str, answers: Sequence[Answer]) -> str:
    cells = [corpus, epsilon, listener, str(len(answers)), str(sum(answer.identical for answer in answers))]
    if not answers:
        return f"| {' | '.join([*cells, '–', '–', '–'])} |"
    rate = Rate(len(answers), sum(answer.right for answer in answers))
    low, high = rate.interval
    right = f"{100 * rate.share:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    apart = [100 * not_told_apart(share) for share in (rate.share, high, low)]
    return f"| {' | '.join([*cells, right, '{:.1f} [{:.1f}, {:.1f}]'.format(*apart), f'{rate.p:.3g}'])} |"
