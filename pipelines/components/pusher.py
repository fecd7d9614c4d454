"""Pusher: publishes a blessed export where servers look for it, if it is good enough."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasser.serving import configuration, versions
from kerasser.util.errors import InputError
from pipelines.components.exporter import DEFENDED, PERTURBATION
from pipelines.engine.artifacts import Artifact, content_hash
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.engine.hashes import fingerprint, walk
from pipelines.io import types
from pipelines.io.own_models import CARD


class PusherSpec(ComponentSpec):
    """Inputs: the export and its blessing. Output: which version it is now.

    `model` names the folder in `models_dir`; `keep` versions stay; `margin` is in points of error.
    """

    PARAMETERS = {"models_dir": str, "model": str, "keep": int, "margin": float}
    INPUTS = {"export": types.EXPORT, "blessing": types.BLESSING}
    OUTPUTS = {"pushed": types.PUSHED}


class PusherExecutor(Executor):
    """Publishes the defended classifier, and the perturbation beside it."""

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Returns the state of the folders that are pushed to: a version may be gone, or rolled back."""
        folders = (model_dir(parameters, name) for name in (parameters["model"], PERTURBATION))
        return fingerprint(file for folder in folders for file in walk(folder))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the version into `models_dir`, what servers are started with beside it, and `pushed.json`.

        Raises:
            InputError: If the model is not good enough, was rolled back, or cannot be compared with the last.
            AssertionError: If the blessing is another export's.
        """
        export = inputs["export"]
        if json.loads((inputs["blessing"].uri / "blessing.json").read_text())["export"] != export.content_hash:
            raise AssertionError("the blessing is another export's")
        base = model_dir(parameters, parameters["model"])
        version = _newest(export.uri / DEFENDED, base)
        if version is None:
            refuse(export.uri / DEFENDED, base, parameters["margin"])
            version = versions.publish(export.uri / DEFENDED, base)
            versions.prune(base, parameters["keep"])
        beside = model_dir(parameters, PERTURBATION)
        if _newest(export.uri / PERTURBATION, beside) is None:
            versions.publish(export.uri / PERTURBATION, beside)
            versions.prune(beside, parameters["keep"])
        configuration.write(Path(parameters["models_dir"]))
        pushed = {"model": parameters["model"], "version": version, "path": str(base / str(version))}
        outputs["pushed"].mkdir(parents=True, exist_ok=True)
        (outputs["pushed"] / "pushed.json").write_text(json.dumps(pushed, indent=1))
        return {"pushed": pushed}


def model_dir(parameters: Mapping[str, Any], model: str) -> Path:
    """Returns a model's folder."""
    return Path(parameters["models_dir"]) / (model if model == PERTURBATION else check_name(model))


def check_name(model: str) -> str:
    """Returns a model's name, once it can be a folder's name and part of a URL.

    Raises:
        InputError: If it cannot.
    """
    if model == PERTURBATION or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", model):
        raise InputError(
            "model: expected letters, digits, '_', '-' and '.', a letter or digit first, and not "
            f"{PERTURBATION!r}. Received: {model!r}"
        )
    return model


def _newest(saved_model: Path, base: Path) -> int | None:
    """Returns the newest version, if it is this very SavedModel."""
    found = versions.versions(base)
    return found[-1] if found and content_hash(base / str(found[-1])) == content_hash(saved_model) else None


def refuse(saved_model: Path, base: Path, margin: float) -> None:
    """Refuses a model that should not replace the newest version.

    Args:
        saved_model: The model, with its card.
        base: Where its versions lie.
        margin: By how many points its errors may be above the newest version's.

    Raises:
        InputError: If it was rolled back, is not better than chance, was measured on something else than the newest
            version, or is worse on clean or on attacked speech.
    """
    wanted = content_hash(saved_model)
    for version in versions.withdrawn(base):
        if content_hash(versions.withdrawn_path(base, version)) == wanted:
            raise InputError(f"{base}: expected a model that was not rolled back. Received: version {version} again")
    card = json.loads((saved_model / CARD).read_text())
    chance = 100.0 * (1.0 - 1.0 / len(card["classes"]))
    clean = card["evaluation"]["defended"]["clean"]
    highest = clean["interval"][1] if clean["interval"] else clean["error"]
    if highest is None or highest >= chance:
        received = "an undefined error" if highest is None else f"{clean['error']:.1f} %, at most {highest:.1f} %"
        raise InputError(f"{base}: expected an error on clean speech below chance, {chance:g} %. Received: {received}")
    found = versions.versions(base)
    if not found:
        return
    last = json.loads((base / str(found[-1]) / CARD).read_text())
    if last["evaluation"]["measured_on"] != card["evaluation"]["measured_on"]:
        raise InputError(
            f"{base}: expected a model measured on what version {found[-1]} was measured on, {_measured(last)}. "
            f"Received: {_measured(card)}; give it another name with --model"
        )
    for what, (before, now) in _errors(last, card).items():
        if now > before + margin:
            raise InputError(
                f"{base}: expected an error on {what} speech of at most {before:.1f} + {margin:g} %, as of version "
                f"{found[-1]}. Received: {now:.1f} %"
            )


def _measured(card: Mapping[str, Any]) -> str:
    digest = card["evaluation"]["measured_on"]["utterances"][:8]
    return f"{card['corpus']} (speech {digest}), fold {card['fold']}"


def _errors(last: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Returns the errors of both on clean speech, and their means over the conditions that both have met."""
    clean, attacked = [], []
    for each in (last, card):
        figures = each["evaluation"]["defended"]
        clean.append(figures["clean"]["error"])
        attacked.append(
            {(row["noise"], row.get("epsilon"), row.get("snr_db_target")): row["error"] for row in figures["attacked"]}
        )
    shared = attacked[0].keys() & attacked[1].keys()
    errors = {"clean": (clean[0], clean[1])}
    if shared:
        before, now = (sum(each[condition] for condition in shared) / len(shared) for each in attacked)
        errors["attacked"] = (before, now)
    return errors


class Pusher(Component):
    """Publishes an export."""

    SPEC = PusherSpec
    EXECUTOR = PusherExecutor
