import pytest

from kerasser.corpora import labels


@pytest.mark.parametrize("name", [*labels.STANDARD, *sorted({*labels.STANDARD.values()})])
def test_a_name_stands_for_itself_in_any_case(name):
    for written in (name, name.upper(), name.capitalize(), f"  {name} "):
        assert labels.standard(written) == labels.STANDARD.get(name, name)


def test_a_standard_name_is_nobodys_synonym():
    assert not set(labels.STANDARD) & set(labels.STANDARD.values())


@pytest.mark.parametrize(
    ("label", "names", "known"),
    [
        ("anger", ("Anger", "anger"), "anger"),
        ("ANGER", ("anger", "fear"), "anger"),
        ("Angry", ("anger",), "anger"),
        ("anger", ("Angry",), "Angry"),
        ("a\u0308rger", ("ärger",), "ärger"),
        ("Ärger", ("anger",), "anger"),
        ("2.0", ("1", "2"), "2"),
        ("2", ("2.00",), "2.00"),
        ("2.5", ("2",), None),
        ("ANGER", ("Anger", "anger"), None),
        ("awe", ("anger",), None),
        ("", ("anger",), None),
    ],
)
def test_a_label_is_found_as_somebody_else_has_written_it(label, names, known):
    assert labels.known_as(label, names) == known


def test_case_goes_before_synonyms():
    assert labels.known_as("ANGRY", ("anger", "angry")) == "angry"


def test_the_nearest_name_is_that_of_a_slip():
    assert labels.nearest("happines", ("anger", "happiness")) == "happiness"
    assert labels.nearest("Angri", ("Anger", "fear")) == "Anger"
    assert labels.nearest("awe", ("anger", "fear")) is None


def test_a_victim_of_two_classes_may_write_them_as_it_likes():
    assert labels.valences(("Negative", "POS"))
    assert not labels.valences(("negative", "neutral"))
