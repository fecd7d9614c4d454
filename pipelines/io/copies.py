"""Recordings that a corpus holds under two speakers, as the alarm that a report rings."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection

from kerasser.evaluation.alarms import Alarm, copied, duplicated
from pipelines.engine.artifacts import Artifact
from pipelines.io import utterances


def parted(artifact: Artifact, tested: Collection[str]) -> Alarm | None:
    """Returns whether test recordings lie among the other speakers' under another name.

    Args:
        artifact: The utterances.
        tested: The speakers who are tested; all others train.
    """
    content = utterances.content(artifact)
    parts = [[digest for speaker, digest in content if (speaker in tested) == part] for part in (False, True)]
    return duplicated(*parts, sharing=utterances.shared(artifact, tested))


def anywhere(artifact: Artifact) -> Alarm | None:
    """Returns whether two speakers of the corpus hold one recording, or sound of it, whoever is tested."""
    content = utterances.content(artifact)
    speakers = defaultdict(set)
    for speaker, digest in content:
        speakers[digest].add(speaker)
    alike = sum(len(speakers[digest]) > 1 for _, digest in content)
    path = artifact.uri / "twins.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    sharing = len({name for row in rows for name in row["utterances"]})
    return copied(max(alike, sharing), len(content))
