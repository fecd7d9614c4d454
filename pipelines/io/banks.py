"""What is known of banks of noise: which were made, of which seed, and who speaks in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kerasser.noise.bank import MADE_PREFIX
from pipelines.engine.artifacts import Artifact


def facts(artifact: Artifact) -> dict[str, Any]:
    """Returns what `bank.json` says."""
    found: dict[str, Any] = json.loads((artifact.uri / "bank.json").read_text())
    return found


def made(banks: Iterable[Artifact]) -> dict[str, Any] | None:
    """Returns how the made ones among some banks were made, and who speaks in any of them; None if all are recorded."""
    known = map(facts, banks)
    return joined({**each["made"], "speakers": _speakers(each)} if "made" in each else None for each in known)


def _speakers(told: Mapping[str, Any]) -> set[str]:
    """Returns who is said to speak in a bank, of the whole or of any environment."""
    return set(told.get("speakers", ())).union(*(row.get("speakers", ()) for row in told["recordings"]))


def joined(found: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Returns what `made` returned for several trainings, or banks, as one; None where none heard made noise.

    Raises:
        AssertionError: If their noise was made in different ways.
    """
    heard = [dict(each) for each in found if each]
    if not heard:
        return None
    speakers = sorted({speaker for each in heard for speaker in each.pop("speakers")})
    if any(each != heard[0] for each in heard):
        raise AssertionError("the made noise of one system would be of several seeds or sizes")
    return {**heard[0], "speakers": speakers}


def refuse_voices(tested: Collection[str], banks: Iterable[Artifact], examples: Iterable[Artifact]) -> None:
    """Refuses to train on made noise in which somebody speaks who is tested.

    Args:
        tested: The fold's test speakers.
        banks: The noise that is trained on.
        examples: Attacked speech that is trained on, of the same corpus.

    Raises:
        AssertionError: If any of them is heard there.
    """
    heard = {speaker for bank in banks for speaker in _speakers(facts(bank))}
    heard |= {speaker for each in examples for speaker in each.properties.get("voices", ())}
    if known := sorted(heard & set(tested)):
        raise AssertionError(f"speakers of the test would be heard in made noise: {known}")


def heard(noises: Iterable[str], how: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns which noise a training heard.

    Args:
        noises: Names of the environments that it met.
        how: What `made` returned.

    Returns:
        `recorded`, names of environments, and `made`, how those were made that nobody recorded; either only where there
        are such.
    """
    recorded = sorted(name for name in noises if how is None or not name.startswith(MADE_PREFIX))
    return {**({"recorded": recorded} if recorded else {}), **({"made": dict(how)} if how else {})}


def told(noise: Mapping[str, Any]) -> str:
    """Says what `heard` returned, in words; "" where no noise was heard."""
    recorded: Sequence[str] = noise.get("recorded", ())
    said = [f"recorded: {', '.join(recorded)}"] if recorded else []
    if how := noise.get("made"):
        said.append(f"made: {how['environments']} environments of {how['duration_s']:g} s, seed {how['seed']}")
    return "; ".join(said)
