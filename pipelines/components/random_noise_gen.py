"""RandomNoiseGen: training speech under a little white noise, for the defence of the paper's section 5.2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasser.attack.generation import noisy_example
from pipelines.components.feature_gen import chosen_front_end
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import shards, types, utterances
from pipelines.io.folds import read_fold, speakers


class RandomNoiseGenSpec(ComponentSpec):
    """Inputs: utterances, folds. Output: one noisy example for each training and development utterance.

    `fold_names` are the folds whose training part is taken, none being the first fold; `epsilon` is the white
    noise's standard deviation in those of the utterance's reference noise.
    """

    PARAMETERS = {"fold_names": list, "epsilon": float, "estimator": str, "front_end": str, "seed": int}
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}
    OUTPUTS = {"examples": types.EXAMPLES}


class RandomNoiseGenExecutor(Executor):
    """Adds white noise to each utterance once."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the shards that are missing."""
        names = parameters["fold_names"] or [""]
        chosen = speakers((read_fold(inputs["folds"], name) for name in names), "training")
        epsilon, estimator, seed = parameters["epsilon"], parameters["estimator"], parameters["seed"]
        front_end = chosen_front_end(parameters["front_end"])
        written = shards.write(
            outputs["examples"],
            [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in chosen],
            lambda waveform, utterance, name: [
                noisy_example(waveform, utterance.id, epsilon, estimator, seed, front_end, name)
            ],
            front_end,
            per_shard=64,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            title="white noise on training speech",
        )
        return {"examples": {**written, "noise": "white"}}


class RandomNoiseGen(Component):
    """Makes the training speech of the random-noise defence."""

    SPEC = RandomNoiseGenSpec
    EXECUTOR = RandomNoiseGenExecutor
