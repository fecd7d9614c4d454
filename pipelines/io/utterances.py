"""The table of utterances that CorpusGen writes and every later component reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from kerasser import resampling
from kerasser.audio import AudioFile
from kerasser.corpora.base import Corpus, Utterance
from kerasser.twins import Twin
from kerasser.util import progress
from pipelines.engine import hashes
from pipelines.engine.artifacts import Artifact

_COLUMNS = (
    *("id", "path", "speaker", "sex", "session", "emotion", "valence", "split", "start_s", "end_s"),
    *("encoding", "sample_rate_hz", "channels", "frames", "sha256", "resampler"),
)


def write(directory: Path, corpus: Corpus, files: Sequence[AudioFile], *, quiet: bool | None = True) -> None:
    """Writes the table, and what was skipped; where the corpus lies is no part of it."""
    directory.mkdir(parents=True, exist_ok=True)
    digests: dict[Path, str] = {}
    with (directory / "utterances.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        table.writeheader()
        rows = zip(corpus.utterances, files, strict=True)
        for utterance, audio in progress.steps(rows, len(files), "files", "hashes", quiet=quiet):
            if audio.path not in digests:
                digests[audio.path] = hashes.sha256(audio.path)
            header = {name: getattr(audio, name) for name in ("encoding", "sample_rate_hz", "channels", "frames")}
            row = {**asdict(utterance), **header, "sha256": digests[audio.path]}
            table.writerow({**row, "resampler": resampling.by(audio.sample_rate_hz)})
    facts = {
        "name": corpus.name,
        "synthetic": corpus.synthetic,
        "remarks": list(corpus.remarks),
        "skipped": dict(corpus.skipped),
    }
    (directory / "corpus.json").write_text(json.dumps(facts, indent=1))


def write_twins(directory: Path, corpus: Corpus, found: Sequence[Twin]) -> None:
    """Writes which utterances of different speakers hold the same sound, in `twins.json`."""
    rows = [
        {
            "utterances": [corpus.utterances[number].id for number in (twin.first, twin.second)],
            "speakers": [corpus.utterances[number].speaker for number in (twin.first, twin.second)],
            "start_samples": [twin.first_start, twin.second_start],
            "samples": twin.samples,
            "correlation": round(twin.correlation, 3),
        }
        for twin in found
    ]
    (directory / "twins.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def shared(artifact: Artifact, tested: Collection[str]) -> int:
    """Returns how many utterances of some speakers hold sound that an utterance of somebody else holds too."""
    path = artifact.uri / "twins.json"
    found = set()
    for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else ():
        sides = list(zip(row["utterances"], row["speakers"], strict=True))
        for (mine, speaker), (_, other) in (sides, sides[::-1]):
            if speaker in tested and other not in tested:
                found.add(mine)
    return len(found)


def facts(artifact: Artifact) -> dict:
    """Returns the corpus' name, whether it is synthetic, remarks and counts of what was skipped."""
    return json.loads((artifact.uri / "corpus.json").read_text())


def speakers(artifact: Artifact) -> frozenset[str]:
    """Returns everyone who speaks."""
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        return frozenset(row["speaker"] for row in csv.DictReader(file))


def content(artifact: Artifact) -> list[tuple[str, str]]:
    """Returns each utterance's speaker, and what tells its recording: the file's SHA-256 and the part that is meant."""
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        return [(row["speaker"], f"{row['sha256']} {row['start_s']} {row['end_s']}") for row in csv.DictReader(file)]


def digest(artifact: Artifact, speakers: Collection[str] | None = None) -> str:
    """Hashes the rows of some speakers, recordings and all; None stands for everybody."""
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if speakers is None or row["speaker"] in speakers]
    return hashes.digest(rows)


def sexes(artifact: Artifact) -> dict[str, str | None]:
    """Returns the sex of each utterance's speaker, by the utterance's id; None where it is not known."""
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["sex"] or None for row in csv.DictReader(file)}


def read(artifact: Artifact) -> list[tuple[Utterance, AudioFile]]:
    """Reads the table; paths lead to where the corpus lay when the table was written."""
    root = Path(artifact.properties["root"]) if artifact.properties.get("root") else artifact.uri / "audio"
    with (artifact.uri / "utterances.csv").open(newline="", encoding="utf-8") as file:
        return [_item(row, root) for row in csv.DictReader(file)]


def _item(row: dict[str, str], root: Path) -> tuple[Utterance, AudioFile]:
    start_s, end_s = float(row["start_s"]), float(row["end_s"]) if row["end_s"] else None
    utterance = Utterance(
        id=row["id"],
        path=row["path"],
        speaker=row["speaker"],
        emotion=row["emotion"],
        valence=row["valence"],
        session=row["session"] or None,
        split=row["split"] or None,
        start_s=start_s,
        end_s=end_s,
        sex=row["sex"] or None,
    )
    audio = AudioFile(
        path=root / row["path"],
        encoding=row["encoding"],
        sample_rate_hz=int(row["sample_rate_hz"]),
        channels=int(row["channels"]),
        frames=int(row["frames"]),
        start_s=start_s,
        end_s=end_s,
        sha256=row["sha256"],
    )
    return utterance, audio
