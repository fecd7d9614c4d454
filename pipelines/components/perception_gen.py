"""PerceptionGen: how audible the attack is on some of the test utterances, under the draws that are judged."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack import audibility, perturbation_graph
from kerasser.attack.budget import budgets
from kerasser.attack.generation import Plan, attacks
from kerasser.attack.transmissions import ChannelPlan, transmissions
from kerasser.util import progress
from kerasser.util.parallel import ordered_map
from pipelines.components import noise_gen
from pipelines.components.channel_gen import channel_modules, channel_plan, outside
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types, utterances
from pipelines.io.folds import read_fold
from pipelines.io.shards import Item

_FACTS = ("noise", "budget", "target", "draw", "epsilon")


class PerceptionGenSpec(ComponentSpec):
    """Inputs: utterances, folds, the test bank, the perturbation. Output: measures of the first draw.

    `utterances_limit` is how many test utterances of the fold are measured at most. `channels` are pairs of a name and
    a level that they pass as well; `rooms_dir` is a folder of measured room responses.
    """

    PARAMETERS = {
        "fold": str,
        "epsilons": list,
        "snrs_db": list,
        "estimator": str,
        "speech_level": str,
        "utterances_limit": int,
        "channels": list,
        "rooms_dir": str,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {
        "utterances": types.UTTERANCES,
        "folds": types.FOLDS,
        "noise": types.NOISE,
        "perturbation": types.PERTURBATION,
    }
    OUTPUTS = {"perception": types.PERCEPTION}


class PerceptionGenExecutor(Executor):
    """Attacks each utterance as AdversarialGen does and compares what comes of it with the original."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the modules of the channels."""
        return [cls.__module__, *channel_modules(parameters)]

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes when a package comes, goes or is replaced, or what the channels use."""
        return json.dumps(audibility.packages()) + outside(parameters)

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `audibility.csv`, a row an utterance, environment and budget, and `audibility.json`.

        Raises:
            AssertionError: If it is not the test stretch of the noise.
        """
        speakers = frozenset(read_fold(inputs["folds"], parameters["fold"]).test)
        noise_split, _, noise = noise_gen.load(inputs["noise"])
        if noise_split != "test":
            raise AssertionError(f"the {noise_split} stretch of the noise must not meet the test speakers")
        limits = budgets(parameters["epsilons"], parameters["snrs_db"])
        # A draw does not depend on how many are made: this is the first of those that are judged.
        estimator, level = parameters["estimator"], parameters["speech_level"]
        plan = Plan(noise, noise_split, limits, 1, estimator, parameters["seed"], speech_level=level)
        passed = channel_plan(parameters, 1, parameters["seed"])
        add = perturbation_graph.load(inputs["perturbation"].uri / "saved_model")
        known = [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in speakers]
        items = spread(known, parameters["utterances_limit"])
        absent = [package for package, version in audibility.packages().items() if version == "absent"]
        names = [name for name, package in audibility.MEASURES.items() if package not in absent]
        directory = outputs["perception"]
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "perception.csv").open("w", newline="", encoding="utf-8") as file:
            columns = ("id", "speaker", *_FACTS, *audibility.MEASURES)
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            total, quiet = len(items) * (plan.size + passed.size), parameters["quiet"]
            with progress.bar(total, "comparison", "how audible the attack is", quiet=quiet) as bar:
                for rows in _measured(items, plan, passed, add, names, parameters["workers"]):
                    table.writerows(rows)
                    bar.update(len(rows))
        facts = {"utterances": len(items), "missing": absent}
        (directory / "perception.json").write_text(json.dumps(facts, indent=1))
        return {"perception": {"fold": parameters["fold"], "utterances": len(items)}}


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """Returns at most `limit` utterances: as many of each speaker as can be, evenly from the sorted ids of each."""
    mine: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: (item[0].speaker, item[0].id)):
        mine.setdefault(item[0].speaker, []).append(item)
    wanted = dict.fromkeys(mine, 0)
    while sum(wanted.values()) < min(limit, len(items)):
        for speaker, theirs in mine.items():
            if wanted[speaker] < len(theirs) and sum(wanted.values()) < limit:
                wanted[speaker] += 1
    return [
        theirs[number * len(theirs) // wanted[speaker]]
        for speaker, theirs in mine.items()
        for number in range(wanted[speaker])
    ]


def _measured(
    items: Sequence[Item], plan: Plan, passed: ChannelPlan, add: Any, names: Sequence[str], workers: int
) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of each utterance, in order."""
    workers = workers or os.cpu_count() or 1
    # PESQ holds the interpreter's lock, and STOI's warnings are the process' own: threads would not do.
    asking = any(audibility.MEASURES[name] for name in names)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) if asking else nullcontext()
    with pool as processes:

        def task(pair: tuple[Item, np.ndarray]) -> list[dict[str, Any]]:
            (utterance, _), waveform = pair
            clean, _ = audio.clip(waveform)
            made = [
                *attacks(waveform, utterance.id, plan, add),
                *transmissions(waveform, utterance.id, passed),
            ]
            measures = _all_measures(processes, clean, [adversarial for adversarial, _ in made], names)
            return [
                {
                    "id": utterance.id,
                    "speaker": utterance.speaker,
                    **{name: facts.get(name) for name in _FACTS},
                    **{name: value if value is None or np.isfinite(value) else None for name, value in row.items()},
                }
                for row, (_, facts) in zip(measures, made, strict=True)
            ]

        yield from ordered_map(task, zip(items, audio.waveforms([file for _, file in items]), strict=True), workers)


def _all_measures(
    processes: Pool | None, clean: np.ndarray, adversarial: Sequence[np.ndarray], names: Sequence[str]
) -> list[dict[str, float | None]]:
    if processes is None:
        return [audibility.measures(clean, each, names) for each in adversarial]
    return [
        future.result()
        for future in [processes.submit(audibility.measures, clean, each, names) for each in adversarial]
    ]


class PerceptionGen(Component):
    """Measures how audible the attack is."""

    SPEC = PerceptionGenSpec
    EXECUTOR = PerceptionGenExecutor
