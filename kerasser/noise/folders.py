"""Whose noise trains and whose tests: one folder that is divided, or one for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasser.audio import AudioError, Limits
from kerasser.noise import bank
from kerasser.noise.bank import Source
from kerasser.twins import Twin
from kerasser.util.errors import InputError


@dataclass(frozen=True)
class Wanted:
    """A recording that is wanted.

    Attributes:
        environment: Where it was recorded.
        name: Its name in its folder.
        side: "train" or "test", where each has a folder of its own; "" where one folder is divided.
        source: The recording on disk; None for one that is synthesised.
    """

    environment: str
    name: str
    side: str
    source: Source | None

    @property
    def told(self) -> str:
        """What remarks and errors call it: both folders may hold a recording of this name."""
        return f"{self.name} of test_noise_dir" if self.side == "test" else self.name

    @property
    def sha256(self) -> str:
        """Hash of its file, once that is known; "" where there is none."""
        return self.source.audio.sha256 or "" if self.source else ""


@dataclass(frozen=True)
class Places:
    """Where noise lies.

    Attributes:
        noise_dir: The folder that is divided, or that trains where there is another that tests; "" for synthetic noise.
        test_noise_dir: The folder that tests, or "".
    """

    noise_dir: str
    test_noise_dir: str = ""

    @property
    def sides(self) -> list[tuple[str, str]]:
        """Each folder with the side that it is for, "" for both."""
        if not self.test_noise_dir:
            return [(self.noise_dir, "")]
        return [(self.noise_dir, "train"), (self.test_noise_dir, "test")]

    def wanted(
        self,
        environments: Sequence[str] | None,
        synthetic: Sequence[str],
        channel: int = 1,
        limits: Limits | None = None,
        refused: dict[str, AudioError] | None = None,
    ) -> list[Wanted]:
        """Finds the recordings that are wanted; only headers are read.

        Args:
            environments: Those to use, each of either folder; none takes all.
            synthetic: Those that can be synthesised, where there is no folder.
            channel: Which of DEMAND's 16 microphones.
            limits: What a header may claim.
            refused: Is given what is wrong with recordings that cannot be used; None refuses the first.

        Returns:
            What trains before what tests.

        Raises:
            InputError: If there is no usable recording of an environment, or nothing for a side.
        """
        found: list[Wanted] = []
        for root, side in self.sides:
            if not root:
                made = [name for name in environments or synthetic if name in synthetic]
                found += [Wanted(name, f"demo/{name}", side, None) for name in made]
                continue
            left: dict[str, AudioError] = {}
            sources = bank.read(Path(root).expanduser(), channel, limits, None if refused is None else left)
            found += [Wanted(source.environment, source.name, side, source) for source in sources]
            if refused is not None:
                refused |= {Wanted("", name, side, None).told: error for name, error in left.items()}
        known = {each.environment for each in found} | (set() if self.noise_dir else set(synthetic))
        names = bank.among(known, environments)
        kept = [each for each in found if each.environment in names]
        for root, side in self.sides:
            if not any(each.side == side for each in kept):
                raise InputError(
                    f"noise.environments: expected some of {root or 'the synthetic noise'}, which is to {side}. "
                    f"Received: {', '.join(names)}"
                )
        return kept


def twins_of(recordings: Sequence[Wanted], samples: Sequence[int], found: Sequence[Twin]) -> list[Twin]:
    """Returns what recordings share, where a file that lies in both folders shares all of it.

    A search through sound finds a copy but for pieces that are too quiet; the same bytes need none.

    Args:
        recordings: All of them.
        samples: How long each is.
        found: What a search through their sound has found.
    """
    training = {each.sha256: n for n, each in enumerate(recordings) if each.side == "train" and each.sha256}
    same = {
        (training[each.sha256], n): samples[n]
        for n, each in enumerate(recordings)
        if each.side == "test" and each.sha256 in training
    }
    whole = [Twin(first, second, 0, 0, length, 1.0) for (first, second), length in same.items()]
    return [*(twin for twin in found if (twin.first, twin.second) not in same), *whole]


def remark(recordings: Sequence[Wanted]) -> str:
    """Says of two folders which recordings test and which train."""

    def listed(side: str) -> str:
        counts = Counter(each.environment for each in recordings if each.side == side)
        return ", ".join(f"{environment} ({count})" for environment, count in sorted(counts.items()))

    return (
        "Noise that tests and noise that trains come from folders of their own, recordings whole: "
        f"{listed('test')} test, {listed('train')} train."
    )
