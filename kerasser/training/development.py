"""What models answer to the development speakers' speech: clean and adversarial apart, and noise by noise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.evaluation.metrics import confusion, unweighted_average_recall
from kerasser.features.records import Example
from kerasser.util.arrays import Array

#: Speech as it was recorded.
CLEAN = "clean"
#: Speech under any environmental noise.
ADVERSARIAL = "adversarial"
#: White noise is a defence of training, not an attack.
_WHITE = "white"


def condition(example: Example) -> str:
    """Returns "clean", or the name of the noise."""
    return example.provenance["noise"] or CLEAN


def conditions(examples: Sequence[Example]) -> dict[str, Array]:
    """Returns who belongs to what a figure is of: "clean", "adversarial", and each noise by its name.

    Returns:
        Name → bool `[examples]`; a noise that is the only one is named too.
    """
    heard = np.array([condition(example) for example in examples], str)
    parts = {name: heard == name for name in sorted(set(heard.tolist()) - {CLEAN})}
    groups = {CLEAN: heard == CLEAN, ADVERSARIAL: ~np.isin(heard, (CLEAN, _WHITE))}
    return {name: members for name, members in {**groups, **parts}.items() if members.any()}


class Answers:
    """The answers to some examples.

    Args:
        examples: Their labels and provenance count, their features do not.
        predicted: int `[examples]`, the classes answered.
        classes: Number of classes.
    """

    def __init__(self, examples: Sequence[Example], predicted: Array, classes: int = 2) -> None:
        self._labels = np.array([example.label for example in examples], np.int64)
        self._parts, self._predicted, self._classes = conditions(examples), np.asarray(predicted), classes

    def errors(self) -> dict[str, float]:
        """Returns 100 − UA in percent, of all that hold every class: "clean", "adversarial" and each noise."""
        right = self._labels == self._predicted
        errors = {
            name: 100.0 - unweighted_average_recall(self._labels[members], right[members], self._classes)
            for name, members in self._parts.items()
        }
        return {name: error for name, error in errors.items() if np.isfinite(error)}

    def confusions(self) -> dict[str, Array]:
        """Returns counts, int `[classes, classes]`, of "clean", "adversarial" and white noise."""
        return {
            name: confusion(self._labels[members], self._predicted[members], self._classes)
            for name, members in self._parts.items()
            if name in (CLEAN, ADVERSARIAL, _WHITE)
        }


def one_each(contexts: Sequence[Example]) -> list[int]:
    """Chooses one example of each utterance in each condition, spread over the budgets.

    Args:
        contexts: From `kerasser.features.records.contexts`.

    Returns:
        Their places.
    """
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, context in enumerate(contexts):
        places[condition(context), context.id].append(place)
    turns: Counter[str] = Counter()
    chosen = []
    for (name, _), found in places.items():
        # Each noise meets its budgets in turn, whatever the number of noises.
        chosen.append(found[turns[name] % len(found)])
        turns[name] += 1
    return sorted(chosen)


def to_show(contexts: Sequence[Example], count: int = 3) -> list[tuple[int, int | None]]:
    """Chooses the few utterances that a log shows: the same ones in every training of a fold.

    They are spread over the speakers and, where there are adversarial versions, over the noises; of those the one with
    most noise is taken, where something is to be seen and heard.

    Args:
        contexts: From `kerasser.features.records.contexts`.
        count: How many.

    Returns:
        For each the place of the utterance itself and of its adversarial version, or None.
    """
    attacked: defaultdict[str, list[int]] = defaultdict(list)
    for place, context in enumerate(contexts):
        if condition(context) not in (CLEAN, _WHITE):
            attacked[context.id].append(place)
    own = [place for place, context in enumerate(contexts) if condition(context) in (CLEAN, _WHITE)]
    # Files hold one speaker after the other.
    count = min(count, len(own))
    chosen = [own[number * len(own) // count] for number in range(count)]
    pairs: list[tuple[int, int | None]] = []
    seen: list[str] = []
    for place in chosen:
        versions = attacked[contexts[place].id]
        loudest = min(
            versions,
            key=lambda version: (seen.count(condition(contexts[version])), _snr(contexts[version])),
            default=None,
        )
        seen += [] if loudest is None else [condition(contexts[loudest])]
        pairs.append((place, loudest))
    return pairs


def _snr(example: Example) -> float:
    snr_db = example.provenance["snr_db"]
    return np.inf if snr_db is None else float(snr_db)


class DevelopmentSpeech:
    """Examples in memory, in batches of like length, for a model to answer.

    Args:
        examples: With features.
        batch_size: Utterances in a batch.
    """

    def __init__(self, examples: Sequence[Example], batch_size: int = 64) -> None:
        self.examples = list(examples)
        self._order = np.argsort([len(example.features) for example in examples], kind="stable")
        self._batches = [
            padded([examples[place].features for place in self._order[start : start + batch_size]])
            for start in range(0, len(examples), batch_size)
        ]

    def answers(self, logits: Callable[[Mapping[str, Any]], Any]) -> Answers:
        """Asks a model, given as a function from `{"features", "lengths"}` to logits `[batch, classes]`."""
        answered = np.concatenate([np.asarray(logits(batch)) for batch in self._batches])
        predicted = np.empty(len(self.examples), np.int64)
        predicted[self._order] = answered.argmax(axis=1)
        return Answers(self.examples, predicted, answered.shape[1])


def padded(features: Sequence[Array]) -> dict[str, tf.Tensor]:
    """Returns `{"features" [batch, frames, dimension], "lengths" [batch]}`, zero beyond the lengths."""
    lengths = np.array([len(frames) for frames in features], np.int32)
    batch = np.zeros((len(features), lengths.max(), features[0].shape[1]), np.float32)
    for row, frames in zip(batch, features, strict=True):
        row[: len(frames)] = frames
    return {"features": tf.constant(batch), "lengths": tf.constant(lengths)}
