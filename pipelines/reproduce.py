"""`python -m pipelines.reproduce`: figures 1 to 3 and tables 2 and 3 of the paper, on any corpus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kerasser.defences.gan import CompanionSettings
from pipelines.cli.main import main
from pipelines.config import Settings
from pipelines.engine.loading import load_tensorflow
from pipelines.engine.run_log import current

DESCRIPTION = (
    "Attacks the classifier, trains the three defences, and prints the paper's figures and tables beside its own."
)


def reproduce(settings: Settings) -> None:
    """Runs the whole DAG for each corpus, and puts the reports where people find them."""
    load_tensorflow()
    from pipelines.dag import Dag
    from pipelines.reproduction import reproduction
    from pipelines.run import publish, run, tell_companions, unseen_noise, wanted_and_all

    for each in _each_corpus(settings):
        names, every_fold = wanted_and_all(each)
        left_out, unheard = unseen_noise(each)
        # What trains on made noise alone has met no environment that could be left out.
        if not each.threats.unseen_environment.wanted or each.defences.noise == "made":
            left_out = []
        dag = Dag(each, names, every_fold=every_fold)
        reproducer = reproduction(dag, left_out, unheard)
        tell_companions(each, dag)
        artifact = run(each, reproducer)[reproducer]["report"]
        print((artifact.uri / "report.md").read_text(encoding="utf-8"))
        which = "all" if each.fold == "all" else names[0]
        seeds = "-".join(map(str, dict.fromkeys(each.seeds or [each.seed])))
        place = Path(each.output_dir) / "reports" / f"{each.corpus}-reproduction-fold-{which}-seed-{seeds}"
        current().finish(publish(artifact, place) / "report.html")


def _each_corpus(settings: Settings) -> Iterator[Settings]:
    """Yields the run, and where all corpora are wanted, one for each that the GAN hears, in the first one's place."""
    yield settings
    if not settings.all_corpora:
        return
    first = CompanionSettings(settings.corpus, settings.corpus_dir, None, settings.data.valence)
    for number, other in enumerate(settings.defences.gan.corpora):
        rest = [each for place, each in enumerate(settings.defences.gan.corpora) if place != number]
        yield replace(
            settings,
            corpus=other.corpus,
            corpus_dir=other.corpus_dir,
            fold=settings.fold if settings.fold == "all" else other.fold,
            data=replace(settings.data, valence=other.valence),
            defences=replace(settings.defences, gan=replace(settings.defences.gan, corpora=[first, *rest])),
        )


if __name__ == "__main__":
    main("reproduce", DESCRIPTION, reproduce)
