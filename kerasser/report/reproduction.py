"""The reproduction in words: figures 1 to 3 and tables 2 and 3 beside the paper's, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasser.report import paper, sections, threats
from kerasser.report.page import figure1_table
from kerasser.report.words import NAMES, budget, number, percent


def scope(report: Mapping[str, Any]) -> str:
    """Returns which folds and seeds a report is about, in words."""
    folds, seeds = report["folds"], report["seeds"]
    which = f"fold {folds[0]}" if len(folds) == 1 else f"{len(folds)} folds"
    return f"{which}, " + (f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds")


def markdown(report: Mapping[str, Any]) -> str:
    """Returns the page for a report as `report.json` holds it."""
    clean, table3 = report["clean"], report["table3"]
    speech = "synthetic speech" if report["synthetic"] else "recorded speech"
    noise = "synthetic noise" if report["noise_synthetic"] else "recorded noise"
    over = "speakers and seeds" if len(report["seeds"]) > 1 else "speakers"
    lines = [
        f"# {report['corpus']}: real-world noise and three defences, {scope(report)}",
        "",
        f"This is {speech} under {noise}. On clean speech the undefended classifier's error is {percent(clean)} % "
        f"({clean['n']} utterances, {len(report['test_speakers'])} test speakers; 50 % is chance). "
        f"Error is 100 − UA; brackets hold 95 % bootstrap intervals over {over}. "
        "Each figure stands twice: for the mean draw of noise, and for the worst of N draws, each tried on the model "
        "that is judged. At a signal-to-noise ratio, the tables of the defences give the mean over the noises and any "
        "of them; the CSV files and `report.json` hold the rest.",
        "",
        *(f"- {remark}" for remark in report["remarks"]),
        "",
        *_alarms(report["alarms"]),
        *_ordering(report["ordering"]),
        "## Figure 1: error against noise, no defence",
        "",
        "![Error against ε and against SNR](figure1.png)",
        "",
        f"The paper's largest error at ε = 2: {_pair(paper.FIGURE1_MAX)}; on clean speech {_pair(paper.CLEAN)}.",
        "",
        *figure1_table(report["figure1"]),
        "",
        *sections.perception(report),
    ]
    if report["figure2"]:
        lines += [
            "## Figure 2: adversarial training",
            "",
            "![Error against the share of adversarial training examples](figure2.png)",
            "",
            *_figure2(_shown(report["figure2"])),
            "",
        ]
    if report["table2"]:
        lines += ["## Table 2: random noise in training", "", *_table2(_shown(report["table2"])), ""]
    if table3:
        price = {"error": table3[0]["clean_through_gan"], "ci95": table3[0]["ci95"]["clean_through_gan"]}
        lines += [
            "## Table 3: the GAN",
            "",
            f"The price: clean speech through the generator has an error of {percent(price)} %, {percent(clean)} % "
            "without. The recovered share is (attacked − cleaned) / (attacked − clean); a dash where the attack does "
            "no harm that could be recovered.",
            "",
            *_table3(_shown(table3)),
            "",
        ]
    lines += [
        "## Figure 3: the defences",
        "",
        "![Error of each defence](figure3.png)",
        "",
        *_figure3(_shown(report["figure3"])),
        "",
        *threats.markdown(report),
        *_differences(report["differences"]),
        *sections.label_survival(report),
        "Clean speech: "
        + ", ".join(f"{NAMES[row['defence']]}{_share(row)} {percent(row)} %" for row in report["clean_defended"])
        + ".",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leaves out the single noises at a signal-to-noise ratio: they are in the CSV files."""
    return [row for row in rows if "epsilon" in row or row["noise"] in ("mean", "any")]


def _alarms(rung: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says which alarms rang."""
    tried = (
        "the error grows with the noise; the defence does not cost clean speech; the model answers the same when it is "
        "asked again; no test recording lies among the others; no test speaker or sample of test noise was trained on; "
        "no black box beats the white box; noise that drowns speech brings the error to chance; gradients are there; a "
        "search finds more than random draws"
    )
    if not rung:
        return [f"No alarm rang. Tried: {tried}.", ""]
    lines = [f"**{len(rung)} alarm{'s' if len(rung) > 1 else ''} rang.** Tried: {tried}.", ""]
    named = [(NAMES[each["defence"]] + ": " if each["defence"] else "", each["message"]) for each in rung]
    return [*lines, *(f"- {name}{message}" for name, message in named), ""]


def _ordering(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says whether the paper's order of the defences holds."""
    if not rows or len(rows[0]["order"]) < 2:
        return []
    names = [NAMES[name].removesuffix(" (waveform)") for name in rows[0]["order"]]
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
            + (f" [{pair['ci95'][0]:+.1f}, {pair['ci95'][1]:+.1f}]" if pair["ci95"] else "")
            for pair in row["pairs"]
        ]
        verdict = "holds" if row["holds"] else "does not hold"
        p = "–" if row["p"] is None else f"{row['p']:.3f}"
        draw = "mean" if row["draw"] == "mean" else "worst of N"
        lines.append(f"| {budget(row)} | {draw} | {verdict} | {p} | {' | '.join(cells)} |")
    lines += [
        "",
        "p is the largest of the neighbours' one-sided paired bootstrap p: small where the whole order is certain.",
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
            lines.append(f"| {key[1]} | {key[0]} | mean | {' | '.join(mean)} |")
        lines.append(f"| {key[1]} | {key[0]} | worst of {mine[0]['error_worst_of']['N']} | {' | '.join(worst)} |")
    return lines


def _table2(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = [name for name in ("attacked", "random_noise", "random_noise_on_features") if name in rows[0]]
    titles = {"attacked": "attacked", "random_noise": "random noise", "random_noise_on_features": "on features"}
    lines = [
        f"| noise | budget | draw | {' | '.join(titles[name] for name in columns)} | paper: attacked → random noise |",
        "| --- | --- | --- |" + " --- |" * (len(columns) + 1),
    ]
    for row in rows:
        for draw, place in _draws(row):
            cells = [percent({"error": place[name], "ci95": place["ci95"][name]}) for name in columns]
            lines.append(
                f"| {row['noise']} | {budget(row)} | {draw} | {' | '.join(cells)} | {_printed(paper.TABLE2, row)} |"
            )
    return lines


def _table3(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    extra = [name for name in ("enhancement", "combined") if name in rows[0]]
    titles = {"enhancement": "MMSE enhancement", "combined": "GAN + adversarial training"}
    names = ["attacked", "GAN", "recovered share", *(titles[name] for name in extra)]
    lines = [
        f"| noise | budget | draw | {' | '.join(names)} | paper: attacked → GAN (recovered) |",
        "| --- | --- | --- |" + " --- |" * (len(names) + 1),
    ]
    for row in rows:
        for draw, place in _draws(row):
            cells = {
                name: percent({"error": place[name], "ci95": place["ci95"][name]})
                for name in ("attacked", "gan", *extra)
            }
            share, interval = place["recovered_share"], place["ci95"]["recovered_share"]
            recovered = (
                "–"
                if share is None
                else f"{share:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")
            )
            shown = [cells["attacked"], cells["gan"], recovered, *(cells[name] for name in extra)]
            lines.append(
                f"| {row['noise']} | {budget(row)} | {draw} | {' | '.join(shown)} | {_printed(paper.TABLE3, row)} |"
            )
    return lines


def _figure3(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    defences = list(dict.fromkeys((row["defence"], _share(row)) for row in rows))
    lines = [
        f"| noise | budget | draw | {' | '.join(NAMES[name] + share for name, share in defences)} |",
        "| --- | --- | --- |" + " --- |" * len(defences),
    ]
    for key in dict.fromkeys((budget(row), row["noise"]) for row in rows):
        mine = [row for row in rows if (budget(row), row["noise"]) == key]
        if key[1] != "any":
            lines.append(f"| {key[1]} | {key[0]} | mean | {' | '.join(percent(row) for row in mine)} |")
        worst = [row["error_worst_of"] for row in mine]
        lines.append(f"| {key[1]} | {key[0]} | worst of {worst[0]['N']} | {' | '.join(map(percent, worst))} |")
    return lines


def _differences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says how certain each difference is."""
    if not any(row["ci95"] for row in rows):
        return []
    lines = [
        "## Which differences are certain",
        "",
        "Points of error, the first less the second, over the mean of the noises. p: paired bootstrap over speakers, "
        "two-sided, adjusted after Holm over the pairs of a budget and draw; McNemar: exact, on utterances that are "
        "right under every draw of every noise, adjusted likewise, and too small where speakers differ. Least: the "
        "difference that these speakers would show with 80 % power.",
        "",
        "| budget | draw | pair | difference | p | McNemar | least |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        pair = f"{NAMES[row['first']]} − {NAMES[row['second']]}"
        interval = f" [{row['ci95'][0]:+.1f}, {row['ci95'][1]:+.1f}]" if row["ci95"] else ""
        p = [_probability(row[test]["p_holm"]) for test in ("bootstrap", "mcnemar")]
        draw = "mean" if row["draw"] == "mean" else "worst of N"
        lines.append(
            f"| {budget(row)} | {draw} | {pair} | {number(row['difference'], signed=True)}{interval} "
            f"| {p[0]} | {p[1]} | {number(row['minimum_detectable'])} |"
        )
    return [*lines, ""]


def _probability(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _draws(row: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Returns the mean draw and the worst of N; the mean draw of any noise is that of the mean over them."""
    worst = (f"worst of {row['worst_of']['N']}", row["worst_of"])
    return [worst] if row["noise"] == "any" else [("mean", row), worst]


def _share(row: Mapping[str, Any]) -> str:
    return f" ({row['percent']:g} %)" if row.get("percent") else ""


def _printed(table: Mapping[str, Mapping[str, tuple[float, float]]], row: Mapping[str, Any]) -> str:
    """Returns what the paper prints for a noise at its maximum, corpus by corpus."""
    if "epsilon" not in row or row["noise"] not in paper.NOISES:
        return ""
    cells = []
    for corpus, noises in table.items():
        before, after = noises[row["noise"]]
        share = f" ({paper.recovered_share(corpus, row['noise']):.2f})" if table is paper.TABLE3 else ""
        cells.append(f"{corpus} {before} → {after}{share}")
    return "; ".join(cells)


def _pair(values: Mapping[str, float]) -> str:
    return ", ".join(f"{corpus} {value} %" for corpus, value in values.items())
