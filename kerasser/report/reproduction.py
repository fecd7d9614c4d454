"""The reproduction in words: figures 1 to 3 and tables 2 and 3 beside the paper's, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.evaluation.statistics import least_p
from kerasser.report import document, paper, provenance, sections, sounds, summary, threats
from kerasser.report.document import Document, Section
from kerasser.report.formatting import NAMES, budget, count, name, number, percent
from kerasser.report.page import figure1_table


def scope(report: Mapping[str, Any]) -> str:
    """Returns which folds and seeds a report is about, in words."""
    folds, seeds = report["folds"], report["seeds"]
    which = f"fold {folds[0]}" if len(folds) == 1 else f"{len(folds)} folds"
    return f"{which}, " + (f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds")


def markdown(report: Mapping[str, Any]) -> str:
    """Returns the page for a report as `report.json` holds it."""
    return document.markdown(reproduction(report))


def reproduction(report: Mapping[str, Any]) -> Document:
    """Returns what the report of a reproduction says."""
    speakers = len(report["test_speakers"])
    return Document(
        title=f"{name(report['corpus'])}: real-world noise and three defences, {name(scope(report))}",
        banners=summary.banners(report),
        summary=summary.sentences(report),
        alarms=sections.alarms(report),
        sections=[
            Section("How to read the figures", _reading(report)),
            *sections.given("The order of the defences", _ordering(report["ordering"], speakers)),
            Section("Figure 1: error against noise, no defence", _section1(report)),
            *sections.given("Figure 2: adversarial training", _section2(_shown(report["figure2"]))),
            *sections.given("Table 2: random noise in training", _table2(report["corpus"], _shown(report["table2"]))),
            *sections.given("Table 3: the GAN", _section3(report)),
            Section(
                "Figure 3: the defences",
                ["![Error of each defence](figure3.svg)", "", *_figure3(_shown(report["figure3"]))],
            ),
            *sections.given("Figure 4: what the attacker knows", threats.markdown(report)),
            *sections.given("Which differences are certain", _differences(report["differences"], speakers)),
            *sections.given("Can the attack be heard?", sections.perception(report)),
            *sections.given("Listen", sounds.lines(report)),
            *sections.given("Does the label survive?", sections.label_survival(report)),
            Section("How to make this again", provenance.lines(report)),
        ],
    )


def _reading(report: Mapping[str, Any]) -> list[str]:
    over = "speakers and seeds" if len(report["seeds"]) > 1 else "speakers"
    return [
        f"Error is 100 − UA; 50 % is chance; brackets hold 95 % bootstrap intervals over {over}. "
        "Each figure stands twice: for the mean draw of noise, and for the worst of N draws, each tried on the model "
        "that is judged. At a signal-to-noise ratio, the tables of the defences give the mean over the noises and any "
        "of them; the CSV files and `report.json` hold the rest.",
        "",
        "Clean speech: "
        + ", ".join(f"{NAMES[row['defence']]}{_share(row)} {percent(row)} %" for row in report["clean_defended"])
        + ".",
    ]


def _section1(report: Mapping[str, Any]) -> list[str]:
    said = f"The paper's largest error at ε = 2: {_pair(paper.FIGURE1_MAX)}; on clean speech {_pair(paper.CLEAN)}."
    if own := paper.NAMES.get(report["corpus"]):
        errors = [row["error"] for row in report["figure1"] if paper.comparable(row) and row["error"] is not None]
        largest = max(errors) if errors else None
        differences = [
            number(paper.difference(ours, theirs), signed=True)
            for ours, theirs in ((largest, paper.FIGURE1_MAX[own]), (report["clean"]["error"], paper.CLEAN[own]))
        ]
        said += f" Ours less the paper's, in points: {differences[0]} and {differences[1]}."
    return ["![Error against ε and against SNR](figure1.svg)", "", said, "", *figure1_table(report["figure1"])]


def _section2(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    return ["![Error against the share of adversarial training examples](figure2.svg)", "", *_figure2(rows)]


def _section3(report: Mapping[str, Any]) -> list[str]:
    rows, clean = report["table3"], report["clean"]
    if not rows:
        return []
    price = {"error": rows[0]["clean_through_gan"], "interval": rows[0]["interval"]["clean_through_gan"]}
    return [
        f"The price: clean speech through the generator has an error of {percent(price)} %, {percent(clean)} % "
        "without. The recovered share is (attacked − cleaned) / (attacked − clean); a dash where the attack does "
        "no harm that could be recovered.",
        "",
        *_table3(report["corpus"], _shown(rows)),
    ]


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leaves out the single noises at a signal-to-noise ratio: they are in the CSV files."""
    return [row for row in rows if "epsilon" in row or row["noise"] in ("mean", "any")]


def _ordering(rows: Sequence[Mapping[str, Any]], speakers: int) -> list[str]:
    """Says whether the paper's order of the defences holds."""
    if not rows or len(rows[0]["order"]) < 2:
        return []
    names = [NAMES[defence].removesuffix(" (waveform)") for defence in rows[0]["order"]]
    pairs = [f"{NAMES[pair['better']]} − {NAMES[pair['worse']]}" for pair in rows[0]["pairs"]]
    lines = [
        f"The paper's order of errors, tried on the mean over the noises: {' < '.join(names)}.",
        "",
        f"| budget | draw | order | p | {' | '.join(pairs)} |",
        "| --- | --- | --- | --- |" + " --- |" * len(pairs),
    ]
    for row in rows:
        cells = [
            number(pair["difference"], signed=True)
            + (f" [{pair['interval'][0]:+.1f}, {pair['interval'][1]:+.1f}]" if pair["interval"] else "")
            for pair in row["pairs"]
        ]
        verdict = "holds" if row["holds"] else "does not hold"
        draw = "mean" if row["draw"] == "mean" else "worst of N"
        lines.append(f"| {budget(row)} | {draw} | {verdict} | {_probability(row['p'])} | {' | '.join(cells)} |")
    lines += [
        "",
        "p is the largest of the neighbours' one-sided paired bootstrap p: small where the whole order is certain."
        + _least(least_p(speakers), speakers),
        "",
    ]
    return lines


def _figure2(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    percents = list(dict.fromkeys(row["percent"] for row in rows))
    lines = [
        f"| noise | budget | draw | {' | '.join(f'{percent:g} %' for percent in percents)} |",
        "| --- | --- | --- |" + " --- |" * len(percents),
    ]
    for key in dict.fromkeys((budget(row), row["noise"]) for row in rows):
        mine = [row for row in rows if (budget(row), row["noise"]) == key]
        mean = [number(row["error"]) for row in mine]
        worst = [number(row["error_worst_of"]["error"]) for row in mine]
        if key[1] != "any":
            lines.append(f"| {name(key[1])} | {key[0]} | mean | {' | '.join(mean)} |")
        lines.append(f"| {name(key[1])} | {key[0]} | worst of {mine[0]['error_worst_of']['N']} | {' | '.join(worst)} |")
    return lines


def _table2(corpus: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    titles = {"attacked": "attacked", "random_noise": "random noise", "random_noise_on_features": "on features"}
    columns = [column for column in titles if column in rows[0]]
    head = [titles[column] for column in columns] + _paper_head(corpus, "random noise")
    lines = [f"| noise | budget | draw | {' | '.join(head)} |", "| --- | --- | --- |" + " --- |" * len(head)]
    for row in rows:
        for draw, place in _draws(row):
            cells = [percent({"error": place[column], "interval": place["interval"][column]}) for column in columns]
            cells += _paper_cells(paper.TABLE2, corpus, row, place["attacked"], place["random_noise"])
            lines.append(f"| {name(row['noise'])} | {budget(row)} | {draw} | {' | '.join(cells)} |")
    return lines


def _table3(corpus: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    extra = [column for column in ("enhancement", "combined") if column in rows[0]]
    titles = {"enhancement": "MMSE enhancement", "combined": "GAN + adversarial training"}
    head = ["attacked", "GAN", "recovered share", *(titles[column] for column in extra), *_paper_head(corpus, "GAN")]
    lines = [f"| noise | budget | draw | {' | '.join(head)} |", "| --- | --- | --- |" + " --- |" * len(head)]
    for row in rows:
        for draw, place in _draws(row):
            cells = {
                column: percent({"error": place[column], "interval": place["interval"][column]})
                for column in ("attacked", "gan", *extra)
            }
            share, interval = place["recovered_share"], place["interval"]["recovered_share"]
            recovered = (
                "–"
                if share is None
                else f"{share:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")
            )
            shown = [cells["attacked"], cells["gan"], recovered, *(cells[column] for column in extra)]
            shown += _paper_cells(paper.TABLE3, corpus, row, place["attacked"], place["gan"])
            lines.append(f"| {name(row['noise'])} | {budget(row)} | {draw} | {' | '.join(shown)} |")
    return lines


def _paper_head(corpus: str, defence: str) -> list[str]:
    """Returns the columns for the paper's figures; differences only for a corpus that the paper measured."""
    shown = [f"paper, {each}: attacked → {defence}" for each in paper.shown(corpus)]
    if corpus not in paper.NAMES:
        return shown
    return [*shown, "attacked, ours − paper's", f"{defence}, ours − paper's"]


def _paper_cells(
    table: paper.Table, corpus: str, row: Mapping[str, Any], attacked: float | None, defended: float | None
) -> list[str]:
    """Returns what the paper prints for a noise at ε = 2, and how far ours is from it; empty where it prints none."""
    if not paper.comparable(row):
        return [""] * len(_paper_head(corpus, ""))
    cells = []
    for each in paper.shown(corpus):
        before, after = table[each][row["noise"]]
        share = f" ({paper.recovered_share(each, row['noise']):.2f})" if table is paper.TABLE3 else ""
        cells.append(f"{before:.2f} → {after:.2f}{share}")
    if own := paper.NAMES.get(corpus):
        pairs = zip((attacked, defended), table[own][row["noise"]], strict=True)
        cells += [number(paper.difference(ours, theirs), signed=True) for ours, theirs in pairs]
    return cells


def _figure3(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    defences = list(dict.fromkeys((row["defence"], _share(row)) for row in rows))
    lines = [
        f"| noise | budget | draw | {' | '.join(NAMES[defence] + share for defence, share in defences)} |",
        "| --- | --- | --- |" + " --- |" * len(defences),
    ]
    for key in dict.fromkeys((budget(row), row["noise"]) for row in rows):
        mine = [row for row in rows if (budget(row), row["noise"]) == key]
        if key[1] != "any":
            lines.append(f"| {name(key[1])} | {key[0]} | mean | {' | '.join(percent(row) for row in mine)} |")
        worst = [row["error_worst_of"] for row in mine]
        lines.append(f"| {name(key[1])} | {key[0]} | worst of {worst[0]['N']} | {' | '.join(map(percent, worst))} |")
    return lines


def _differences(rows: Sequence[Mapping[str, Any]], speakers: int) -> list[str]:
    """Says how certain each difference is."""
    if not any(row["interval"] for row in rows):
        return []
    lines = [
        "Points of error, the first less the second, over the mean of the noises. p: paired bootstrap over speakers, "
        "two-sided, adjusted after Holm over the pairs of a budget and draw; McNemar: exact, on utterances that are "
        "right under every draw of every noise, adjusted likewise, and too small where speakers differ. Least: the "
        "difference that these speakers would show with 80 % power." + _least(2 * least_p(speakers), speakers),
        "",
        "| budget | draw | pair | difference | p | McNemar | least |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        pair = f"{NAMES[row['first']]} − {NAMES[row['second']]}"
        interval = f" [{row['interval'][0]:+.1f}, {row['interval'][1]:+.1f}]" if row["interval"] else ""
        p = [_probability(row[test]["p_holm"]) for test in ("bootstrap", "mcnemar")]
        draw = "mean" if row["draw"] == "mean" else "worst of N"
        lines.append(
            f"| {budget(row)} | {draw} | {pair} | {number(row['difference'], signed=True)}{interval} "
            f"| {p[0]} | {p[1]} | {number(row['minimum_detectable'])} |"
        )
    return [*lines, ""]


def _least(p: float, speakers: int) -> str:
    """Says what no p can be below, where that matters."""
    return f" {count(speakers, 'speaker')} allow no p below {p:.3f}." if p >= 0.001 else ""


def _probability(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _draws(row: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Returns the mean draw and the worst of N; the mean draw of any noise is that of the mean over them."""
    worst = (f"worst of {row['worst_of']['N']}", row["worst_of"])
    return [worst] if row["noise"] == "any" else [("mean", row), worst]


def _share(row: Mapping[str, Any]) -> str:
    return f" ({row['percent']:g} %)" if row.get("percent") else ""


def _pair(values: Mapping[str, float]) -> str:
    return ", ".join(f"{corpus} {value} %" for corpus, value in values.items())
