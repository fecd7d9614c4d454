"""Where figures come from: the command, what went in, the models, the versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasser.report.formatting import NAMES, count, name

# A hash is told apart by fewer digits than it has.
_DIGITS = 16


def lines(report: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the section for a report as `report.json` holds it; what it does not tell is left out."""
    found = []
    if command := report.get("command"):
        found += [
            "Words in capitals stand for the folders or files of whoever runs it; settings that are not named have "
            "their defaults, and `report.json` holds all of them.",
            "",
            *("    " + line for line in command.splitlines()),
            "",
        ]
    settings = report["settings"]
    seeds = {"training": report.get("seeds", [report["seed"]] if "seed" in report else [])}
    seeds |= {"draws of noise": [settings["attack"]["seed"]], "folds": [settings["data"]["seed"]]}
    skipped = ", ".join(f"{number} × {name(reason)}" for reason, number in report["skipped"].items())
    found += [
        "- Seeds: " + "; ".join(f"{what} {', '.join(map(str, each))}" for what, each in seeds.items() if each) + ".",
        f"- Tested: {count(report['clean']['n'], 'utterance')} of {count(len(report['test_speakers']), 'speaker')}: "
        f"{', '.join(map(name, report['test_speakers']))}.",
        f"- Left out of the corpus: {skipped or 'nothing'}.",
        "- Versions: " + ", ".join(f"{package} {version}" for package, version in report["versions"].items()) + ".",
        "",
        *_inputs(report),
        *_models(report),
    ]
    return found


def _inputs(report: Mapping[str, Any]) -> list[str]:
    inputs = report.get("inputs")
    if not inputs:
        return []
    rows = [f"| {name(kind)} | `{digest}` |" for kind, digest in inputs.items()]
    return ["What went in, by its content:", "", "| input | SHA-256 |", "| --- | --- |", *rows, ""]


def _models(report: Mapping[str, Any]) -> list[str]:
    models = report.get("models")
    if not models:
        return []
    found = [
        "Every model; the development UA chose its epoch. Hashes begin the SHA-256 of classifier and generator; "
        "`report.json` holds the rest.",
        "",
        "| defence | fold | seed | classifier | dev UA (%) | generator | SHA-256 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in models:
        share = f" ({each['percent']:g} %)" if each["percent"] else ""
        generator = each.get("generator")
        hashes = [digest for part in (each, generator or {}) if (digest := part.get("sha256"))]
        cells = [
            NAMES[each["defence"]] + share,
            name(each["fold"]),
            str(each["seed"]),
            _classifier(each),
            f"{each['dev_ua']:.1f}" if each.get("dev_ua") is not None else "–",
            _generator(generator),
            " ".join(f"`{digest[:_DIGITS]}`" for digest in hashes) or "–",
        ]
        found.append(f"| {' | '.join(cells)} |")
    return found


def _classifier(facts: Mapping[str, Any]) -> str:
    if not {"layers", "units"} <= facts.keys():
        return "–"
    return f"{facts['layers']} × {facts['units']} LSTM units"


def _generator(facts: Mapping[str, Any] | None) -> str:
    if not facts:
        return "–"
    network = facts.get("build", facts)
    if not {"units", "bottleneck"} <= network.keys():
        return "yes"
    return f"{network['units']} – {network['bottleneck']} – {network['units']} units"
