"""What a command accepts of the settings of all commands, and makes nothing of."""

from __future__ import annotations

_SINGLE = ("seeds", "all_corpora")
_UNTRAINED = (*_SINGLE, "defence", "defences")
_UNREPORTED = ("threats", "evaluation", "perception", "report")
#: Command → settings that it accepts, so that one file serves all commands, and does not use.
UNUSED: dict[str, tuple[str, ...]] = {
    "corpus": (
        *_UNTRAINED,
        *("noise_dir", "test_noise_dir", "fold", "seed", "logdir", "workers"),
        *("noise", "attack", "features", "classifier", "training"),
        *_UNREPORTED,
    ),
    "generate": (*_UNTRAINED, "seed", "logdir", "classifier", "training", *_UNREPORTED),
    "train": (*_SINGLE, *_UNREPORTED),
    "evaluate": (*_UNTRAINED, "threats"),
    "attack": (*_UNTRAINED, "seed", "logdir", "classifier", "training", "report"),
    "export": (*_SINGLE, "threats", "perception", "report"),
    "reproduce": (),
}
