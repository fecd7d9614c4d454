"""What a few test utterances sound like before and after the attack, and what the models answer to each."""

from __future__ import annotations

from collections.abc import Sequence

from kerasser import defences, threats
from kerasser.evaluation.report import EvaluationReport, Report, ReproductionReport
from kerasser.evaluation.results import Answer, Sound, SoundExample
from kerasser.report.blocks import Block, Cell, SoundLink, Table, text
from kerasser.report.formatting import label, name, number
from kerasser.report.section import Section
from kerasser.report.sounds import FOLDER


def blocks(report: Report) -> Sequence[Block]:
    """Returns each utterance with its versions and the answers to them."""
    if not report.sounds:
        return []
    answering = list(
        dict.fromkeys(defence for each in report.sounds for version in each.versions for defence in version.answers)
    )
    found: list[Block] = [
        text(
            "Test utterances, as they are and under the first draw of noise, with the answer to each. They are chosen "
            "to show attacks that succeed and attacks that fail, turn by turn, so they say nothing about how often "
            "either happens. The versions of an utterance are played with the same gain. The licence of the corpus "
            "decides who may hear them: `--report.sounds 0` leaves them out."
        )
    ]
    if any(example.noise in threats.known() for example in report.sounds):
        found.append(
            text(
                "Where a threat model stands for the noise, what was added is what it made for that one system: the "
                "very 16 bits that were judged, of an utterance that it succeeds on if there is any."
            )
        )
    for example in report.sounds:
        found += _example(example, answering, report.classes)
    return found


def _example(example: SoundExample, answering: Sequence[str], classes: Sequence[str]) -> list[Block]:
    columns = ["answer without a defence" if each == defences.NONE else f"answer, {label(each)}" for each in answering]
    rows: list[list[Cell]] = []
    for sound in example.versions:
        answers = [_answer(classes, example.label, sound.answers.get(defence)) for defence in answering]
        version = _version(sound)
        rows.append([version, SoundLink(f"{FOLDER}/{sound.file}", version), *answers])
    return [
        text(f"### {name(example.utterance)}: {name(example.emotion)}, {name(classes[example.label])}"),
        text(f"Speaker {name(example.speaker)}, {number(example.duration_s)} s, noise: {name(example.noise)}."),
        Table(["version", "sound", *columns], rows),
    ]


def _version(sound: Sound) -> str:
    """Returns "clean", or the budget; a factor says little without the ratio that it comes to."""
    if sound.budget is None:
        return "clean"
    return f"{sound.budget}, {number(sound.snr_db)} dB" if sound.budget.kind == "epsilon" else str(sound.budget)


def _answer(classes: Sequence[str], truth: int, answer: Answer | None) -> str:
    if answer is None:
        return "–"
    right = "right" if answer.predicted == truth else "**wrong**"
    return f"{name(classes[answer.predicted])} ({100 * answer.probability:.0f} %), {right}"


TITLE = "Listen"
SECTION = Section({EvaluationReport: TITLE, ReproductionReport: TITLE}, 110, blocks)
