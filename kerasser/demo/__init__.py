"""The embedded demo: synthetic speech, a corpus of it, and synthetic noise; nothing real imports it."""

#: What commands call its corpus.
NAME = "demo"
