"""A listening test: can people tell attacked speech from the original? ABX trials on a web page of its own.

In each trial a listener hears A, B and X. One of A and B is the original, the other the adversarial utterance, and X
is one of both again; the listener says which. `kerasser.listening.score` reads the answers.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import lcm
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerasser import audio
from kerasser.attack.budget import Budget
from kerasser.attack.draws import derive_seed
from kerasser.attack.generation import Plan, adversarial_examples
from kerasser.noise.bank import Recording
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

#: Signal-to-noise ratio of a catch trial: nobody who listens misses it.
CATCH_SNR_DB = 0.0
_PAGE = Path(__file__).with_name("page.html")
_PLACEHOLDER = "__TEST__"


@dataclass(frozen=True)
class Trial:
    """One question to a listener.

    Attributes:
        utterance: Id of the utterance.
        environment: Where the noise was recorded.
        budget: How much of it is added.
        catch: True for a trial whose answer is obvious.
        a_is_original: Which of A and B is the original.
        x_is_a: The answer.
    """

    utterance: str
    environment: str
    budget: Budget
    catch: bool
    a_is_original: bool
    x_is_a: bool


class Sound(NamedTuple):
    """What is heard in a trial, and how it was made.

    Attributes:
        number: Position of the trial in its test.
        clean: The original, float32 `[samples]`, 16 kHz.
        adversarial: The same under attack.
        provenance: As `kerasser.attack.generation` writes it.
    """

    number: int
    clean: Array
    adversarial: Array
    provenance: Mapping[str, Any]


def design(
    utterances: Sequence[str],
    environments: Sequence[str],
    epsilons: Sequence[float],
    items: int,
    catch_items: int,
    seed: int,
) -> list[Trial]:
    """Draws the trials of a test, in the order in which the page lists them.

    Every ε gets as many trials as any other, or one more, and so do its environments; X is A in half of its trials,
    and A the original. No utterance meets the same environment and ε twice.

    Args:
        utterances: Ids to draw from.
        environments: Environments of the noise.
        epsilons: Perturbation factors.
        items: Trials without those that catch.
        catch_items: Trials at 0 dB SNR.
        seed: Seed of every choice.

    Raises:
        InputError: If there are no utterances or factors, or too few for so many trials.
    """
    generator = np.random.default_rng(int(derive_seed(seed, "listening test"), 16))
    wanted = list(dict.fromkeys(float(epsilon) for epsilon in epsilons))
    if not wanted:
        raise InputError("attack.epsilons: expected some for the listening test. Received: none")
    trials: list[Trial] = []
    caught = [Budget("snr_db", CATCH_SNR_DB)]
    for budgets, count in (([Budget("epsilon", epsilon) for epsilon in wanted], items), (caught, catch_items)):
        conditions = [(budget, place) for place, budget in product(environments, budgets)]
        pairs = _pairs(len(conditions), len(utterances), count)
        names = [str(name) for name in generator.permutation(list(utterances))]
        for budget in budgets:
            mine = [(conditions[number][1], names[index]) for number, index in pairs if conditions[number][0] == budget]
            # Going on where the last budget stopped keeps the whole test balanced too.
            sides = generator.permutation([(len(trials) + number) % 4 for number in range(len(mine))])
            trials += [
                Trial(name, place, budget, budgets is caught, bool(side // 2), bool(side % 2))
                for (place, name), side in zip(mine, sides, strict=True)
            ]
    return [trials[number] for number in generator.permutation(len(trials))]


def _pairs(conditions: int, utterances: int, count: int) -> list[tuple[int, int]]:
    """Returns `count` different pairs of condition and utterance that use each of both as often as any other."""
    if count > conditions * utterances:
        raise InputError(
            f"listening test: expected at most {conditions * utterances} trials, with {utterances} utterances under "
            f"{conditions} conditions. Received: {count}"
        )
    # Walking through both lists at once meets the same pair again after as many steps as their least common multiple.
    again = lcm(conditions, utterances) if count else 1
    return [(step % conditions, (step + step // again) % utterances) for step in range(count)]


def attacked(
    waveform: Array,
    number: int,
    trial: Trial,
    noise: Mapping[str, Sequence[Recording]],
    noise_split: str,
    estimator: str,
    seed: int,
    speech_level: str = "utterance",
) -> Sound:
    """Attacks an utterance as `kerasser.attack.generation` does, with the first of its draws.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        number: Position of the trial in its test.
        trial: The trial.
        noise: Environment → its recordings.
        noise_split: "train" or "test": what part of the recordings in time these are.
        estimator: Gain behind the reference noise, "lsa" or "stsa".
        seed: Seed of the draws of noise.
        speech_level: What ratios are measured against, "utterance" or "active".
    """
    bank = {trial.environment: noise[trial.environment]}
    plan = Plan(bank, noise_split, [trial.budget], 1, estimator, seed, speech_level=speech_level)
    # Listeners hear the waveform itself, in the place of its features.
    examples = adversarial_examples(waveform, trial.utterance, plan, lambda heard, _: heard, trial.utterance)  # type: ignore[arg-type]
    return Sound(number, audio.clip(waveform)[0], *examples[0])


def write(place: Path, trials: Sequence[Trial], sounds: Iterable[Sound], about: Mapping[str, Any]) -> None:
    """Writes `listeners/`, with the page and its sounds, and beside it `key.json`, which listeners do not get.

    Names of files say nothing about what they hold, but who compares their bytes finds the answers.

    Args:
        place: The folder to make; nothing is there before all is written.
        trials: From `design`.
        sounds: For every trial, in any order.
        about: What the key says of the whole test: `corpus`, and whatever tells this test from others.

    Raises:
        InputError: If there is something at `place` already: a key that is lost makes answers worthless.
    """
    refuse_existing(place)
    part = place.with_name(place.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    folder = part / "listeners" / "sounds"
    folder.mkdir(parents=True)
    try:
        test = derive_seed("listening test", dict(about), [asdict(trial) for trial in trials])[:16]
        shown, key = [{} for _ in trials], [{} for _ in trials]  # type: list[dict[str, Any]], list[dict[str, Any]]
        for sound in sounds:
            trial, number = trials[sound.number], sound.number
            names = {slot: f"{derive_seed(test, number, slot)[:16]}.wav" for slot in "abx"}
            a, b = (sound.clean, sound.adversarial) if trial.a_is_original else (sound.adversarial, sound.clean)
            for slot, waveform in {"a": a, "b": b, "x": a if trial.x_is_a else b}.items():
                audio.write(folder / names[slot], waveform)
            name = derive_seed(test, number, "trial")[:16]
            shown[number] = {"trial": name, **names}
            key[number] = {
                "trial": name,
                "x": "A" if trial.x_is_a else "B",
                "original": "A" if trial.a_is_original else "B",
                "catch": trial.catch,
                # Sixteen bits do not hold what a very small ε adds.
                "identical": (folder / names["a"]).read_bytes() == (folder / names["b"]).read_bytes(),
                "utterance": trial.utterance,
                **sound.provenance,
            }
        page = _PAGE.read_text(encoding="utf-8").replace(_PLACEHOLDER, json.dumps({"test": test, "trials": shown}))
        (part / "listeners" / "index.html").write_text(page, encoding="utf-8")
        (part / "key.json").write_text(json.dumps({"test": test, **about, "trials": key}, indent=1))
        os.rename(part, place)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def refuse_existing(place: Path) -> None:
    """Raises an InputError if there is something at a place where a test would be written."""
    if place.exists():
        raise InputError(f"{place}: expected a folder that does not exist yet. Received: one that does")
