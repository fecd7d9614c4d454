"""Compares a front end with opensmile over corpora: a Markdown table each, and which bars are reached."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from kerasser import audio, corpora  # noqa: E402
from kerasser.corpora.usable import probed  # noqa: E402
from kerasser.features import front_end, known  # noqa: E402
from kerasser.features.agreement import BARS, Agreement, agreements  # noqa: E402
from kerasser.util import progress  # noqa: E402
from kerasser.util.errors import InputError  # noqa: E402

#: Utterances of about one length that are described at once.
BATCH = 16
#: One sample in so many is off by one step, for how much the reference moves by itself.
OFF = 100


def waveforms(reader: str, folder: str, files: int | None) -> list[np.ndarray]:
    """Returns the speech of a corpus, or of so many utterances evenly taken from it."""
    corpus, audio_files = probed(corpora.read(reader, folder), skip=True, quiet=True)
    if files is not None and files < len(audio_files):
        chosen = np.linspace(0, len(audio_files) - 1, files).round().astype(int)
        audio_files = [audio_files[number] for number in chosen]
    heard = progress.steps(audio.waveforms(audio_files), len(audio_files), "files", corpus.name)
    return sorted((audio.clip(waveform)[0] for waveform in heard), key=len)


def described(name: str, speech: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns the frames of every utterance, by batches where the front end takes them."""
    described_by = front_end(name)
    batch: Callable[..., list[np.ndarray]] | None = getattr(described_by, "batch", None)
    steps: Iterator[int] = iter(progress.steps(range(0, len(speech), BATCH), -(-len(speech) // BATCH), "batches", name))
    found: list[np.ndarray] = []
    for start in steps:
        some = speech[start : start + BATCH]
        names = [f"utterance {start + number}" for number in range(len(some))]
        found += batch(some, names) if batch else [described_by(*each) for each in zip(some, names, strict=True)]
    return found


def moved(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns speech with one step of 16 bits up or down in a hundredth of the samples."""
    steps = np.trunc(waveform * 32768.0)
    off = (generator.random(steps.size) < 1 / OFF) * generator.choice([-1, 1], steps.size)
    return audio.clip(((steps + off) / 32768.0).astype(np.float32))[0]


def table(name: str, found: Sequence[Agreement], itself: Sequence[Agreement] | None) -> str:
    """Returns a Markdown table of how each descriptor agrees."""
    header = ["descriptor", "correlation", "median rel. difference", "frames that agree (%)", "same mask (%)", "bar"]
    header += ["opensmile ± 1 step: agree (%)"] if itself else []
    lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    for number, each in enumerate(found):
        bar = BARS[number]
        asked = [f"{100 * bar.share:g} %"]
        asked += [f"r {bar.correlation:g}"] if bar.correlation else []
        cells = [
            each.name.removesuffix("_sma3nz").removesuffix("_sma3"),
            # Not rounded up to 1 where it is less.
            f"{np.floor(each.correlation * 1e7) / 1e7:.7f}",
            f"{each.median:.0e}",
            f"{np.floor(each.within * 1e4) / 100:.2f}",
            "" if each.mask is None else f"{np.floor(each.mask * 1e4) / 100:.2f}",
            f"{', '.join(asked)}: {'holds' if each.holds else '**missed**'}",
        ]
        cells += [f"{np.floor(itself[number].within * 1e4) / 100:.2f}"] if itself else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def compare(chosen: str, reader: str, folder: str, files: int | None, itself: bool) -> tuple[str, bool]:
    """Returns the section of a corpus, Markdown, and whether all bars are reached."""
    speech = waveforms(reader, folder, files)
    found, reference = described(chosen, speech), described("opensmile", speech)
    counts = sum(len(ours) == len(theirs) for ours, theirs in zip(found, reference, strict=True))
    pairs = [(ours, theirs) for ours, theirs in zip(found, reference, strict=True) if len(ours) == len(theirs)]
    ours, theirs = (np.concatenate(each) for each in zip(*pairs, strict=True))
    measured, noise = agreements(ours, theirs), None
    if itself:
        generator = np.random.default_rng(0)
        noise = agreements(np.concatenate(described("opensmile", [moved(each, generator) for each in speech])), theirs)
    missed = [each.name for each in measured if not each.holds]
    seconds = sum(map(len, speech)) / audio.SAMPLE_RATE_HZ
    said = f"{len(speech)} utterances, {seconds:.0f} s, {len(theirs)} frames; as many frames in {counts} of them."
    verdict = f"Missed: {', '.join(missed)}." if missed else "Every bar is reached."
    return f"### {reader}: {Path(folder).stem}\n\n{said} {verdict}\n\n{table(chosen, measured, noise)}\n", (
        not missed and counts == len(speech)
    )


def main() -> None:
    """Reads the command line and prints a table a corpus."""
    parser = argparse.ArgumentParser(prog="tools/compare_front_ends", description=__doc__)
    parser.add_argument("corpora", nargs="+", metavar="CORPUS=DIR", help="a reader, such as emodb, and its folder")
    parser.add_argument("--front-end", default="graph", choices=sorted(known()), help="what is compared; graph")
    parser.add_argument("--files", type=int, help="so many utterances of each corpus, evenly taken; all by default")
    parser.add_argument("--itself", action="store_true", help="compare opensmile with itself after one step of noise")
    parser.add_argument("--write", type=Path, help="a file that gets the tables too")
    options = parser.parse_args()
    sections, held = [], True
    for pair in options.corpora:
        reader, _, folder = pair.partition("=")
        if reader not in corpora.readers() or not folder:
            raise InputError(f"expected CORPUS=DIR, of {', '.join(corpora.readers())}. Received: {pair}")
        section, holds = compare(options.front_end, reader, folder, options.files, options.itself)
        print(section, flush=True)
        sections.append(section)
        held &= holds
    if options.write:
        options.write.write_text("\n".join(sections))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"compare_front_ends: {error}")
