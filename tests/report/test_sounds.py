from kerasser.report import sounds

HEARD = {
    **{"utterance": "u_1", "speaker": "s|1", "emotion": "joy", "label": 1, "noise": "cafe", "duration_s": 1.66},
    "versions": [
        {"file": "0-0.wav", "snr_db": None, "answers": {"none": {"predicted": 1, "probability": 0.914}}},
        {
            **{"file": "0-1.wav", "snr_db": 17.24, "epsilon": 2.0},
            "answers": {
                "none": {"predicted": 0, "probability": 0.5},
                "gan": {"predicted": 1, "probability": 0.75},
            },
        },
        {"file": "0-2.wav", "snr_db": 10.0, "snr_db_target": 10.0, "answers": {}},
    ],
}


def test_each_version_stands_with_its_sound_and_the_answers():
    lines = sounds.lines({"classes": ["negative", "positive"], "sounds": [HEARD]})
    assert "### u\\_1: joy, positive" in lines and "Speaker s\\|1, 1.7 s, noise: cafe." in lines
    assert lines[-5:] == [
        "| version | sound | answer without a defence | answer, GAN |",
        "| --- | --- | --- | --- |",
        "| clean | [clean](sounds/0-0.wav) | positive (91 %), right | – |",
        "| ε = 2, 17.2 dB | [ε = 2, 17.2 dB](sounds/0-1.wav) | negative (50 %), **wrong** | positive (75 %), right |",
        "| 10 dB | [10 dB](sounds/0-2.wav) | – | – |",
    ]


def test_nothing_to_hear_is_no_section():
    assert sounds.lines({}) == [] and sounds.lines({"sounds": []}) == []
