"""Reporter: `report.json`, `report.md`, and figure 1 as CSV and PNG."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kerasser import __version__
from kerasser.corpora import CLASSES
from kerasser.report import figures, page
from pipelines.artifacts import Artifact
from pipelines.component import Component, ComponentSpec, Executor
from pipelines.components import types, utterances

_FEW_SPEAKERS = 6
_PACKAGES = ("tensorflow", "tensorflow-io", "keras", "numpy", "scipy", "opensmile")


class ReporterSpec(ComponentSpec):
    """Inputs: the evaluation, and what it stands on. Output: the report."""

    PARAMETERS = {"seed": int, "settings": dict}
    INPUTS = {
        "evaluation": types.EVALUATION,
        "model": types.MODEL,
        "utterances": types.UTTERANCES,
        "noise": types.NOISE,
    }
    OUTPUTS = {"report": types.REPORT}


class ReporterExecutor(Executor):
    """Writes what people read, from figures that are all there already."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes the four files."""
        directory = outputs["report"]
        directory.mkdir(parents=True, exist_ok=True)
        corpus = utterances.facts(inputs["utterances"])
        bank = json.loads((inputs["noise"].uri / "bank.json").read_text())
        model = json.loads((inputs["model"].uri / "model.json").read_text())
        metrics = json.loads((inputs["evaluation"].uri / "metrics.json").read_text())
        report = {
            "corpus": corpus["name"],
            "synthetic": corpus["synthetic"],
            "noise_synthetic": bank["synthetic"],
            "fold": model["fold"]["name"],
            "seed": parameters["seed"],
            "versions": {"kerasser": __version__, **{name: version(name) for name in _PACKAGES}},
            "classes": list(CLASSES),
            **metrics,
            "remarks": _remarks(corpus, metrics),
            "skipped": corpus["skipped"],
            "model": {"dev_ua": model["dev_ua"], "search": model["search"], **model["build"]},
            "settings": parameters["settings"],
        }
        (directory / "report.json").write_text(json.dumps(report, indent=1, allow_nan=False))
        (directory / "report.md").write_text(page.markdown(report), encoding="utf-8")
        _csv(directory / "figure1.csv", metrics["figure1"])
        kind = "synthetic speech" if corpus["synthetic"] else "recorded speech"
        title = f"{corpus['name']} ({kind}), fold {report['fold']}, seed {report['seed']}"
        figures.figure1(directory / "figure1.png", metrics["clean"], metrics["figure1"], title)
        return {"report": {"corpus": corpus["name"], "fold": report["fold"]}}


def _remarks(corpus: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """Returns what a reader must know before trusting the figures."""
    remarks = list(corpus["remarks"])
    if corpus["skipped"]:
        counts = ", ".join(f"{count} × {reason}" for reason, count in corpus["skipped"].items())
        remarks.append(f"Utterances left out: {counts}.")
    speakers = len(metrics["test_speakers"])
    if speakers < _FEW_SPEAKERS:
        remarks.append(
            f"Only {speakers} test speaker{'s' if speakers > 1 else ''}: the intervals are too narrow to be trusted."
        )
    if metrics["clean"]["error"] is None:
        remarks.append("A class has no test utterance in this fold: the error is undefined.")
    elif metrics["clean"]["ci95"] is None:
        remarks.append("A class has a single test speaker in this fold: there is no interval.")
    return remarks


def _csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes figure 1 as a flat table: one column a figure, bounds of intervals apart."""
    flat = []
    for row in rows:
        worst, ci, worst_ci = row["error_worst_of"], row["ci95"] or [None] * 2, row["error_worst_of"]["ci95"]
        flat.append(
            {
                "noise": row["noise"],
                "epsilon": row.get("epsilon"),
                "snr_db_target": row.get("snr_db_target"),
                "snr_db_median": row["snr_db_median"],
                "error": row["error"],
                "ci95_low": ci[0],
                "ci95_high": ci[1],
                "worst_of_n": worst["N"],
                "error_worst": worst["error"],
                "error_worst_ci95_low": (worst_ci or [None] * 2)[0],
                "error_worst_ci95_high": (worst_ci or [None] * 2)[1],
                "attack_success_rate": row["attack_success_rate"],
                "clipped_share": row["clipped_share"],
                "n": row["n"],
            }
        )
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(flat[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(flat)


class Reporter(Component):
    """Writes the report."""

    SPEC = ReporterSpec
    EXECUTOR = ReporterExecutor
