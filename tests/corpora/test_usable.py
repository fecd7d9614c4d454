"""Whatever makes audio unusable is refused with the setting that leaves it out, or left out and counted."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

import kerasser
from kerasser.corpora import usable
from kerasser.corpora.base import Corpus, Utterance
from kerasser.headers import Limits
from kerasser.util.errors import InputError
from tests.sounds import RATE, riff, tone

GOOD = tone()
SPOILT = {
    "no such file": lambda path: path.unlink(),
    "no audio": lambda path: path.write_text("hello"),
    "too short": lambda path: soundfile.write(path, GOOD[:800], RATE),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:3000]),
    "no length in its header": lambda path: path.write_bytes(riff(GOOD, data_size=0)),
    "odd rate": lambda path: soundfile.write(path, GOOD, 8),
    "silence": lambda path: soundfile.write(path, 0 * GOOD, RATE),
    "NaN or infinity": lambda path: soundfile.write(path, np.append(GOOD, np.nan), RATE, subtype="FLOAT"),
    "floats on the scale of integers": lambda path: soundfile.write(path, GOOD * 32768, RATE, subtype="FLOAT"),
}
HEADERS = list(SPOILT)[:6]


@pytest.fixture
def corpus(tmp_path):
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", GOOD, RATE)
    utterances = tuple(Utterance(name, f"{name}.wav", name, "anger", "negative") for name in "abc")
    return Corpus("manifest", tmp_path, utterances, {"no valence for surprise": 2})


@pytest.mark.parametrize("reason", SPOILT)
def test_what_cannot_be_used_is_left_out_and_counted_by_reason(corpus, reason):
    SPOILT[reason](corpus.root / "b.wav")
    kept, files = usable.probed(corpus, skip=True, quiet=True)
    assert (len(files) == 2) == (reason in HEADERS)
    kept, files = usable.heard(kept, files, quiet=True)
    assert [each.id for each in kept.utterances] == ["a", "c"]
    assert [file.path.stem for file in files] == ["a", "c"]
    assert kept.skipped == {"no valence for surprise": 2, f"audio cannot be used: {reason}": 1}


@pytest.mark.parametrize("reason", HEADERS)
def test_without_it_one_line_names_the_file_and_the_setting(corpus, reason):
    SPOILT[reason](corpus.root / "b.wav")
    with pytest.raises(InputError, match=r"b\.wav: expected .*; data\.skip_unusable leaves such files out"):
        usable.probed(corpus, quiet=True)


def test_nothing_left_is_an_error(corpus):
    for name in "abc":
        (corpus.root / f"{name}.wav").unlink()
    with pytest.raises(InputError, match=r"no usable utterance .*audio cannot be used: no such file': 3"):
        usable.probed(corpus, skip=True, quiet=True)


def test_limits_are_reasons_too(corpus):
    soundfile.write(corpus.root / "b.wav", np.tile(GOOD, 4), RATE)
    kept, _ = usable.probed(corpus, Limits(longest_s=1.0), skip=True, quiet=True)
    assert kept.skipped["audio cannot be used: too long"] == 1


def test_ends_a_little_behind_their_files_are_told_once(corpus, capsys):
    ends = zip(corpus.utterances, (0.504, 0.509, 0.5), strict=True)
    late = [replace(each, end_s=end_s) for each, end_s in ends]
    kept, files = usable.probed(replace(corpus, utterances=tuple(late)))
    assert [file.bounds[1] for file in files] == [8000, 8000, 8000]
    told = "The end of 2 of 3 utterances lies up to 9.0 ms behind the end of its file, which was taken for it."
    assert kept.remarks == (told,)
    assert capsys.readouterr().err.count(told) == 1


@pytest.mark.parametrize("reason", ["silence", "cut short"])
def test_a_corpus_that_is_loaded_without_what_cannot_be_used_can_all_be_heard(tmp_path, corpus, reason):
    SPOILT[reason](tmp_path / "b.wav")
    listing = tmp_path / "list.csv"
    listing.write_text("path,speaker,emotion\n" + "".join(f"{n}.wav,{n},anger\n" for n in "abc"))
    speech = kerasser.load_corpus("manifest", listing, skip_unusable=True)
    assert speech.skipped == {f"audio cannot be used: {reason}": 1}
    assert len(list(speech.waveforms())) == 2
