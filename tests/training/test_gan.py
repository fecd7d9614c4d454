"""The GAN's training: what it watches, when it stops, and which weights it leaves."""

from dataclasses import replace

import audmetric
import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.models import classifier
from kerasser.models.gan import SpeechGAN, build_discriminator, build_generator, cleaner
from kerasser.models.layers import FrameNormalization
from kerasser.training.batches import PairedBatches, batches
from kerasser.training.gan import CleanedDevelopment, GanTraining, fit_gan
from kerasser.util.errors import InputError

SETTINGS = GanTraining(
    pretraining_epochs=9,
    pretraining_rate=1e-3,
    epochs=9,
    learning_rate=1e-3,
    patience=2,
    adversarial_weight=1.0,
    reconstruction_weight=1.0,
    saturating=False,
    label_smoothing=0.0,
    gradient_norm=0.0,
)


def examples(noise="", count=6, labels=(0, 1)):
    generator = np.random.default_rng(len(noise))
    provenance = {"noise": noise, "snr_db": 10.0} if noise else {"noise": ""}
    return [
        Example(f"u{n}", f"s{n % 3}", "anger", labels[n % len(labels)], frames.astype(np.float32), provenance)
        for n, frames in enumerate(generator.normal(size=(count, 7, 25)))
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("examples")
    for name, noise in (("clean", ""), ("attacked", "cafe")):
        records.write(place / name, examples(noise))
    records.write(place / "one_class", examples(labels=(1,)))
    return place


def gan():
    keras.utils.set_random_seed(3)
    normalization = FrameNormalization(5.0, name="normalization")
    normalization.build((None, None, 25), (None,))
    normalization.adapt(np.zeros(25), np.ones(25))
    form = {"form": "frame", "frames_per_step": 1}
    generator = build_generator(units=4, bottleneck=3, **form)
    return SpeechGAN(normalization, generator, build_discriminator(units=4, bottleneck=3, **form), 1)


def judge():
    keras.utils.set_random_seed(4)
    model = classifier.build(units=4, frames_per_step=1)
    model.get_layer("normalization").adapt(np.zeros(25), np.ones(25))
    return model


def trained(model, files, work_dir, settings=SETTINGS, dev="clean"):
    train = PairedBatches([([files / "clean"], [files / "attacked"])], 25, batch_size=3, seed=0)
    return fit_gan(model, judge(), train, batches([files / dev], 25, batch_size=4), settings, work_dir=work_dir)


@pytest.fixture
def scripted(monkeypatch):
    """Lets development speech answer as a script says, and notes the generator's weights at every answer."""

    def begin(model, script):
        seen, answers = [], iter(script)

        def measure(_):
            seen.append(model.generator.get_weights())
            return next(answers)

        monkeypatch.setattr(CleanedDevelopment, "measure", measure)
        return seen

    return begin


def same(weights, others):
    return all(np.array_equal(one, other) for one, other in zip(weights, others, strict=True))


def test_each_part_stops_when_patience_ends_and_leaves_its_best_epoch(files, tmp_path, scripted):
    model = gan()
    # Of the generator alone the second epoch is best, against the discriminator the first; a tie is no better.
    seen = scripted(model, [50, 60, 60, 55, 70, 65, 70])
    history = trained(model, files, tmp_path)
    assert [(row["phase"], row["epoch"]) for row in history] == [
        *(("pretraining", epoch) for epoch in range(4)),
        *(("gan", epoch) for epoch in range(3)),
    ]
    assert [row["val_uar"] for row in history] == [50, 60, 60, 55, 70, 65, 70]
    assert [row["val_error"] for row in history] == [50, 40, 40, 45, 30, 35, 30]
    assert same(model.generator.get_weights(), seen[4])
    assert not any(same(seen[4], other) for other in (*seen[:4], *seen[5:]))


def test_without_a_discriminator_the_best_reconstruction_is_left(files, tmp_path, scripted):
    model = gan()
    seen = scripted(model, [50, 60, 40, 40])
    history = trained(model, files, tmp_path, replace(SETTINGS, epochs=0))
    assert {row["phase"] for row in history} == {"pretraining"}
    assert same(model.generator.get_weights(), seen[1])


def test_most_epochs_end_a_part_that_would_go_on(files, tmp_path, scripted):
    model = gan()
    seen = scripted(model, [50, 51, 52])
    history = trained(model, files, tmp_path, replace(SETTINGS, pretraining_epochs=0, epochs=3))
    assert [(row["phase"], row["epoch"]) for row in history] == [("gan", epoch) for epoch in range(3)]
    assert same(model.generator.get_weights(), seen[2])


def test_a_second_call_trains_nothing_and_leaves_the_same(files, tmp_path, scripted):
    first, again = gan(), gan()
    scripted(first, [50, 60, 40, 40, 70, 65, 60])
    history = trained(first, files, tmp_path)
    assert not scripted(again, [])
    assert trained(again, files, tmp_path) == history
    assert same(again.get_weights(), first.get_weights())


@pytest.mark.parametrize(("norm", "bound"), [(0.0, None), (2.5, 2.5)])
def test_settings_reach_the_optimisers_and_the_losses(files, tmp_path, scripted, norm, bound):
    model = gan()
    scripted(model, [50])
    chosen = replace(SETTINGS, pretraining_epochs=0, epochs=1, learning_rate=3e-4, gradient_norm=norm)
    chosen = replace(chosen, adversarial_weight=0.25, reconstruction_weight=0.75, saturating=True, label_smoothing=0.1)
    (row,) = trained(model, files, tmp_path, chosen)
    for optimizer in (model.optimizer, model.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.RMSprop) and optimizer.global_clipnorm == bound
    assert (row["learning_rate"], row["d_learning_rate"]) == pytest.approx((3e-4, 3e-4))
    names = ("adversarial_weight", "reconstruction_weight", "saturating", "label_smoothing")
    assert all(getattr(model, name) == getattr(chosen, name) for name in names)


def test_what_development_speech_gets_is_what_the_classifier_answers_to_cleaned_speech(files):
    model, judged = gan(), judge()
    # It begins as the identity: here it does something.
    model.generator.set_weights([weight + 0.3 for weight in model.generator.get_weights()])
    cleaned, both = cleaner(model.normalization, model.generator), [*examples(), *examples("cafe")]
    dev = batches([files / "clean", files / "attacked"], 25, batch_size=4)
    watched = CleanedDevelopment(cleaned, judged, dev, both)
    lengths = tf.fill([len(both)], 7)
    features = tf.constant(np.stack([example.features for example in both]))
    restored = cleaned({"features": features, "lengths": lengths})
    predicted = np.argmax(judged({"features": restored, "lengths": lengths})["logits"], axis=1)
    truth = [example.label for example in both]
    logs = {}
    watched.on_epoch_end(0, logs)
    recall = [100 * audmetric.unweighted_average_recall(truth[part], predicted[part].tolist()) for part in PARTS]
    assert logs == pytest.approx(
        {"val_uar": recall[0], "val_error_clean": 100 - recall[1], "val_error_adversarial": 100 - recall[2]}, rel=1e-5
    )
    errors = watched.answers().errors()
    # Weights that change change what is answered now, not what was answered last.
    judged.set_weights([-weight for weight in judged.get_weights()])
    assert watched.answers().errors() == errors != watched.measured_anew().errors()


#: All, the clean half, the attacked half.
PARTS = (slice(None), slice(0, 6), slice(6, None))


def test_development_speakers_without_a_class_are_refused(files, tmp_path):
    with pytest.raises(InputError, match="class"):
        trained(gan(), files, tmp_path, dev="one_class")
