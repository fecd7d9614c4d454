"""Which recordings of a corpus can be used: by their headers, and by the sound that is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from kerasser.audio import AudioError, AudioFile, Limits, decode, probe
from kerasser.corpora.base import Corpus
from kerasser.util import progress

Item = TypeVar("Item")


def probed(
    corpus: Corpus, limits: Limits | None = None, *, skip: bool = False, quiet: bool | None = False
) -> tuple[Corpus, list[AudioFile]]:
    """Reads every header before any hour is spent.

    Args:
        corpus: As a reader has read it.
        limits: What a header may claim.
        skip: Leave out and count what cannot be used, instead of refusing the first.
        quiet: No progress bar.

    Returns:
        The corpus of what can be used, with a remark where ends lie a little behind those of the files; and the files.

    Raises:
        InputError: If a file cannot be used and none are left out, or if nothing is left.
    """
    files: list[AudioFile] = []
    refused: dict[int, AudioError] = {}
    steps = progress.steps(corpus.utterances, len(corpus.utterances), "files", "headers", quiet=quiet)
    for number, utterance in enumerate(steps):
        try:
            files.append(probe(corpus.root / utterance.path, utterance.start_s, utterance.end_s, limits))
        except AudioError as error:
            refused[number] = left_out(error, skip=skip)
    if told := _beyond(files):
        corpus = replace(corpus, remarks=(*corpus.remarks, told))
        if not quiet:
            progress.say(told)
    return without(corpus, refused), files


def heard(corpus: Corpus, files: Sequence[AudioFile], *, quiet: bool | None = False) -> tuple[Corpus, list[AudioFile]]:
    """Decodes every file, and leaves out and counts those in which nothing can be heard.

    Args:
        corpus: A corpus.
        files: Its audio, from `probed`.
        quiet: No progress bar.

    Raises:
        InputError: If nothing is left.
    """
    refused: dict[int, AudioError] = {}
    for number, file in enumerate(progress.steps(files, len(files), "files", "listening", quiet=quiet)):
        try:
            decode(file)
        except AudioError as error:
            refused[number] = error
    return without(corpus, refused), kept(files, refused)


def left_out(error: AudioError, *, skip: bool) -> AudioError:
    """Returns what is wrong with a file that is left out, or refuses it with the setting that would.

    Raises:
        AudioError: If none are left out.
    """
    if skip:
        return error
    raise AudioError(f"{error}; data.skip_unusable leaves such files out and counts them", error.reason) from error


def without(corpus: Corpus, refused: Mapping[int, AudioError]) -> Corpus:
    """Returns a corpus less some utterances, known by their numbers and counted by what is wrong with them.

    Raises:
        InputError: If nothing is left.
    """
    if not refused:
        return corpus
    counts = Counter(f"audio cannot be used: {error.reason}" for error in refused.values())
    utterances = tuple(kept(corpus.utterances, refused))
    return replace(corpus, utterances=utterances, skipped={**corpus.skipped, **dict(sorted(counts.items()))})


def kept(items: Iterable[Item], refused: Mapping[int, AudioError]) -> list[Item]:
    """Returns the items whose numbers are not refused."""
    return [item for number, item in enumerate(items) if number not in refused]


def _beyond(files: Sequence[AudioFile]) -> str:
    # A table rounds its times: half a millisecond is nothing to tell of.
    far = [file.beyond_s for file in files if file.beyond_s > 0.0005]
    if not far:
        return ""
    return (
        f"The end of {len(far)} of {len(files)} utterances lies up to {1000 * max(far):.1f} ms behind the end of its "
        "file, which was taken for it."
    )
