"""What is asked and what is answered, whoever is asked."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: Signatures that take frames of any lengths, and those that take sound.
DEFENDED, UNDEFENDED = "serialized", "serialized_undefended"
AUDIO, AUDIO_UNDEFENDED = "audio", "audio_undefended"
#: An answer, unpacked, has no more bytes: one for ten thousand utterances has two million.
LARGEST_ANSWER = 2**26
#: The outputs that an answer is made of.
OUTPUTS = ("label", "classes", "probabilities")


@dataclass(frozen=True)
class Answer:
    """What a model says of one utterance.

    Attributes:
        label: The class it takes it for.
        probabilities: Class → probability.
    """

    label: str
    probabilities: dict[str, float]


class Model(ABC):
    """Anything that answers, in one request for all utterances."""

    def answer(self, utterances: Sequence[Array], signature: str = DEFENDED) -> list[Answer]:
        """Answers for raw frames, float32 `[frames, 25]` each, of any lengths.

        Raises:
            InputError: In the words of whoever refuses.
        """
        from kerasser.features.records import serialize_frames

        return self._ask("serialized", [serialize_frames(frames) for frames in utterances], signature)

    def listen(self, waveforms: Sequence[Array], signature: str = AUDIO) -> list[Answer]:
        """Answers for sound, float32 `[samples]` each, at 16 kHz in [−1, 1 − 2⁻¹⁵], of any lengths.

        Raises:
            InputError: In the words of whoever refuses.
        """
        from kerasser.serving.wav import encoded

        return self._ask("audio", [encoded(waveform) for waveform in waveforms], signature)

    @abstractmethod
    def offered(self) -> frozenset[str]:
        """Returns the names of its signatures.

        Raises:
            InputError: In the words of whoever refuses.
        """

    @abstractmethod
    def _ask(self, name: str, strings: Sequence[bytes], signature: str) -> list[Answer]:
        """Answers for strings, the input `name` of a signature."""


def answers(labels: Sequence[Any], classes: Sequence[Any], probabilities: Sequence[Any]) -> list[Answer]:
    """Returns an answer for each row of the three outputs.

    Raises:
        InputError: If a probability is no finite number.
        ValueError: If the outputs do not belong together.
    """
    found = []
    for label, names, shares in zip(labels, classes, probabilities, strict=True):
        named = {_text(name): float(share) for name, share in zip(names, shares, strict=True)}
        if not all(map(math.isfinite, named.values())):
            raise InputError(f"expected probabilities. Received: {named}")
        found.append(Answer(_text(label), named))
    return found


def newest(states: Sequence[tuple[str, int]], where: str) -> int:
    """Returns the newest version that can answer.

    Args:
        states: Of each version its state and number.
        where: What an error calls the server.

    Raises:
        InputError: If there is none.
    """
    available = [version for state, version in states if state == "AVAILABLE"]
    if not available:
        found = ", ".join(f"{version} {state}" for state, version in states) or "none"
        raise InputError(f"{where}: expected a version that is available. Received: {found}")
    return max(available)


def one_line(text: str) -> str:
    """Returns words as one line, cut where nobody reads on."""
    line = " ".join(text.split())
    return line if len(line) <= 400 else line[:399] + "…"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
