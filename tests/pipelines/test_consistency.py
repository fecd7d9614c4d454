"""Consistency as a defence: when it is trained, with what, and that what is served is what was trained."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf

from kerasser import defences
from kerasser.corpora.folds import Fold
from kerasser.defences import NONE, consistency, gan, gan_consistency
from pipelines import train
from pipelines.cli.main import main, parse
from pipelines.components import gan_trainer, generator_transfer, trainer
from pipelines.components.gan_trainer import GanTrainer
from pipelines.components.generator_transfer import GeneratorTransfer, GeneratorTransferExecutor
from pipelines.config import Settings
from pipelines.dag import Dag
from pipelines.engine.artifacts import Artifact
from pipelines.models import Models
from tests.pipelines import corpus


def systems(*arguments, names=None, without=""):
    """Returns the systems of a command by their defence, of all defences or of some."""
    settings = parse("reproduce", "", list(arguments), Settings)
    models = Models(Dag(settings, ["1"]), "1", 0)
    names = names or defences.chosen(settings.defence, list(defences.known()))
    return models, {each.defence: each for each in models.systems(names, without)}


def test_it_is_trained_where_it_is_wanted_or_named_and_in_the_packaged_files():
    both = {consistency.NAME, gan_consistency.NAME}
    assert not both & systems()[1].keys() and not both & systems("--defence", "all")[1].keys()
    assert both & systems("--defences.consistency.wanted", "true")[1].keys() == {consistency.NAME}
    assert systems("--defence", "gan_consistency")[1].keys() == {gan_consistency.NAME}
    assert systems("--defence", "consistency", "gan + consistency")[1].keys() == both
    for name in ("emodb", "ravdess"):
        assert systems("--config", name, "--corpus-dir", ".")[1].keys() >= both


def test_settings_become_what_is_trained():
    flags = ("--defences.consistency.versions", "3", "--defences.consistency.weight", "0")
    _, found = systems("--defence", "consistency", *flags, "--defences.consistency.worst", "true")
    classifier = found[consistency.NAME].classifier
    assert classifier.parameters["consistency"] == {"versions": 3, "weight": 0.0, "worst": True}
    assert classifier.parameters["share"] == 0 and "adversarial.0" in classifier.inputs


def test_a_shared_generator_is_the_gans_and_an_own_one_is_trained_for_the_consistent_classifier():
    names = [NONE, gan.NAME, consistency.NAME, gan_consistency.NAME]
    wanted = ("--defence", "consistency", "gan_consistency", "--defences.gan_consistency.generator")
    for without in ("", "café"):
        models, found = systems(*wanted, "shared", names=names, without=without)
        part, of = found[gan_consistency.NAME].generator, found[consistency.NAME].classifier
        assert isinstance(part, GeneratorTransfer) and found[gan_consistency.NAME].classifier is of
        assert part.inputs["trained"] is found[gan.NAME].generator.outputs["generator"]
        assert part.inputs["model"] is of.outputs["model"]
        heard = (part, of, found[gan.NAME].generator)
        assert all(each.parameters["without"] == ([without] if without else []) for each in heard)
        _, found = systems(*wanted, "own", names=names, without=without)
        part, of = found[gan_consistency.NAME].generator, found[consistency.NAME].classifier
        assert isinstance(part, GanTrainer) and part.inputs["model"] is of.outputs["model"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A classifier, a consistent one and a GAN that serves both, of seconds."""
    root = tmp_path_factory.mktemp("consistency")
    listing, noise = corpus.write(root)
    flags = [*corpus.arguments(listing, noise, root / "out"), "--quiet", "--training.epochs", "2"]
    flags += ["--defences.gan.pretraining_epochs", "0", "--defences.gan.epochs", "1"]
    main("train", "", train.train, [*flags, "--defence", "consistency", "gan_consistency"])
    return root / "out/artifacts"


def made(store, kind):
    return {path.parent: json.loads(path.read_text()) for path in store.glob(f"{kind}/*/{kind.lower()}.json")}


def test_the_consistent_classifier_says_so_and_trained_on_both_terms(store):
    (place,) = (place for place, facts in made(store, "Model").items() if "consistency" in facts)
    facts = made(store, "Model")[place]
    assert facts["consistency"] == {"versions": 2, "weight": 10.0, "worst": False}
    assert facts["share"] == 0 and facts["noises"] == ["cafe", "station"]
    rows = list(csv.DictReader((place / "history.csv").read_text().splitlines()))
    assert len(rows) == 2 and all(float(row["divergence"]) > 0 for row in rows)
    assert facts["dev_ua"] == pytest.approx(max(float(row["val_uar"]) for row in rows))


def test_what_is_served_is_the_shared_generator_before_the_consistent_classifier(store):
    generators, models = made(store, "Generator"), made(store, "Model")
    (place,) = (place for place, facts in generators.items() if "trained_for" in facts)
    (first,) = generators.keys() - {place}
    (consistent,) = (each for each, facts in models.items() if "consistency" in facts)
    classifier = trainer.load(Artifact("Model", consistent))
    facts = generators[place]
    assert facts["trained_for"] == generators[first]["classifier"] != facts["classifier"]
    assert facts["classifier"] == gan_trainer.digest(classifier) and facts["weights"] == generators[first]["weights"]
    assert (place / "weights.npz").read_bytes() == (first / "weights.npz").read_bytes()
    normalization, _ = gan_trainer.load_parts(Artifact("Generator", first))
    drawn = np.random.default_rng(0).normal(size=(3, 40, 25))
    features = tf.cast(normalization.mean + tf.sqrt(normalization.variance) * drawn.astype(np.float32), tf.float32)
    lengths = tf.constant([40, 25, 31])
    cleaned = gan_trainer.load(Artifact("Generator", first))({"features": features, "lengths": lengths})
    expected = classifier({"features": cleaned, "lengths": lengths})["probabilities"]
    evaluate = tf.saved_model.load(str(place / "saved_model")).signatures["evaluate"]
    answered = evaluate(features=features, lengths=lengths, labels=tf.constant([0, 1, 0]))
    np.testing.assert_allclose(answered["probabilities"], expected, atol=1e-5)


def test_a_generator_that_knows_the_test_speakers_is_refused(tmp_path, monkeypatch):
    fold = Fold("1", ("a",), ("b",), ("c",))
    for name, kind, speaker in (("trained", "generator", "c"), ("model", "model", "a")):
        (tmp_path / name).mkdir()
        facts = {"fold": {"train": [speaker], "dev": ["b"]}, "classifier": ""}
        (tmp_path / name / f"{kind}.json").write_text(json.dumps(facts))
    inputs = {name: Artifact("x", tmp_path / name) for name in ("trained", "model")}
    monkeypatch.setattr(generator_transfer, "read_fold", lambda *_: fold)
    with pytest.raises(AssertionError, match="speakers it was made with: .*c"):
        GeneratorTransferExecutor().do({**inputs, "folds": None}, {"generator": tmp_path / "out"}, {"fold": "1"})
    assert not (tmp_path / "out").exists()
