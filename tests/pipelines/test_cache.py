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


def of_noise(place, environments=(), test_noise_dir=""):
    wanted = {"noise_dir": str(place), "channel": 1, "environments": list(environments), "quiet": True}
    wanted |= {"test_noise_dir": test_noise_dir, "skip_unusable": False, "longest_s": 7200.0, "largest_bytes": 2**31}
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


def test_noise_of_either_folder_counts(tmp_path):
    one, other = (corpus.write(tmp_path / name, seed=seed)[1] for seed, name in enumerate(("one", "two")))
    before = of_noise(one, test_noise_dir=str(other))
    assert of_noise(one) != before != of_noise(other, test_noise_dir=str(one))
    edit(other / "cafe" / "a.wav")
    assert of_noise(one, test_noise_dir=str(other)) != before


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

    def targets(self, fold, every_fold=("1", "2", "3")):
        dag = Dag(self.settings, [fold], every_fold=every_fold)
        return Models(dag, fold, 0).classifier("trained", adversarial_share=0.5), *dag.random_noise(fold, 0.1)

    def made(self, *targets):
        events = []
        made = Launcher(self.store, on_event=events.append).run(*targets)
        hashes = {id.id: {name: each.content_hash for name, each in found.items()} for id, found in made.items()}
        return {event.component for event in events if event.kind == "run"}, hashes


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
def test_one_more_fold_costs_one_fold(run):
    """The speakers of three folds, each of which trains with two groups of them: slow, for it trains three times."""
    attack, white, trained = (
        "attack on training speech",
        "white noise 0.1 on training speech",
        "trained, fold {}, seed 0",
    )
    first, _ = run.made(*run.targets("1"))
    assert {each for each in first if "of fold" in each} == {
        f"{name}, speakers of fold {fold}" for name in (attack, white) for fold in "23"
    }
    second, _ = run.made(*run.targets("2"))
    assert second == {f"{attack}, speakers of fold 1", f"{white}, speakers of fold 1", trained.format(2)}
    third, _ = run.made(*run.targets("3"))
    assert third == {trained.format(3)}


@pytest.mark.slow
def test_the_groups_hold_what_one_artifact_held(run):
    """The same examples in the same order, so the same weights: slow, for it trains twice."""
    _, grouped = run.made(*run.targets("1"))
    again, alone = run.made(*run.targets("1", every_fold=()))
    trained = "trained, fold 1, seed 0"
    assert trained in again
    assert grouped[trained] == alone[trained]


@pytest.mark.slow
def test_a_recording_runs_those_alone_again_that_read_it(run):
    """Fold 1 does not train with whom it tests: slow, for what it trains must be there."""
    _, before = run.made(*run.targets("1"))
    (place,) = (run.store / "Folds").iterdir()
    (fold,) = (fold for fold in json.loads((place / "folds.json").read_text()) if fold["name"] == "1")
    edit(run.listing.parent / f"{fold['test'][0]}_0.wav")
    again, after = run.made(*run.targets("1"))
    assert again == {"CorpusGen", "FeatureGen"}
    assert after["trained, fold 1, seed 0"] == before["trained, fold 1, seed 0"]
    edit(run.listing.parent / f"{fold['train'][0]}_0.wav")
    again, _ = run.made(*run.targets("1"))
    assert "trained, fold 1, seed 0" in again
