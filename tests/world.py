"""All that the docs call by a name, each of it tiny: corpora in their layouts, noise, recordings."""

import shutil
from pathlib import Path

import audformat

from tests.corpora import trees
from tests.pipelines import corpus

#: Behind the flags of the tiny corpus: what any command may have been told otherwise.
_FLAGS = [
    *("--fold", "1", "--seed", "0", "--seeds", "[]", "--noise.environments", "null", "--data.valence", "null"),
    *("--attack.epsilons", "[2]", "--attack.snrs_db", "[]", "--attack.draws", "1", "--perception.utterances", "0"),
    *(
        "--defences.adversarial_training.shares",
        "[1]",
        "--defences.random_noise.epsilon",
        "0",
        "--defences.random_noise_on_features.deviation",
        "0",
    ),
    *("--threats.draws", "0", "--threats.white_box.steps", "0", "--threats.unseen_environment.wanted", "false"),
    *("--defences.consistency.wanted", "false", "--defences.gan_consistency.wanted", "false"),
    *("--threats.epsilons", "[2]", "--threats.snrs_db", "[]", "--defences.gan.corpora", "[]"),
    *("--threats.many_queries.counts", "[]"),
    # Enough training to be better than chance, as what is published has to be.
    *("--training.balance_classes", "false", "--training.epochs", "15", "--training.learning_rate", "0.01"),
    *("--defences.gan.pretraining_epochs", "1", "--defences.gan.epochs", "1"),
]


def arguments(root: Path) -> list[str]:
    """Returns the flags that let a command take seconds; runs with them share what they train in `root/out`."""
    return [*corpus.arguments(root / "recordings/list.csv", root / "NOISE", root / "out"), *_FLAGS]


def write(root: Path) -> None:
    """Writes them into a folder."""
    listing, noise = corpus.write(root / "made", each=6)
    recordings = (root / "made/corpus").rename(root / "recordings")
    # The same files under two more emotions, which only a map of their own knows.
    rows = recordings / listing.name
    lines = rows.read_text().splitlines()
    others = [line.replace("anger", "rage").replace("neutral", "joy") for line in lines[1:]]
    rows.write_text("\n".join([*lines, *others]) + "\n")
    (recordings / "anna").mkdir()
    shutil.copy(recordings / "s0_0.wav", recordings / "anna/001.wav")
    shutil.copy(recordings / "s0_0.wav", root / "speech.wav")
    shutil.copytree(noise, root / "NOISE")
    shutil.copytree(noise, root / "noise")
    _, other = corpus.write(root / "other", speakers=1, each=1, seed=1)
    shutil.copytree(other, root / "OTHER_NOISE")
    for place, name in (("PCAFETER", "PCAFETER"), ("OMEETING", "OMEETING"), ("PSTATION", "PSTATION")):
        (root / f"DEMAND/{place}_16k/{name}").mkdir(parents=True)
        shutil.copy(noise / "cafe/a.wav", root / f"DEMAND/{place}_16k/{name}/ch01.wav")
    trees.make_iemocap(root / "IEMOCAP_full_release")
    trees.make_fau_aibo(root / "FAU-AIBO")
    for speaker in range(6):
        for letter, word in (("W", "Angry"), ("F", "Happy"), ("N", "Neutral"), ("T", "Sad")):
            trees.write_wav(root / f"EMO-DB/wav/{speaker + 10}a01{letter}a.wav")
            trees.write_wav(root / f"URDU/{word}/SM{speaker + 1}_F1_{word[0]}001.wav")
        for emotion in ("01", "05"):
            name = f"03-01-{emotion}-01-01-01-{speaker + 1:02d}.wav"
            trees.write_wav(root / f"RAVDESS/Actor_{speaker + 1:02d}/{name}")
    shutil.copytree(root / "EMO-DB", root / "DIR")
    files = [f"wav/{place}.wav" for place in "abcdefghijkl"]
    for file in files:
        trees.write_wav(root / "DATABASE" / file)
    database = audformat.Database("tiny")
    database["emotion"] = audformat.Table(audformat.filewise_index(files))
    for column, values in (("emotion", ["anger", "neutral"] * 6), ("speaker", [str(each // 2) for each in range(12)])):
        database["emotion"][column] = audformat.Column()
        database["emotion"][column].set(values)
    database.save(str(root / "DATABASE"), storage_format="csv")
