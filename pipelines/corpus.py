"""`python -m pipelines.corpus`: what is in a corpus, before anything is made of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cli.main import main
from pipelines.config import CorpusRunSettings
from pipelines.engine.run_log import current
from pipelines.places import refuse_misplaced

if TYPE_CHECKING:
    from kerasser.corpora import Corpus
    from kerasser.corpora.survey import Survey

DESCRIPTION = (
    "Reads a corpus and prints what it found: speakers, emotions, minutes, levels, folds, what was left out and why."
)


def corpus(settings: CorpusRunSettings) -> None:
    """Prints the survey, and where its picture is."""
    from kerasser import corpora
    from kerasser.audio import Limits
    from kerasser.corpora.survey import survey
    from kerasser.report import corpus_picture, corpus_text
    from kerasser.util import files

    data = settings.data
    with _read(settings) as found:
        seen = survey(
            found,
            Limits(data.longest_s, data.largest_bytes),
            measured=settings.measured,
            fold_count=data.folds,
            dev_share=data.dev_share,
            seed=data.seed,
        )
        if settings.twins:
            seen = _with_twins(seen)
    known = corpora.default_valence(settings.corpus) if data.valence is None else data.valence
    print("\n".join(corpus_text.lines(seen, known)), flush=True)
    place = Path(settings.output_dir) / "reports" / f"{settings.corpus}-corpus"
    place.mkdir(parents=True, exist_ok=True)
    with files.whole(place / "corpus.json") as file:
        file.write_text(json.dumps(seen.facts(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with files.whole(place / "corpus.png") as file:
        file.write_bytes(corpus_picture.drawn(seen))
    current().finish(place / "corpus.png")


@contextmanager
def _read(settings: CorpusRunSettings) -> Iterator[Corpus]:
    """Yields the corpus; the demo's audio is there as long as it is looked at."""
    from kerasser import corpora
    from kerasser.corpora.base import checked_valence

    name, place, valence = settings.corpus, settings.corpus_dir, settings.data.valence
    refuse_misplaced("--corpus-dir", name, place)
    if place is not None:
        yield corpora.read(name, Path(place).expanduser(), valence)
        return
    from kerasser.demo import corpus as demo

    with tempfile.TemporaryDirectory() as folder:
        demo.write(Path(folder), settings.data.seed, quiet=settings.quiet)
        yield demo.read(Path(folder), corpora.VALENCE if valence is None else checked_valence(valence))


def _with_twins(seen: Survey) -> Survey:
    """Returns the survey with whatever sound utterances of different speakers share, be it a part or scaled."""
    from kerasser.corpora import duplicates

    utterances = seen.corpus.utterances
    pairs = dict.fromkeys((twin.first, twin.second) for twin in duplicates.find(utterances, seen.files))
    shared = tuple((utterances[first], utterances[second]) for first, second in pairs)
    return replace(seen, copies=tuple(dict.fromkeys((*seen.copies, *shared))), by_sound=True)


if __name__ == "__main__":
    main("corpus", DESCRIPTION, corpus, settings=CorpusRunSettings)
