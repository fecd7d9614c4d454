"""RandomNoiseGen: training speech under a little white noise, for the defence of the paper's section 5.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.attack.generation import noisy_example
from pipelines.components.feature_gen import chosen_front_end, front_end_modules
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import keys, shards, types, utterances
from pipelines.io.folds import chosen


class RandomNoiseGenSpec(ComponentSpec):
    """Inputs: utterances, folds. Output: one noisy example for each training and development utterance.

    `fold_names` are the folds whose `part` is taken (see `pipelines.io.folds.speakers`), none being the first fold;
    `epsilon` is the white noise's standard deviation in those of the utterance's reference noise.
    """

    PARAMETERS = {"fold_names": list, "part": str, "epsilon": float, "estimator": str, "front_end": str, "seed": int}
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}
    OUTPUTS = {"examples": types.EXAMPLES}


class RandomNoiseGenExecutor(Executor):
    """Adds white noise to each utterance once."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the module of the front end."""
        return [cls.__module__, *front_end_modules(parameters)]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes of utterances and folds no more than whose speech is taken, so that other folds change nothing."""
        return keys.of_speakers(keys.without(inputs, "folds"), _chosen(inputs, parameters))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the shards that are missing."""
        wanted = _chosen(inputs, parameters)
        epsilon, estimator, seed = parameters["epsilon"], parameters["estimator"], parameters["seed"]
        front_end = chosen_front_end(parameters["front_end"])
        written = shards.write(
            outputs["examples"],
            [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in wanted],
            lambda waveform, utterance, name: [
                noisy_example(waveform, utterance.id, epsilon, estimator, seed, front_end, name)
            ],
            front_end,
            per_shard=64,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            bar_title="white noise on training speech",
        )
        return {"examples": {**written, "noise": "white"}}


def _chosen(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> frozenset[str]:
    return chosen(inputs["folds"], parameters["fold_names"], parameters["part"])


class RandomNoiseGen(Component):
    """Makes the training speech of the random-noise defence."""

    SPEC = RandomNoiseGenSpec
    EXECUTOR = RandomNoiseGenExecutor
