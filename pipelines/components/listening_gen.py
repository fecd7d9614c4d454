"""ListeningGen: a few test utterances to listen to, clean and attacked, each with the models' answers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasser import audio
from kerasser.attack import perturbation_graph
from kerasser.attack.budget import Budget, budgets
from kerasser.attack.generation import Plan, attacks
from kerasser.corpora import CLASSES
from kerasser.report.sounds import FOLDER
from pipelines.components import noise_gen
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import predictions, types, utterances
from pipelines.io.shards import Item

# Longer utterances would make the page heavy: three in three versions of 8 s are 3 MB.
_LONGEST_S = 8.0
# Of full scale: the loudest sample that is played.
_PEAK = 0.9


class ListeningGenSpec(ComponentSpec):
    """Inputs: utterances, the test bank, the perturbation, evaluations of one fold and seed. Output: sounds.

    `defences` says what each evaluation is of, the undefended one first; `count` is how many utterances are wanted.
    """

    PARAMETERS = {
        "defences": list,
        "epsilons": list,
        "snrs_db": list,
        "estimator": str,
        "speech_level": str,
        "count": int,
        "seed": int,
    }
    INPUTS = {"utterances": types.UTTERANCES, "noise": types.NOISE, "perturbation": types.PERTURBATION}
    LISTS = {"evaluations": types.EVALUATION}
    OUTPUTS = {"sounds": types.SOUNDS}


class ListeningGenExecutor(Executor):
    """Makes the sounds again that the models answered to; for the report alone, since they are of test speakers."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `sounds.json` and the sounds that it names, as WAV.

        Raises:
            AssertionError: If it is not the test stretch of the noise.
        """
        noise_split, _, noise = noise_gen.load(inputs["noise"])
        if noise_split != "test":
            raise AssertionError(f"the {noise_split} stretch of the noise must not meet the test speakers")
        directory = outputs["sounds"]
        directory.mkdir(parents=True, exist_ok=True)
        amounts = budgets(parameters["epsilons"], parameters["snrs_db"])
        answers = {
            defence: _first_draws(predictions.read(artifact.uri / "predictions.csv"))
            for defence, artifact in zip(parameters["defences"], several(inputs, "evaluations"), strict=True)
        }
        tested = set(answers[parameters["defences"][0]]["id"])
        items = [item for item in utterances.read(inputs["utterances"]) if item[0].id in tested]
        chosen = choose(items, answers[parameters["defences"][0]], sorted(noise), amounts[-1], parameters["count"])
        add = perturbation_graph.load(inputs["perturbation"].uri / "saved_model")
        found = []
        waveforms = audio.waveforms([item[1] for item, _ in chosen])
        for number, ((item, environment), waveform) in enumerate(zip(chosen, waveforms, strict=True)):
            utterance = item[0]
            plan = Plan(
                {environment: noise[environment]},
                noise_split,
                amounts,
                1,
                parameters["estimator"],
                parameters["seed"],
                speech_level=parameters["speech_level"],
            )
            made: list[tuple[np.ndarray, dict[str, Any]]] = [(audio.clip(waveform)[0], {"noise": ""})]
            made += attacks(waveform, utterance.id, plan, add)
            # One gain for all versions: how they differ is heard as it is.
            gain = _PEAK / max(max(float(np.abs(heard).max()) for heard, _ in made), 1e-9)
            versions = []
            for place, (heard, facts) in enumerate(made):
                file = f"{number}-{place}.wav"
                audio.write(directory / file, (gain * heard).astype(np.float32))
                versions.append(_version(file, facts, utterance.id, answers))
            found.append(
                {
                    "utterance": utterance.id,
                    "speaker": utterance.speaker,
                    "emotion": utterance.emotion,
                    "label": CLASSES.index(utterance.valence),
                    "noise": environment,
                    "duration_s": waveform.size / audio.SAMPLE_RATE_HZ,
                    "versions": versions,
                }
            )
        (directory / "sounds.json").write_text(json.dumps(found, indent=1, allow_nan=False))
        return {"sounds": {"utterances": len(found)}}


def choose(
    items: Sequence[Item], answers: pd.DataFrame, environments: Sequence[str], budget: Budget, count: int
) -> list[tuple[Item, str]]:
    """Chooses utterances that are right when clean: in turn one that the attack turns wrong, and one that stays right.

    Args:
        items: Test utterances; those above 8 s are not chosen.
        answers: Of the undefended model: to clean speech and to the first draw of each condition.
        environments: Each utterance meets one of them, in turn.
        budget: Decides which attacks succeed.
        count: Most utterances.

    Returns:
        Utterances, each with its environment; first of speakers that were heard least, then by id. Where none of the
        wanted kind is left, one of another kind takes its place.
    """
    right = answers.assign(right=answers["predicted"] == answers["label"])
    clean = right[right["noise"].isna()].set_index("id")["right"]
    left = {item[0].id: item for item in items if item[1].duration_s <= _LONGEST_S}
    chosen: list[tuple[Item, str]] = []
    while left and len(chosen) < count:
        environment = environments[len(chosen) % len(environments)]
        attacked = right[
            (right["noise"] == environment) & (right["budget"] == budget.kind) & (right["target"] == budget.value)
        ].set_index("id")["right"]
        wanted = len(chosen) % 2 == 1
        heard = Counter(item[0].speaker for item, _ in chosen)
        order = sorted(left, key=lambda name: (heard[left[name][0].speaker], name))
        fitting = [name for name in order if clean[name] and attacked[name] == wanted]
        chosen.append((left.pop((fitting or order)[0]), environment))
    return chosen


def copy(artifacts: Sequence[Artifact], directory: Path) -> list[dict[str, Any]]:
    """Puts sounds into a folder beside a report, and returns what is known of them."""
    found: list[dict[str, Any]] = []
    for artifact in artifacts:
        found += json.loads((artifact.uri / "sounds.json").read_text())
        (directory / FOLDER).mkdir(exist_ok=True)
        for file in sorted(artifact.uri.glob("*.wav")):
            shutil.copyfile(file, directory / FOLDER / file.name)
    return found


def _first_draws(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["noise"].isna() | (table["draw"] == 0)]


def _version(
    file: str, facts: Mapping[str, Any], utterance_id: str, answers: Mapping[str, pd.DataFrame]
) -> dict[str, Any]:
    """Returns what is known of a sound: its budget, and what every model answered."""
    found: dict[str, Any] = {"file": file, "snr_db": facts.get("snr_db")}
    if facts["noise"]:
        found["epsilon" if facts["budget"] == "epsilon" else "snr_db_target"] = facts["target"]
    return found | {"answers": dict(_answered(facts, utterance_id, answers))}


def _answered(
    facts: Mapping[str, Any], utterance_id: str, answers: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for defence, table in answers.items():
        mine = table[table["id"] == utterance_id]
        if facts["noise"]:
            same = (mine["budget"] == facts["budget"]) & (mine["target"] == facts["target"])
            row = mine[(mine["noise"] == facts["noise"]) & same].iloc[0]
        else:
            row = mine[mine["noise"].isna()].iloc[0]
        predicted = int(row["predicted"])
        yield defence, {"predicted": predicted, "probability": float(row[f"p_{CLASSES[predicted]}"])}


class ListeningGen(Component):
    """Makes a few sounds to listen to."""

    SPEC = ListeningGenSpec
    EXECUTOR = ListeningGenExecutor
