"""What trains may hear made noise; who tests is never heard in it, and the attack stays what it was."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kerasser import audio
from kerasser.attack.budget import SNR
from kerasser.audio import AudioFile
from kerasser.corpora.base import Utterance
from kerasser.corpora.folds import Fold
from kerasser.noise import made
from kerasser.noise.bank import MADE_PREFIX, Recording
from kerasser.noise.made.environment import SHORTEST_S
from kerasser.util.errors import InputError
from pipelines import train
from pipelines.cli.main import main
from pipelines.components import adversarial_gen, evaluator, exporter, gan_trainer, made_noise_gen, noise_gen, trainer
from pipelines.components.adversarial_gen import AdversarialGenExecutor
from pipelines.components.made_noise_gen import MadeNoiseGen, MadeNoiseGenExecutor, spread
from pipelines.config import MadeSeconds, Settings
from pipelines.dag import Dag
from pipelines.engine.artifacts import Artifact
from pipelines.io import banks, keys, utterances
from pipelines.lineage import ancestors, lineage
from pipelines.models import Models
from pipelines.reproduction import reproduction
from pipelines.validation import validate
from tests.pipelines import corpus

FOLD = Fold("1", ("a", "b"), ("c",), ("d",))
HOW = {"environments": 3, "duration_s": 2.0, "seed": 0}


def bank(place, speakers=("a", "b"), how=HOW, rows=()):
    """A bank as MadeNoiseGen writes it, or as somebody forges it."""
    place.mkdir(parents=True)
    told = {
        "noise_split": "train",
        "synthetic": True,
        "made": how,
        "speakers": list(speakers),
        "recordings": list(rows),
    }
    (place / "bank.json").write_text(json.dumps(told))
    return Artifact("Noise", place, {"noise_split": "train"})


def settings(noise="made", **changes):
    plain = Settings()
    return replace(plain, defences=replace(plain.defences, noise=noise, **changes))


# --- Wiring -----------------------------------------------------------------------------------------------------------


def test_by_default_what_trains_hears_recorded_noise_and_nothing_is_made():
    dag = Dag(Settings(), ["1"], every_fold=["1", "2", "3"])
    models = Models(dag, "1", 0)
    classifier = models.classifier("a", adversarial_share=0.5)
    assert [each.inputs["noise.0"] for each in dag.training_attacks("1")] == [dag.noise.outputs["train"]] * 2
    assert classifier.inputs["noise.0"] == dag.noise.outputs["train"] and "noise.1" not in classifier.inputs
    assert dag.wired_training_noise == [dag.noise.outputs["train"]]


@pytest.mark.parametrize("noise", ["made", "both"])
def test_each_group_of_speakers_babbles_for_itself(noise):
    dag = Dag(settings(noise), ["1"], every_fold=["1", "2", "3"])
    for attack, group in zip(dag.training_attacks("1"), ("2", "3"), strict=True):
        *recorded, own = [channel for name, channel in attack.inputs.items() if name.startswith("noise.")]
        assert recorded == ([dag.noise.outputs["train"]] if noise == "both" else [])
        assert isinstance(own.component, MadeNoiseGen)
        assert own.component.parameters["fold_names"] == attack.parameters["fold_names"] == [group]
        assert own.component.parameters["part"] == attack.parameters["part"] == "tested"
    models = Models(dag, "1", 0)
    gan = models.generator(models.classifier())
    heard = [channel for name, channel in gan.inputs.items() if name.startswith("noise.")]
    assert heard == dag.training_noise("1") and len(heard) == (2 if noise == "made" else 3)


def test_of_a_single_fold_its_training_speakers_babble():
    dag = Dag(settings(), ["1"], every_fold=["1"])
    (attack,) = dag.training_attacks("1")
    made_by = attack.inputs["noise.0"].component
    assert (made_by.parameters["fold_names"], made_by.parameters["part"]) == (["1"], "training")


def test_what_tests_meets_the_recorded_test_stretch_alone():
    dag = Dag(settings("both"), ["1"], every_fold=["1", "2"])
    for pool in ("", "draws"):
        attack = dag.attack("1", pool=pool)
        assert [name for name in attack.inputs if name.startswith("noise")] == ["noise.0"]
        assert attack.inputs["noise.0"] == dag.noise.outputs["test"]


def test_another_corpus_of_a_gan_has_its_own_babble():
    companions = [{"corpus": "manifest", "corpus_dir": "elsewhere.csv", "fold": "2"}]
    plain = settings()
    other = [type("Other", (), {**each, "valence": None})() for each in companions]
    gan = replace(plain.defences.gan, corpora=other)
    dag = Dag(replace(plain, defences=replace(plain.defences, gan=gan)), ["1"], every_fold=["1", "2"])
    ((_, read, _, attack),) = dag.companions
    made_by = attack.inputs["noise.0"].component
    assert made_by.inputs["utterances"] == read.outputs["utterances"]
    assert (made_by.parameters["fold_names"], made_by.parameters["part"]) == (["2"], "training")


def test_with_made_noise_alone_no_environment_is_left_out_and_with_both_a_recorded_one_is():
    for noise, without in (("recorded", {"", "cafe", "bus"}), ("both", {"", "cafe", "bus"})):
        report = reproduction(Dag(settings(noise), ["1"], every_fold=["1", "2"]), ["cafe", "bus"])
        assert {each["without"] for each in report.parameters["attacks_of"]} == without
    # Where one environment was recorded, made noise is still there without it.
    alone = [reproduction(Dag(settings(noise), ["1"]), ["cafe"]).parameters for noise in ("recorded", "both")]
    assert [{each["without"] for each in one["attacks_of"]} for one in alone] == [{""}, {"", "cafe"}]


def test_a_report_stands_on_the_made_noise_that_trained():
    dag = Dag(settings("both"), ["1", "2"], every_fold=["1", "2"])
    noise = [channel for name, channel in reproduction(dag).inputs.items() if name.startswith("training_noise")]
    assert [channel.component.id for channel in noise] == [
        "NoiseGen",
        "made noise, speakers of fold 2",
        "made noise, speakers of fold 1",
    ]


def test_settings_that_cannot_be_are_refused_before_the_start(tmp_path):
    validate("train", settings("both"))
    with pytest.raises(InputError, match=r"defences\.conditions: expected 2 or more, as half .* Received: 1"):
        validate("train", settings("both", conditions=1))
    validate("train", settings("made", conditions=1))
    _, noise = corpus.write(tmp_path)
    (noise / "cafe").rename(noise / f"{MADE_PREFIX}cafe")
    validate("train", replace(Settings(), noise_dir=str(noise)))
    with pytest.raises(InputError, match=r"names do not begin with 'made-'.* Received: 'made-cafe'"):
        validate("train", replace(settings("both"), noise_dir=str(noise)))
    with pytest.raises(ValueError):
        MadeSeconds(SHORTEST_S - 0.1)
    MadeSeconds(SHORTEST_S)


# --- The bank ---------------------------------------------------------------------------------------------------------


class Read:
    """Utterances and folds on disk, without a run of their own."""

    def __init__(self, place, monkeypatch):
        listing, _ = corpus.write(place, speakers=4, each=2)
        self.items = []
        for path in sorted(listing.parent.glob("*.wav")):
            speaker = "abcd"[int(path.name[1])]
            file = replace(audio.probe(path), sha256=audio.sha256(path))
            about = {"emotion": "anger", "valence": "negative", "session": None, "split": None, "start_s": 0.0}
            utterance = Utterance(id=path.stem, path=path.name, speaker=speaker, end_s=None, sex=None, **about)
            self.items.append((utterance, file))
        monkeypatch.setattr(utterances, "read", lambda _: self.items)
        (place / "folds").mkdir()
        (place / "folds/folds.json").write_text(json.dumps([FOLD.to_dict()]))
        self.inputs = {"utterances": Artifact("Utterances", place), "folds": Artifact("Folds", place / "folds")}

    def made(self, place, **changes):
        parameters = {"fold_names": ["1"], "part": "training", "environments": 12, "duration_s": 2.0, "seed": 0}
        facts = MadeNoiseGenExecutor().do(self.inputs, {"train": place}, {**parameters, "quiet": True, **changes})
        return Artifact("Noise", place, facts["train"])


@pytest.fixture
def corpus_read(tmp_path, monkeypatch):
    return Read(tmp_path / "corpus", monkeypatch)


def test_the_bank_is_one_like_any_other_and_says_how_it_was_made(tmp_path, corpus_read):
    artifact = corpus_read.made(tmp_path / "bank")
    noise_split, synthetic, noise = noise_gen.load(artifact)
    assert (noise_split, synthetic, len(noise)) == ("train", True, 12)
    facts = banks.facts(artifact)
    assert facts["speakers"] == ["a", "b", "c"]
    voices = [made.Voice(u.speaker, audio.read(file)) for u, file in corpus_read.items if u.speaker != "d"]
    for row in facts["recordings"]:
        (recording,) = noise[row["environment"]]
        again = made.environment(row["kind"], row["seed"], 2.0, voices)
        np.testing.assert_allclose(recording.waveform, again.waveform, atol=2**-15)
        assert row["speakers"] == again.speakers and row["drawn"] == json.loads(json.dumps(again.facts))
    stretches = noise_gen.stretches(artifact, with_twins=True)
    assert len(stretches) == 12 and {each for (each,) in stretches.values()} == {(0, 32000)}


def test_a_part_of_a_bank_can_be_read(tmp_path, corpus_read):
    artifact = corpus_read.made(tmp_path / "bank")
    name = banks.facts(artifact)["recordings"][3]["name"]
    _, _, noise = noise_gen.load(artifact, [name])
    ((recording,),) = noise.values()
    assert recording.name == name


def test_no_noise_is_made_of_speech_that_tests(tmp_path, corpus_read):
    with pytest.raises(AssertionError, match="no speech that tests may be heard"):
        corpus_read.made(tmp_path / "bank", part="test")


def test_the_group_that_other_folds_train_with_babbles_alone(tmp_path, corpus_read):
    assert banks.facts(corpus_read.made(tmp_path / "bank", part="tested"))["speakers"] == ["d"]


def test_of_a_large_corpus_every_speaker_is_heard_and_no_more_than_is_wanted():
    items = []
    for speaker, count in (("a", 100), ("b", 100), ("c", 3)):
        for number in range(count):
            utterance = Utterance(f"{speaker}{number}", "", speaker, "anger", "negative")
            items.append((utterance, AudioFile(Path("x"), "wav", 16000, 1, 32000)))
    found = spread(items, 60.0, 0)
    counts = {who: sum(utterance.speaker == who for utterance, _ in found) for who in "abc"}
    assert counts["c"] == 3 and abs(counts["a"] - counts["b"]) <= 1 and sum(counts.values()) == 30
    assert found == sorted(found, key=items.index) and spread(items, 60.0, 0) == found != spread(items, 60.0, 1)
    assert spread(items, 1e9, 0) == items


def test_the_key_knows_the_kinds_of_noise():
    modules = MadeNoiseGenExecutor.modules({})
    assert "kerasser.noise.made.babble" in modules and made_noise_gen.__name__ in modules


# --- The leak ---------------------------------------------------------------------------------------------------------


def test_a_forged_bank_in_which_a_test_speaker_babbles_is_refused(tmp_path):
    good, forged = bank(tmp_path / "good", ("a", "c")), bank(tmp_path / "forged", ("a", "d"))
    banks.refuse_voices(FOLD.test, [good], [])
    with pytest.raises(AssertionError, match=r"test would be heard in made noise: \['d'\]"):
        banks.refuse_voices(FOLD.test, [good, forged], [])
    hidden = bank(tmp_path / "hidden", ("a",), rows=[{"speakers": ["a"]}, {"speakers": ["b", "d"]}])
    with pytest.raises(AssertionError, match=r"\['d'\]"):
        banks.refuse_voices(FOLD.test, [hidden], [])
    examples = [Artifact("Examples", tmp_path, {"noise": "train", "voices": who}) for who in (["b"], ["b", "d"])]
    banks.refuse_voices(FOLD.test, [], examples[:1])
    with pytest.raises(AssertionError, match=r"\['d'\]"):
        banks.refuse_voices(FOLD.test, [], examples)


def test_the_trainers_ask(tmp_path, monkeypatch):
    """Both, before anything is trained."""
    forged = bank(tmp_path / "forged", ("d",))
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps({"fold": {"train": ["a"], "dev": ["c"]}}))
    with pytest.raises(AssertionError, match="heard in made noise"):
        gan_trainer.refuse_leak({"model": Artifact("Model", tmp_path / "model"), "noise.0": forged}, FOLD, [])

    class Batches:
        speakers, noises = frozenset("ab"), frozenset()

        def __init__(self, *_, **__):
            pass

    monkeypatch.setattr(trainer, "TrainingBatches", Batches)
    monkeypatch.setattr(trainer, "read_fold", lambda *_: FOLD)
    monkeypatch.setattr(trainer.shards, "features", lambda _: ["x"])
    monkeypatch.setattr(trainer.shards, "files", lambda *_: [tmp_path / "some"])
    inputs = {name: Artifact("Examples", tmp_path, {"noise": "train"}) for name in ("examples.0", "adversarial.0")}
    parameters = dict.fromkeys(("fold", "without", "seed", "batch_size", "balance_classes"))
    with pytest.raises(AssertionError, match="heard in made noise"):
        trainer.TrainerExecutor().do(
            {"folds": None, **inputs, "noise.0": forged},
            {"model": tmp_path},
            {**parameters, "share": 0.5, "consistency": {}, "quiet": True},
        )


def test_other_peoples_babble_never_meets_speech(tmp_path, monkeypatch):
    noise = {"made-00-hum": [Recording("made-00-hum", "x", np.ones(10, np.float32))]}
    monkeypatch.setattr(noise_gen, "load", lambda _: ("train", True, noise))
    monkeypatch.setattr(adversarial_gen, "_chosen", lambda *_: frozenset("ab"))
    parameters = {"part": "tested", "epsilons": [], "snrs_db": [10.0], "draws": 1, "conditions": 2, "seed": 0}
    parameters["queries"] = 0
    parameters |= {"estimator": "lsa", "speech_level": "utterance", "fold_names": ["1"]}
    with pytest.raises(AssertionError, match=r"in which others speak must not meet speech: \['c'\]"):
        AdversarialGenExecutor().do(
            {"folds": None, "noise.0": bank(tmp_path / "bank", "abc")}, {"examples": tmp_path}, parameters
        )


def test_another_corpus_whose_babble_holds_a_test_recording_is_refused(tmp_path):
    def table(name, rows):
        (tmp_path / name).mkdir()
        lines = ["speaker,sha256,path", *(f"{who},{digest},{digest}.wav" for who, digest in rows)]
        (tmp_path / name / "utterances.csv").write_text("\n".join(lines))
        return Artifact("Utterances", tmp_path / name)

    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps({"fold": {"train": ["a"], "dev": ["c"]}}))
    inputs = {
        "model": Artifact("Model", tmp_path / "model"),
        "utterances": table("own", [("a", "1"), ("d", "2")]),
        "other_utterances.0": table("other", [("x", "7"), ("y", "2")]),
        "other_adversarial.0": Artifact("Examples", tmp_path, {"noise": "train", "voices": ["x"]}),
    }
    other = Fold("1", ("x",), ("y",), ("z",))
    gan_trainer.refuse_leak(inputs, FOLD, [other])
    # The development speaker of the other corpus is heard in babble alone.
    inputs["other_adversarial.0"] = Artifact("Examples", tmp_path, {"noise": "train", "voices": ["x", "y"]})
    with pytest.raises(InputError, match=r"Received: 2\.wav in both"):
        gan_trainer.refuse_leak(inputs, FOLD, [other])


# --- What is drawn ----------------------------------------------------------------------------------------------------


def plans(tmp_path, monkeypatch, conditions, banks_of=(("cafe", "bus"), ("made-00-hum", "made-01-hum", "made-02-hum"))):
    loaded = iter([("train", False, {name: [] for name in names}) for names in banks_of])
    monkeypatch.setattr(noise_gen, "load", lambda _: next(loaded))
    parameters = {"part": "tested", "epsilons": [], "snrs_db": [0.0, 10.0, 20.0], "queries": 0, "draws": 1, "seed": 0}
    parameters |= {"conditions": conditions, "estimator": "lsa", "speech_level": "utterance"}
    return adversarial_gen._plans([None] * len(banks_of), parameters)


@pytest.mark.parametrize(("conditions", "sizes"), [(6, [3, 3]), (5, [3, 2]), (2, [1, 1]), (0, [6, 9])])
def test_of_two_banks_an_utterance_meets_as_much_of_each(tmp_path, monkeypatch, conditions, sizes):
    assert [plan.size for plan in plans(tmp_path, monkeypatch, conditions)] == sizes


def test_one_bank_is_met_as_it_always_was(tmp_path, monkeypatch):
    (plan,) = plans(tmp_path, monkeypatch, 4, [("cafe", "bus")])
    assert (plan.size, plan.conditions, plan.noise_split) == (4, 4, "train")
    assert set(plan.pairs("u")) <= {(name, SNR(each)) for name in ("cafe", "bus") for each in (0.0, 10.0, 20.0)}


def test_an_environment_of_two_banks_is_refused(tmp_path, monkeypatch):
    with pytest.raises(AssertionError, match="cafe is both recorded and made"):
        plans(tmp_path, monkeypatch, 4, [("cafe",), ("cafe",)])


def test_examples_of_both_banks_come_in_turn():
    one, two = [("a", {}), ("b", {}), ("c", {})], [("x", {})]
    assert [each for each, _ in adversarial_gen._in_turn([one, two])] == ["a", "x", "b", "c"]


# --- What is known of it ----------------------------------------------------------------------------------------------


def test_the_key_of_a_training_knows_made_noise_and_not_recorded(tmp_path):
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded/bank.json").write_text(json.dumps({"recordings": []}))
    recorded = Artifact("Noise", tmp_path / "recorded")
    assert keys.of_made_noise([recorded]) == {}
    one, other = bank(tmp_path / "one"), bank(tmp_path / "other", how={**HOW, "seed": 1})
    assert keys.of_made_noise([recorded, one]) == keys.of_made_noise([one]) != keys.of_made_noise([other])


def test_noise_is_told_in_words(tmp_path):
    groups = [bank(tmp_path / who, (who,)) for who in ("b", "a")]
    how = banks.made(groups)
    assert how == {**HOW, "speakers": ["a", "b"]}
    both = banks.heard({"made-00-hum", "station", "cafe"}, how)
    assert banks.told(both) == "recorded: cafe, station; made: 3 environments of 2 s, seed 0"
    assert banks.told(banks.heard({"made-00-hum"}, how)) == "made: 3 environments of 2 s, seed 0"
    assert banks.told(banks.heard({"cafe"}, None)) == "recorded: cafe"
    assert banks.told(banks.heard((), None)) == ""
    with pytest.raises(AssertionError, match="of several seeds or sizes"):
        banks.made([*groups, bank(tmp_path / "other", how={**HOW, "seed": 1})])


def test_the_card_says_which_noise_a_defence_heard():
    how = {**HOW, "speakers": ["a"]}
    generator = {"noises": ["cafe", "made-00-hum"], "made_noise": how}
    assert exporter._training_noise([{"noises": []}]) == {}
    assert exporter._training_noise([{"noises": []}, generator]) == {"recorded": ["cafe"], "made": how}


# --- A whole command --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A classifier by adversarial training and a generator, both on made noise alone."""
    root = tmp_path_factory.mktemp("made")
    listing, noise = corpus.write(root)
    flags = [*corpus.arguments(listing, noise, root / "out"), "--quiet", "--defences.noise", "made"]
    flags += ["--defences.made.environments", "6", "--defences.made.duration_s", "2"]
    flags += ["--defences.adversarial_training.shares", "[1]", "--defence", "adversarial_training", "gan"]
    main("train", "", train.train, flags)
    return root / "out/artifacts"


def facts_of(trained, kind, name):
    found = [json.loads((place / name).read_text()) for place in (trained / kind).iterdir()]
    return [each for each in found if each["noises"]]


def test_defences_train_on_made_noise_from_the_command_line(trained):
    for kind, name in (("Model", "model.json"), ("Generator", "generator.json")):
        (facts,) = facts_of(trained, kind, name)
        assert facts["noises"] and all(each.startswith(MADE_PREFIX) for each in facts["noises"])
        assert (facts["made_noise"]["environments"], facts["made_noise"]["seed"]) == (6, 0)
        assert facts["made_noise"]["speakers"]
        assert not set(facts["made_noise"]["speakers"]) & set(facts["fold"]["test"])


def test_every_utterance_meets_noise_in_which_its_own_group_alone_speaks(trained):
    for generator in (trained / "Generator").iterdir():
        nodes = ancestors(lineage(generator))
        attacks = [node for node in nodes if node["component"]["class"] == "AdversarialGen"]
        assert len(attacks) == 2
        for node in attacks:
            examples = node["outputs"]["examples"]["uri"]
            shards = json.loads((trained / examples / "examples.json").read_text())["shards"]
            voices = banks.facts(Artifact("Noise", trained / node["inputs"]["noise.0"]["outputs"]["train"]["uri"]))
            assert set(voices["speakers"]) == {each["speaker"] for each in shards}
    # Nobody who tests was read for it either.
    (table,) = (trained / "Utterances").iterdir()
    with (table / "utterances.csv").open(newline="") as file:
        assert len({row["speaker"] for row in csv.DictReader(file)}) == 6


def test_a_forged_model_that_heard_a_test_speaker_babble_is_not_measured(trained, tmp_path):
    """As the evaluator reads it: the facts beside the weights."""
    (facts,) = facts_of(trained, "Model", "model.json")
    tested = facts["fold"]["test"][0]
    facts["made_noise"]["speakers"].append(tested)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps(facts))
    (tmp_path / "folds").mkdir()
    (tmp_path / "folds/folds.json").write_text(json.dumps([facts["fold"]]))
    inputs = {
        "model": Artifact("Model", tmp_path / "model", content_hash="0"),
        "folds": Artifact("Folds", tmp_path / "folds"),
        "adversarial": Artifact("Examples", tmp_path, {"noise": "test"}),
    }
    with pytest.raises(AssertionError, match=f"made with: .*{tested}"):
        evaluator.EvaluatorExecutor().do(
            inputs, {"evaluation": tmp_path / "evaluation"}, {"fold": facts["fold"]["name"]}
        )
