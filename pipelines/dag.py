"""The components that everything stands on: corpus, noise, features of clean and of attacked speech."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from kerasser.attack import channels
from kerasser.attack.budget import Budget, budgets, typical
from kerasser.corpora.base import checked_valence
from kerasser.defences.gan import CompanionSettings
from pipelines.components.adversarial_gen import AdversarialGen
from pipelines.components.channel_gen import ChannelGen
from pipelines.components.corpus_gen import CorpusGen
from pipelines.components.evaluator import Evaluator
from pipelines.components.feature_gen import FeatureGen
from pipelines.components.made_noise_gen import MadeNoiseGen
from pipelines.components.noise_gen import NoiseGen
from pipelines.components.perturbation_exporter import PerturbationExporter
from pipelines.components.random_noise_gen import RandomNoiseGen
from pipelines.config import Settings
from pipelines.engine.component import Channel
from pipelines.places import refuse_misplaced

#: What the test speakers are attacked with: every condition (""), the random draws that all searches share, or random
#: pieces of all recordings in turn, for the search with most queries.
Pool = Literal["", "draws", "turns"]


class Dag:
    """The components of some folds; a command runs as many of them as it needs.

    Args:
        settings: The run.
        folds: Names of the folds that are tested; none cuts the corpus into none.
        emotions: Kept even if they have no valence.
        every_fold: Names of all folds of the corpus. With them, training speech is attacked once for each group of
            speakers who are tested together, which the other folds share; else once for `folds`.

    Raises:
        InputError: If a corpus other than the demo lacks its folder, or the demo has one.
    """

    def __init__(
        self,
        settings: Settings,
        folds: Sequence[str] = ("",),
        emotions: Sequence[str] = (),
        every_fold: Sequence[str] = (),
    ) -> None:
        self.settings, self.folds, self._every_fold = settings, list(folds), list(every_fold)
        self.runtime = {"workers": settings.workers, "quiet": settings.quiet}
        self.corpus = _corpus(
            settings,
            "--corpus-dir",
            settings.corpus,
            settings.corpus_dir,
            settings.data.valence,
            emotions=emotions,
            fold_count=settings.data.folds if folds else 0,
        )
        self.noise = NoiseGen(
            noise_dir=_absolute(settings.noise_dir),
            test_noise_dir=_absolute(settings.test_noise_dir),
            environments=settings.noise.environments or [],
            channel=settings.noise.channel,
            split=settings.noise.split,
            test_environments=sorted(settings.noise.test_environments),
            test_share=settings.noise.test_share,
            guard_s=settings.noise.guard_s,
            demo_duration_s=settings.noise.demo_duration_s,
            skip_unusable=settings.data.skip_unusable,
            longest_s=settings.data.longest_s,
            largest_bytes=settings.data.largest_bytes,
            seed=settings.data.seed,
            quiet=settings.quiet,
        )
        self.perturbation = PerturbationExporter()
        self.features = self._features(self.corpus)
        #: Id → what asks a model: reports and threat models share their answers.
        self.evaluators: dict[str, Evaluator] = {}
        self._channels: dict[tuple[str, str], ChannelGen] = {}
        self._attacks: dict[tuple[str, str, Pool], AdversarialGen] = {}
        self._enhanced: dict[str, FeatureGen] = {}
        self._training_attacks: dict[str, AdversarialGen] = {}
        self._made_noise: dict[str, MadeNoiseGen] = {}
        self._random_noise: dict[tuple[float, str], RandomNoiseGen] = {}

    @cached_property
    def threat_epsilons(self) -> list[float]:
        """The perturbation factors of the attackers who know more than the paper's."""
        chosen, attack = self.settings.threats.epsilons, self.settings.attack.epsilons
        return [float(each) for each in (sorted(attack)[-1:] if chosen is None else chosen)]

    @cached_property
    def threat_snrs_db(self) -> list[float]:
        """Their signal-to-noise ratios, in dB."""
        chosen, attack = self.settings.threats.snrs_db, self.settings.attack.snrs_db
        return [float(each) for each in (typical(attack) if chosen is None else chosen)]

    @cached_property
    def threat_budgets(self) -> list[Budget]:
        """Both of them."""
        return budgets(self.threat_epsilons, self.threat_snrs_db)

    def attack(self, fold: str, enhance: str = "", pool: Pool = "") -> AdversarialGen:
        """The test speakers of a fold under the test split of the noise.

        Args:
            fold: Name of the fold.
            enhance: Gain of the enhancement before the features, or "".
            pool: Random pieces, as many as a search may ask for, instead of every condition.
        """
        key = (fold, enhance, pool)
        if key not in self._attacks:
            kind = {"": "attack on", "draws": "random search on", "turns": "search in turn on"}[pool]
            name = f"{kind} fold {fold}" + (", enhanced" if enhance else "")
            self._attacks[key] = self._adversarial(name, self.corpus, [fold], "test", enhance, pool=pool)
        return self._attacks[key]

    @cached_property
    def channels(self) -> dict[str, Any]:
        """What a component is told of the channels: each with its level, and where measured rooms lie."""
        attack = self.settings.attack
        chosen = [[name, level] for name, level in channels.chosen(attack.channels)]
        return {"channels": chosen, "rooms_dir": _absolute(attack.rooms_dir) if chosen else ""}

    def transmitted(self, fold: str, enhance: str = "") -> list[ChannelGen]:
        """The test speakers of a fold behind the channels; none where no channel is wanted.

        Args:
            fold: Name of the fold.
            enhance: Gain of the enhancement before the features, or "".
        """
        if not self.channels["channels"]:
            return []
        key = (fold, enhance)
        if key not in self._channels:
            self._channels[key] = ChannelGen(
                id=f"channels of fold {fold}" + (", enhanced" if enhance else ""),
                utterances=self.corpus.outputs["utterances"],
                folds=self.corpus.outputs["folds"],
                fold=fold,
                draws=self.settings.attack.draws,
                front_end=self.settings.features.front_end,
                enhance=enhance,
                seed=self.settings.attack.seed,
                **self.channels,
                **self.runtime,
            )
        return [self._channels[key]]

    def training_attacks(self, fold: str) -> list[AdversarialGen]:
        """The speakers that a fold trains with under the training split of the noise; the same for all seeds."""
        for group in self._groups(fold):
            if group not in self._training_attacks:
                name, folds, part = self._group("attack on training speech", group)
                noise = self._heard(group)
                self._training_attacks[group] = self._adversarial(name, self.corpus, folds, part, noise=noise)
        return [self._training_attacks[group] for group in self._groups(fold)]

    def training_noise(self, fold: str) -> list[Channel]:
        """The banks that what trains in a fold is attacked with: recorded noise, or what was made, or both."""
        return list(dict.fromkeys(each for group in self._groups(fold) for each in self._heard(group)))

    @property
    def wired_training_noise(self) -> list[Channel]:
        """The banks that anything may train with, of made ones those that are wired."""
        made = [each.outputs["train"] for each in self._made_noise.values()]
        return [*self._recorded(), *made]

    def _heard(self, group: str) -> list[Channel]:
        """The noise that meets the training speech of a group; where it babbles, the group itself speaks."""
        if self.settings.defences.noise == "recorded":
            return self._recorded()
        if group not in self._made_noise:
            name, folds, part = self._group("made noise", group)
            self._made_noise[group] = self._made(name, self.corpus, folds, part)
        return [*self._recorded(), self._made_noise[group].outputs["train"]]

    def _recorded(self) -> list[Channel]:
        return [] if self.settings.defences.noise == "made" else [self.noise.outputs["train"]]

    def _made(self, id: str, corpus: CorpusGen, folds: Sequence[str], part: str) -> MadeNoiseGen:
        made = self.settings.defences.made
        return MadeNoiseGen(
            id=id,
            utterances=corpus.outputs["utterances"],
            folds=corpus.outputs["folds"],
            fold_names=[fold for fold in folds if fold],
            part=part,
            environments=made.environments,
            duration_s=made.duration_s,
            seed=made.seed,
            quiet=self.settings.quiet,
        )

    def random_noise(self, fold: str, epsilon: float) -> list[RandomNoiseGen]:
        """The same speakers under white noise.

        Args:
            fold: Name of the fold.
            epsilon: Its standard deviation, in those of the reference noise.
        """
        for group in self._groups(fold):
            if (epsilon, group) not in self._random_noise:
                name, folds, part = self._group(f"white noise {epsilon:g} on training speech", group)
                self._random_noise[epsilon, group] = RandomNoiseGen(
                    id=name,
                    utterances=self.corpus.outputs["utterances"],
                    folds=self.corpus.outputs["folds"],
                    fold_names=folds,
                    part=part,
                    epsilon=epsilon,
                    estimator=self.settings.attack.reference,
                    front_end=self.settings.features.front_end,
                    seed=self.settings.attack.seed,
                    **self.runtime,
                )
        return [self._random_noise[epsilon, group] for group in self._groups(fold)]

    def _groups(self, fold: str) -> list[str]:
        """Returns the folds whose test speakers a fold trains with: all others, where there are any; "" for itself.

        Folds that are several test every speaker once; a single one trains with speakers that nobody tests.
        """
        return [name for name in self._every_fold if name != fold] or [""]

    def _group(self, name: str, group: str) -> tuple[str, list[str], str]:
        """Returns the id of what is made of a group of speakers, and by which folds and part of them they are known."""
        if group:
            return f"{name}, speakers of fold {group}", [group], "tested"
        return name, [fold for fold in self.folds if fold], "training"

    @cached_property
    def companions(self) -> list[tuple[CompanionSettings, CorpusGen, FeatureGen, AdversarialGen]]:
        """The other corpora that a GAN meets: clean speech and the same under the training split."""
        found = []
        for number, other in enumerate(self.settings.defences.gan.corpora, 1):
            name = f"{other.corpus} {number}"
            corpus = _corpus(
                self.settings,
                f"defences.gan.corpora: {other.corpus}",
                other.corpus,
                other.corpus_dir,
                other.valence,
                id=f"corpus {name}",
            )
            folds, noise = [other.fold or ""], self._recorded()
            if self.settings.defences.noise != "recorded":
                # Its own training speakers babble there.
                noise.append(self._made(f"made noise of {name}", corpus, folds, "training").outputs["train"])
            id = f"attack on training speech of {name}"
            attack = self._adversarial(id, corpus, folds, "training", noise=noise)
            found.append((other, corpus, self._features(corpus, f"features of {name}"), attack))
        return found

    @property
    def wired_companions(self) -> list[tuple[CompanionSettings, CorpusGen, FeatureGen, AdversarialGen]]:
        """The same, once a GAN that meets them is wired; else none."""
        return self.companions if "companions" in vars(self) else []

    def clean(self, enhance: str = "") -> FeatureGen:
        """Features of clean speech, enhanced before if a gain is given."""
        if enhance and enhance not in self._enhanced:
            self._enhanced[enhance] = self._features(self.corpus, "enhanced features", enhance)
        return self._enhanced[enhance] if enhance else self.features

    def _features(self, corpus: CorpusGen, id: str | None = None, enhance: str = "") -> FeatureGen:
        return FeatureGen(
            id=id,
            utterances=corpus.outputs["utterances"],
            front_end=self.settings.features.front_end,
            enhance=enhance,
            **self.runtime,
        )

    def _adversarial(
        self,
        id: str,
        corpus: CorpusGen,
        folds: Sequence[str],
        part: str,
        enhance: str = "",
        *,
        pool: Pool = "",
        noise: Sequence[Channel] = (),
    ) -> AdversarialGen:
        """Utterances of one part of some folds, under noise that this part may meet: what tests, if none is given."""
        settings, training = self.settings, part != "test"
        draws = settings.threats.draws if pool == "draws" else settings.attack.draws
        epsilons, snrs_db = settings.attack.epsilons, settings.attack.snrs_db
        if pool:
            epsilons, snrs_db = self.threat_epsilons if pool == "draws" else [], self.threat_snrs_db
        return AdversarialGen(
            id=id,
            utterances=corpus.outputs["utterances"],
            folds=corpus.outputs["folds"],
            noise=list(noise) or [self.noise.outputs["test"]],
            perturbation=self.perturbation.outputs["perturbation"],
            fold_names=[fold for fold in folds if fold],
            part=part,
            epsilons=epsilons,
            snrs_db=snrs_db,
            draws=1 if training else draws,
            queries=max(settings.threats.many_queries.counts) if pool == "turns" else 0,
            conditions=settings.defences.conditions if training else 0,
            estimator=settings.attack.reference,
            speech_level=settings.attack.speech_level,
            front_end=settings.features.front_end,
            enhance=enhance,
            seed=settings.attack.seed,
            **self.runtime,
        )


def _corpus(
    settings: Settings,
    where: str,
    name: str,
    place: str | None,
    valence: dict[str, str] | None,
    *,
    id: str | None = None,
    emotions: Sequence[str] = (),
    fold_count: int | None = None,
) -> CorpusGen:
    refuse_misplaced(where, name, place)
    return CorpusGen(
        id=id,
        corpus=name,
        corpus_dir=_absolute(place),
        valence=checked_valence(valence or {}),
        emotions=sorted(emotions),
        fold_count=settings.data.folds if fold_count is None else fold_count,
        dev_share=settings.data.dev_share,
        skip_unusable=settings.data.skip_unusable,
        longest_s=settings.data.longest_s,
        largest_bytes=settings.data.largest_bytes,
        seed=settings.data.seed,
        quiet=settings.quiet,
    )


def named(name: str, fold: str, seed: int) -> str:
    """Returns the id of a component of one fold and seed."""
    return f"{name}, fold {fold}, seed {seed}"


def _absolute(place: str | None) -> str:
    return str(Path(place).expanduser().resolve()) if place else ""
