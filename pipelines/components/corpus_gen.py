"""CorpusGen: reads a corpus, checks every file's header, and cuts the speakers into folds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from kerasser import corpora
from kerasser.audio import AudioFile, probe
from kerasser.corpora import duplicates
from kerasser.corpora.base import Corpus, Utterance
from kerasser.corpora.folds import Fold, folds
from kerasser.demo import corpus as demo
from kerasser.util import progress
from kerasser.util.errors import InputError
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
        corpus, files = _usable(corpus, parameters["skip_unusable"], quiet)
        shared = duplicates.find(corpus.utterances, files)
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
            "told": [dict(corpus.examples), dict(corpus.read_as)],
            "recordings": {path: hashes.sha256(file) if file.is_file() else None for path, file in found},
        }
    )


def _folds(corpus: Corpus, parameters: Mapping[str, Any]) -> tuple[Fold, ...]:
    """Cuts the folds that a classifier of valence is trained on, whatever else is kept."""
    if not parameters["fold_count"]:
        return ()
    valued = replace(corpus, utterances=tuple(each for each in corpus.utterances if each.valence))
    return folds(valued, count=parameters["fold_count"], dev_share=parameters["dev_share"], seed=parameters["seed"])


def _usable(corpus: Corpus, skip: bool, quiet: bool | None) -> tuple[Corpus, list[AudioFile]]:
    """Checks every header before any hour is spent; refuses the first bad file, or skips and counts."""
    kept: list[tuple[Utterance, AudioFile]] = []
    skipped = Counter(corpus.skipped)
    for utterance in progress.steps(corpus.utterances, len(corpus.utterances), "files", "headers", quiet=quiet):
        try:
            kept.append((utterance, probe(corpus.root / utterance.path, utterance.start_s, utterance.end_s)))
        except InputError:
            if not skip:
                raise
            skipped["audio cannot be used"] += 1
    remaining = tuple(utterance for utterance, _ in kept)
    return replace(corpus, utterances=remaining, skipped=dict(skipped)), [file for _, file in kept]


class CorpusGen(Component):
    """Reads a corpus and cuts it into folds."""

    SPEC = CorpusGenSpec
    EXECUTOR = CorpusGenExecutor
