"""FeatureGen: the features of every utterance as it is, once for all folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.features import front_end, known
from kerasser.features.base import FrontEnd
from kerasser.features.clean import clean_example
from kerasser.features.enhanced import Enhanced
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import shards, types, utterances


class FeatureGenSpec(ComponentSpec):
    """Input: the utterances. Output: clean examples.

    `front_end` is the name of what describes the speech. `enhance` is the gain, "lsa" or "stsa", with which speech is
    enhanced first; "" leaves it as it is.
    """

    PARAMETERS = {"front_end": str, "enhance": str}
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {"utterances": types.UTTERANCES}
    OUTPUTS = {"examples": types.EXAMPLES}


class FeatureGenExecutor(Executor):
    """Extracts frames from clean speech."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the module of the front end."""
        return [cls.__module__, *front_end_modules(parameters)]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the utterances alone: what was skipped, and what to say of the corpus, changes no feature."""
        return {"utterances": utterances.digest(inputs["utterances"])}

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the shards that are missing."""
        chosen = chosen_front_end(parameters["front_end"], parameters["enhance"])
        written = shards.write(
            outputs["examples"],
            utterances.read(inputs["utterances"]),
            lambda waveform, _, name: [clean_example(waveform, chosen, name)],
            chosen,
            per_shard=64,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            bar_title="clean features",
        )
        return {"examples": {**written, "noise": "none"}}


def chosen_front_end(name: str, enhance: str = "") -> FrontEnd:
    """Returns a front end by its name, of enhanced speech where a gain is given."""
    plain = front_end(name)
    return Enhanced(plain, enhance) if enhance else plain  # type: ignore[arg-type]


def front_end_modules(parameters: Mapping[str, Any]) -> list[str]:
    """Returns the module of the front end that some parameters name."""
    found = known().get(parameters["front_end"])
    return [found.__name__] if found else []


class FeatureGen(Component):
    """Extracts the features of clean speech."""

    SPEC = FeatureGenSpec
    EXECUTOR = FeatureGenExecutor
