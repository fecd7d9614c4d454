"""Settings under the names of earlier versions, so that commands and files written for those still run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Name in version 0.1 → name now.
RENAMED = {
    "defence.shares": "defences.adversarial_training.shares",
    "defence.conditions": "defences.conditions",
    "defence.random_noise_epsilon": "defences.random_noise.epsilon",
    "defence.gaussian_noise": "defences.random_noise_on_features.deviation",
    "defence.enhancement": "defences.enhancement.gain",
    "defence.combined": "defences.gan_adversarial_training.wanted",
    "threats.white_box_steps": "threats.white_box.steps",
    "threats.white_box_restarts": "threats.white_box.restarts",
    "threats.unseen": "threats.unseen_environment.wanted",
    "classifier.bound": "classifier.clip_value",
    "gan.code": "defences.gan.bottleneck",
}
#: Groups that moved as a whole.
MOVED = {"gan": "defences.gan"}


def current(name: str) -> str:
    """Returns what a setting is called now."""
    if name in RENAMED:
        return RENAMED[name]
    group, dot, rest = name.partition(".")
    return f"{MOVED[group]}.{rest}" if dot and group in MOVED else name


def flags(arguments: Sequence[str]) -> list[str]:
    """Returns a command's arguments with every flag under its present name."""
    return [_flag(each) for each in arguments]


def _flag(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument[2:].partition("=")
    return f"--{current(name)}{equals}{value}"


def content(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a file holds with every setting under its present name; a setting that is there twice stays."""
    found: dict[str, Any] = {}
    for name, value in _leaves(settings):
        *groups, last = current(name).split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                # Not ours to mend: whoever checks the names says what is wrong.
                return dict(settings)
        place.setdefault(last, value)
    return found


def _leaves(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the settings below the groups that were renamed, by their whole name; all else as it stands."""
    renamed = {name.partition(".")[0] for name in RENAMED} | set(MOVED)
    for name, value in settings.items():
        if not above and name in renamed and isinstance(value, Mapping) and value:
            yield from ((f"{name}.{inner}", each) for inner, each in value.items())
        else:
            yield name, value
