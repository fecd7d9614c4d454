"""Searcher: looks, through the very model that is judged, for the piece of noise that turns each answer wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from kerasser import audio
from kerasser.attack.budget import Budget, budgets
from kerasser.attack.draws import Draw, Seeds
from kerasser.attack.generation import Speech
from kerasser.attack.search import Noise, Query, bayesian_search, one_draw
from kerasser.corpora import CLASSES
from kerasser.evaluation.threats import BAYESIAN, EXTREME, EXTREME_SNR_DB, GREY_BOX
from kerasser.features.base import FrontEnd
from kerasser.util import progress
from kerasser.util.parallel import ordered_map
from kerasser.victims.questions import answered
from pipelines.components import noise_gen
from pipelines.components.evaluator import refuse_leak, served
from pipelines.components.feature_gen import chosen_front_end
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor, several
from pipelines.io import csv_tables, types, utterances
from pipelines.io.folds import read_fold
from pipelines.io.shards import Item

_PARTIAL = "answers.jsonl"
_COLUMNS = {
    **dict.fromkeys(("id", "speaker", "budget", "method", "noise", "recording", "draw_seed"), str),
    **dict.fromkeys(("label", "query", "offset"), int),
    **dict.fromkeys(("target", "margin", "snr_db", "clipped"), float),
    "correct": bool,
}


class SearcherSpec(ComponentSpec):
    """Inputs: model, a generator or none, utterances, folds, the test bank. Output: every question and its answer.

    `transfer` is the search through the undefended model, whose hardest pieces are tried on this one; none for the
    undefended model itself, which then spends every query. `draws` a noise is what both searches may spend.
    """

    PARAMETERS = {
        "fold": str,
        "epsilons": list,
        "snrs_db": list,
        "draws": int,
        "estimator": str,
        "speech_level": str,
        "enhance": str,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"workers": int, "quiet": bool}
    INPUTS = {"model": types.MODEL, "utterances": types.UTTERANCES, "folds": types.FOLDS, "noise": types.NOISE}
    LISTS = {"generator": types.GENERATOR, "transfer": types.SEARCH}
    OUTPUTS = {"search": types.SEARCH}


class SearcherExecutor(Executor):
    """Searches for each test utterance at each budget; goes on after the utterances that an earlier run finished."""

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Writes `search.csv`, a row a question."""
        fold = read_fold(inputs["folds"], parameters["fold"])
        noise_split, _, noise = noise_gen.load(inputs["noise"])
        refuse_leak(json.loads((inputs["model"].uri / "model.json").read_text())["fold"], fold, noise_split)
        for generator in several(inputs, "generator"):
            refuse_leak(json.loads((generator.uri / "generator.json").read_text())["fold"], fold, noise_split)
        model = served(inputs["model"], several(inputs, "generator"))
        hardest = {}
        for transfer in several(inputs, "transfer"):
            hardest = _hardest(read(transfer))
        wanted = budgets(parameters["epsilons"], parameters["snrs_db"])
        items = [item for item in utterances.read(inputs["utterances"]) if item[0].speaker in fold.test]
        attack = _Attack(noise, model, chosen_front_end(parameters["enhance"]), wanted, hardest, parameters)
        rows = _answered(outputs["search"] / _PARTIAL, items, attack, parameters)
        table = pd.DataFrame(row for each in rows for row in each)
        table.to_csv(outputs["search"] / "search.csv", index=False, lineterminator="\n")
        (outputs["search"] / _PARTIAL).unlink()
        files = {utterance.id: file.duration_s for utterance, file in items}
        return {"search": {"queries": len(table), "audio_s": round(sum(files[name] for name in table["id"]), 3)}}


class _Attack:
    """Everything that is tried on one utterance."""

    def __init__(
        self,
        noise: Noise,
        model: Any,
        front_end: FrontEnd,
        budgets: list[Budget],
        hardest: Mapping[tuple[str, str, float], Draw],
        parameters: Mapping[str, Any],
    ) -> None:
        self._noise, self._model, self._front_end = noise, model, front_end
        self._budgets, self._hardest = budgets, hardest
        self._estimator, self._seed = parameters["estimator"], parameters["seed"]
        self._speech_level = parameters["speech_level"]
        self._queries = parameters["draws"] * len(noise)

    def __call__(self, pair: tuple[Item, np.ndarray]) -> list[dict[str, Any]]:
        (utterance, file), waveform = pair
        speech = Speech(waveform, self._noise, self._estimator, speech_level=self._speech_level)
        samples = speech.clean.size
        label, name = CLASSES.index(utterance.valence), str(file.path)
        facts = {"id": utterance.id, "speaker": utterance.speaker, "label": label}
        rows = []
        for budget in self._budgets:
            where = {**facts, "budget": budget.kind, "target": budget.value}

            def ask(drawn: Draw, budget: Budget = budget) -> Query:
                return self._asked(speech, drawn, budget, label, name)

            seeds = Seeds(self._seed, utterance.id, "test", budget)
            # The undefended model's own copy costs no query that anybody would see, so all are spent.
            stop = bool(self._hardest)
            found = bayesian_search(self._noise, samples, ask, self._queries, seeds, stop=stop)
            rows += [_row(where, BAYESIAN, number, query) for number, query in enumerate(found, 1)]
            transferred = min(found, key=lambda query: query.margin)
            if self._hardest:
                drawn = self._hardest[utterance.id, budget.kind, budget.value]
                transferred = ask(drawn)
            rows.append(_row(where, GREY_BOX, 1, transferred))
        budget = Budget("snr_db", EXTREME_SNR_DB)
        drowned = one_draw(
            self._noise,
            samples,
            lambda drawn: self._asked(speech, drawn, budget, label, name),
            Seeds(self._seed, utterance.id, "test", budget),
        )
        rows.append(_row({**facts, "budget": budget.kind, "target": budget.value}, EXTREME, 1, drowned))
        return rows

    def _asked(self, speech: Speech, drawn: Draw, budget: Budget, label: int, name: str) -> Query:
        made = speech.under(drawn, budget)
        frames = self._front_end(made.waveform, name)
        answer = self._model.signatures["evaluate"](
            features=tf.constant(frames[None]),
            lengths=tf.constant([len(frames)], tf.int32),
            labels=tf.constant([label], tf.int32),
        )
        margin, right = float(answer["margin"][0]), int(answer["predicted"][0]) == label
        return Query(drawn, margin, right, made.snr_db, made.clipped / speech.clean.size)


def _row(where: Mapping[str, Any], method: str, number: int, query: Query) -> dict[str, Any]:
    drawn = query.draw
    return {
        **where,
        "method": method,
        "query": number,
        "noise": drawn.environment,
        "recording": drawn.recording,
        "offset": drawn.offset,
        "draw_seed": drawn.seed,
        "margin": query.margin,
        **answered(query),
    }


def read(artifact: Artifact) -> pd.DataFrame:
    """Returns the questions of a search."""
    return csv_tables.read(artifact.uri / "search.csv", _COLUMNS)


def _hardest(table: pd.DataFrame) -> dict[tuple[str, str, float], Draw]:
    """Returns utterance and budget → the piece of noise that the undefended model found hardest."""
    found = (
        table[table["method"] == BAYESIAN]
        .sort_values("margin", kind="stable")
        .drop_duplicates(["id", "budget", "target"])
    )
    return {
        (row.id, row.budget, float(row.target)): Draw(row.noise, row.recording, int(row.offset), row.draw_seed)
        for row in found.itertuples(index=False)
    }


def _answered(
    path: Path, items: list[Item], attack: _Attack, parameters: Mapping[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """Yields what came of each utterance, in order, and keeps it in a file as it comes."""
    kept = _read(path, [utterance.id for utterance, _ in items])
    yield from kept
    left = items[len(kept) :]
    seconds = sum(file.duration_s for _, file in items)
    done = sum(file.duration_s for _, file in items[: len(kept)])
    with (
        progress.bar(seconds, "s", "search", quiet=parameters["quiet"], initial=done) as bar,
        path.open("a", encoding="utf-8") as file,
    ):
        pairs = zip(left, audio.waveforms([audio_file for _, audio_file in left]), strict=True)
        for (utterance, audio_file), rows in zip(left, ordered_map(attack, pairs, parameters["workers"]), strict=True):
            file.write(json.dumps({"id": utterance.id, "rows": rows}) + "\n")
            file.flush()
            bar.update(audio_file.duration_s)
            yield rows


def _read(path: Path, ids: list[str]) -> list[list[dict[str, Any]]]:
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


class Searcher(Component):
    """Searches for the noise that breaks a model."""

    SPEC = SearcherSpec
    EXECUTOR = SearcherExecutor
