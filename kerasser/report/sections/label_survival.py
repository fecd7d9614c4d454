"""Whether the label survives the attack: reference noise and errors by emotion, errors by the speaker's sex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasser import defences
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import EmotionNoise, EmotionRow, NoiseTest, SexRow
from kerasser.report.blocks import Block, Cell, Table, text
from kerasser.report.formatting import label, name, percent, probability, quartiles
from kerasser.report.section import Section

#: Systems whose errors are printed; the CSV files hold the others.
_PRINTED = (defences.NONE, "gan")


def blocks(report: Report) -> Sequence[Block]:
    """Returns what is known of the emotions, and of the sexes."""
    part = report.label_survival
    return [
        text(
            "ε scales noise to the background that is estimated in each utterance. Look for emotions whose reference "
            "noise lies at another level, or at another ratio to the speech: there one ε adds another amount of noise, "
            "and part of an error that grows with ε is about the recording. A budget in dB is free of this. Beside "
            "it is the level of the quietest tenth of the frames: where the estimate lies further above it in one "
            "emotion than in another, speech passes for noise. Medians, with quartiles in parentheses, over the test "
            "utterances; 0 dB is a full-scale square wave."
        ),
        Table(
            ["emotion", "utterances", "speakers", "reference noise (dB)", "pauses (dB)", "reference SNR (dB)"],
            [_noise(row) for row in part.reference_noise],
        ),
        text(_test(part.test)),
        text(
            "Look for an emotion that alone carries the errors, or that noise alone makes one: an answer that noise "
            "pushes to one class makes the emotions of the other class wrong. Share of utterances answered wrongly, in "
            "percent; each draw over all noises."
        ),
        _errors(part.errors_by_emotion, "emotion"),
        *_by_sex(part.errors_by_sex),
    ]


def tables(report: Report) -> dict[str, Sequence[Any]]:
    """Returns the rows for the CSV files."""
    part = report.label_survival
    return {
        "reference_noise": part.reference_noise,
        "errors_by_emotion": part.errors_by_emotion,
        "errors_by_sex": part.errors_by_sex,
    }


def _noise(row: EmotionNoise) -> list[str]:
    levels = (quartiles(each, 1) for each in (row.level_db, row.pause_level_db, row.snr_db))
    return [name(row.emotion), str(row.n), str(row.speakers), *levels]


def _test(test: NoiseTest) -> str:
    """Says whether the levels differ, and what that does not say."""
    if test.p is None or test.statistic is None:
        return (
            "Whether the levels differ between emotions cannot be tested: it takes two speakers who each speak in two "
            "emotions or more, and levels that are not all alike."
        )
    p = probability(test.p)
    return (
        f"Do the levels differ between emotions? Kruskal–Wallis H = {test.statistic:.1f} over the median level of "
        f"each speaker and emotion, less the speaker's mean; p {p if p.startswith('<') else f'= {p}'}, by exchanging "
        f"emotions within each of {test.speakers} speakers. A small p says that the estimates differ, not why: speech "
        "that leaks into the estimate, the gain and the room look alike. A large one says little where speakers are "
        "few."
    )


def _by_sex(rows: Sequence[SexRow]) -> list[Block]:
    if not rows:
        return [text("The corpus does not tell the speakers' sex, so the error is not split by it.")]
    return [
        text(
            "Look for a difference that is wide beside the intervals: with few speakers, what seems to part the sexes "
            "may part these speakers. Error, 100 − UA, within each sex; a dash where a class is absent."
        ),
        _errors(rows, "sex"),
    ]


def _errors(rows: Sequence[EmotionRow | SexRow], by: str) -> Table:
    """Returns a table with a line a group and system, and two columns a budget."""
    printed = [row for row in rows if row.defence in _PRINTED]
    attacked = {row.budget: row.error_worst_of.n for row in printed if row.error_worst_of}
    columns = [title for budget, n in attacked.items() for title in (f"{budget}, mean draw", f"{budget}, worst of {n}")]
    several = len({row.defence for row in printed}) > 1
    lines: list[list[Cell]] = []
    for group, defence in dict.fromkeys((row.group, row.defence) for row in printed):
        mine = [row for row in printed if (row.group, row.defence) == (group, defence)]
        cells: list[Cell] = [name(group), *([label(defence)] if several else []), str(mine[0].n), str(mine[0].speakers)]
        for row in mine:
            cells += [percent(row.score), *([percent(row.error_worst_of.score)] if row.error_worst_of else [])]
        lines.append(cells)
    return Table([by, *(["defence"] if several else []), "utterances", "speakers", "clean", *columns], lines)


TITLE = "Does the label survive?"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 120, blocks, tables)
