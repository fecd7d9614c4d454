from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.defences.gan import Settings
from kerasser.models import gan
from kerasser.models.gan import Reconstruction, SpeechGAN, build_discriminator, build_generator, cleaner
from kerasser.models.layers import FrameNormalization

FORMS = [
    {"form": "frame", "frames_per_step": 1},
    {"form": "frame", "frames_per_step": 4},
    {"form": "segment", "frames_per_step": 1, "segment_steps": 7},
    {"form": "segment", "frames_per_step": 3, "segment_steps": 2},
]


def normalization():
    layer = FrameNormalization(5.0, name="normalization")
    layer.build((None, None, 25), (None,))
    layer.adapt(np.full(25, 3.0), np.full(25, 4.0))
    return layer


def test_what_is_built_without_a_word_is_what_the_settings_say():
    chosen = Settings()
    for build, units in ((build_generator, chosen.units), (build_discriminator, chosen.discriminator_units)):
        built = {name: each.default for name, each in signature(build).parameters.items()}
        wanted = {"units": units, "bottleneck": chosen.bottleneck, "segment_steps": chosen.segment_steps}
        assert wanted | {"form": chosen.form} == {name: built[name] for name in (*wanted, "form")}


def networks(form, units=8):
    keras.utils.set_random_seed(1)
    generator = build_generator(units=units, bottleneck=5, **form)
    # It begins as the identity: a test of padding needs one that does something.
    generator.set_weights(
        [weight + 0.1 * np.random.default_rng(0).normal(size=weight.shape) for weight in generator.get_weights()]
    )
    return generator, build_discriminator(units=units, bottleneck=5, **form)


def compiled(form=FORMS[1], **options):
    model = SpeechGAN(normalization(), *networks(form), form["frames_per_step"])
    model.compile(keras.optimizers.RMSprop(1e-3), keras.optimizers.RMSprop(1e-3), **options)
    return model


def group(batches=3, batch=4, frames=23, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, frames + 1, (batches, batch)).astype(np.int32)
    lengths[:, 0] = frames
    valid = (np.arange(frames) < lengths[..., None])[..., None]
    clean = generator.normal(3, 2, (batches, batch, frames, 25)) * valid
    return {
        "features": tf.constant((clean + generator.normal(1, 1, clean.shape)) * valid, tf.float32),
        "clean": tf.constant(clean, tf.float32),
        "lengths": tf.constant(lengths),
    }


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def moved(before, after):
    return [bool(np.any(one != other)) for one, other in zip(before, after, strict=True)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_shapes(form):
    generator, discriminator = networks(form)
    data = group(1)
    inputs = {"features": data["features"][0], "lengths": data["lengths"][0]}
    assert generator(inputs).shape == (4, 23, 25)
    judged = discriminator(inputs)
    steps = -(-23 // form["frames_per_step"])
    assert judged["logits"].shape == (4, steps)
    np.testing.assert_array_equal(judged["steps"], -(-data["lengths"][0] // form["frames_per_step"]))


@pytest.mark.parametrize("frames_per_step", [1, 4])
def test_the_generator_begins_as_the_identity_on_raw_features(frames_per_step):
    model = cleaner(normalization(), build_generator(units=8, bottleneck=5, frames_per_step=frames_per_step))
    data = group(1)
    restored = model({"features": data["features"][0], "lengths": data["lengths"][0]})
    # Beyond five deviations the bound takes hold.
    np.testing.assert_allclose(restored, np.clip(data["features"][0], -7, 13), atol=1e-5)


@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(deadline=None, max_examples=8)
@given(padding=st.sampled_from([0.0, 1e30, float("nan"), float("inf")]), extra=st.integers(0, 9))
def test_no_padding_changes_a_cleaned_frame(form, padding, extra):
    model = cleaner(normalization(), networks(form)[0])
    data = group(1)
    features, lengths = data["features"][0].numpy(), data["lengths"][0].numpy()
    plain = model({"features": features, "lengths": lengths}).numpy()
    padded = np.concatenate([features, np.zeros((4, extra, 25), np.float32)], axis=1)
    for row, length in zip(padded, lengths, strict=True):
        row[length:] = padding
    again = model({"features": padded, "lengths": lengths}).numpy()
    np.testing.assert_allclose(again[:, :23], plain, atol=1e-5)
    assert not again[:, 23:].any()
    assert all(not row[length:].any() for row, length in zip(again, lengths, strict=True))


def test_losses_are_those_of_numpy():
    generator = np.random.default_rng(0)
    real, fake = generator.normal(0, 3, (2, 4, 6))
    steps = np.array([6, 1, 3, 2])
    valid = np.arange(6) < steps[:, None]
    d = {name: 1 / (1 + np.exp(-logits)) for name, logits in (("real", real), ("fake", fake))}
    arguments = [tf.constant(each, tf.float32) for each in (real, fake)]
    on_real, on_fake = gan.discriminator_loss(*arguments, steps)
    assert float(on_real) == pytest.approx(-np.log(d["real"])[valid].mean(), rel=1e-5)
    assert float(on_fake) == pytest.approx(-np.log(1 - d["fake"])[valid].mean(), rel=1e-5)
    smooth, same = gan.discriminator_loss(*arguments, steps, smoothing=0.1)
    expected = -(0.9 * np.log(d["real"]) + 0.1 * np.log(1 - d["real"]))
    assert float(smooth) == pytest.approx(expected[valid].mean(), rel=1e-5)
    # One-sided: what D says of cleaned speech is not smoothed.
    assert float(same) == float(on_fake)
    assert float(gan.generator_loss(arguments[1], steps)) == pytest.approx(
        np.log(1 - d["fake"])[valid].mean(), rel=1e-5
    )
    assert float(gan.generator_loss(arguments[1], steps, saturating=False)) == pytest.approx(
        -np.log(d["fake"])[valid].mean(), rel=1e-5
    )


def test_the_reconstruction_loss_averages_frames_into_steps_first():
    cleaned = np.zeros((2, 5, 1), np.float32)
    clean = np.array([[1, 3, -2, 4, 6], [2, -2, 9, 0, 0]], np.float32)[:, :, None]
    lengths = np.array([5, 3], np.int32)
    clean[1, 3:] = 0
    assert float(gan.reconstruction_loss(cleaned, clean, lengths)) == pytest.approx((1 + 3 + 2 + 4 + 6 + 2 + 2 + 9) / 8)
    # Steps of two: 2, 1, 6 and 0, 9.
    assert float(gan.reconstruction_loss(cleaned, clean, lengths, 2)) == pytest.approx((2 + 1 + 6 + 0 + 9) / 5)


@pytest.fixture
def passed(monkeypatch):
    """Notes what the networks of a GAN are given, in order."""

    def watch(model):
        seen = []
        for name in ("generator", "discriminator"):
            network = getattr(model, name)

            def call(inputs, *rest, call=network.call, name=name, **options):
                seen.append((name, inputs))
                return call(inputs, *rest, **options)

            monkeypatch.setattr(network, "call", call)
        return seen

    return watch


def test_two_discriminator_updates_for_each_of_the_generator_on_fresh_batches(passed):
    model, data = compiled(), group()
    seen = passed(model)
    for _ in range(4):
        model.train_step(data)
    assert int(model.discriminator_optimizer.iterations) == 8
    assert int(model.optimizer.iterations) == 4
    judged = [inputs for name, inputs in seen if name == "discriminator"]
    for number, inputs in enumerate(judged[:2]):
        real = model.normalization(data["clean"][number], data["lengths"][number])
        np.testing.assert_array_equal(inputs["features"][:4], real)
        np.testing.assert_array_equal(inputs["lengths"], np.tile(data["lengths"][number], 2))
    np.testing.assert_array_equal(judged[2]["lengths"], data["lengths"][2])


def test_a_step_passes_the_generator_twice_and_the_discriminator_three_times(passed):
    # What a step costs: the generator cleans for all discriminator updates at once, real and cleaned speech are judged
    # together, and the generator's own update is one more pass of each.
    model = compiled()
    seen = passed(model)
    model.train_step(group(3, batch=4))
    passes = [(name, len(inputs["lengths"])) for name, inputs in seen]
    assert passes == [("generator", 8), *[("discriminator", 8)] * 2, ("generator", 4), ("discriminator", 4)]


@pytest.mark.parametrize("still", ["generator", "discriminator"])
def test_each_network_is_frozen_while_the_other_is_updated(still):
    model = compiled()
    optimizer = model.optimizer if still == "generator" else model.discriminator_optimizer
    # What its own updates then do not move, the other's must not.
    optimizer.learning_rate = 0.0
    parts = {name: getattr(model, name).weights for name in ("generator", "discriminator", "normalization")}
    before = {name: values(part) for name, part in parts.items()}
    model.train_step(group())
    after = {name: moved(before[name], values(part)) for name, part in parts.items()}
    assert not any(after[still]) and not any(after["normalization"])
    other = after["discriminator" if still == "generator" else "generator"]
    assert any(other) if still == "generator" else all(other)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_padding_influences_no_gradient(form):
    def step(padding):
        model, data = compiled(form), group()
        valid = tf.sequence_mask(data["lengths"], 23)[..., None]
        for name in ("features", "clean"):
            data[name] = tf.where(valid, data[name], padding)
        figures = model.train_step(data)
        return values(model.generator.weights + model.discriminator.weights), {k: float(v) for k, v in figures.items()}

    (plain, figures), (padded, again) = step(0.0), step(1e6)
    for one, other in zip(plain, padded, strict=True):
        np.testing.assert_array_equal(one, other)
    assert figures == again


def test_pure_reconstruction_asks_the_discriminator_nothing():
    one, other = compiled(adversarial_weight=0.0), compiled(adversarial_weight=0.0)
    other.discriminator.set_weights([10 * weight for weight in other.discriminator.get_weights()])
    for model in (one, other):
        model.train_step(group())
    for mine, its in zip(one.generator.get_weights(), other.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_discriminator_learns_to_tell_and_says_how_often_it_is_right():
    model, data = compiled(adversarial_weight=0.0, reconstruction_weight=0.0), group(batch=16)
    step = tf.function(model.train_step)
    first = {name: float(value) for name, value in step(data).items()}
    for _ in range(150):
        step(data)
    model.reset_metrics()
    last = {name: float(value) for name, value in step(data).items()}
    assert last["d_accuracy"] > 0.9 > first["d_accuracy"]
    assert last["d_real"] + last["d_fake"] < first["d_real"] + first["d_fake"]


def test_pretraining_lowers_the_reconstruction_error_below_that_of_the_identity():
    data = group(3, batch=16)
    keras.utils.set_random_seed(0)
    model = Reconstruction(normalization(), build_generator(units=16, bottleneck=8, frames_per_step=4), 4)
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, jit_compile=False)
    step = tf.function(model.train_step)
    identity = float(step(data)["g_reconstruction"])
    for _ in range(60):
        step(data)
    unseen = group(3, batch=16, seed=1)
    model.reset_metrics()
    assert float(step(unseen)["g_reconstruction"]) < 0.7 * identity


def test_it_is_saved_whole_and_goes_on_as_if_it_had_never_stopped(tmp_path):
    options = {"label_smoothing": 0.1, "saturating": False, "reconstruction_weight": 2.0}
    model, data = compiled(**options), group()
    for _ in range(3):
        model.train_step(data)
    model.save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert int(again.discriminator_optimizer.iterations) == 6
    for each in (model, again):
        each.train_step(data)
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("optimizer", "discriminator_optimizer"):
        for one, other in zip(getattr(model, name).variables, getattr(again, name).variables, strict=True):
            np.testing.assert_array_equal(one, other)
    assert all(getattr(again, name) == value for name, value in options.items())


def test_spectral_normalisation_bounds_the_dense_layers():
    discriminator = build_discriminator(units=8, bottleneck=5, spectral_normalization=True)
    data = group(1)
    inputs = {"features": data["features"][0], "lengths": data["lengths"][0]}
    layer = discriminator.get_layer("bottleneck_bounded").layer
    layer.kernel.assign(layer.kernel * 50)
    for _ in range(30):
        discriminator(inputs, training=True)
    assert np.linalg.norm(layer.kernel, 2) == pytest.approx(1.0, abs=0.01)


def test_frames_are_steps_unless_they_are_grouped():
    assert SpeechGAN(normalization(), *networks(FORMS[0])).frames_per_step == 1
    assert Reconstruction(normalization(), networks(FORMS[0])[0]).frames_per_step == 1


@pytest.mark.parametrize("frames_per_step", [1, 2, 3])
def test_a_discriminator_judges_as_many_steps_as_groups_of_frames(frames_per_step):
    discriminator = build_discriminator(units=4, bottleneck=3, form="frame", frames_per_step=frames_per_step)
    judged = discriminator({"features": tf.zeros([2, 12, 25]), "lengths": tf.constant([12, 7])})
    assert judged["logits"].shape == (2, 12 // frames_per_step)
    assert judged["steps"].numpy().tolist() == [12 // frames_per_step, -(-7 // frames_per_step)]
