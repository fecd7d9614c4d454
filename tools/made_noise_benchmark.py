"""What made noise is like, kind by kind, beside recordings: tilt, modulation, kurtosis; or to listen to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from kerasser import audio, corpora
from kerasser.corpora.base import Corpus
from kerasser.noise import bank, made, statistics
from kerasser.noise.made import Voice

_MOST_SPEECH = 200


def table(environments: Sequence[made.Environment], recordings: Sequence[bank.Recording]) -> None:
    """Prints a Markdown table: for each kind the median and the range of its environments, then each recording."""
    print(
        "| noise | number | tilt (dB/octave) | modulation at 2–16 Hz (%) | depth of modulation | kurtosis "
        "| kurtosis of the envelope |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    kinds = list(dict.fromkeys(each.kind for each in environments))
    rows = [(kind, [each.waveform for each in environments if each.kind == kind]) for kind in sorted(kinds)]
    rows += [("**all that is made**", [each.waveform for each in environments])]
    rows += [(each.name, [each.waveform]) for each in recordings]
    rows += [("**all that is recorded**", [each.waveform for each in recordings])]
    for name, waveforms in rows:
        measured = np.array([astuple(statistics.of(waveform)) for waveform in waveforms])
        measured[:, 1] *= 100
        cells = [_cell(column, digits) for column, digits in zip(measured.T, (1, 0, 2, 1, 1), strict=True)]
        print(f"| {name} | {len(waveforms)} | {' | '.join(cells)} |", flush=True)


def _cell(values: np.ndarray, digits: int) -> str:
    middle, low, high = (
        f"{each:.{digits}f}".replace("-", "−") for each in (np.median(values), values.min(), values.max())
    )
    return middle if values.size == 1 else f"{middle} ({low} to {high})"


def _voices(corpus: Corpus) -> list[Voice]:
    """Returns some of a corpus' speech, spread over it."""
    chosen = corpus.utterances[:: max(len(corpus.utterances) // _MOST_SPEECH, 1)]
    waveforms = audio.waveforms([audio.probe(corpus.root / each.path) for each in chosen])
    return [Voice(each.speaker, waveform) for each, waveform in zip(chosen, waveforms, strict=True)]


def main() -> None:
    """Makes a bank, measures it beside recordings, and writes it if that is wanted."""
    parser = argparse.ArgumentParser(prog="tools/benchmark made-noise", description=__doc__)
    parser.add_argument("--corpus", default="emodb", help="reader of the corpus that babbles")
    parser.add_argument("--corpus-dir", type=Path, required=True, help="where it lies")
    parser.add_argument("--noise-dir", type=Path, nargs="*", default=[], help="DEMAND, or a folder per environment")
    parser.add_argument("--environments", type=int, default=37, help="how many are made")
    parser.add_argument("--duration", type=float, default=25.0, help="seconds of each")
    parser.add_argument("--seed", type=int, default=0, help="of all of them")
    parser.add_argument("--write", type=Path, help="folder that gets them as WAV, to listen to")
    options = parser.parse_args()
    voices = _voices(corpora.read(options.corpus, options.corpus_dir, None, []))
    environments = list(made.bank(options.seed, options.environments, options.duration, voices))
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        for each in environments:
            audio.write(options.write / f"{each.name}.wav", each.waveform)
    sources = [source for place in options.noise_dir for source in bank.read(place)]
    waveforms = audio.waveforms([source.audio for source in sources])
    recordings = [
        bank.Recording(source.environment, source.name, waveform)
        for source, waveform in zip(sources, waveforms, strict=True)
    ]
    table(environments, recordings)


if __name__ == "__main__":
    main()
