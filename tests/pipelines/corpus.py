"""A tiny corpus and tiny noise for runs of whole commands."""

from pathlib import Path

import numpy as np
import soundfile

#: Small enough for a run of seconds.
SMALL = [
    *("--data.folds", "3", "--attack.epsilons", "[0.5, 2]", "--attack.snrs_db", "[10]", "--attack.draws", "2"),
    *("--classifier.units", "8", "--classifier.layers", "1", "--training.epochs", "3"),
    *(
        "--defences.adversarial_training.shares",
        "[0.5, 1]",
        "--defences.conditions",
        "2",
        "--defences.gan.units",
        "8",
        "--defences.gan.discriminator_units",
        "8",
    ),
    *("--defences.enhancement.gain", "null", "--defences.gan_adversarial_training.wanted", "false"),
    *("--threats.draws", "0", "--threats.white_box.steps", "0", "--threats.unseen_environment.wanted", "false"),
    *("--defences.gan.bottleneck", "4", "--defences.gan.pretraining_epochs", "2", "--defences.gan.epochs", "2"),
    *("--evaluation.replicates", "50", "--perception.utterances", "3", "--workers", "2"),
]


#: Emotions and the pitch they are spoken at, in Hz.
EMOTIONS = {"anger": 220, "neutral": 120}


def write(
    root: Path, speakers: int = 6, each: int = 4, seconds: float = 0.5, seed: int = 0, emotions: dict = EMOTIONS
) -> tuple[Path, Path]:
    """Writes a CSV manifest with audio and a folder of noise; returns both."""
    generator = np.random.default_rng(seed)
    rows = ["path,speaker,emotion,sex"]
    (root / "corpus").mkdir(parents=True)
    clock = np.arange(int(16000 * seconds)) / 16000
    for speaker in range(speakers):
        for take in range(each):
            emotion = list(emotions)[take % len(emotions)]
            pitch = emotions[emotion] * (1 + 0.03 * speaker)
            wave = 0.3 * np.sign(np.sin(2 * np.pi * pitch * clock)) * np.clip(np.sin(2 * np.pi * 4 * clock), 0, 1)
            wave += 0.01 * generator.normal(size=clock.size)
            soundfile.write(root / f"corpus/s{speaker}_{take}.wav", wave.clip(-0.9, 0.9), 16000)
            rows.append(f"s{speaker}_{take}.wav,s{speaker},{emotion},{'fm'[speaker % 2]}")
    (root / "corpus/list.csv").write_text("\n".join(rows) + "\n")
    for place in ("cafe", "station"):
        (root / "noise" / place).mkdir(parents=True)
        soundfile.write(root / "noise" / place / "a.wav", 0.1 * generator.normal(size=80000).clip(-4, 4), 16000)
    return root / "corpus/list.csv", root / "noise"


def arguments(listing: Path, noise: Path, output: Path) -> list[str]:
    """Returns the flags of a small run."""
    place = ["--corpus", "manifest", "--corpus-dir", str(listing), "--noise-dir", str(noise)]
    return [*place, "--output-dir", str(output), *SMALL]
