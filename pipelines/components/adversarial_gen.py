"""AdversarialGen: utterances of one part of some folds under real-world noise, x + ε·δ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasser.attack import perturbation_graph
from kerasser.attack.budget import budgets
from kerasser.attack.generation import Plan, adversarial_examples
from pipelines.components import noise_gen
from pipelines.components.feature_gen import chosen_front_end, front_end_modules
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import keys, shards, types, utterances
from pipelines.io.folds import read_fold, speakers


class AdversarialGenSpec(ComponentSpec):
    """Inputs: utterances, folds, one bank of noise, the perturbation. Output: examples.

    `enhance` is the gain with which attacked speech is enhanced before its features are taken; "" for none.
    `fold_names` are the folds whose part is attacked, none being the first fold. `conditions` are environments and
    budgets for each utterance, drawn for it; 0 takes them all. `queries` draws from all recordings in turn instead, as
    often from each environment as makes at least so many, whatever `draws` says; 0 does not.
    """

    PARAMETERS = {
        "fold_names": list,
        "part": str,
        "epsilons": list,
        "snrs_db": list,
        "draws": int,
        "queries": int,
        "conditions": int,
        "estimator": str,
        "front_end": str,
        "speech_level": str,
        "enhance": str,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {
        "utterances": types.UTTERANCES,
        "folds": types.FOLDS,
        "noise": types.NOISE,
        "perturbation": types.PERTURBATION,
    }
    OUTPUTS = {"examples": types.EXAMPLES}


class AdversarialGenExecutor(Executor):
    """Attacks each utterance under its environments, budgets and draws."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the module of the front end."""
        return [cls.__module__, *front_end_modules(parameters)]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes of utterances and folds no more than who is attacked, so that other folds change nothing."""
        return keys.of_speakers(keys.without(inputs, "folds"), _chosen(inputs, parameters))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the shards that are missing.

        Raises:
            AssertionError: If test noise would meet speech that is trained on, or the reverse.
        """
        part = parameters["part"]
        noise_split, _, noise = noise_gen.load(inputs["noise"])
        if (noise_split == "test") != (part == "test"):
            raise AssertionError(f"the {noise_split} stretch of the noise must not meet the {part} speakers")
        chosen = _chosen(inputs, parameters)
        plan = Plan(
            noise,
            noise_split,
            budgets(parameters["epsilons"], parameters["snrs_db"]),
            -(-parameters["queries"] // len(noise)) or parameters["draws"],
            parameters["estimator"],
            parameters["seed"],
            parameters["conditions"] or None,
            parameters["speech_level"],
            in_turn=parameters["queries"] > 0,
        )
        front_end = chosen_front_end(parameters["front_end"], parameters["enhance"])
        add = perturbation_graph.load(inputs["perturbation"].uri / "saved_model")
        written = shards.write(
            outputs["examples"],
            [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in chosen],
            lambda waveform, utterance, name: adversarial_examples(waveform, utterance.id, plan, front_end, name, add),
            front_end,
            per_shard=4,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            bar_title=f"attack on {part} speech, {plan.size} each",
            each=plan.size,
        )
        return {"examples": {**written, "noise": noise_split, "environments": sorted(noise)}}


def _chosen(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> frozenset[str]:
    folds = [read_fold(inputs["folds"], name) for name in parameters["fold_names"] or [""]]
    return speakers(folds, parameters["part"])


class AdversarialGen(Component):
    """Makes adversarial examples of one part of some folds."""

    SPEC = AdversarialGenSpec
    EXECUTOR = AdversarialGenExecutor
