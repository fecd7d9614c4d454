"""What the attacker knows: errors by threat model (figure 4), how efficient a search is, and unseen noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from kerasser import threats
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import SearchCurveRow, ThreatRow, UnseenRow
from kerasser.noise import bank
from kerasser.report import style
from kerasser.report.blocks import Block, Picture, Table, text
from kerasser.report.formatting import label, name, number, percent
from kerasser.report.section import Section
from kerasser.threats import unseen_environment, white_box


def blocks(report: Report) -> Sequence[Block]:
    """Returns the threat models with their errors, and what belongs to them."""
    rows = report.threat_rows
    if not rows:
        return []
    present = [threat for threat in threats.known() if any(row.threat == threat for row in rows)]
    picture = Picture("figure4", "Error of each defence under each threat model", lambda: draw(report))
    spent = (
        "In parentheses: queries asked for an utterance on average, by an attacker who stops at a success, or the "
        "root mean square of the box's half sides in standard deviations."
    )
    heard = report.unheard if isinstance(report, ReproductionReport) else None
    if unseen_environment.NAME in present and bank.ENVIRONMENT not in (heard or {}).values():
        spent += " What trains on no environment meets them all unseen: its error there is the oblivious one."
    if _all_unseen(report):
        spent += (
            " The defences were trained on made noise alone, so there was no environment to leave out: all that test "
            "are unseen to them, and their oblivious error is the one on unseen environments."
        )
    return [
        text(_asked(rows, present, report.settings["threats"])),
        text(*(f"- **{threats.title(threat)}**: {threats.get(threat).explanation}." for threat in present)),
        # One system makes no figure.
        *([picture] if isinstance(report, ReproductionReport) else []),
        _table(rows, present),
        text(spent),
        *_sound(rows),
        *_unheard(heard or {}),
        *_curve(report.search_rows),
        *(_unseen(report.unseen) if isinstance(report, ReproductionReport) else []),
    ]


def _all_unseen(report: Report) -> bool:
    """Returns whether defences met no environment in training, where unseen ones were asked for."""
    made = report.settings.get("defences", {}).get("noise") == "made"
    return made and bool(report.settings["threats"]["unseen_environment"]["wanted"])


def tables(report: Report) -> dict[str, Sequence[Any]]:
    """Returns the rows for the CSV files of a reproduction."""
    if not isinstance(report, ReproductionReport):
        return {}
    return {"threats": report.threats, "search_curve": report.search_curve, "unseen": report.unseen}


def draw(report: Report) -> Figure:
    """Draws the error of every defence under every threat model."""
    rows, clean = report.threat_rows, report.clean.score
    panels = style.panels(rows)
    figure, grid = style.below(style.caption(report), len(panels))
    for axes, (title, part) in zip(grid, panels, strict=False):
        axes.set_title(title, fontsize=style.FONT)
        style.bars(axes, part, [threats.title(row.threat) for row in part], clean, report.chance_error)
    return style.finish(figure, grid, style.defence_handles(row.defence for row in rows), clean)


def _asked(rows: Sequence[ThreatRow], present: Sequence[str], settings: Any) -> str:
    most = max(row.queries for row in rows)
    said = (
        f"N = {most} queries for each utterance, over all environments. An utterance counts as wrong as soon as one "
        "query succeeds."
    )
    if white_box.NAME in present:
        said += f" White box: {settings['white_box']['steps']} steps × {settings['white_box']['restarts']} restarts."
    return said


def _table(rows: Sequence[ThreatRow], present: Sequence[str]) -> Table:
    """Returns a line a budget and defence, a column a threat model."""
    lines = []
    for budget, defence in dict.fromkeys((row.budget, row.defence) for row in rows):
        mine = {row.threat: row for row in rows if (row.budget, row.defence) == (budget, defence)}
        cells = [percent(mine[threat].score) + _spent(mine[threat]) if threat in mine else "–" for threat in present]
        lines.append([str(budget), label(defence), *cells])
    return Table(["budget", "defence", *map(threats.title, present)], lines)


def _spent(row: ThreatRow) -> str:
    if row.radius is not None:
        return f" (r = {row.radius:.2f})"
    return f" ({row.queries_mean:.1f})" if row.queries else ""


def _sound(rows: Sequence[ThreatRow]) -> list[Block]:
    """Returns what gradients to the sound came to, in the graph and once more through the system's own front end."""
    found = [row for row in rows if row.graph_error is not None]
    if not found:
        return []
    lines = [
        [
            *(
                str(row.budget),
                label(row.defence),
                row.threat,
                str(row.utterances or "all"),
            ),
            *(number(row.graph_error), percent(row.score), number(row.drawn_error), number(row.snr_db_median)),
        ]
        for row in found
    ]
    return [
        text("### Gradients to the sound"),
        text(
            "The feature front end as a graph gives what opensmile does not: the derivative by the sound. Each result "
            "is rounded to 16 bits and judged again through the system's own front end; that error is what counts. "
            "Jitter and shimmer pass no gradient, nor do decisions such as voicing. The worst random draw is that of "
            "the same utterances; the ratio is the median of what was really added."
        ),
        Table(
            [
                *("budget", "defence", "threat model", "utterances", "error in the graph", "error, judged again"),
                *("worst random draw", "SNR in dB"),
            ],
            lines,
        ),
    ]


def _curve(rows: Sequence[SearchCurveRow]) -> list[Block]:
    """Returns what each search reaches with half of the queries and with all."""
    if not rows:
        return []
    most = max(row.queries for row in rows)
    counts = sorted({max(most // 2, 1), most})
    lines = []
    for budget, defence in dict.fromkeys((row.budget, row.defence) for row in rows):
        mine = {row.queries: row for row in rows if (row.budget, row.defence) == (budget, defence)}
        rates = [number(rate) for count in counts for rate in (mine[count].random, mine[count].bayesian)]
        lines.append([str(budget), label(defence), *rates])
    names = [f"{kind}, {count}" for count in counts for kind in ("random", "Bayesian")]
    return [
        text("### How efficient the search is"),
        text("Attack success rate, in percent of the utterances that are right when clean, by queries spent."),
        Table(["budget", "defence", *names], lines),
    ]


def _unheard(heard: Mapping[str, str]) -> list[Block]:
    """Returns which environments the threat models of unseen noise are about."""
    found = [
        (said, ", ".join(name(environment) for environment, what in heard.items() if what == kind))
        for kind, said in (
            (bank.ENVIRONMENT, "No training heard these environments"),
            (bank.RECORDING, "Of these it heard other recordings than test"),
        )
    ]
    return [text(" ".join(f"{said}: {names}." for said, names in found if names))] if heard else []


def _unseen(rows: Sequence[UnseenRow]) -> list[Block]:
    """Returns the error by noise that trained and noise that tests."""
    if not rows:
        return []
    noises, lines = list(dict.fromkeys(row.noise for row in rows)), []
    for key in dict.fromkeys((row.budget, row.defence, row.trained_without) for row in rows):
        budget, defence, without = key
        mine = {row.noise: row for row in rows if (row.budget, row.defence, row.trained_without) == key}
        errors = [percent(mine[noise].score) for noise in noises]
        cells = [f"**{error}**" if noise == without else error for noise, error in zip(noises, errors, strict=True)]
        trained = f"all but {name(without)}" if without else "all"
        lines.append([str(budget), label(defence), trained, *cells])
    return [
        text("### Noise that was never heard"),
        text(
            "Error for one random piece, by the environments that trained the defence (rows) and the one that tests "
            "(columns); bold where it was left out."
        ),
        Table(["budget", "defence", "trained on", *map(name, noises)], lines),
    ]


SECTION = Section(
    {EvaluationReport: "What the attacker knows", ReproductionReport: "Figure 4: what the attacker knows"},
    80,
    blocks,
    tables,
)
