import random
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from kerasser.evaluation.metrics import unweighted_average_recall
from kerasser.features import records
from kerasser.features.records import Example
from kerasser.models import classifier
from kerasser.training import rules
from kerasser.training.batches import TrainingBatches, batches
from kerasser.training.classifier import fit
from kerasser.training.development import DevelopmentSpeech
from kerasser.training.epochs import MeasuredAdam, run_epochs
from kerasser.training.recall import UnweightedAverageRecall
from kerasser.training.rules.early_stopping import EarlyStopping
from kerasser.training.schedule import Schedule
from kerasser.training.tensorboard.log import CLASSIFIER_TAGS, EventLog
from kerasser.training.tensorboard.pages import LogContents, LoggedUtterance, LogWriter, asking
from kerasser.util.errors import InputError


def run_rule(values, start=0.002, rule=None):
    """Feeds the rule one figure an epoch; returns the rate of every epoch that was trained."""
    model = SimpleNamespace(
        optimizer=SimpleNamespace(learning_rate=start), stop_training=False, get_weights=lambda: epoch
    )
    rule = Schedule(rule or rules.rule())
    rule.set_model(model)
    rates = []
    for epoch, value in enumerate(values):
        rates.append(model.optimizer.learning_rate)
        rule.on_epoch_end(epoch, {"val_uar": value})
        if model.stop_training:
            break
    return rates, rule


def test_without_improvement_the_rate_is_halved_every_five_epochs_until_below_the_lowest():
    rates, rule = run_rule([60.0] * 100)
    # The first epoch improves on nothing; eight halvings lead from 0.002 below 0.00001.
    assert rates == pytest.approx([0.002] + [0.002 / 2**n for n in range(8) for _ in range(5)])
    assert rule.best_epoch == 0


def test_an_improvement_starts_the_count_anew():
    rates, _ = run_rule([50, 50, 50, 50, 50, 60, 60, 60, 60, 60, 60, 60])
    assert rates == pytest.approx([0.002] * 11 + [0.001])


def test_the_first_of_equally_good_epochs_is_kept():
    _, rule = run_rule([50, 70, 60, 70, 65])
    assert (rule.best, rule.best_epoch) == (70, 1)
    # The stub's weights are the epoch's number.
    assert rule.best_weights == 1


def test_convergence_stops_after_its_patience_and_leaves_the_rate_alone():
    rates, rule = run_rule([50, 70, 60, 71, 60, 60, 60, 60, 60], rule=EarlyStopping(3))
    assert rates == [0.002] * 7
    assert (rule.best, rule.best_epoch) == (71, 3)


@pytest.mark.parametrize("rule", [rules.rule(), EarlyStopping(9)])
def test_a_figure_that_is_not_there_is_never_the_best(rule):
    nan = float("nan")
    _, rule = run_rule([nan, 50, nan, 60, nan], rule=rule)
    assert (rule.best, rule.best_epoch, rule.best_weights) == (60, 3, 3)


def test_development_speakers_of_one_class_are_refused_before_the_first_epoch(tmp_path):
    found = list(examples(2, 30, 0))
    records.write(tmp_path / "train", found)
    records.write(tmp_path / "dev", [each for each in found if each.label == 0])
    with pytest.raises(InputError, match="development speakers: expected utterances of every class"):
        train(tmp_path / "train", tmp_path / "dev", tmp_path / "work", epochs=1)
    assert not list((tmp_path / "work").iterdir())


def examples(speakers, each, seed, shuffle=False):
    """Two classes that differ in one of three features, in every frame a little."""
    generator = np.random.default_rng(seed)
    labels = np.tile([0, 1], speakers * each // 2)
    logged = generator.permutation(labels) if shuffle else labels
    for number, (label, told) in enumerate(zip(labels, logged, strict=True)):
        frames = generator.normal(0, 1, (int(generator.integers(8, 20)), 3)).astype(np.float32)
        frames[:, 1] += 0.7 * label
        yield Example(f"u{number}", f"s{number // each}", "anger", int(told), frames, {"noise": ""})


@pytest.fixture
def corpus(tmp_path):
    def write(name, shuffle, seed):
        records.write(tmp_path / name, examples(10, 30, seed, shuffle))
        return tmp_path / name

    return write


def log_writer(model, dev_path):
    """Shows the first utterances, and asks the model about all of them."""
    found = records.read([dev_path], 3, list(range(40)))
    heard, ask = DevelopmentSpeech(found), asking(model, 3)
    waveform = np.sin(np.arange(1600) / 10).astype(np.float32)
    utterances = [LoggedUtterance(example, None, {"original": waveform}) for example in found[:2]]
    contents = LogContents("card", {"seed": 5}, ["a", "b", "c"], ["negative", "positive"], utterances)
    return LogWriter(
        contents, model.get_layer("normalization"), lambda: heard.answers(lambda batch: ask(batch)["logits"])
    )


def train(train_path, dev_path, work_dir, epochs, dropout=0.0, log=True, showing=False):
    keras.utils.set_random_seed(5)
    data = TrainingBatches([train_path], 3, batch_size=32, seed=5)
    model = classifier.build(features=3, units=8, layers=1, dropout=dropout)
    model.get_layer("normalization").adapt(*data.frame_statistics())
    work_dir.mkdir(exist_ok=True)
    history = fit(
        model,
        data,
        batches([dev_path], 3, batch_size=64),
        work_dir=work_dir,
        log_dir=work_dir / "logs" if log else None,
        log_writer=log_writer(model, dev_path) if showing else None,
        epochs=epochs,
        learning_rate=0.02,
    )
    return model, history


def uar(model, path):
    truth, answers = [], []
    for inputs, labels in batches([path], 3, batch_size=64):
        truth.append(labels.numpy())
        answers.append(np.argmax(model(inputs)["logits"], axis=1))
    truth, answers = np.concatenate(truth), np.concatenate(answers)
    return unweighted_average_recall(truth, truth == answers, 2)


def test_a_class_that_shows_is_learned_and_shuffled_labels_land_at_chance(corpus, tmp_path):
    dev, test = corpus("dev", False, 1), corpus("test", False, 2)
    honest, _ = train(corpus("honest", False, 0), dev, tmp_path / "a", 6)
    assert uar(honest, test) > 85
    shuffled, _ = train(corpus("shuffled", True, 0), corpus("dev_shuffled", True, 1), tmp_path / "b", 6)
    # Three standard deviations of 300 coin tosses.
    assert abs(uar(shuffled, test) - 50) < 300 * 0.5 / np.sqrt(300)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_in_pieces_gives_the_same_weights_as_in_one(corpus, tmp_path, dropout):
    paths = corpus("train", False, 0), corpus("dev", False, 1)
    whole, history = train(*paths, tmp_path / "whole", 5, dropout)
    for epochs in (2, 3, 5):
        pieces, again = train(*paths, tmp_path / "pieces", epochs, dropout)
    assert again == history
    for one, other in zip(whole.get_weights(), pieces.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_best_epoch_is_what_remains(corpus, tmp_path):
    dev = corpus("dev", False, 1)
    model, history = train(corpus("train", False, 0), dev, tmp_path / "work", 8)
    assert uar(model, dev) == pytest.approx(max(row["val_uar"] for row in history), abs=1e-4)


def logged(folder):
    """Returns tag → step and value of every point."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }


def test_tensorboard_shows_every_figure_of_every_epoch(corpus, tmp_path):
    _, history = train(corpus("train", False, 0), corpus("dev", False, 1), tmp_path / "work", 4)
    curves = logged(tmp_path / "work/logs")
    assert curves.keys() == set(CLASSIFIER_TAGS.values())
    for name, tag in CLASSIFIER_TAGS.items():
        assert [step for step, _ in curves[tag]] == [0, 1, 2, 3]
        assert [value for _, value in curves[tag]] == pytest.approx([row[name] for row in history], rel=1e-5)


def test_the_rate_that_is_shown_is_the_optimisers_own_after_halving_too(corpus, tmp_path):
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    data = TrainingBatches([corpus("train", True, 0)], 3, batch_size=32, seed=0)
    model = classifier.build(features=3, units=4, layers=1)
    trained = keras.Model(model.inputs, model.get_layer("logits").output)
    trained.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[UnweightedAverageRecall(2)],
    )
    trained.optimizer.build(trained.trainable_variables)
    run_epochs(
        trained,
        data.dataset,
        data.epoch,
        Schedule(rules.rule(patience=1)),
        path=tmp_path / "checkpoint.npz",
        epochs=8,
        log_dir=tmp_path / "logs",
        validation=batches([corpus("dev", True, 1)], 3, batch_size=64),
        callbacks=[Rates()],
    )
    assert min(rates) < 0.02
    assert [value for _, value in logged(tmp_path / "logs")["learning_rate/classifier"]] == pytest.approx(rates)


def test_the_gradients_norm_is_taken_before_it_is_bounded_and_averaged_over_an_epoch():
    weights = keras.Variable([1.0, 1.0])
    optimizer = MeasuredAdam(0.1, global_clipnorm=1.0)
    for gradient in ([3.0, 4.0], [0.0, 1.0]):
        optimizer.apply_gradients([(tf.constant(gradient), weights)])
    assert float(optimizer.gradient_norm.result()) == pytest.approx((5 + 1) / 2)


def test_a_log_that_goes_on_after_a_kill_shows_every_epoch_once(corpus, tmp_path):
    paths = corpus("train", False, 0), corpus("dev", False, 1)
    train(*paths, tmp_path / "whole", 4)
    train(*paths, tmp_path / "pieces", 2)
    # Killed after an epoch was shown and before it was saved.
    event_log = EventLog(tmp_path / "pieces/logs", 2)
    event_log.scalar("loss/train", 99.0, 2)
    event_log.close()
    train(*paths, tmp_path / "pieces", 4)
    assert logged(tmp_path / "pieces/logs") == logged(tmp_path / "whole/logs")


def test_logging_changes_no_weight_and_draws_no_random_number(corpus, tmp_path):
    paths = corpus("train", False, 0), corpus("dev", False, 1)
    logged, history = train(*paths, tmp_path / "logged", 4, dropout=0.3, showing=True)
    after = random.random(), np.random.random(), float(tf.random.uniform([]))
    silent, same = train(*paths, tmp_path / "silent", 4, dropout=0.3, log=False)
    assert after == (random.random(), np.random.random(), float(tf.random.uniform([])))
    assert not (tmp_path / "silent/logs").exists()
    assert "confusion/clean" in tags(tmp_path / "logged/logs")
    assert history == same
    for one, other in zip(logged.get_weights(), silent.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def tags(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events.Tags()["tensors"]
