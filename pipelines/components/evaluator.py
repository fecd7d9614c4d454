"""Evaluator: what the classifier answers on clean and on attacked test speech, and the errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.evaluation.alarms import not_repeatable
from kerasser.evaluation.conversion import to_json
from kerasser.evaluation.curve import Scorer, figure1
from kerasser.features import records
from kerasser.util import progress
from pipelines.components import gan_trainer
from pipelines.components.trainer import load, refuse_known
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import banks, keys, predictions, shards, types
from pipelines.io.folds import read_fold

_BATCH = 64
# Of the utterance before the attack; clean examples do not have it.
_REFERENCE = ("reference_variance", "reference_snr_db", "pause_variance")


class EvaluatorSpec(ComponentSpec):
    """Inputs: model, clean and adversarial examples, folds, and a generator or none. Output: answers and figures.

    With a generator, the model hears what it has cleaned: clean speech as well. `channels` are examples of what came
    out of channels, or none.
    """

    PARAMETERS = {"fold": str, "replicates": int, "confidence": float, "seed": int}
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    INPUTS = {
        "model": types.MODEL,
        "clean": types.EXAMPLES,
        "adversarial": types.EXAMPLES,
        "folds": types.FOLDS,
    }
    LISTS = {"generator": types.GENERATOR, "channels": types.EXAMPLES}
    OUTPUTS = {"evaluation": types.EVALUATION}


class EvaluatorExecutor(Executor):
    """Asks the model once about every example."""

    @classmethod
    def key_inputs(cls, inputs: Mapping[str, Artifact], parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Takes the fold and what its test speakers say."""
        fold = read_fold(inputs["folds"], parameters["fold"])
        return {**keys.of_speakers(keys.without(inputs, "folds"), fold.test), "fold": keys.of_fold(fold)}

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `predictions.csv`, a row an example, `channels.csv`, the same behind channels, and `metrics.json`."""
        directory = outputs["evaluation"]
        directory.mkdir(parents=True, exist_ok=True)
        fold = read_fold(inputs["folds"], parameters["fold"])
        trained = json.loads((inputs["model"].uri / "model.json").read_text())
        noise_split = inputs["adversarial"].properties["noise"]
        refuse_leak(trained["fold"], fold, noise_split)
        facts: dict[str, Any] = {"share": trained["share"], "dev_ua": trained["dev_ua"], **trained["build"]}
        facts |= {name: trained[name] for name in ("consistency",) if name in trained}
        facts["sha256"] = inputs["model"].content_hash
        heard = [trained]
        for generator in several(inputs, "generator"):
            cleaning = json.loads((generator.uri / "generator.json").read_text())
            refuse_leak(cleaning["fold"], fold, noise_split)
            if cleaning["classifier"] != gan_trainer.digest(load(inputs["model"])):
                raise AssertionError("the generator was trained for another classifier, or that one has changed")
            others = ("fold", "noises", "made_noise")
            facts["generator"] = {name: cleaning[name] for name in cleaning if name not in others}
            facts["generator"]["sha256"] = generator.content_hash
            heard.append(cleaning)
        voices = set[str]()
        if made := banks.joined(each.get("made_noise") for each in heard):
            voices = set(made["speakers"])
            refuse_known({"train": voices, "dev": ()}, fold.test)
            facts["made_noise"] = made
        exported = served(inputs["model"], several(inputs, "generator"))
        evaluate, quiet = exported.signatures["evaluate"], parameters.get("quiet")
        clean, again = (_answers(evaluate, inputs["clean"], fold.test, quiet) for _ in range(2))
        adversarial = _answers(evaluate, inputs["adversarial"], fold.test, quiet)
        table = pd.concat([clean, adversarial])
        table.to_csv(directory / "predictions.csv", index=False, lineterminator="\n")
        for examples in several(inputs, "channels"):
            refuse_leak(trained["fold"], fold, examples.properties["noise"])
            transmitted = _answers(evaluate, examples, fold.test, quiet)
            predictions.write_channels(directory, transmitted)
        scorer = Scorer(
            clean,
            CLASSES,
            replicates=parameters["replicates"],
            confidence=parameters["confidence"],
            seed=parameters["seed"],
        )
        metrics: dict[str, Any] = {
            "fold": fold.name,
            "classes": list(CLASSES),
            "search": trained["search"],
            "clean": to_json(scorer.clean()),
            "figure1": to_json(figure1(scorer, adversarial, quiet=quiet)),
            "test_speakers": sorted(fold.test),
            "trained_speakers": sorted(
                voices.union(*(each["fold"][part] for each in heard for part in ("train", "dev")))
            ),
            "trained_noises": sorted({name for each in heard for name in each["noises"]}),
            "alarms": _alarms(clean, again),
            "model": facts,
        }
        (directory / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
        return {"evaluation": {"fold": fold.name, "error": metrics["clean"]["error"]}}


def _alarms(first: pd.DataFrame, second: pd.DataFrame) -> list[dict[str, str]]:
    """Returns whether the model answers the same speech differently when it is asked again."""
    found = not_repeatable(*(table[[f"p_{name}" for name in CLASSES]].to_numpy() for table in (first, second)))
    return [{"name": found.name, "message": found.message}] if found else []


def served(model: Artifact, generators: Sequence[Artifact]) -> Any:
    """Returns the SavedModel that would be served: the model, behind a generator if there is one."""
    return tf.saved_model.load(str((generators[0] if generators else model).uri / "saved_model"))


def refuse_leak(trained: Mapping[str, Any], fold: Fold, noise_split: str = "test") -> None:
    """Refuses to measure a model on speakers it knows, or under noise that may be trained on.

    Args:
        trained: `train` and `dev`, the speakers the model was made with.
        fold: Whose test speakers are to be measured.
        noise_split: The stretch of the noise that attacks them.

    Raises:
        AssertionError: If anything that would be measured was there in training.
    """
    refuse_known(trained, fold.test)
    if noise_split != "test":
        raise AssertionError(f"the model would be measured under the {noise_split} stretch of noise")


def _answers(
    evaluate: Callable[..., Any], examples: Artifact, speakers: tuple[str, ...], quiet: bool | None
) -> pd.DataFrame:
    """Returns one row an example: who, what was done to it, the truth and the answer of a SavedModel."""
    files, dimension = shards.files(examples.uri, speakers), len(shards.features(examples.uri))
    rows: list[dict[str, Any]] = []
    count = shards.count(examples.uri, speakers)
    found = records.dataset(files, dimension).padded_batch(_BATCH).prefetch(2)
    for batch in progress.steps(found, -(-count // _BATCH), "batches", "answers", quiet=quiet):
        labels = tf.cast(batch["label"], tf.int32)
        answered = evaluate(features=batch["features"], lengths=batch["lengths"], labels=labels)
        known, answer = ({name: value.numpy() for name, value in each.items()} for each in (batch, answered))
        for number, facts in enumerate(map(json.loads, known["provenance"])):
            row = {name: known[name][number].decode() for name in ("id", "speaker", "emotion")}
            row |= {"label": int(known["label"][number]), "predicted": int(answer["predicted"][number])}
            probabilities = answer["probabilities"][number]
            row |= {f"p_{name}": float(p) for name, p in zip(CLASSES, probabilities, strict=True)}
            row |= {name: float(answer[name][number]) for name in ("margin", "cross_entropy")}
            row |= {name: facts.get(name) for name in ("noise", "budget", "target", "draw", "epsilon", "snr_db")}
            row |= {name: facts.get(name) for name in _REFERENCE}
            rows.append({**row, "clipped": facts["clipped"], "samples": facts["samples"]})
    return pd.DataFrame(rows).astype(dict.fromkeys(("snr_db", *_REFERENCE), float))


class Evaluator(Component):
    """Measures the error on clean and on attacked speech."""

    SPEC = EvaluatorSpec
    EXECUTOR = EvaluatorExecutor
