"""Sound files as the tests need them, odd ones too."""

import struct

import numpy as np

RATE = 16000


def tone(rate=RATE, seconds=0.5, frequency=440.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def pcm16(samples):
    return np.round(np.asarray(samples) * 2.0**15).clip(-(2**15), 2**15 - 1).astype("<i2").tobytes()


def chunk(name, body, size=None):
    """Returns a RIFF chunk, padded to an even length; the size may be a lie."""
    length = len(body) if size is None else size
    return name.encode() + struct.pack("<I", length) + body + b"\0" * (len(body) % 2)


def riff(samples, *, rate=RATE, bits=16, block=None, data_size=None, riff_size=None, before=(), after=()):
    """Returns a 16-bit WAV, or one that says that it is another."""
    block = bits // 8 if block is None else block
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * bits // 8 % 2**32, block, bits)
    data = chunk("data", pcm16(samples), data_size)
    body = b"WAVE" + chunk("fmt ", form) + b"".join(before) + data + b"".join(after)
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body
