import json

import pytest

from kerasser.corpora.folds import Fold
from kerasser.util.errors import InputError
from pipelines.io.own_models import CARD, origin

FOLD = Fold("2", ("ann", "bob"), ("cem",), ("dan",))
ALL = frozenset({"ann", "bob", "cem", "dan"})


def published(place, **facts):
    """A SavedModel with a card."""
    (place / CARD).parent.mkdir(parents=True)
    card = {"corpus": "emodb", "fold": "2", "trained_speakers": ["ann", "bob", "cem"]} | facts
    (place / CARD).write_text(json.dumps({name: value for name, value in card.items() if value is not None}))
    return place


def test_a_published_model_says_corpus_speakers_and_defence(tmp_path):
    found = origin(published(tmp_path / "1"), "serving_default")
    assert (found.corpus, found.fold, found.trained, found.defence) == ("emodb", "2", {"ann", "bob", "cem"}, "gan")
    assert origin(tmp_path / "1", "undefended").defence is None


@pytest.mark.parametrize(("file", "defence"), [("model.json", None), ("generator.json", "gan")])
@pytest.mark.parametrize("name", ["saved_model", "model.keras"])
def test_a_model_in_an_artifact_of_ours_is_known_by_the_facts_beside_it(tmp_path, file, defence, name):
    (tmp_path / file).write_text(json.dumps({"fold": FOLD.to_dict()}))
    found = origin(tmp_path / name, "serving_default")
    assert (found.corpus, found.fold, found.everyone, found.defence) == (None, "2", ALL, defence)


def test_a_stranger_is_not_ours(tmp_path):
    assert origin(tmp_path / "mine.keras", "serving_default") is None
    (tmp_path / "model.json").write_text("{}")
    assert origin(tmp_path / "mine.keras", "serving_default") is None
    assert origin(published(tmp_path / "1", corpus=None), "serving_default") is None


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_card_is_refused(tmp_path, text):
    (published(tmp_path) / CARD).write_text(text)
    with pytest.raises(InputError, match="model_card.json: expected"):
        origin(tmp_path, "serving_default")


@pytest.mark.parametrize("attacked", [ALL, {"dan", "cem"}])
def test_speakers_that_it_was_made_with_are_refused(tmp_path, attacked):
    found = origin(published(tmp_path), "serving_default")
    with pytest.raises(InputError, match=r"by --fold 2, .*Received: . that it knows, such as '[ac]"):
        found.refuse_trained("emodb", ALL, frozenset(attacked))
    found.refuse_trained("emodb", ALL, frozenset({"dan"}))
    found.refuse_trained("ravdess", ALL, frozenset(attacked))


def test_without_a_corpus_name_the_speakers_tell_the_corpus(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"fold": FOLD.to_dict()}))
    found = origin(tmp_path / "saved_model", "serving_default")
    with pytest.raises(InputError, match="Received: 3 that it knows"):
        found.refuse_trained("anything", ALL, ALL)
    found.refuse_trained("anything", ALL | {"eve"}, ALL)


def test_a_card_that_names_no_speakers_allows_none_of_its_corpus(tmp_path):
    found = origin(published(tmp_path, trained_speakers=None), "serving_default")
    with pytest.raises(InputError, match="by --fold 2"):
        found.refuse_trained("emodb", ALL, frozenset({"dan"}))
