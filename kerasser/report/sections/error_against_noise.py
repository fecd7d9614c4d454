"""Error against noise, of one model or of anybody's recogniser: figure 1 with who was attacked."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser.evaluation.report import EvaluationReport
from kerasser.evaluation.results import ANY, Figure1Row, VictimFacts
from kerasser.report.blocks import Block, Table, text
from kerasser.report.formatting import guesses, label, name, percent, spread
from kerasser.report.section import Section
from kerasser.report.sections import figure1

_KINDS = {"callable": "function", "server": "server", "keras": "Keras model", "saved_model": "SavedModel"}


def blocks(report: EvaluationReport) -> Sequence[Block]:
    """Returns who was attacked, the figure, and the confusion on clean speech."""
    clean = report.clean
    return [
        *(_attacked(report.victim, report.figure1) if report.victim else ()),
        text(
            f"On clean speech the error is {percent(clean.score)} % ({clean.n} utterances, "
            f"{len(report.test_speakers)} test speakers). Error is 100 − UA; {spread(report)}. {guesses(report)}"
        ),
        figure1.picture(report),
        figure1.table(report.figure1),
        text("Confusion on clean speech:"),
        _confusion(clean.confusion, report.classes),
    ]


def _attacked(victim: VictimFacts, rows: Sequence[Figure1Row]) -> list[Block]:
    """Returns who was attacked, and by whom."""
    facts = [
        *([f"asked at {victim.asked}"] if victim.kind == "server" else []),
        *([f"version {victim.served_version}"] if victim.served_version else []),
        *([f"signature {victim.signature}"] if victim.signature else []),
        *([f"defended ({label(victim.defence)})"] if victim.defence else []),
        *([f"called version {victim.version}"] if victim.version else []),
    ]
    tries = max(row.error_worst_of.n for row in rows if row.noise != ANY)
    return [
        text(
            f"Attacked: {name(victim.name)}, a {', '.join([_KINDS[victim.kind], *facts])}; it hears {victim.input} "
            f"and answers {', '.join(map(name, victim.classes))}."
        ),
        text(
            "An oblivious attacker sends one random draw of noise: the mean draw. An adaptive one tries N draws "
            f"through the victim itself and keeps what works: the worst of N, N queries an utterance, here {tries} "
            f"for one noise and budget. The victim answered {victim.queries} queries in all."
        ),
    ]


def _confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Table:
    """Returns a row a true class, a column an answer."""
    rows = [[name(each), *map(str, row)] for each, row in zip(classes, counts, strict=True)]
    return Table(["truth \\ answer", *map(name, classes)], rows)


SECTION = Section({EvaluationReport: "Error against noise"}, 30, blocks, figure1.tables)
