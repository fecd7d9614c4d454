"""Measures what real-world noise does to a speech emotion recogniser, and what a defence gives back."""

__version__ = "0.1.0"
