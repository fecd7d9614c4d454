"""Noise: banks on disk, synthetic places, and the noise an utterance already carries."""
