"""AdversarialGen: utterances of one part of some folds under real-world noise, x + ε·δ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from kerasser.attack import perturbation_graph
from kerasser.attack.budget import budgets
from kerasser.attack.generation import Plan, adversarial_examples
from pipelines.components import noise_gen
from pipelines.components.feature_gen import chosen_front_end, front_end_modules
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import banks, keys, shards, types, utterances
from pipelines.io.folds import chosen

_Made = tuple[np.ndarray, dict[str, Any]]


class AdversarialGenSpec(ComponentSpec):
    """Inputs: utterances, folds, banks of noise, the perturbation. Output: examples.

    `enhance` is the gain with which attacked speech is enhanced before its features are taken; "" for none.
    `fold_names` are the folds whose part is attacked, none being the first fold. `conditions` are environments and
    budgets for each utterance, drawn for it, of several banks the same number from each; 0 takes them all. `queries`
    draws from all recordings in turn instead, as often from each environment as makes at least so many; 0 does not.
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
        "perturbation": types.PERTURBATION,
    }
    LISTS = {"noise": types.NOISE}
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
            AssertionError: If test noise would meet speech that is trained on, or the reverse, or if somebody else
                speaks in made noise than those whose speech it meets.
        """
        part, noise = parameters["part"], several(inputs, "noise")
        plans = _plans(noise, parameters)
        attacked = _chosen(inputs, parameters)
        how = banks.made(noise)
        if how and (strangers := set(how["speakers"]) - attacked):
            raise AssertionError(f"made noise in which others speak must not meet speech: {sorted(strangers)}")
        size = sum(plan.size for plan in plans)
        front_end = chosen_front_end(parameters["front_end"], parameters["enhance"])
        add = perturbation_graph.load(inputs["perturbation"].uri / "saved_model")
        written = shards.write(
            outputs["examples"],
            [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in attacked],
            lambda waveform, utterance, name: _in_turn(
                [adversarial_examples(waveform, utterance.id, plan, front_end, name, add) for plan in plans]
            ),
            front_end,
            per_shard=4,
            workers=parameters["workers"],
            quiet=parameters["quiet"],
            bar_title=f"attack on {part} speech, {size} each",
            each=size,
        )
        environments = sorted({name for plan in plans for name in plan.noise})
        facts = {**written, "noise": plans[0].noise_split, "environments": environments}
        return {"examples": {**facts, **({"voices": how["speakers"]} if how else {})}}


def _plans(noise: Sequence[Artifact], parameters: Mapping[str, Any]) -> list[Plan]:
    """Returns the conditions of each bank.

    Raises:
        AssertionError: If a bank is not for these speakers, or an environment is in two.
    """
    plans: list[Plan] = []
    for number, artifact in enumerate(noise):
        noise_split, _, recordings = noise_gen.load(artifact)
        if (noise_split == "test") != (parameters["part"] == "test"):
            raise AssertionError(
                f"the {noise_split} stretch of the noise must not meet the {parameters['part']} speakers"
            )
        if twice := [name for name in recordings if any(name in plan.noise for plan in plans)]:
            raise AssertionError(f"the environment {twice[0]} is both recorded and made")
        # The first banks have one more where the number cannot be divided.
        conditions = (parameters["conditions"] + len(noise) - 1 - number) // len(noise)
        plans.append(
            Plan(
                recordings,
                noise_split,
                budgets(parameters["epsilons"], parameters["snrs_db"]),
                -(-parameters["queries"] // len(recordings)) or parameters["draws"],
                parameters["estimator"],
                parameters["seed"],
                (conditions if parameters["conditions"] else None),
                parameters["speech_level"],
                in_turn=parameters["queries"] > 0,
            )
        )
    return plans


def _in_turn(examples: Sequence[list[_Made]]) -> list[_Made]:
    """Returns the examples under each bank in turn, as who takes but the first few is to meet all banks."""
    return [each for group in zip_longest(*examples) for each in group if each is not None]


def _chosen(inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> frozenset[str]:
    return chosen(inputs["folds"], parameters["fold_names"], parameters["part"])


class AdversarialGen(Component):
    """Makes adversarial examples of one part of some folds."""

    SPEC = AdversarialGenSpec
    EXECUTOR = AdversarialGenExecutor
