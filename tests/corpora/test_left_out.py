from kerasser.corpora import left_out
from kerasser.corpora.base import VALENCE


def test_each_kind_of_reason_has_a_sentence_with_counts_names_and_the_setting():
    skipped = {
        "no valence for happines": 3,
        "no valence for awe": 1,
        left_out.MISSING: 10,
        f"{left_out.UNUSABLE}: silence": 1,
        f"{left_out.UNUSABLE}: NaN": 1,
        "unknown label Q": 1,
    }
    examples = {left_out.MISSING: "a.wav (there is b.wav)"}
    first, second, third, last = left_out.sentences(skipped, 23, examples=examples, names=VALENCE)
    assert first.startswith("10 of 40 utterances left out: audio file missing, such as a.wav (there is b.wav); ")
    assert second.startswith("4 of 40 utterances left out: no valence for happines (3, perhaps happiness), awe (1); ")
    assert second.endswith("; data.valence gives an emotion its class") and "known are happiness, " in second
    assert third.startswith("2 of 40 utterances left out: audio cannot be used: NaN (1), silence (1); data.skip_")
    assert last == "1 of 40 utterances left out: unknown label Q"


def test_what_a_victim_does_not_know_names_its_classes():
    (told,) = left_out.sentences({"joy is none of the victim's classes": 4}, 6, names=("joyful", "sad"))
    assert told == (
        "4 of 10 utterances left out: the victim has no class for joy (4, perhaps joyful); it knows joyful, sad; "
        "victim.classes names them in the order of its answers"
    )


def test_many_labels_are_cut_and_still_counted():
    skipped = {f"no valence for e{number:02d}": 20 - number for number in range(20)}
    (told,) = left_out.sentences(skipped, 0)
    listed = told.partition("no valence for ")[2].partition(";")[0]
    assert listed.startswith("e00 (20), e01 (19)") and listed.endswith(f"13 others ({sum(range(1, 14))})")


def test_nothing_left_out_is_nothing_said():
    assert left_out.sentences({}, 5) == [] and left_out.read_as({}) == []


def test_labels_read_under_other_names_are_counted():
    assert left_out.read_as({"Angry as anger": 2, "SAD as sadness": 3}) == [
        "labels read under known names: SAD as sadness (3), Angry as anger (2)"
    ]
