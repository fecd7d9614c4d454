"""Whether a model says of sound what it says of opensmile's frames of it: equal answers, and the others by name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from kerasser.features.opensmile import Egemaps
from kerasser.serving import sound
from kerasser.serving.agreement import agreement
from kerasser.serving.client import AUDIO, AUDIO_UNDEFENDED, DEFENDED, UNDEFENDED, LocalModel


def main() -> None:
    """Prints a Markdown table, and a row for each utterance that is answered in two ways."""
    parser = argparse.ArgumentParser(prog="tools/benchmark agreement", description=__doc__)
    parser.add_argument("saved_model", type=Path, help="a published version, such as saved_models/demo/1")
    parser.add_argument("files", nargs="+", help="sound files, or folders of them")
    arguments = parser.parse_args()
    model, front_end, paths = LocalModel(arguments.saved_model), Egemaps(), sound.files(arguments.files)
    pairs = [(DEFENDED, AUDIO), (UNDEFENDED, AUDIO_UNDEFENDED)]
    found = {
        on_sound: agreement(paths, model, front_end, on_frames, on_sound)
        for on_frames, on_sound in pairs
        if {on_frames, on_sound} <= model.offered()
    }
    print("| signature | utterances | equal answers | largest difference of a probability |")
    print("| --- | --- | --- | --- |")
    for name, each in found.items():
        equal = each.utterances - len(each.different)
        print(f"| {name} | {each.utterances} | {equal} ({each.share:.1f} %) | {each.largest:.2g} |")
    rest = [(name, each) for name, agreed in found.items() for each in agreed.different]
    if rest:
        print("\n| signature | file | on frames, margin | on sound, margin |\n| --- | --- | --- | --- |")
    for name, each in rest:
        cells = [
            f"{answer.label}, {margin:.3f}"
            for answer, margin in zip((each.on_frames, each.on_sound), each.margins, strict=True)
        ]
        print(f"| {name} | {each.path.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
