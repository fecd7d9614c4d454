"""The paper's figures as columns beside ours, for tables 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass

from kerasser.evaluation.results import ANY, TableRow, TableWorst
from kerasser.report import paper
from kerasser.report.formatting import draw, number


@dataclass(frozen=True)
class Comparison:
    """What stands beside a table of ours.

    Attributes:
        corpus: Ours.
        defence: What the paper's table is about.
        table: The paper's.
        shares: Whether the recovered shares stand beside its errors.
    """

    corpus: str
    defence: str
    table: paper.Table
    shares: bool = False

    @property
    def head(self) -> list[str]:
        """The columns; differences only for a corpus that the paper measured."""
        shown = [f"paper, {each}: attacked → {self.defence}" for each in paper.shown(self.corpus)]
        if self.corpus not in paper.NAMES:
            return shown
        return [*shown, "attacked, ours − paper's", f"{self.defence}, ours − paper's"]

    def cells(self, row: TableRow, attacked: float | None, defended: float | None) -> list[str]:
        """Returns what the paper prints for a noise at ε = 2, and how far ours is from it; empty where it has none."""
        if not paper.comparable(row.budget, row.noise):
            return [""] * len(self.head)
        cells = []
        for each in paper.shown(self.corpus):
            before, after = self.table[each][row.noise]
            share = f" ({paper.recovered_share(each, row.noise):.2f})" if self.shares else ""
            cells.append(f"{before:.2f} → {after:.2f}{share}")
        if own := paper.NAMES.get(self.corpus):
            pairs = zip((attacked, defended), self.table[own][row.noise], strict=True)
            cells += [number(paper.difference(ours, theirs), signed=True) for ours, theirs in pairs]
        return cells


def draws(row: TableRow) -> list[tuple[str, TableRow | TableWorst]]:
    """Returns the mean draw and the worst of N; the mean draw of any noise is that of the mean over them."""
    worst = (f"worst of {row.worst_of.n}", row.worst_of)
    return [worst] if row.noise == ANY else [(draw("mean"), row), worst]
