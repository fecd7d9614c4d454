"""What channels cost, beside clean speech and noise."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kerasser import defences
from kerasser.attack import channels
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import ChannelReference, ChannelRow, Channels, Difference
from kerasser.evaluation.statistics import least_p
from kerasser.report import style
from kerasser.report.blocks import Block, Picture, Table, text
from kerasser.report.formatting import (
    difference,
    label,
    name,
    number,
    percent,
    probability,
    quartiles,
    speakers_allow,
)
from kerasser.report.section import Section

_ERRORS = ("channel", "error, mean draw", "error, worst of N", "N", "attack success (%)")
_HEARD = ("channel", "SNR (dB)", "segmental SNR (dB)", "STOI", "PESQ", "error, mean draw")


def blocks(report: Report) -> Sequence[Block]:
    """Returns the errors, how certain it is that they are others, and how much of a channel is heard."""
    part = report.channels
    if part is None:
        return []
    several = len(part.references) > 1
    return [
        text(
            "The same speech behind channels that it passes on its way to a recogniser, without noise; never in "
            "training. Where draws differ, as rooms do, each figure stands for the mean draw and for the worst of N."
            + (" The rooms are measured ones." if report.settings["attack"].get("rooms_dir") else "")
        ),
        text(*(_reference(each, several) for each in part.references)),
        Picture("channels", "Error behind each channel", lambda: draw(report)),
        Table([*(("defence",) if several else ()), *_ERRORS], [_errors(row, several) for row in part.rows]),
        *_differences(report, part, several),
        *_heard(part),
    ]


def tables(report: Report) -> dict[str, Sequence[ChannelRow]]:
    """Returns the rows for the CSV file."""
    return {"channels": report.channels.rows if report.channels else ()}


def draw(report: Report) -> Figure:
    """Draws the error behind each channel by its level, from mild to severe, beside clean speech and noise."""
    part = report.channels
    rows = [row for row in part.rows if row.score.error is not None] if part else []
    references = {each.defence: each for each in part.references} if part else {}
    names = list(dict.fromkeys(row.budget.kind for row in rows))
    figure, grid = style.beside(style.caption(report), len(names))
    for axes, channel in zip(grid, names, strict=False):
        mine = [row for row in rows if row.budget.kind == channel]
        levels = list(dict.fromkeys(row.budget.value for row in mine))
        style.levels(axes, report.clean.score, report.chance_error)
        axes.set_title(channels.get(channel).label, fontsize=style.FONT)
        for defence, reference in references.items():
            colour = defences.get(defence).colour
            points = {levels.index(row.budget.value): row for row in mine if row.defence == defence}
            style.line(axes, dict(sorted(points.items())), colour)
            for place, row in points.items():
                # Of several systems they would hide each other.
                if row.score.interval and len(references) == 1:
                    axes.vlines(place, *row.score.interval, color=colour, linewidth=1.2, alpha=0.5)
            if reference.noise and reference.noise.error is not None:
                axes.axhline(reference.noise.error, color=colour, linewidth=1.2, linestyle=(0, (1, 3)))
        axes.set_xticks(range(len(levels)), [f"{level:g}".replace("-", "−") for level in levels])
        axes.set_xlabel(channels.get(channel).unit)
        axes.set_xlim(-0.5, len(levels) - 0.5)
    handles = [
        *(style.defence_handles(references) if len(references) > 1 else ()),
        *style.draw_handles(rows)[:2],
        *(Line2D([], [], color="0.4", linestyle=(0, (1, 3)), label=f"noise, {each.budget}") for each in _noisy(part)),
    ]
    return style.finish(figure, grid, handles, report.clean.score)


def _noisy(part: Channels | None) -> list[ChannelReference]:
    return [each for each in part.references if each.budget][:1] if part else []


def _reference(each: ChannelReference, several: bool) -> str:
    noise = f", under noise at {each.budget} {percent(each.noise)} %" if each.budget and each.noise else ""
    said = f"on clean speech the error is {percent(each.clean)} %{noise}, over all environments."
    return f"- {label(each.defence)}: {said}" if several else said[0].upper() + said[1:]


def _errors(row: ChannelRow, several: bool) -> list[str]:
    worst = row.error_worst_of
    return [
        *([label(row.defence)] if several else []),
        *(name(row.budget), percent(row.score), percent(worst.score), str(worst.n), number(row.attack_success_rate)),
    ]


def _differences(report: Report, part: Channels, several: bool) -> list[Block]:
    """Returns how certain the differences are; nothing where speakers are too few for any."""
    if not any(row.against_clean.interval for row in part.rows):
        return []
    speakers = len(report.test_speakers)
    noise = next((f"noise at {each.budget}" for each in _noisy(part)), "noise")
    lines = [
        [
            *([label(row.defence)] if several else []),
            *(name(row.budget), *_against(row.against_clean), _exact(row.against_clean)),
            *(_against(row.against_noise) if row.against_noise else ("–", "–")),
            number(row.against_clean.minimum_detectable),
        ]
        for row in part.rows
    ]
    head = ["channel", "less clean", "p", "McNemar", f"less {noise}", "p", "least"]
    return [
        text("### Which differences are certain"),
        text(
            "Points of error of the mean draw, less those of clean speech and less those under noise. p: paired "
            "bootstrap over speakers, two-sided; McNemar: exact, against clean speech, on the utterances that are "
            "right under every draw of the channel, and too small where speakers differ. All are adjusted after Holm "
            "over the channels and levels. Least: the difference from clean speech that these speakers would show "
            "with 80 % power." + speakers_allow(2 * least_p(speakers), speakers)
        ),
        Table([*(["defence"] if several else []), *head], lines),
    ]


def _against(each: Difference) -> tuple[str, str]:
    return (
        difference(each.difference, each.interval, each.interval_kind),
        probability(each.bootstrap.p_holm),
    )


def _exact(each: Difference) -> str:
    return probability(each.mcnemar.p_holm if each.mcnemar else None)


def _heard(part: Channels) -> list[Block]:
    """Returns how much of each channel is heard, beside the error of the first system."""
    mine = [row for row in part.rows if row.defence == part.rows[0].defence]
    lines = [
        [
            *(name(row.budget), quartiles(row.snr_db, 1), quartiles(row.segmental_snr_db, 1)),
            *(quartiles(row.stoi, 2), quartiles(row.pesq, 2), percent(row.score)),
        ]
        for row in mine
    ]
    return [
        text("### How much of it is heard"),
        text(
            "Medians, with quartiles in parentheses, as for the noise. What a channel changes counts as noise: a ratio "
            "says little of a room or a gain, which move every sample and are hardly minded; STOI and PESQ say more. "
            + (
                f"Beside the SNR they are measured on the first draw for {part.utterances} utterances."
                if part.utterances
                else "Only the SNR was measured, as `perception.utterances` is 0."
            )
        ),
        Table(_HEARD, lines),
    ]


TITLE = "What channels cost"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 95, blocks, tables)
