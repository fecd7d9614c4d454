"""Evaluator: what the classifier answers on clean and on attacked test speech, and the errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from kerasser import records
from kerasser.corpora import CLASSES
from kerasser.corpora.folds import Fold
from kerasser.evaluation.alarms import not_repeatable
from kerasser.evaluation.curve import Scorer, figure1
from pipelines.artifacts import Artifact
from pipelines.component import Component, ComponentSpec, Executor, several
from pipelines.components import gan_trainer, shards, types
from pipelines.components.folds import read_fold
from pipelines.components.trainer import load, refuse_known

_BATCH = 64


class EvaluatorSpec(ComponentSpec):
    """Inputs: model, clean and adversarial examples, folds, and a generator or none. Output: answers and figures.

    With a generator, the model hears what it has cleaned: clean speech as well.
    """

    PARAMETERS = {"fold": str, "replicates": int, "confidence": float, "seed": int}
    INPUTS = {
        "model": types.MODEL,
        "clean": types.EXAMPLES,
        "adversarial": types.EXAMPLES,
        "folds": types.FOLDS,
    }
    LISTS = {"generator": types.GENERATOR}
    OUTPUTS = {"evaluation": types.EVALUATION}


class EvaluatorExecutor(Executor):
    """Asks the model once about every example."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `predictions.csv`, a row an example, and `metrics.json`."""
        directory = outputs["evaluation"]
        directory.mkdir(parents=True, exist_ok=True)
        fold = read_fold(inputs["folds"], parameters["fold"])
        trained = json.loads((inputs["model"].uri / "model.json").read_text())
        refuse_leak(trained["fold"], fold, inputs["adversarial"])
        facts: dict[str, Any] = {"share": trained["share"], "dev_ua": trained["dev_ua"], **trained["build"]}
        model, exported = load(inputs["model"]), inputs["model"].uri / "saved_model"
        for generator in several(inputs, "generator"):
            cleaning = json.loads((generator.uri / "generator.json").read_text())
            refuse_leak(cleaning["fold"], fold, inputs["adversarial"])
            if cleaning["classifier"] != gan_trainer.digest(model):
                raise AssertionError("the generator was trained for another classifier, or that one has changed")
            facts["generator"] = {name: cleaning[name] for name in cleaning if name != "fold"}
            exported = generator.uri / "saved_model"
        served = tf.saved_model.load(str(exported))
        clean, again = (_answers(served.signatures["evaluate"], inputs["clean"], fold.test) for _ in range(2))
        adversarial = _answers(served.signatures["evaluate"], inputs["adversarial"], fold.test)
        table = pd.concat([clean, adversarial])
        table.to_csv(directory / "predictions.csv", index=False, lineterminator="\n")
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
            "clean": scorer.clean(),
            "figure1": figure1(scorer, adversarial),
            "test_speakers": sorted(fold.test),
            "alarms": _alarms(clean, again),
            "model": facts,
        }
        (directory / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
        return {"evaluation": {"fold": fold.name, "error": metrics["clean"]["error"]}}


def _alarms(first: pd.DataFrame, second: pd.DataFrame) -> list[dict[str, str]]:
    """Returns whether the model answers the same speech differently when it is asked again."""
    found = not_repeatable(*(table[[f"p_{name}" for name in CLASSES]].to_numpy() for table in (first, second)))
    return [{"name": found.name, "message": found.message}] if found else []


def refuse_leak(trained: Mapping[str, Any], fold: Fold, adversarial: Artifact) -> None:
    """Refuses to measure a model on speakers it knows, or under noise that may be trained on.

    Args:
        trained: `train` and `dev`, the speakers the model was made with.
        fold: Whose test speakers are to be measured.
        adversarial: The attacked examples.

    Raises:
        AssertionError: If anything that would be measured was there in training.
    """
    refuse_known(trained, fold.test)
    if adversarial.properties["noise"] != "test":
        raise AssertionError(
            f"the model would be measured under the {adversarial.properties['noise']} stretch of noise"
        )


def _answers(evaluate: Callable[..., Any], examples: Artifact, speakers: tuple[str, ...]) -> pd.DataFrame:
    """Returns one row an example: who, what was done to it, the truth and the answer of a SavedModel."""
    files, dimension = shards.files(examples.uri, speakers), len(shards.features(examples.uri))
    rows: list[dict[str, Any]] = []
    for batch in records.dataset(files, dimension).padded_batch(_BATCH).prefetch(2):
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
            rows.append({**row, "clipped": facts["clipped"], "samples": facts["samples"]})
    return pd.DataFrame(rows).astype({"snr_db": float})


class Evaluator(Component):
    """Measures the error on clean and on attacked speech."""

    SPEC = EvaluatorSpec
    EXECUTOR = EvaluatorExecutor
