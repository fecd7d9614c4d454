"""CorpusGen: reads a corpus, listens to every file, and cuts the speakers into folds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from kerasser import corpora
from kerasser.audio import AudioError, AudioFile, Limits
from kerasser.corpora import duplicates, usable
from kerasser.corpora.base import Corpus
from kerasser.corpora.folds import Fold, folds
from kerasser.demo import corpus as demo
from kerasser.twins import Twin
from kerasser.util import progress
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact
from pipelines.engine.component import Component, ComponentSpec, Executor
from pipelines.io import types, utterances


class CorpusGenSpec(ComponentSpec):
    """Parameters: corpus, its place, its labels and its folds. Outputs: the utterances and the folds.

    `emotions` are kept even if they have no valence; the folds are those without them, or none for a `fold_count` of 0.
    """

    PARAMETERS = {
        "corpus": str,
        "corpus_dir": str,
        "valence": dict,
        "emotions": list,
        "fold_count": int,
        "dev_share": float,
        "skip_unusable": bool,
        "longest_s": float,
        "largest_bytes": int,
        "seed": int,
    }
    RUNTIME_PARAMETERS = {"quiet": bool | None}
    OUTPUTS = {"utterances": types.UTTERANCES, "folds": types.FOLDS}


class CorpusGenExecutor(Executor):
    """Writes `utterances.csv`, `corpus.json`, and `folds.json`; the demo corpus writes its audio as well."""

    @classmethod
    def modules(cls, parameters: Mapping[str, Any]) -> Sequence[str]:
        """Adds the module that reads the corpus."""
        reader = corpora.readers().get(parameters["corpus"])
        return [cls.__module__, *([reader.__module__] if reader else [])]

    @staticmethod
    def fingerprint(parameters: Mapping[str, Any]) -> str:
        """Changes with what the reader makes of the labels, and with the bytes of any recording that it names."""
        return "" if parameters["corpus"] == "demo" else _fingerprint(_read(parameters), parameters.get("quiet"))

    def do(
        self, inputs: Mapping[str, Artifact], outputs: Mapping[str, Path], parameters: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Reads the corpus; the utterances' property `root` says where its audio lies."""
        table = outputs["utterances"]
        table.mkdir(parents=True, exist_ok=True)
        root, quiet = None, parameters.get("quiet")
        if parameters["corpus"] == "demo":
            demo.write(table / "audio", parameters["seed"], quiet=quiet)
            valence = corpora.with_emotions(parameters["valence"] or corpora.VALENCE, parameters["emotions"])
            corpus = demo.read(table / "audio", valence)
        else:
            corpus = _read(parameters)
            root = str(corpus.root.resolve())
        whole = corpus
        corpus, files, shared = _heard(corpus, parameters)
        if told := duplicates.remark(shared, corpus.utterances):
            corpus = replace(corpus, remarks=(*corpus.remarks, told))
        utterances.write(table, corpus, files, quiet=quiet)
        utterances.write_twins(table, corpus, shared)
        parts = _folds(corpus, parameters)
        outputs["folds"].mkdir(parents=True, exist_ok=True)
        (outputs["folds"] / "folds.json").write_text(json.dumps([fold.to_dict() for fold in parts], indent=1))
        self.seen = "" if root is None else _fingerprint(whole, quiet)
        return {"utterances": {"root": root}, "folds": {"names": [fold.name for fold in parts]}}


def _read(parameters: Mapping[str, Any]) -> Corpus:
    place = Path(parameters["corpus_dir"])
    return corpora.read(parameters["corpus"], place, parameters["valence"] or None, parameters["emotions"])


def _fingerprint(corpus: Corpus, quiet: bool | None) -> str:
    """Hashes what a reader has read and the recordings it names, so that no file is read that is not in the key."""
    paths = sorted({utterance.path for utterance in corpus.utterances})
    found = ((path, corpus.root / path) for path in progress.steps(paths, len(paths), "files", "hashes", quiet=quiet))
    return hashes.digest(
        {
            "utterances": [astuple(utterance) for utterance in corpus.utterances],
            "facts": [corpus.name, corpus.synthetic, list(corpus.remarks), dict(corpus.skipped)],
            "recordings": {path: hashes.sha256(file) if file.is_file() else None for path, file in found},
        }
    )


def _folds(corpus: Corpus, parameters: Mapping[str, Any]) -> tuple[Fold, ...]:
    """Cuts the folds that a classifier of valence is trained on, whatever else is kept."""
    if not parameters["fold_count"]:
        return ()
    valued = replace(corpus, utterances=tuple(each for each in corpus.utterances if each.valence))
    return folds(valued, count=parameters["fold_count"], dev_share=parameters["dev_share"], seed=parameters["seed"])


def _heard(corpus: Corpus, parameters: Mapping[str, Any]) -> tuple[Corpus, list[AudioFile], list[Twin]]:
    """Reads every header, then every file: what can be used, its audio, and the sound that different speakers share."""
    skip, limits = parameters["skip_unusable"], Limits(parameters["longest_s"], parameters["largest_bytes"])
    corpus, files = usable.probed(corpus, limits, skip=skip, quiet=parameters.get("quiet"))
    refused: dict[int, AudioError] = {}

    def refuse(number: int, error: AudioError) -> None:
        refused[number] = usable.left_out(error, skip=skip)

    shared = duplicates.find(corpus.utterances, files, refuse)
    place = {number: new for new, number in enumerate(usable.kept(range(len(files)), refused))}
    shared = [replace(twin, first=place[twin.first], second=place[twin.second]) for twin in shared]
    return usable.without(corpus, refused), usable.kept(files, refused), shared


class CorpusGen(Component):
    """Reads a corpus and cuts it into folds."""

    SPEC = CorpusGenSpec
    EXECUTOR = CorpusGenExecutor
