"""What a few test utterances sound like before and after the attack, and what the models answer to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasser.report.formatting import NAMES, budget, name, number

#: Where the sounds lie beside the report.
FOLDER = "sounds"


def lines(report: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the section, from `sounds` of a report; none where it has no such part."""
    heard = report.get("sounds")
    if not heard:
        return []
    defences = list(dict.fromkeys(defence for each in heard for row in each["versions"] for defence in row["answers"]))
    found = [
        "Test utterances, as they are and under the first draw of noise, with the answer to each. They are chosen to "
        "show attacks that succeed and attacks that fail, turn by turn, so they say nothing about how often either "
        "happens. The versions of an utterance are played with the same gain. The licence of the corpus decides "
        "who may hear them: `--report.sounds 0` leaves them out.",
    ]
    columns = ["answer without a defence" if each == "none" else f"answer, {NAMES[each]}" for each in defences]
    head = ["version", "sound", *columns]
    for each in heard:
        truth = report["classes"][each["label"]]
        found += [
            "",
            f"### {name(each['utterance'])}: {name(each['emotion'])}, {name(truth)}",
            "",
            f"Speaker {name(each['speaker'])}, {number(each['duration_s'])} s, noise: {name(each['noise'])}.",
            "",
            f"| {' | '.join(head)} |",
            "|" + " --- |" * len(head),
        ]
        for row in each["versions"]:
            version = _version(row)
            answers = [_answer(report, each["label"], row["answers"].get(defence)) for defence in defences]
            sound = f"[{version}]({FOLDER}/{row['file']})"
            found.append(f"| {' | '.join([version, sound, *answers])} |")
    return found


def _version(row: Mapping[str, Any]) -> str:
    """Returns "clean", or the budget; a factor says little without the ratio that it comes to."""
    if "epsilon" in row:
        return f"{budget(row)}, {number(row['snr_db'])} dB"
    return budget(row) if "snr_db_target" in row else "clean"


def _answer(report: Mapping[str, Any], label: int, answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return "–"
    right = "right" if answer["predicted"] == label else "**wrong**"
    return f"{name(report['classes'][answer['predicted']])} ({100 * answer['probability']:.0f} %), {right}"
