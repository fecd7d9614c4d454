"""Attacker: what one threat model gets out of one system, over the test speakers of a fold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from kerasser import audio, threats
from kerasser.attack.budget import Budget, budgets
from kerasser.attack.draws import Draw
from kerasser.attack.generation import Speech
from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.defences import NONE
from kerasser.features import records
from kerasser.features.enhanced import enhanced
from kerasser.threats.base import Answer, TestUtterance
from kerasser.threats.scoring import table
from kerasser.threats.targets import ModelTarget
from kerasser.util import progress
from kerasser.util.parallel import ordered_map
from pipelines.components import gan_trainer, noise_gen, trainer
from pipelines.components.evaluator import refuse_leak, served
from pipelines.components.feature_gen import chosen_front_end, front_end_modules
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import attack_sounds, csv_tables, keys, predictions, shards, types, utterances
from pipelines.io.folds import read_fold
from pipelines.io.shards import Item

_PARTIAL = "answers.jsonl"
_COLUMNS = {
    **dict.fromkeys(("id", "budget", "noise", "recording", "draw_seed", "mixture", "gains_db"), str),
    **dict.fromkeys(("target", "correct", "margin", "snr_db", "clipped", "radius", "gradient_norm"), float),
    **dict.fromkeys(("graph_margin", "graph_correct", "drawn_correct"), float),
    **dict.fromkeys(("queries", "allowed"), int),
    # A question, or an offset, that may be missing.
    **dict.fromkeys(("first_wrong", "offset"), float),
}


class AttackerSpec(ComponentSpec):
    """Inputs: a system, whom and what it is attacked with, its answers to random draws. Output: answers.

    `threat` is the name of the threat model, `settings` are its own. `defence` and `without` say what the system is.
    `transfer` is the search through the undefended classifier, for those who have it; `clean` and `adversarial` are
    the features of clean speech and of the random draws, for those who see gradients.
    """

    PARAMETERS = {
        "threat": str,
        "settings": dict,
        "defence": str,
        "without": str,
        "fold": str,
        "epsilons": list,
        "snrs_db": list,
        "draws": int,
        "estimator": str,
        "speech_level": str,
        "front_end": str,
        "enhance": str,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {
        "model": types.MODEL,
        "utterances": types.UTTERANCES,
        "folds": types.FOLDS,
        "noise": types.NOISE,
        "drawn": types.EVALUATION,
    }
    LISTS = {
        "generator": types.GENERATOR,
        "transfer": types.ANSWERS,
        "clean": types.EXAMPLES,
        "adversarial": types.EXAMPLES,
    }
    OUTPUTS = {"answers": types.ANSWERS}


class AttackerExecutor(Executor):
    """Runs a threat model on each test utterance; goes on after the utterances that an earlier run finished."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the modules of the threat model and of the front end."""
        threat = threats.get(parameters["threat"])
        return [cls.__module__, threat.run.__module__, threat.settings.__module__, *front_end_modules(parameters)]

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the fold and what its test speakers say."""
        fold = read_fold(inputs["folds"], parameters["fold"])
        return {**keys.of_speakers(keys.without(inputs, "folds"), fold.test), "fold": keys.of_fold(fold)}

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `answers.csv`, a row an utterance and budget; and, of an attack that made its own sound, one to hear.

        Raises:
            AssertionError: If a part of the system was trained on the test speakers, or the noise is not the test's.
        """
        fold = read_fold(inputs["folds"], parameters["fold"])
        noise_split, _, noise = noise_gen.load(inputs["noise"])
        unheard = noise_gen.facts(inputs["noise"]).get("unheard", {})
        refuse_leak(json.loads((inputs["model"].uri / "model.json").read_text())["fold"], fold, noise_split)
        for generator in several(inputs, "generator"):
            refuse_leak(json.loads((generator.uri / "generator.json").read_text())["fold"], fold, noise_split)
        threat = threats.get(parameters["threat"])
        settings = threat.settings(**parameters["settings"])
        wanted = budgets(parameters["epsilons"], parameters["snrs_db"])
        drawn = predictions.read(inputs["drawn"].uri / "predictions.csv")
        target = ModelTarget(
            evaluate=_Served(inputs["model"], several(inputs, "generator")),
            front_end=chosen_front_end(parameters["front_end"], parameters["enhance"]),
            answers=_by_draw(drawn),
            undefended=parameters["defence"] == NONE,
            without=parameters["without"],
            gradients=_inside(inputs, parameters["enhance"]) if threat.needs == "gradients" else None,
        )
        items = [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in fold.test]
        hardest = _hardest([read(artifact) for artifact in several(inputs, "transfer")])
        frames = _Frames(inputs, fold) if threat.needs == "gradients" else None

        def attacked(item: Item) -> TestUtterance:
            utterance, file = item

            def load() -> Speech:
                return Speech(audio.read(file), noise, parameters["estimator"], speech_level=parameters["speech_level"])

            return TestUtterance(
                id=utterance.id,
                speaker=utterance.speaker,
                label=CLASSES.index(utterance.valence),
                load=load,
                noise=noise,
                budgets=wanted,
                draws=parameters["draws"],
                seed=parameters["seed"],
                hardest=hardest.get(utterance.id, {}),
                frames=partial(frames.clean, utterance.id) if frames else None,
                noisy_frames=partial(frames.noisy, utterance.id) if frames else None,
                unheard=unheard,
            )

        def run(speech: Iterable[TestUtterance]) -> list[dict[str, Any]]:
            return [asdict(answer) for answer in threat.run(target, speech, settings)]

        directory = outputs["answers"]
        if threat.whole:
            rows = run(map(attacked, items))
        else:
            found = _kept(directory / _PARTIAL, items, lambda item: run([attacked(item)]), threat.name, parameters)
            rows = [row for each in found for row in each]
        given = [Answer(**{**row, "budget": Budget(**row["budget"])}) for row in rows]
        attack_sounds.write(given, items, drawn, parameters["defence"], threat.name, directory)
        answers = table(given)
        answers.sort_values(["budget", "target", "id"]).to_csv(
            directory / "answers.csv", index=False, lineterminator="\n"
        )
        (directory / _PARTIAL).unlink(missing_ok=True)
        asked = {utterance.id: file.duration_s for utterance, file in items}
        queries = answers["queries"] if threat.searches else 0 * answers["queries"]
        audio_s = sum(asked[name] * count for name, count in zip(answers["id"], queries, strict=True))
        return {"answers": {"threat": threat.name, "queries": int(queries.sum()), "audio_s": round(audio_s, 3)}}


class _Served:
    """The `evaluate` signature of a system; its SavedModel is loaded when it is asked, and kept."""

    def __init__(self, model: Artifact, generators: Sequence[Artifact]) -> None:
        self._parts, self._lock = (model, generators), Lock()
        self._model: Any = None

    def __call__(self, **inputs: Any) -> Mapping[str, Any]:
        with self._lock:
            self._model = self._model or served(*self._parts)
        return self._model.signatures["evaluate"](**inputs)


def _by_draw(drawn: pd.DataFrame) -> dict[tuple[str, Budget], dict[tuple[int, str], bool]]:
    """Returns utterance and budget → number and environment → whether the answer was right."""
    found: dict[tuple[str, Budget], dict[tuple[int, str], bool]] = {}
    for row in drawn[drawn["noise"].notna()].itertuples(index=False):
        key = row.id, Budget(row.budget, float(row.target))
        found.setdefault(key, {})[int(row.draw), row.noise] = row.predicted == row.label
    return found


@dataclass(frozen=True)
class _Inside:
    """The inside of one of our systems; see `kerasser.threats.base.Gradients`."""

    logits: Any
    mean: np.ndarray
    deviation: np.ndarray
    clip_value: float
    enhance: Any


def _inside(inputs: Mapping[str, Artifact], enhance: str) -> _Inside:
    from kerasser.attack.white_box import logits_of

    classifier = trainer.load(inputs["model"])
    normalization = classifier.get_layer("normalization")
    generators = [gan_trainer.load(generator) for generator in several(inputs, "generator")]
    logits = logits_of(classifier, generators[0] if generators else None)
    return _Inside(
        logits,
        normalization.mean.numpy(),
        np.sqrt(normalization.variance.numpy()),
        normalization.clip_value,
        partial(enhanced, estimator=enhance) if enhance else None,  # type: ignore[arg-type]
    )


class _Frames:
    """The features of the test speakers, clean and under the random draws."""

    def __init__(self, inputs: Mapping[str, Artifact], fold: Fold) -> None:
        (clean,), (adversarial,) = several(inputs, "clean"), several(inputs, "adversarial")
        self._clean = {name: frames for name, _, frames in _examples(clean, fold.test)}
        self._noisy: dict[tuple[str, Budget], list[np.ndarray]] = {}
        for name, facts, frames in _examples(adversarial, fold.test):
            key = name, Budget(facts["budget"], float(facts["target"]))
            self._noisy.setdefault(key, []).append(frames)

    def clean(self, id: str) -> np.ndarray:
        return self._clean[id]

    def noisy(self, id: str, budget: Budget) -> list[np.ndarray]:
        return self._noisy[id, budget]


def _examples(artifact: Artifact, speakers: Sequence[str]) -> Iterator[tuple[str, dict[str, Any], np.ndarray]]:
    """Yields id, provenance and frames of the examples of some speakers."""
    files, dimension = shards.files(artifact.uri, speakers), len(shards.features(artifact.uri))
    for example in records.dataset(files, dimension).as_numpy_iterator():
        yield example["id"].decode(), json.loads(example["provenance"]), example["features"]


def read(artifact: Artifact) -> pd.DataFrame:
    """Returns the answers that a threat model got."""
    return csv_tables.read(artifact.uri / "answers.csv", _COLUMNS)


def _hardest(tables: Sequence[pd.DataFrame]) -> dict[str, dict[Budget, Draw]]:
    """Returns utterance and budget → the piece of noise that the undefended model found hardest."""
    found: dict[str, dict[Budget, Draw]] = {}
    for row in (row for each in tables for row in each.itertuples(index=False)):
        drawn = Draw(row.noise, row.recording, int(row.offset), row.draw_seed)
        found.setdefault(row.id, {})[Budget(row.budget, float(row.target))] = drawn
    return found


def _kept(
    path: Path, items: Sequence[Item], run: Any, title: str, parameters: Mapping[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """Yields what came of each utterance, in order, and keeps it in a file as it comes."""
    kept = _lines(path, [utterance.id for utterance, _ in items])
    yield from kept
    left = items[len(kept) :]
    seconds = sum(file.duration_s for _, file in items)
    done = sum(file.duration_s for _, file in items[: len(kept)])
    with (
        progress.bar(seconds, "s", title, quiet=parameters["quiet"], initial=done) as bar,
        path.open("a", encoding="utf-8") as file,
    ):
        for (utterance, audio_file), rows in zip(left, ordered_map(run, left, parameters["workers"]), strict=True):
            file.write(json.dumps({"id": utterance.id, "rows": rows}) + "\n")
            file.flush()
            bar.update(audio_file.duration_s)
            yield rows


def _lines(path: Path, ids: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Returns what an earlier run finished; a line that was cut is dropped, from the file too."""
    if not path.exists():
        return []
    kept, lines = [], []
    for line, name in zip(path.read_text(encoding="utf-8").splitlines(keepends=True), ids, strict=False):
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            break
        if found["id"] != name or not line.endswith("\n"):
            break
        kept.append(found["rows"])
        lines.append(line)
    path.write_text("".join(lines), encoding="utf-8")
    return kept


class Attacker(Component):
    """Attacks a system as one threat model has it."""

    SPEC = AttackerSpec
    EXECUTOR = AttackerExecutor
