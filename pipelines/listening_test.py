"""`python -m pipelines.listening_test`: ABX trials of original against attacked speech, made or scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt, PositiveFloat, PositiveInt

from kerasser.util.errors import InputError
from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

if TYPE_CHECKING:
    from kerasser.audio import AudioFile
    from kerasser.listening.abx import Sound, Trial
    from kerasser.noise.bank import Recording

DESCRIPTION = "Makes a listening test, ABX trials of original against attacked speech, or scores the answers to one."


@dataclass(frozen=True)
class ListeningSettings(Settings):
    """A listening test, or its score; the utterances are those of the fold's test speakers."""

    out: str | None = None
    """Folder to make, for listeners/ and key.json; in output_dir by default."""
    items: PositiveInt = 200
    """Trials, spread evenly over the epsilons and environments."""
    catch_items: NonNegativeInt = 10
    """Further trials at 0 dB SNR, whose answer is obvious, so that scoring finds who did not listen."""
    longest_s: PositiveFloat = 10.0
    """Utterances that last longer are left out, in seconds."""
    score: list[str] = field(default_factory=list, metadata={"nargs": "+"})
    """CSV files of listeners: print what they told apart, and make no test."""
    key: list[str] = field(default_factory=list, metadata={"nargs": "+"})
    """The key.json of each test that they answered."""
    catch_right: ClosedUnitInterval = 0.9
    """Share of the catch trials that a listener has to get right, to count in the pooled figures."""


def listening_test(settings: ListeningSettings) -> None:
    """Makes a test or scores one."""
    if bool(settings.score) != bool(settings.key):
        missing = "--key" if settings.score else "--score"
        raise InputError(f"expected --score with --key. Received: no {missing}")
    if settings.score:
        _score(settings)
    else:
        _make(settings)


def _score(settings: ListeningSettings) -> None:
    from kerasser.listening import score

    key = score.read_keys(map(Path, settings.key))
    answers = score.read_answers(map(Path, settings.score), key)
    print(score.markdown(answers, key, settings.catch_right))


def _make(settings: ListeningSettings) -> None:
    """Writes the test and prints where the key and the page are.

    Raises:
        InputError: If its folder exists, or the corpus is too small.
    """
    load_tensorflow()
    from kerasser.listening import abx
    from pipelines.components import noise_gen
    from pipelines.dag import Dag
    from pipelines.io import utterances
    from pipelines.io.folds import read_fold
    from pipelines.run import one_fold, run

    if settings.out:
        # Reading a corpus takes a while; so said before it, too.
        abx.refuse_existing(Path(settings.out))
    fold = one_fold(settings)
    name = f"{settings.corpus}-fold-{fold}-seed-{settings.seed}"
    place = Path(settings.out or Path(settings.output_dir, "listening-tests", name))
    abx.refuse_existing(place)
    graph = Dag(settings, [fold])
    made = run(settings, graph.corpus, graph.noise)
    corpus, bank = made[graph.corpus], made[graph.noise]["test"]
    # The test speakers under the test stretch: what is heard is part of what evaluate measures.
    speakers = frozenset(read_fold(corpus["folds"], fold).test)
    table = utterances.read(corpus["utterances"])
    files = {
        each.id: file for each, file in table if each.speaker in speakers and file.duration_s <= settings.longest_s
    }
    noise_split, synthetic, noise = noise_gen.load(bank)
    trials = abx.design(
        list(files), list(noise), settings.attack.epsilons, settings.items, settings.catch_items, settings.seed
    )
    facts = utterances.facts(corpus["utterances"])
    about = {
        "corpus": facts["name"],
        "synthetic": facts["synthetic"],
        "noise_synthetic": synthetic,
        "fold": fold,
        "seed": settings.seed,
        "utterances": corpus["utterances"].content_hash,
        "noise": bank.content_hash,
    }
    abx.write(place, trials, _sounds(settings, trials, files, noise, noise_split), about)
    current().finish(place / "key.json", place / "listeners" / "index.html")


def _sounds(
    settings: ListeningSettings,
    trials: Sequence[Trial],
    files: Mapping[str, AudioFile],
    noise: Mapping[str, Sequence[Recording]],
    noise_split: str,
) -> Iterator[Sound]:
    """Yields the sounds of every trial, one utterance after the other."""
    from kerasser import audio
    from kerasser.listening import abx
    from kerasser.util import progress

    heard = [name for name in files if any(trial.utterance == name for trial in trials)]
    with progress.bar(len(trials), "trials", "sounds", quiet=settings.quiet) as bar:
        for name, waveform in zip(heard, audio.waveforms([files[name] for name in heard]), strict=True):
            for number, trial in enumerate(trials):
                if trial.utterance == name:
                    attack = settings.attack
                    yield abx.attacked(
                        waveform, number, trial, noise, noise_split, attack.reference, attack.seed, attack.speech_level
                    )
                    bar.update()


if __name__ == "__main__":
    main("listening_test", DESCRIPTION, listening_test, settings=ListeningSettings)
