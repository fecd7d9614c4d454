import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kerasser.corpora import CLASSES, Corpus, Fold, Utterance, fau_aibo, folds, iemocap
from kerasser.corpora.folds import PARTS, check
from kerasser.util.errors import InputError
from tests.corpora.trees import make_fau_aibo, make_iemocap

#: Utterances of each class, for every speaker.
SIZES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(any), min_size=3, max_size=16)


def corpus_of(sizes, **fields):
    """A corpus whose speaker i has sizes[i] utterances; fields are lists with a value for each speaker."""
    utterances = []
    for speaker, counts in enumerate(sizes):
        own = {name: values[speaker] for name, values in fields.items()}
        for valence, count in zip(CLASSES, counts, strict=True):
            for take in range(count):
                name = f"s{speaker}_{valence}_{take}"
                utterances.append(Utterance(name, f"{name}.wav", f"s{speaker}", "any", valence, **own))
    return Corpus("any", Path("root"), tuple(utterances))


def test_a_fold_sorts_its_speakers_and_finds_them():
    fold = Fold("1", ("c", "a"), ("b",), ("d",))
    assert fold.train == ("a", "c")
    assert [fold.part(speaker) for speaker in "abcd"] == ["train", "dev", "train", "test"]
    with pytest.raises(ValueError, match="Received: 'e'"):
        fold.part("e")


@pytest.mark.parametrize(
    "parts", [(("a",), ("b",), ("a",)), (("a",), ("a",), ("b",)), (("b",), ("a",), ("a",)), ("aa", "b", "c")]
)
def test_a_fold_refuses_to_have_a_speaker_twice(parts):
    with pytest.raises(ValueError, match="expected every speaker once. Received: 'a' twice"):
        Fold("1", *(tuple(part) for part in parts))


@pytest.mark.parametrize("part", range(3))
def test_a_fold_refuses_an_empty_part(part):
    with pytest.raises(ValueError, match=f"Received: none in {PARTS[part]}"):
        Fold("1", *(() if index == part else (str(index),) for index in range(3)))


def test_a_fold_survives_json():
    fold = Fold("Ses01", ("a", "b"), ("c",), ("d",))
    assert Fold.from_dict(json.loads(json.dumps(fold.to_dict()))) == fold


@pytest.mark.parametrize(
    "data", [{}, {"name": "1", "train": "ab", "dev": ["c"], "test": ["d"]}, {"name": "1", "train": ["a"]}]
)
def test_a_dict_of_another_form_is_refused(data):
    with pytest.raises(InputError, match="fold: expected a name and lists"):
        Fold.from_dict(data)


# No deadline: a busy machine is not a fault.
@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(3, 6), st.floats(0.05, 0.6), st.integers(0, 99), st.randoms())
def test_dealt_folds_are_complete_and_do_not_depend_on_order(sizes, count, dev_share, seed, random):
    assume(count <= len(sizes))
    # Three speakers of a class are always enough to train and develop on one each, whichever is tested.
    assume(all(sum(size[index] > 0 for size in sizes) >= 3 for index in range(2)))
    corpus = corpus_of(sizes)
    made = folds(corpus, count=count, dev_share=dev_share, seed=seed)
    speakers = {u.speaker for u in corpus.utterances}
    assert [fold.name for fold in made] == [str(number + 1) for number in range(count)]
    assert sorted(speaker for fold in made for speaker in fold.test) == sorted(speakers)
    for fold in made:
        parts = [set(getattr(fold, part)) for part in PARTS]
        assert all(parts) and set.union(*parts) == speakers and sum(map(len, parts)) == len(speakers)
        assert all(number for part in ("train", "dev") for number in check(fold, corpus)[part].values())
    shuffled = list(corpus.utterances)
    random.shuffle(shuffled)
    assert folds(Corpus("any", Path("x"), tuple(shuffled)), count=count, dev_share=dev_share, seed=seed) == made


# No deadline: a busy machine is not a fault.
@settings(deadline=None, max_examples=60)
@given(st.integers(2, 5), st.integers(0, 9), st.data())
def test_every_part_has_both_classes_where_speakers_speak_both(count, seed, data):
    sizes = data.draw(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=2 * count, max_size=14))
    corpus = corpus_of(sizes)
    try:
        made = folds(corpus, count=count, seed=seed)
    except InputError as error:
        assert count == 2 and "ask for more folds" in str(error)
        return
    assert all(number for fold in made for part in check(fold, corpus).values() for number in part.values())


def test_speakers_of_one_class_are_spread_over_all_parts():
    corpus = corpus_of([(50, 0), (3, 0), (2, 0), (1, 0), (1, 0), (0, 9), (0, 60), (0, 2), (0, 1)])
    made = folds(corpus, count=3)
    assert all(number for fold in made for part in check(fold, corpus).values() for number in part.values())


@pytest.mark.parametrize("dev_share", [0.25, 0.7])
def test_a_development_part_without_a_class_is_refused_with_its_cure(dev_share):
    # With one of the two negative speakers in test, one of train and dev goes without.
    corpus = corpus_of([(5, 0), (5, 0), (0, 5), (0, 5), (0, 5), (0, 5)])
    with pytest.raises(InputError, match=r"dev speakers of both classes in fold .; more folds \(data.folds\)"):
        folds(corpus, count=3, dev_share=dev_share)


def test_speakers_are_dealt_anew_where_the_most_balanced_deal_leaves_a_class_out():
    # Balanced in utterances, one half tests the speaker with 50 and the other all who are left.
    corpus = corpus_of([(50, 0), (3, 0), (2, 0), (1, 0), (1, 0), *[(0, 9)] * 5])
    made = folds(corpus, count=2)
    assert made == folds(corpus, count=2)
    assert all(number for fold in made for part in ("train", "dev") for number in check(fold, corpus)[part].values())


def test_a_session_without_a_class_is_never_the_dev_part():
    corpus = corpus_of([(5, 5), (5, 5), (5, 5), (0, 5)], session=["1", "2", "3", "4"])
    for seed in range(3):
        made = folds(corpus, seed=seed)
        assert all(fold.dev != ("s3",) for fold in made) and len(made) == 4


def test_sessions_that_leave_no_dev_part_of_both_classes_are_refused():
    corpus = corpus_of([(5, 0), (5, 0), (0, 5), (0, 5)], session=["1", "2", "3", "4"])
    with pytest.raises(InputError, match="speakers of both classes in fold 1; without sessions"):
        folds(corpus)


def test_a_given_dev_part_of_one_class_is_refused():
    corpus = corpus_of([(0, 1), (1, 1), (1, 1), (1, 1)], split=["dev", "train", "test", "train"])
    with pytest.raises(InputError, match="dev speakers of both classes in fold given; without a dev split"):
        folds(corpus)


def test_a_class_that_one_speaker_speaks_cannot_be_tested():
    with pytest.raises(
        InputError, match="root: expected train speakers of both classes in fold .* Received: no negative"
    ):
        folds(corpus_of([(5, 5), (0, 5), (0, 5), (0, 5)]), count=3)


def test_even_speakers_are_parted_evenly():
    corpus = corpus_of([(8, 8)] * 20)
    for fold in folds(corpus):
        assert check(fold, corpus) == {
            "train": {"negative": 96, "positive": 96},
            "dev": {"negative": 32, "positive": 32},
            "test": {"negative": 32, "positive": 32},
        }


def test_the_seed_chooses_among_equals():
    corpus = corpus_of([(8, 8)] * 20)
    tested, others = ([fold.test for fold in folds(corpus, seed=seed)] for seed in (0, 1))
    assert tested != others


@pytest.mark.parametrize(("speakers", "count"), [(2, 2), (1, 1), (4, 5), (4, 1), (4, 0)])
def test_too_few_speakers_are_refused(speakers, count):
    with pytest.raises(InputError, match=f"--data.folds.*Received: {speakers} speakers, {count} folds"):
        folds(corpus_of([(1, 1)] * speakers), count=count)


def test_two_folds_of_three_speakers_are_refused():
    with pytest.raises(InputError, match="expected two speakers or more beside .*Received: 1 of 3"):
        folds(corpus_of([(1, 1)] * 3), count=2)


@pytest.mark.parametrize("dev_share", [0.0, 1.0, -0.1, float("nan")])
def test_a_dev_share_of_nothing_or_all_is_refused(dev_share):
    with pytest.raises(InputError, match="dev_share: expected a number between 0 and 1"):
        folds(corpus_of([(1, 1)] * 6), dev_share=dev_share)


@pytest.mark.parametrize("seed", range(6))
def test_iemocap_leaves_one_session_out(tmp_path, seed):
    corpus = iemocap.read(make_iemocap(tmp_path))
    made = folds(corpus, seed=seed)
    assert [fold.name for fold in made] == ["Ses01", "Ses02", "Ses03", "Ses04", "Ses05"]
    assert all(fold.test == (f"{fold.name}F", f"{fold.name}M") for fold in made)
    assert len({fold.dev for fold in made}) == 5
    for fold in made:
        sessions = [{speaker[:5] for speaker in getattr(fold, part)} for part in PARTS]
        assert [len(part) for part in sessions] == [3, 1, 1] and len(set.union(*sessions)) == 5


def test_two_sessions_are_too_few(tmp_path):
    with pytest.raises(InputError, match=r"expected three sessions or more .*Received: \['Ses01', 'Ses02'\]"):
        folds(iemocap.read(make_iemocap(tmp_path, sessions=[1, 2])))


def test_fau_aibo_trains_on_ohm_and_tests_on_mont(tmp_path):
    corpus = fau_aibo.read(make_fau_aibo(tmp_path, speakers=4))
    (fold,) = folds(corpus)
    assert fold.name == "given"
    assert fold.test == ("Mont_01", "Mont_02", "Mont_03", "Mont_04")
    assert len(fold.train) == 3 and len(fold.dev) == 1
    assert {speaker[:3] for speaker in fold.train + fold.dev} == {"Ohm"}


def test_a_given_dev_part_is_kept():
    corpus = corpus_of([(1, 1)] * 4, split=["dev", "train", "test", "train"])
    assert folds(corpus) == (Fold("given", ("s1", "s3"), ("s0",), ("s2",)),)


def test_splits_without_a_test_part_are_dealt_anew():
    assert len(folds(corpus_of([(1, 1)] * 4, split=["dev", "train", "train", "train"]), count=4)) == 4


@pytest.mark.parametrize("split", [["train", "test", "test"], ["dev", "dev", "test"]])
def test_a_given_split_needs_train_and_dev_speakers(split):
    with pytest.raises(InputError, match="expected two speakers or more beside the test speakers"):
        folds(corpus_of([(1, 1)] * 3, split=split))


@pytest.mark.parametrize(("field", "values"), [("split", ["train", "test", None]), ("session", ["1", "2", None])])
def test_a_speaker_without_split_or_session_is_refused(field, values):
    with pytest.raises(InputError, match=f"expected a {field} for every speaker. Received: none for 's2'"):
        folds(corpus_of([(1, 1)] * 3, **{field: values}))


@pytest.mark.parametrize("field", ["split", "session"])
def test_a_speaker_in_two_splits_or_sessions_is_refused(field):
    values = ("train", "test")
    pair = tuple(Utterance(v, v, "ann", "anger", "negative", **{field: v}) for v in values)
    with pytest.raises(InputError, match=f"expected speaker 'ann' in one {field}. Received: train and test"):
        folds(Corpus("any", Path("root"), pair))


def test_check_counts_utterances_by_part_and_class():
    corpus = corpus_of([(1, 2), (3, 4), (5, 6)])
    assert check(Fold("1", ("s0",), ("s1",), ("s2",)), corpus) == {
        "train": {"negative": 1, "positive": 2},
        "dev": {"negative": 3, "positive": 4},
        "test": {"negative": 5, "positive": 6},
    }


def test_check_finds_a_speaker_without_a_part():
    with pytest.raises(ValueError, match="expected speaker 's3' in one part. Received: none"):
        check(Fold("1", ("s0",), ("s1",), ("s2",)), corpus_of([(1, 1)] * 4))


def test_check_finds_a_speaker_in_two_parts():
    fold = Fold("1", ("s0",), ("s1",), ("s2",))
    object.__setattr__(fold, "dev", ("s1", "s0"))
    with pytest.raises(ValueError, match=r"expected speaker 's0' in one part. Received: \['train', 'dev'\]"):
        check(fold, corpus_of([(1, 1)] * 3))


def test_check_finds_a_session_in_two_parts():
    with pytest.raises(ValueError, match="expected session 'A' in one part. Received: train and test"):
        check(Fold("1", ("s0",), ("s1",), ("s2",)), corpus_of([(1, 1)] * 3, session=["A", "B", "A"]))
