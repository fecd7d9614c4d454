"""What cannot be is refused before the first component starts: one check a group of settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from kerasser import corpora, defences
from kerasser.attack import channels
from kerasser.audio import SAMPLE_RATE_HZ, AudioError, Limits
from kerasser.corpora import usable
from kerasser.demo import NAME as DEMO
from kerasser.demo.noise import ENVIRONMENTS
from kerasser.noise import bank, splits
from kerasser.noise.folders import Places
from kerasser.util.errors import InputError
from pipelines.cli.unused import UNUSED
from pipelines.config import ExportSettings, Settings
from pipelines.places import refuse_misplaced

#: The largest seed that Keras takes.
_LARGEST_SEED = 2**32 - 1


def validate(command: str, settings: Settings) -> None:
    """Refuses settings with which a command would end in an error, be it after hours.

    Args:
        command: Its name; settings that it does not use are not looked at.
        settings: What it was given.

    Raises:
        InputError: If a setting, or several together, cannot be used.
    """
    if isinstance(settings, ExportSettings) and settings.rollback:
        # Nothing runs.
        return
    unused = UNUSED.get(command, ())
    for name, check in _CHECKS:
        if name not in unused:
            check(settings)
    for group in fields(settings):
        if group.name not in unused and is_dataclass(value := getattr(settings, group.name)):
            for name, number in _numbers(group.name, value):
                if not math.isfinite(number):
                    raise InputError(f"{name}: expected a finite number. Received: {number}")
    if command == "attack" and settings.threats.many_queries.counts and not settings.threats.draws:
        raise InputError(
            "threats.many_queries.counts: expected threats.draws above 0, which leaves out all searches. Received: 0"
        )
    if command == "reproduce":
        _measured_threats(settings)


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Yields every number below a setting, and how it is called."""
    if is_dataclass(value):
        for each in fields(value):
            yield from _numbers(f"{name}.{each.name}", getattr(value, each.name))
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(name, each)
    elif isinstance(value, int | float):
        yield name, value


def _once(name: str, values: Sequence[Any] | None) -> None:
    """Refuses a value that stands in a list twice: what is made of it would be made, and counted, twice."""
    for place, value in enumerate(values or ()):
        if value in (values or ())[:place]:
            raise InputError(f"{name}: expected each value once. Received: {value!r} twice")


def _seeds(settings: Settings) -> None:
    for name, seeds in (("seed", [settings.seed]), ("seeds", settings.seeds)):
        for seed in seeds:
            if not 0 <= seed <= _LARGEST_SEED:
                raise InputError(f"{name}: expected 0 or more, at most {_LARGEST_SEED}. Received: {seed}")


def _logdir(settings: Settings) -> None:
    if settings.logdir and Path(settings.logdir).exists() and not Path(settings.logdir).is_dir():
        raise InputError(f"logdir: expected a folder. Received: {settings.logdir}, a file")


def _noise(settings: Settings) -> None:
    """Looks at the headers of the noise alone: the stretches of every recording must be long enough."""
    noise = settings.noise
    if noise.environments is not None:
        if not noise.environments:
            raise InputError("noise.environments: expected some, or null for all. Received: none")
        _once("noise.environments", noise.environments)
    if settings.test_noise_dir and (noise.split != "time" or noise.test_environments):
        given = f"split {noise.split}" if noise.split != "time" else f"test_environments {noise.test_environments}"
        raise InputError(f"noise: expected no split beside test_noise_dir, which says what tests. Received: {given}")
    data, places = settings.data, Places(settings.noise_dir or "", settings.test_noise_dir or "")
    refused: dict[str, AudioError] | None = {} if data.skip_unusable else None
    try:
        wanted = places.wanted(
            noise.environments, ENVIRONMENTS, noise.channel, Limits(data.longest_s, data.largest_bytes), refused
        )
    except AudioError as error:
        raise usable.left_out(error, skip=False) from error
    lengths = [each.source.audio.duration_s if each.source else noise.demo_duration_s for each in wanted]
    if all(map(math.isfinite, lengths)):
        sounds = [
            splits.Sound(each.environment, each.told, round(seconds * SAMPLE_RATE_HZ), [], each.side)
            for each, seconds in zip(wanted, lengths, strict=True)
        ]
        way = "folder" if settings.test_noise_dir else noise.split
        options = splits.Options(
            way, noise.test_share, noise.guard_s, tuple(noise.test_environments), settings.data.seed
        )
        splits.divide(sounds, [], options)


def _attack(settings: Settings) -> None:
    attack = settings.attack
    if not attack.epsilons and not attack.snrs_db:
        raise InputError("attack: expected some epsilons or snrs_db. Received: neither")
    _once("attack.epsilons", attack.epsilons)
    _once("attack.snrs_db", attack.snrs_db)


def _channels(settings: Settings) -> None:
    chosen = channels.chosen(settings.attack.channels)
    options = channels.Options(settings.attack.rooms_dir or "")
    channels.refuse([name for name, _ in chosen], chosen, options)


def _classifier(settings: Settings) -> None:
    if isinstance(layers := settings.classifier.layers, list):
        if not layers:
            raise InputError("classifier.layers: expected a number, or some to compare. Received: none")
        _once("classifier.layers", layers)


def _chosen(settings: Settings) -> None:
    defences.chosen(settings.defence, ())


def _defences(settings: Settings) -> None:
    shares = settings.defences.adversarial_training.shares
    if unable := [share for share in shares if round(100 * share, 6) <= 0]:
        raise InputError(
            "defences.adversarial_training.shares: expected shares above 0; no adversarial example is no defence. "
            f"Received: {unable[0]}"
        )
    # As their names have them.
    _once("defences.adversarial_training.shares", [round(share, 8) for share in shares])

    noise = settings.defences.noise
    if noise == "both" and settings.defences.conditions == 1:
        raise InputError(
            "defences.conditions: expected 2 or more, as half of them are of recorded and half of made noise, or 0 for "
            "all. Received: 1"
        )
    if noise == "both" and settings.noise_dir is not None:
        found = bank.read(Path(settings.noise_dir).expanduser(), settings.noise.channel, refused={})
        names = bank.environments(found, settings.noise.environments)
        if made := [name for name in names if name.startswith(bank.MADE_PREFIX)]:
            raise InputError(
                f"{settings.noise_dir}: expected environments whose names do not begin with {bank.MADE_PREFIX!r}, as "
                f"those of made noise do. Received: {made[0]!r}"
            )


def _threats(settings: Settings) -> None:
    threats = settings.threats
    _once("threats.epsilons", threats.epsilons)
    _once("threats.snrs_db", threats.snrs_db)
    epsilons = settings.attack.epsilons if threats.epsilons is None else threats.epsilons
    ratios = settings.attack.snrs_db if threats.snrs_db is None else threats.snrs_db
    if not epsilons and not ratios:
        raise InputError(
            "threats: expected some epsilons or snrs_db; what costs time is left out by threats.draws 0, "
            "threats.white_box.steps 0 and threats.unseen_environment.wanted false. Received: neither"
        )
    _once("threats.many_queries.counts", threats.many_queries.counts)
    if threats.many_queries.counts and not ratios:
        raise InputError("threats.many_queries.counts: expected some threats.snrs_db to count at. Received: none")


def _measured_threats(settings: Settings) -> None:
    """Refuses budgets of attackers who know more at which nobody measures what they are compared with.

    Random draws of their own are made at any budget. Without them, those of the attack are taken, which the white box
    takes its radius from as well; and a defence that was trained without an environment is attacked as all are.
    """
    threats, attack = settings.threats, settings.attack
    left_out = threats.unseen_environment.wanted and settings.defences.noise != "made"
    if threats.draws and not left_out:
        return
    why = (
        "threats.unseen_environment attacks the defences at those alone (its wanted false leaves that out)"
        if threats.draws
        else "with threats.draws 0 there are no others to compare with"
    )
    for name, chosen, measured in (
        ("epsilons", threats.epsilons, attack.epsilons),
        ("snrs_db", threats.snrs_db, attack.snrs_db),
    ):
        for value in chosen or ():
            if value not in measured:
                known = ", ".join(f"{each:g}" for each in measured) or "which there are none of"
                raise InputError(
                    f"threats.{name}: expected some of attack.{name} ({known}), as {why}. Received: {value:g}"
                )


def _gan(settings: Settings) -> None:
    gan = settings.defences.gan
    if not gan.pretraining_epochs and not gan.epochs:
        raise InputError("defences.gan: expected pretraining_epochs or epochs above 0. Received: 0 of both")
    names = (DEMO, *corpora.readers())
    for other in gan.corpora:
        if other.corpus not in names:
            raise InputError(f"defences.gan.corpora: expected some of {', '.join(names)}. Received: {other.corpus!r}")
        if other.corpus_dir and not Path(other.corpus_dir).expanduser().exists():
            raise InputError(
                f"defences.gan.corpora: {other.corpus}: expected a corpus_dir that exists. Received: {other.corpus_dir}"
            )
        refuse_misplaced(f"defences.gan.corpora: {other.corpus}", other.corpus, other.corpus_dir, "a corpus_dir")


def _evaluation(settings: Settings) -> None:
    evaluation = settings.evaluation
    # Rounded: 1 − 0.95 is a little more than 0.05.
    beyond = round(1.0 - evaluation.confidence, 12)
    if evaluation.replicates * beyond < 1.0:
        least = math.ceil(round(1.0 / beyond, 6))
        raise InputError(
            f"evaluation.replicates: expected {least} or more for intervals of {100 * evaluation.confidence:g} %, "
            f"which would else leave out none of them. Received: {evaluation.replicates}"
        )


#: Setting → what refuses it, where a command uses it.
_CHECKS: tuple[tuple[str, Callable[[Settings], None]], ...] = (
    ("seed", _seeds),
    ("logdir", _logdir),
    ("noise", _noise),
    ("attack", _attack),
    ("attack", _channels),
    ("classifier", _classifier),
    ("defence", _chosen),
    ("defences", _defences),
    ("defences", _gan),
    ("threats", _threats),
    ("evaluation", _evaluation),
)
