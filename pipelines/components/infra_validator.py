"""InfraValidator: does what would be served load elsewhere, and answer there as it did here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasser.serving import validation
from kerasser.util import progress
from pipelines.components import exporter
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types


class InfraValidatorSpec(ComponentSpec):
    """Input: the export. Output: a blessing, or none at all."""

    RUNTIME_PARAMETERS = {"quiet": bool | None}
    INPUTS = {"export": types.EXPORT}
    OUTPUTS = {"blessing": types.BLESSING}


class InfraValidatorExecutor(Executor):
    """Replays every warm-up record in a fresh process."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Writes `blessing.json`: what was blessed, how many records it answered, the largest difference.

        Raises:
            InputError: If one of the SavedModels cannot be read or answers differently; nothing is then written.
        """
        export, replayed = inputs["export"], {}
        names = (exporter.DEFENDED, exporter.PERTURBATION)
        for name in progress.steps(names, len(names), "models", "validation", quiet=parameters.get("quiet")):
            found = validation.validate(export.uri / name)
            replayed[name] = {"records": found.records, "largest_difference": found.difference}
        outputs["blessing"].mkdir(parents=True, exist_ok=True)
        blessing = {"export": export.content_hash, "tolerance": validation.TOLERANCE, "replayed": replayed}
        (outputs["blessing"] / "blessing.json").write_text(json.dumps(blessing, indent=1))
        return None


class InfraValidator(Component):
    """Blesses an export."""

    SPEC = InfraValidatorSpec
    EXECUTOR = InfraValidatorExecutor
