"""`kerasser.attack`: the pipeline's figures, from Python."""

from dataclasses import replace

import keras
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import kerasser
from kerasser import audio
from kerasser.evaluation.alarms import Alarm
from kerasser.serving import export
from tests.serving.small import CLASSES, networks
from tests.victims.test_adapters import recurrent

BUDGETS = [kerasser.Epsilon(0.5), kerasser.Epsilon(2), kerasser.SNR(10), kerasser.SNR(0)]
EMOTIONS = ("anger", "neutral")


@pytest.fixture(scope="module")
def result(world):
    """The same attack as the pipeline's."""
    return kerasser.attack(
        world.answer,
        kerasser.load_corpus("manifest", world.listing),
        kerasser.load_noise(world.noise, quiet=True),
        budgets=BUDGETS,
        draws=2,
        seed=5,
        classes=("negative", "positive"),
        replicates=100,
        quiet=True,
    )


def test_figures_are_those_of_the_pipeline_digit_for_digit(result, piped):
    report, _ = piped
    assert result.clean.error == report["clean"]["error"] and result.clean.n == report["clean"]["n"] == 20
    assert [result.clean.ci_low, result.clean.ci_high] == report["clean"]["interval"]
    mine = {(row.noise, row.budget): row for row in result.to_frame().itertuples()}
    assert len(mine) == len(report["figure1"]) == 3 * 4
    for row in report["figure1"]:
        found = mine[row["noise"], str(kerasser.Budget.of(row))]
        assert (found.error, found.ci_low, found.ci_high) == (row["error"], *row["interval"])
        assert found.worst_error == row["error_worst_of"]["error"]
        assert (found.attack_success_rate, found.snr_db, found.n) == (
            row["attack_success_rate"],
            row["snr_db_median"],
            row["n"],
        )
    assert [alarm.message for alarm in result.alarms] == [alarm["message"] for alarm in report["alarms"]]
    assert result.queries == report["victim"]["queries"]
    # Else the noise would not matter, and all figures be alike.
    assert len({row.error for row in mine.values()}) > 3


def test_answers_are_those_of_the_pipeline_bit_for_bit(result, piped):
    _, predictions = piped
    keys = ["id", "noise", "budget", "target", "draw"]
    mine, theirs = (each.sort_values(keys).reset_index(drop=True) for each in (result.answers, predictions))
    columns = [
        "id",
        "label",
        "predicted",
        "p_negative",
        "p_positive",
        "margin",
        "noise",
        "epsilon",
        "snr_db",
        "clipped",
    ]
    pd.testing.assert_frame_equal(mine[columns], theirs[columns], check_exact=True, check_dtype=False)


def test_the_frame_has_a_row_an_environment_and_budget_in_the_order_they_were_asked_for(result):
    frame = result.to_frame()
    assert list(frame.columns) == [
        *("noise", "budget", "error", "ci_low", "ci_high", "worst_error"),
        *("attack_success_rate", "snr_db", "n"),
    ]
    names = [(noise, str(budget)) for noise in ("cafe", "station", "any") for budget in BUDGETS]
    assert list(zip(frame["noise"], frame["budget"], strict=True)) == names
    assert (frame["worst_error"] >= frame["error"]).all()
    assert frame.loc[frame["budget"] == "10 dB", "snr_db"].between(9, 11).all()


def test_waveforms_are_made_again_bit_for_bit(world):
    heard = []

    def listening(waveforms, sample_rate_hz):
        heard.extend(np.array(each) for each in waveforms)
        return world.answer(waveforms, sample_rate_hz)

    listening.classes = EMOTIONS
    speech = kerasser.load_corpus("manifest", world.listing, limit=4)
    noise = kerasser.load_noise(world.noise, quiet=True)
    result = kerasser.attack(listening, speech, noise, budgets=BUDGETS[1:3], draws=2, seed=1, quiet=True)
    assert result.queries == len(heard) == 4 * (1 + 2 * 2 * 2 + 1)
    for number, utterance in enumerate(speech.utterances):
        clean, *attacked, again = heard[10 * number : 10 * (number + 1)]
        made = result.waveforms(number)
        assert made.id == utterance.id and len(made.attacked) == len(attacked) == len(made.answers)
        for mine, theirs in zip([made.clean, made.clean, *made.attacked], [clean, again, *attacked], strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert result.waveforms(utterance.id).id == utterance.id
        # The row beside a waveform is that waveform's.
        for waveform, row in zip(made.attacked, made.answers.itertuples(), strict=True):
            added = waveform.astype(float) - made.clean
            assert row.snr_db == pytest.approx(
                10 * np.log10(made.clean.astype(float).var() / np.mean(added**2)), abs=1e-6
            )
            assert row.recording == f"{row.noise}/a" and 0 <= row.offset < 32000
            (answer,) = world.answer([waveform], 16000)
            assert row.p_anger == answer[0]
    for wrong in (4, "nobody", 1.5):
        with pytest.raises(kerasser.InputError, match="waveforms: expected an id, or a place below 4"):
            result.waveforms(wrong)


def test_speech_and_noise_in_memory_give_what_files_give(world):
    world.answer.classes = EMOTIONS
    speech = kerasser.load_corpus("manifest", world.listing)
    noise = kerasser.load_noise(world.noise, quiet=True)
    files = kerasser.attack(world.answer, speech, noise, budgets=[kerasser.SNR(5)], draws=1, quiet=True)
    memory = kerasser.Speech.from_arrays(
        list(speech.waveforms()),
        16000,
        [EMOTIONS.index(each.emotion) for each in speech.utterances],
        [each.speaker for each in speech.utterances],
        [each.id for each in speech.utterances],
    )
    arrays = {name: [each.waveform for each in found] for name, found in noise.environments.items()}
    again = kerasser.attack(world.answer, memory, arrays, budgets=[kerasser.SNR(5)], draws=1, quiet=True)
    pd.testing.assert_frame_equal(again.to_frame(), files.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(again.answers, files.answers, check_exact=True)


def test_the_seed_draws_the_noise_and_nothing_else_does(world, tones):
    waveforms, hiss = tones
    speech = kerasser.Speech.from_arrays(waveforms, 16000, [0, 1, 0, 1], ["a", "a", "b", "b"])
    ask = {"budgets": [kerasser.SNR(0)], "classes": EMOTIONS, "quiet": True}
    first, same, other = (kerasser.attack(world.answer, speech, {"x": hiss}, seed=seed, **ask) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first.answers, same.answers, check_exact=True)
    assert not np.array_equal(first.waveforms(0).attacked[0], other.waveforms(0).attacked[0])
    small = kerasser.attack(world.answer, speech.select([2]), {"x": hiss}, batch_size=1, **ask)
    np.testing.assert_array_equal(small.waveforms(0).attacked[2], first.waveforms(2).attacked[2])


def test_a_result_is_saved_and_loaded_without_loss(result, world, tmp_path):
    place = result.save(tmp_path / "deep" / "result")
    assert sorted(file.name for file in place.iterdir()) == ["answers.csv", "result.json"]
    speech, noise = kerasser.load_corpus("manifest", world.listing), kerasser.load_noise(world.noise, quiet=True)
    loaded = kerasser.Result.load(place, speech, noise)
    pd.testing.assert_frame_equal(loaded.answers, result.answers, check_exact=True)
    pd.testing.assert_frame_equal(loaded.to_frame(), result.to_frame(), check_exact=True)
    for name in ("victim", "classes", "corpus", "protocol", "queries", "skipped", "remarks", "alarms", "clean"):
        assert getattr(loaded, name) == getattr(result, name), name
    for mine, theirs in zip(loaded.waveforms(3).attacked, result.waveforms(3).attacked, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(kerasser.InputError, match="waveforms: expected speech and noise"):
        kerasser.Result.load(place).waveforms(0)
    train = kerasser.load_noise(world.noise, "train", quiet=True)
    with pytest.raises(kerasser.InputError, match="waveforms: expected the speech and the noise of the attack"):
        kerasser.Result.load(place, speech, train).waveforms(0)
    reversed_speech = replace(speech, sources=speech.sources[::-1])
    with pytest.raises(kerasser.InputError, match="waveforms: expected the speech and the noise of the attack"):
        kerasser.Result.load(place, reversed_speech, noise).waveforms(0)
    with (place / "answers.csv").open("a") as file:
        file.write("x\n")
    with pytest.raises(kerasser.InputError, match="answers.csv: expected the answers of result.json"):
        kerasser.Result.load(place)
    (place / "result.json").write_text("{")
    with pytest.raises(kerasser.InputError, match="expected a result that was saved"):
        kerasser.Result.load(place)
    with pytest.raises(kerasser.InputError, match="expected a result that was saved"):
        kerasser.Result.load(tmp_path / "nowhere")


def test_a_plot_is_shown_by_a_notebook_and_written_without_a_display(result, tmp_path):
    before = matplotlib.get_backend()
    figure = result.plot()
    assert isinstance(figure, Figure) and len(figure.axes) == 2
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.savefig(tmp_path / "a.svg")
    assert (
        "answer on manifest" in (tmp_path / "a.svg").read_text() or figure._suptitle.get_text() == "answer on manifest"
    )
    assert matplotlib.get_backend() == before


def test_a_result_reads_as_text_and_as_html(result, world, tones):
    assert str(result).startswith("answer on manifest: error 0.0 % [0.0, 0.0] on 20 clean utterances, chance 50.0 %")
    speech = kerasser.Speech.from_arrays(tones[0], 16000, [0, 1, 0, 1], name="<b>&")
    found = kerasser.attack(world.answer, speech, {"x": tones[1]}, [kerasser.SNR(0)], classes=EMOTIONS, quiet=True)
    page = found._repr_html_()
    assert "answer on &lt;b&gt;&amp;: error" in page and "<b>&" not in page and "<table" in page
    assert "speakers are not known" in page


def test_nothing_added_is_speech_as_it_is(world, tones, tmp_path):
    speech = kerasser.Speech.from_arrays(tones[0], 16000, [0, 1, 0, 1])
    named = {"budgets": [kerasser.Epsilon(0)], "draws": 1, "classes": EMOTIONS, "quiet": True}
    found = kerasser.attack(world.answer, speech, {"x": tones[1]}, **named)
    loaded = kerasser.Result.load(found.save(tmp_path), speech, found.noise)
    for each in (found, loaded):
        made = each.waveforms(1)
        np.testing.assert_array_equal(made.attacked[0], made.clean)
        assert each.to_frame()["snr_db"].isna().all()


def test_few_speakers_make_no_interval(world):
    speech = kerasser.load_corpus("manifest", world.listing)
    few = speech.select([n for n, each in enumerate(speech.utterances) if each.speaker != "s0"])
    noise = kerasser.load_noise(world.noise, quiet=True)
    named = {"budgets": [kerasser.SNR(10)], "draws": 1, "classes": EMOTIONS, "quiet": True}
    found, whole = (kerasser.attack(world.answer, each, noise, **named) for each in (few, speech))
    assert found.to_frame()[["ci_low", "ci_high"]].isna().all(axis=None) and "[" not in str(found.clean)
    assert whole.to_frame()[["ci_low", "ci_high"]].notna().all(axis=None) and "[" in str(whole.clean)


def test_a_victim_that_changes_its_mind_rings_the_alarm(tones):
    generator = np.random.default_rng(0)

    def moody(waveforms, sample_rate_hz):
        return generator.dirichlet([1, 1], len(waveforms))

    speech = kerasser.Speech.from_arrays(tones[0], 16000, [0, 1, 0, 1], ["a", "a", "b", "b"])
    found = kerasser.attack(moody, speech, {"x": tones[1]}, [kerasser.SNR(0)], classes=EMOTIONS, quiet=True)
    assert [alarm.name for alarm in found.alarms] == ["not_repeatable"] and isinstance(found.alarms[0], Alarm)
    assert "Alarm: Two runs" in found._repr_html_()


def test_what_a_victim_knows_decides_what_is_attacked(world):
    speech = kerasser.load_corpus("demo", limit=8)
    noise = kerasser.Noise.from_arrays({"x": np.random.default_rng(0).normal(scale=0.1, size=64000)})
    found = kerasser.attack(world.answer, speech, noise, [kerasser.SNR(0)], draws=1, classes=EMOTIONS, quiet=True)
    assert found.skipped == {
        "happiness is none of the victim's classes": 2,
        "sadness is none of the victim's classes": 2,
    }
    assert found.clean.n == 4 and set(found.answers["emotion"]) == set(EMOTIONS)
    valence = kerasser.attack(world.answer, speech, noise, [kerasser.SNR(0)], draws=1, classes=CLASSES, quiet=True)
    assert valence.clean.n == 8 and valence.skipped == {}
    with pytest.raises(kerasser.InputError, match="classes: expected some that the speech has: anger, happiness"):
        kerasser.attack(world.answer, speech, noise, [kerasser.SNR(0)], classes=("a", "b"), quiet=True)


@pytest.fixture
def ask(tones):
    """An attack of one query each on whatever victim."""
    speech = kerasser.Speech.from_arrays(tones[0], 16000, [0, 1, 0, 1], ["a", "a", "b", "b"])

    def asking(victim, **more):
        named = {"budgets": [kerasser.SNR(10)], "draws": 1, "quiet": True, **more}
        return kerasser.attack(victim, speech, {"x": tones[1]}, **named)

    return asking


def test_a_keras_model_is_asked_as_the_file_of_it_is(ask, tmp_path):
    model = recurrent(with_lengths=True)
    model.save(tmp_path / "mine.keras")
    names = [f"class {number}" for number in range(model.outputs[0].shape[-1])]
    mine, file = (ask(each, classes=names) for each in (model, tmp_path / "mine.keras"))
    pd.testing.assert_frame_equal(mine.answers, file.answers, atol=1e-6)
    assert mine.victim == model.name
    with pytest.raises(kerasser.InputError, match="expected a model with inputs that are known"):
        ask(keras.Sequential([keras.layers.Dense(2)]), classes=EMOTIONS)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A defended classifier, and one without a generator."""
    model, cleaner = networks()
    place = tmp_path_factory.mktemp("ours")
    export.write(place / "defended", model, CLASSES, cleaner)
    export.write(place / "plain", model, CLASSES)
    return place


def test_a_defended_model_is_a_victim_with_and_without_its_generator(ask, ours):
    for defended, signature in ((True, "serving_default"), (False, "undefended")):
        model = kerasser.Defended.load(ours / "defended", defended=defended)
        assert model.classes == CLASSES
        path = ask(kerasser.Target(str(ours / "defended"), signature=signature))
        pd.testing.assert_frame_equal(ask(model).answers, path.answers, check_exact=True)
    pd.testing.assert_frame_equal(ask(ours / "defended").answers, ask(str(ours / "defended")).answers, check_exact=True)
    assert not ask(ours / "defended").answers.equals(path.answers)


def test_a_defended_model_answers_for_any_rate_and_shows_what_it_cleans(ours, tones):
    defended, plain = (kerasser.Defended.load(ours / "defended", defended=each) for each in (True, False))
    fast = np.repeat(tones[0][0], 3)
    answer = defended.predict([tones[0][0], fast], [16000, 48000])
    assert answer.shape == (2, 2) and np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answer, defended([tones[0][0], audio.from_array(fast, 48000)], 16000))
    frames = kerasser.features(tones[0][0])
    cleaned = defended.clean(frames)
    assert cleaned.shape == frames.shape == (26, 25) and not np.allclose(cleaned, frames)
    # C(G(x)): the undefended half on cleaned frames is the defended model.
    asked = plain._model.answer([cleaned], "serialized_undefended")[0].probabilities
    np.testing.assert_allclose(list(asked.values()), answer[0], atol=1e-6)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda ours: kerasser.Defended.load(ours / "plain", defended=False), "expected a model with a generator"),
        (
            lambda ours: kerasser.Defended.load(ours / "plain").clean(np.ones((9, 25))),
            "expected a model with a generator",
        ),
        (lambda ours: kerasser.Defended.load(ours / "defended").clean(np.ones((9, 24))), r"frames: .* \[9, 24\]"),
        (lambda ours: kerasser.Defended.load(ours / "nothing"), "expected a SavedModel"),
        (lambda ours: kerasser.Defended.load(ours / "plain").predict([[0.0]], [1, 2]), "sample_rate_hz: expected one"),
    ],
)
def test_what_no_model_can_do_is_said_in_one_line(ours, act, message):
    with pytest.raises(kerasser.InputError, match=message):
        act(ours)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": []}, "budgets: expected some of Epsilon"),
        ({"budgets": [2]}, "budgets: expected some of .* Received: 2"),
        ({"budgets": [kerasser.SNR(10), kerasser.SNR(10)]}, "budgets: .* each once. Received: 10 dB, 10 dB"),
        ({"draws": 0}, "draws: expected a whole number, at least 1. Received: 0"),
        ({"batch_size": 0.5}, "batch_size: expected a whole number"),
        ({"replicates": 0}, "replicates: expected"),
        ({"confidence": 1}, "confidence: expected a share"),
        ({"estimator": "mmse"}, "estimator: expected lsa or stsa. Received: 'mmse'"),
        ({"input": "mfcc"}, "victim.input: expected one of waveform"),
        ({"classes": None}, "classes: expected class names, in order; <lambda> has no attribute classes"),
        ({"classes": ["a", "b", "c"]}, r"<lambda>: expected probabilities \[2, 3\]"),
    ],
)
def test_what_cannot_be_attacked_is_refused_in_one_line(ask, change, message):
    with pytest.raises(kerasser.InputError, match=message):
        ask(lambda waveforms, rate: np.ones((len(waveforms), 2)) / 2, **{"classes": EMOTIONS, **change})


def test_no_victim_is_none(ask, tmp_path):
    with pytest.raises(kerasser.InputError, match="victim: expected a function with classes, .* Received: int"):
        ask(3, classes=EMOTIONS)
    with pytest.raises(kerasser.InputError, match="victim.model: expected a SavedModel"):
        ask(tmp_path / "nothing")


def test_what_a_function_raises_is_left_as_it_is(ask):
    def broken(waveforms, sample_rate_hz):
        raise KeyError("my own mistake")

    with pytest.raises(KeyError, match="my own mistake"):
        ask(broken, classes=EMOTIONS)


@pytest.mark.parametrize(("kind", "shape"), [("frames", (26, 25)), ("functionals", (88,))])
def test_a_function_may_take_features_instead(ask, kind, shape):
    seen = []

    def answer(items):
        seen.extend(np.shape(item) for item in items)
        return np.full((len(items), 2), 0.5)

    ask(answer, classes=EMOTIONS, input=kind)
    assert set(seen) == {shape}
