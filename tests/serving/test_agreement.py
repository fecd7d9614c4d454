import pytest
import soundfile

from kerasser.features.opensmile import Egemaps
from kerasser.serving.agreement import agreement
from kerasser.serving.client import AUDIO, AUDIO_UNDEFENDED, DEFENDED, UNDEFENDED, Answer, LocalModel, Model
from tests.serving.small import voice


class Told(Model):
    """Says of each utterance what it was told to: of frames the first list, of sound the second."""

    def __init__(self, on_frames, on_sound):
        self._told = {"serialized": iter(on_frames), "audio": iter(on_sound)}

    def offered(self):
        return frozenset(self._told)

    def _ask(self, name, strings, signature):
        found = [next(self._told[name]) for _ in strings]
        return [Answer("a" if each > 0.5 else "b", {"a": each, "b": 1 - each}) for each in found]


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / f"{number}.wav" for number in range(5)]
    for number, path in enumerate(found):
        soundfile.write(path, voice(0.3 + number / 10, number), 16000, subtype="PCM_16")
    return found


@pytest.mark.parametrize("batch_size", [1, 2, 5, 99])
def test_the_different_are_named_with_their_margins(paths, batch_size):
    model = Told([0.9, 0.1, 0.51, 0.6, 0.0], [0.8, 0.1, 0.49, 0.6, 1.0])
    found = agreement(paths, model, Egemaps(), batch_size=batch_size)
    assert (found.utterances, found.share) == (5, pytest.approx(60.0))
    assert [each.path for each in found.different] == [paths[2], paths[4]]
    assert found.different[0].margins == pytest.approx((0.02, 0.02))
    assert found.different[1].margins == pytest.approx((1.0, 1.0))
    assert [found.different[0].on_frames.label, found.different[0].on_sound.label] == ["a", "b"]
    assert found.largest == pytest.approx(1.0)


def test_a_model_agrees_with_itself_where_nothing_differs(paths):
    found = agreement(paths, Told([0.5] * 5, [0.5] * 5), Egemaps())
    assert (found.different, found.share, found.largest) == ((), 100.0, 0.0)


@pytest.mark.real_audio
def test_real_speech_is_answered_from_its_sound_as_from_its_frames(listening_model, real_data):
    """Where a small network of drawn weights is as near to a decision as one that has learnt."""
    model, paths = LocalModel(listening_model), sorted((real_data / "EMO-DB/wav").glob("*.wav"))[::10]
    assert len(paths) > 30
    for on_frames, on_sound in ((DEFENDED, AUDIO), (UNDEFENDED, AUDIO_UNDEFENDED)):
        found = agreement(paths, model, Egemaps(), on_frames, on_sound)
        assert found.share >= 95.0
        # Equal labels of a model that knows one alone would prove nothing.
        assert found.largest > 0.0
