"""What a model of ours says of itself: the corpus and the speakers that it was made with, and its defence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasser.corpora.folds import Fold
from kerasser.util.errors import InputError

#: Where a SavedModel that is published carries its card.
CARD = Path("assets.extra", "model_card.json")
#: The facts beside a model in our artifacts, of the generator and of the classifier alone → its defence.
_FACTS = {"generator.json": "gan", "model.json": None}
#: Of a SavedModel of ours, signatures that answer without the generator.
_UNDEFENDED = ("undefended", "serialized_undefended")


@dataclass(frozen=True)
class Origin:
    """How a model of ours was made.

    Attributes:
        corpus: Name of the corpus; None where it is not said.
        fold: Name of the fold whose test speakers it has never heard.
        trained: Speakers that it was trained with or chosen by; none where the card does not name them.
        everyone: All speakers of the fold, where `corpus` is not said.
        defence: Its name; None where there is none.
    """

    corpus: str | None
    fold: str
    trained: frozenset[str]
    everyone: frozenset[str]
    defence: str | None

    def refuse_trained(self, corpus: str, speakers: frozenset[str], attacked: frozenset[str]) -> None:
        """Refuses to count speakers that the model knows as test speakers.

        Args:
            corpus: Name of the corpus that is attacked.
            speakers: All of its speakers.
            attacked: Those whose speech is attacked.

        Raises:
            InputError: If the model was made with any of them.
        """
        if self.corpus != corpus if self.corpus is not None else self.everyone != speakers:
            return
        # What names nobody may know anybody.
        known = sorted(attacked & self.trained if self.trained else attacked)
        if known:
            raise InputError(
                f"victim.model: expected speakers that it was not trained with, as by --fold {self.fold}, the one that "
                f"it was made for. Received: {len(known)} that it knows, such as {known[0]!r}"
            )


def origin(model: Path, signature: str) -> Origin | None:
    """Returns how a model was made, None if it is none of ours.

    Args:
        model: A SavedModel or a .keras file.
        signature: Which signature of a SavedModel answers.

    Raises:
        InputError: If its card is damaged.
    """
    if (model / CARD).is_file():
        card = _read(model / CARD)
        if "fold" not in card or "corpus" not in card:
            return None
        trained = frozenset(card.get("trained_speakers", ()))
        return Origin(
            card["corpus"], card["fold"], trained, frozenset(), _served(card.get("defence", "gan"), signature)
        )
    for name, defence in _FACTS.items():
        if (path := model.parent / name).is_file() and isinstance(facts := _read(path).get("fold"), dict):
            fold = Fold.from_dict(facts)
            trained = frozenset([*fold.train, *fold.dev])
            return Origin(None, fold.name, trained, trained | frozenset(fold.test), _served(defence, signature))
    return None


def _served(defence: str | None, signature: str) -> str | None:
    return None if signature in _UNDEFENDED or defence == "none" else defence


def _read(path: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: expected JSON. Received: {error}") from None
    if not isinstance(facts, dict):
        raise InputError(f"{path}: expected an object. Received: {type(facts).__name__}")
    return facts
