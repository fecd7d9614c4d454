"""What the cache key of a component knows of inputs that it reads a part of: some speakers' speech, one fold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kerasser.corpora.folds import Fold
from pipelines.engine.artifacts import Artifact
from pipelines.engine.hashes import digest
from pipelines.io import banks, shards, types, utterances


def of_speakers(inputs: Mapping[str, Artifact], speakers: Iterable[str]) -> dict[str, str]:
    """Hashes inputs as far as they are about some speakers.

    Args:
        inputs: Artifacts by input name. Of utterances and examples the speakers' own count, of others everything.
        speakers: Whose speech is read.

    Returns:
        Hashes by input name.
    """
    wanted = frozenset(speakers)
    kinds: dict[str, Callable[[Artifact, frozenset[str]], str]] = {
        types.UTTERANCES.name: utterances.digest,
        types.EXAMPLES.name: shards.digest,
    }
    return {
        name: kinds[each.type_name](each, wanted) if each.type_name in kinds else each.content_hash
        for name, each in inputs.items()
    }


def of_fold(fold: Fold) -> str:
    """Hashes a fold, which no other fold of the corpus changes."""
    return digest(fold.to_dict())


def of_made_noise(noise: Iterable[Artifact]) -> dict[str, str]:
    """Hashes how made noise among some banks was made and who speaks in it; recorded noise adds nothing."""
    made = banks.made(noise)
    return {"made_noise": digest(made)} if made else {}


def without(inputs: Mapping[str, Artifact], *names: str) -> dict[str, Artifact]:
    """Leaves out some inputs, single ones or lists."""
    return {key: artifact for key, artifact in inputs.items() if key.partition(".")[0] not in names}
