"""PerturbationExporter: the attack's arithmetic, x + ε·δ, as a SavedModel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kerasser
from kerasser.attack import perturbation_graph
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.serving import warmup
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types


class PerturbationExporterSpec(ComponentSpec):
    """No inputs: the arithmetic is all there is. Output: the perturbation."""

    OUTPUTS = {"perturbation": types.PERTURBATION}


class PerturbationExporterExecutor(Executor):
    """Writes the SavedModel that AdversarialGen asks and that a server can serve."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Writes `saved_model/`, with warm-up records that the library has answered, and `model_card.json`."""
        directory = outputs["perturbation"]
        directory.mkdir(parents=True, exist_ok=True)
        perturbation_graph.write(directory / "saved_model")
        warmup.write(directory / "saved_model", perturbation_graph.warm_up_records())
        card = {
            "what": "adds noise to speech: the waveform plus epsilon times noise matched to a reference noise",
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "inputs": {spec.name: f"{spec.dtype.name} {list(spec.shape)}" for spec in perturbation_graph.SIGNATURE},
            "kerasser": kerasser.__version__,
        }
        (directory / "model_card.json").write_text(json.dumps(card, indent=1))
        return None


class PerturbationExporter(Component):
    """Makes the SavedModel of the perturbation."""

    SPEC = PerturbationExporterSpec
    EXECUTOR = PerturbationExporterExecutor
