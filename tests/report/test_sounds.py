from kerasser.report.blocks import SoundLink, Table, Text
from kerasser.report.sections import listening
from tests.report.samples import EXAMPLE, evaluation


def test_each_version_stands_with_its_sound_and_the_answers():
    _, title, about, table = listening.blocks(evaluation(sounds=[EXAMPLE]))
    assert (title, about) == (Text("### u\\_1: joy, positive"), Text("Speaker s\\|1, 1.7 s, noise: cafe."))
    assert table == Table(
        ["version", "sound", "answer without a defence", "answer, GAN"],
        [
            ["clean", SoundLink("sounds/0-0.wav", "clean"), "positive (91 %), right", "–"],
            [
                *("ε = 2, 17.2 dB", SoundLink("sounds/0-1.wav", "ε = 2, 17.2 dB")),
                *("negative (50 %), **wrong**", "positive (75 %), right"),
            ],
            ["10 dB", SoundLink("sounds/0-2.wav", "10 dB"), "–", "–"],
        ],
    )


def test_nothing_to_hear_is_no_section():
    assert listening.blocks(evaluation(sounds=[])) == []
