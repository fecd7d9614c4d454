"""Made noise, a kind a file: a family of which every draw is a new environment, from a seed, recorded nowhere.

A module of this package that has a `KIND` is one; nothing else has to know it.
"""

from kerasser.noise.made.base import Kind, Voice
from kerasser.noise.made.environment import Environment, bank, environment
from kerasser.noise.made.registry import known

__all__ = ["Environment", "Kind", "Voice", "bank", "environment", "known"]
