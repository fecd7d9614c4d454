import hashlib
import os
import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from kerasser import decoding
from kerasser.decoding import decode
from kerasser.headers import AudioError, AudioFile, probe
from kerasser.util.errors import InputError
from tests.sounds import RATE, tone

EXACT = {
    **{("WAV", coding): step for coding, step in (("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23))},
    **{("WAV", coding): 2**-23 for coding in ("PCM_32", "FLOAT", "DOUBLE")},
    **{("WAV", coding): 0.03 for coding in ("ALAW", "ULAW")},
    **{(format, "PCM_16"): 2**-15 for format in ("WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")},
    ("AIFF", "FLOAT"): 2**-23,
    ("FLAC", "PCM_24"): 2**-23,
    ("OGG", "VORBIS"): 0.05,
}
#: A coder that starts in the middle needs a while until it is in step.
LOSSY = {("OGG", "OPUS"): 0.05, ("MP3", "MPEG_LAYER_III"): 0.05, ("WAV", "GSM610"): 0.1, ("WAV", "IMA_ADPCM"): 0.05}


def written(path, samples, rate=RATE, format="WAV", subtype="PCM_16"):
    soundfile.write(path, samples, rate, format=format, subtype=subtype)
    return path


@pytest.mark.parametrize(("format", "subtype"), [*EXACT, *LOSSY])
def test_every_coding_gives_the_same_sound(tmp_path, format, subtype):
    rate = 8000 if subtype == "GSM610" else RATE
    file = probe(written(tmp_path / "a.snd", tone(rate), rate, format, subtype))
    middle = slice(rate // 10, rate // 10 * 4)
    step = {**EXACT, **LOSSY}[format, subtype]
    np.testing.assert_allclose(decode(file)[middle], tone(rate)[middle], atol=1.01 * step)


@pytest.mark.parametrize(("format", "subtype"), EXACT)
def test_a_part_is_what_it_is_in_the_whole(tmp_path, format, subtype):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * RATE, 2))
    path = written(tmp_path / "a.snd", noise, RATE, format, subtype)
    whole = decode(probe(path))
    for start_s, end_s in ((0.0, 0.5), (1.1, 2.3), (2.5, None)):
        file = probe(path, start_s, end_s)
        np.testing.assert_array_equal(decode(file), whole[slice(*file.bounds)])


@pytest.mark.parametrize(("format", "subtype"), LOSSY)
def test_a_part_of_what_is_coded_with_loss_is_in_place(tmp_path, format, subtype):
    rate = 8000 if subtype == "GSM610" else RATE
    low = np.convolve(np.random.default_rng(0).uniform(-0.5, 0.5, 4 * rate), np.hanning(16) / 8, "same")
    path = written(tmp_path / "a.snd", low, rate, format, subtype)
    whole, file = decode(probe(path)), probe(path, 1.5, 2.5)
    found, wanted = decode(file), whole[slice(*file.bounds)]
    assert found.size == wanted.size == rate
    middle = slice(rate // 10, -rate // 10)
    assert np.corrcoef(found[middle], wanted[middle])[0, 1] > 0.99


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_averaged(tmp_path, channels):
    samples = np.random.default_rng(0).uniform(-1, 1, (5000, channels)).astype(np.float32)
    path = written(tmp_path / "a.wav", samples, subtype="FLOAT")
    np.testing.assert_allclose(decode(probe(path)), samples.astype(float).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24"])
@pytest.mark.parametrize("length", [4001, 4002, 4003])
def test_odd_numbers_of_bytes_are_read(tmp_path, subtype, length):
    path = written(tmp_path / "a.wav", tone()[:length], subtype=subtype)
    assert decode(probe(path)).size == length
    # And without the byte that fills it up.
    path.write_bytes(path.read_bytes()[: -(length * (3 if subtype == "PCM_24" else 1) % 2) or None])
    assert decode(probe(path)).size == length


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("format", "subtype"),
    [*(("WAV", coding) for coding in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT")), ("FLAC", "PCM_16"), ("FLAC", "PCM_24")],
)
def test_values_are_tensorflow_io_s_bit_for_bit(tmp_path, format, subtype, channels):
    tf, tfio = pytest.importorskip("tensorflow"), pytest.importorskip("tensorflow_io")
    # Of even length, since tensorflow-io takes the byte that fills up an odd one for a sample.
    samples = np.random.default_rng(0).uniform(-1, 1, (5000, channels))
    path = written(tmp_path / "a.snd", samples, RATE, format, subtype)
    kind, zero, one = {
        "PCM_U8": (tf.uint8, 128.0, 128.0),
        "PCM_16": (tf.int16, 0.0, 2.0**15),
        "PCM_24": (tf.int32, 0.0, 2.0**31),
        "FLOAT": (tf.float32, 0.0, 1.0),
    }[subtype]
    decoder = tfio.audio.decode_wav if format == "WAV" else tfio.audio.decode_flac
    decoded = (tf.cast(decoder(tf.io.read_file(str(path)), dtype=kind), tf.float32) - zero) / one
    np.testing.assert_array_equal(decode(probe(path)), tf.reduce_mean(decoded, axis=1))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(4000), "silence"),
        (np.full(4000, 0.1), "silence"),
        (np.random.default_rng(0).integers(-1, 2, 4000) / 2**15, "silence"),
        (np.r_[np.zeros(2000), 0.5, np.zeros(2000)], "silence"),
        (np.append(tone(), np.nan), "NaN or infinity"),
        (np.append(tone(), np.inf), "NaN or infinity"),
        (tone() * 2**15, "floats on the scale of integers"),
        (tone() * 2**31, "floats on the scale of integers"),
    ],
)
def test_what_holds_no_sound_is_refused_by_name_and_reason(tmp_path, samples, reason):
    path = written(tmp_path / "odd.wav", samples, subtype="DOUBLE")
    with pytest.raises(AudioError, match=r"odd\.wav: expected .* Received: ") as error:
        decode(probe(path))
    assert error.value.reason == reason


@pytest.mark.parametrize(("scale", "cure"), [(2**15, "16 bits? Divide them by 32768"), (2**31, "by 2147483648")])
def test_integers_in_floats_are_refused_with_cause_and_cure(tmp_path, scale, cure):
    with pytest.raises(AudioError) as error:
        decode(probe(written(tmp_path / "a.wav", tone() * scale, subtype="FLOAT")))
    assert cure in str(error.value)


def test_a_word_in_digital_silence_is_sound(tmp_path):
    padded = np.concatenate([np.zeros(RATE), 0.01 * tone(seconds=0.1), np.zeros(RATE)])
    assert decode(probe(written(tmp_path / "a.wav", padded))).size == padded.size


def test_floats_a_little_beyond_full_scale_are_left_to_be_clipped(tmp_path):
    found = decode(probe(written(tmp_path / "a.wav", 4 * tone(), subtype="FLOAT")))
    np.testing.assert_allclose(found, 4 * tone(), atol=1e-6)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_damaged_flac_is_refused_when_it_is_decoded(tmp_path, damage):
    path = written(tmp_path / "bad.flac", np.random.default_rng(0).uniform(-0.5, 0.5, RATE), format="FLAC")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"bad\.flac: expected FLAC PCM_16 audio\. Received: data that ends early"):
        decode(probe(path))


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_without_a_header_of_its_own_is_read_or_refused_but_not_cut(tmp_path, mode):
    """Its first frame, with the length, is missing in what was streamed or cut out of a longer one."""
    path, rate = tmp_path / "a.mp3", 44100
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * rate)
    soundfile.write(path, noise, rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    assert decode(probe(path)).size == 3 * rate
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"\xff\xfb", 4) :])
    if mode == "CONSTANT":
        assert decode(probe(path)).size == pytest.approx(3 * rate, abs=0.05 * rate)
    else:
        with pytest.raises(AudioError, match=r"a\.mp3: expected an MP3 that says how long it is, .* ffmpeg -i IN"):
            decode(probe(path))


def test_a_file_that_is_gone_is_named(tmp_path):
    file = probe(written(tmp_path / "a.wav", tone()))
    file.path.unlink()
    with pytest.raises(AudioError, match=r"a\.wav: expected an audio file"):
        decode(file)
    with pytest.raises(InputError, match=r"a\.wav: expected the recording that the corpus was read with"):
        decode(replace(file, sha256="0" * 64))


def hashed(path, **part):
    return replace(probe(path, **part), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_what_is_decoded_is_what_was_hashed(tmp_path):
    path = written(tmp_path / "a.wav", tone())
    file, stat = hashed(path), path.stat()
    np.testing.assert_array_equal(decode(file), decode(probe(path)))
    written(path, -tone())
    # The times can be set back.
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(InputError, match="another one, edited since"):
        decode(file)


def test_an_edit_while_it_is_decoded_is_seen(tmp_path, monkeypatch):
    path = written(tmp_path / "a.wav", tone())
    file, part = hashed(path), decoding._part

    def edited(stream, file):
        mono = part(stream, file)
        with path.open("r+b") as target:
            target.seek(100)
            target.write(b"edit")
        return mono

    monkeypatch.setattr(decoding, "_part", edited)
    with pytest.raises(InputError, match="another one, edited since"):
        decode(file)


def test_many_parts_of_one_file_hash_it_once(tmp_path, monkeypatch):
    path = written(tmp_path / "a.wav", tone(seconds=5.0))
    files, read = [hashed(path, start_s=0.1 * n, end_s=0.1 * n + 0.2) for n in range(40)], []
    digest = hashlib.file_digest
    monkeypatch.setattr(decoding.hashlib, "file_digest", lambda *given: read.append(1) or digest(*given))
    # As if the file had been there for long.
    monkeypatch.setattr(decoding, "_TICK_NS", -(10**18))
    for file in files:
        decode(file)
    assert len(read) == 1


def test_a_part_of_a_long_file_takes_the_memory_of_the_part(tmp_path):
    """Ten minutes of stereo are 100 MB as floats."""
    path, frames = tmp_path / "long.wav", 600 * 44100
    with path.open("wb") as file:
        form = struct.pack("<HHIIHH", 1, 2, 44100, 44100 * 4, 4, 16)
        head = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 4 * frames)
        file.write(b"RIFF" + struct.pack("<I", len(head) + 4 * frames) + head)
        file.seek(44 + 4 * 44100 * 300)
        file.write((np.random.default_rng(0).integers(-9999, 9999, 4 * 44100)).astype("<i2").tobytes())
        file.truncate(44 + 4 * frames)
    part = probe(path, 300.0, 302.0)
    tracemalloc.start()
    assert decode(part).size == 2 * 44100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


def test_a_header_that_changed_since_is_noticed(tmp_path):
    path = written(tmp_path / "a.wav", tone())
    with pytest.raises(InputError, match="edited since"):
        decode(AudioFile(path, "WAV PCM_16", 8000, 1, RATE // 2))
