"""What the components take for changed: recordings, links, edits meanwhile, the folds they read."""

import json
import os

import numpy as np
import pytest
import soundfile

from kerasser import audio
from kerasser.util.errors import InputError
from pipelines.cli.main import parse
from pipelines.components.corpus_gen import CorpusGenExecutor
from pipelines.components.noise_gen import NoiseGenExecutor
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.engine.launcher import Launcher
from pipelines.models import Models
from tests.pipelines import corpus


def edit(path):
    """Other samples, of the same size and at the same time."""
    stat = path.stat()
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[::-1], rate)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.fixture
def manifest(tmp_path):
    listing, _ = corpus.write(tmp_path, speakers=3, each=2)
    return listing


def of_corpus(listing):
    wanted = {"corpus": "manifest", "corpus_dir": str(listing), "valence": {}, "emotions": [], "quiet": True}
    return CorpusGenExecutor.fingerprint(wanted)


@pytest.mark.parametrize("separator", [",", ", "])
def test_a_recording_counts_however_the_manifest_is_spaced(manifest, separator):
    manifest.write_text(manifest.read_text().replace(",", separator))
    before = of_corpus(manifest)
    assert of_corpus(manifest) == before
    edit(manifest.parent / "s1_0.wav")
    assert of_corpus(manifest) != before


def test_what_no_reader_reads_does_not_count(manifest):
    before = of_corpus(manifest)
    (manifest.parent / "README.txt").write_text("x")
    (manifest.parent / "extra.wav").write_bytes(b"x")
    manifest.write_text(manifest.read_text().replace("\n", "\r\n"))
    assert of_corpus(manifest) == before
    manifest.write_text(manifest.read_text().replace("anger", "sadness"))
    assert of_corpus(manifest) != before


def of_noise(place, environments=()):
    wanted = {"noise_dir": str(place), "channel": 1, "environments": list(environments), "quiet": True}
    return NoiseGenExecutor.fingerprint(wanted)


def test_noise_behind_a_link_counts_and_what_is_not_wanted_does_not(tmp_path):
    _, noise = corpus.write(tmp_path)
    (noise / "cafe").rename(tmp_path / "real")
    (noise / "cafe").symlink_to(tmp_path / "real")
    before, cafe, station = of_noise(noise), of_noise(noise, ["cafe"]), of_noise(noise, ["station"])
    edit(tmp_path / "real" / "a.wav")
    assert of_noise(noise) != before
    assert of_noise(noise, ["cafe"]) != cafe
    assert of_noise(noise, ["station"]) == station


def test_a_recording_that_was_edited_since_is_refused(manifest):
    path = manifest.parent / "s0_0.wav"
    file = audio.probe(path)
    known = [audio.AudioFile(**{**vars(file), "sha256": audio.sha256(path)})]
    (waveform,) = audio.waveforms(known)
    np.testing.assert_array_equal(waveform, next(audio.waveforms([file])))
    edit(path)
    with pytest.raises(InputError, match=r"s0_0\.wav: expected the recording that the corpus was read with"):
        next(audio.waveforms(known))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="expected the recording that the corpus was read with"):
        next(audio.waveforms(known))


class Run:
    """The components of a small run, by what the launcher did with them."""

    def __init__(self, place):
        listing, noise = corpus.write(place, each=2)
        flags = [*corpus.arguments(listing, noise, place / "out"), "--training.epochs", "1", "--quiet"]
        self.settings = parse("train", "", [*flags, "--defence", "none"], Settings)
        self.store = place / "out" / "artifacts"
        self.listing, self.noise = listing, noise

    def targets(self, fold):
        models = Models(Dag(self.settings, [fold], every_fold=["1", "2", "3"]), fold, 0)
        return models.classifier("trained", adversarial_share=0.5), models.classifier("random", white_noise=0.1)

    def made(self, *targets):
        events = []
        made = Launcher(self.store, on_event=events.append).run(*targets)
        hashes = {id.id: {name: each.content_hash for name, each in found.items()} for id, found in made.items()}
        return {event.component for event in events if event.kind == "run"}, hashes


def test_one_more_fold_costs_one_fold(tmp_path):
    """The speakers of three folds: each fold trains with two groups of them."""
    run = Run(tmp_path)
    first, _ = run.made(*run.targets("1"))
    attacks = {f"attack on training speech, speakers of fold {fold}" for fold in "123"}
    assert first & attacks == {f"attack on training speech, speakers of fold {fold}" for fold in "23"}
    second, _ = run.made(*run.targets("2"))
    assert second == {
        "attack on training speech, speakers of fold 1",
        "white noise 0.1 on training speech, speakers of fold 1",
        "trained, fold 2, seed 0",
        "random, fold 2, seed 0",
    }
    third, _ = run.made(*run.targets("3"))
    assert third == {"trained, fold 3, seed 0", "random, fold 3, seed 0"}


def test_a_recording_runs_again_those_alone_that_read_it(tmp_path):
    run = Run(tmp_path)
    _, before = run.made(*run.targets("1"))
    tested = _folds(run)["1"]["test"][0]
    edit(run.listing.parent / f"{tested}_0.wav")
    again, after = run.made(*run.targets("1"))
    # Fold 1 tests this speaker, so nothing it trains with has changed.
    assert again == {"CorpusGen", "FeatureGen"}
    assert after["trained, fold 1, seed 0"] == before["trained, fold 1, seed 0"]


def _folds(run):
    (place,) = (run.store / "Folds").iterdir()
    return {fold["name"]: fold for fold in json.loads((place / "folds.json").read_text())}


def test_the_groups_hold_what_one_artifact_held(tmp_path):
    """The same examples in the same order, so the same weights."""
    run = Run(tmp_path)
    _, grouped = run.made(*run.targets("1"))
    models = Models(Dag(run.settings, ["1"]), "1", 0)
    whole = models.classifier("trained", adversarial_share=0.5), models.classifier("random", white_noise=0.1)
    _, alone = run.made(*whole)
    for id in ("trained, fold 1, seed 0", "random, fold 1, seed 0"):
        assert grouped[id] == alone[id]
