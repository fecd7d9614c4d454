"""What reports call the defences and the budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {
    "none": "none",
    "random noise": "random noise (waveform)",
    "random noise on features": "random noise (features)",
    "adversarial training": "adversarial training",
    "gan": "GAN",
    "enhancement": "MMSE enhancement",
    "gan + adversarial training": "GAN + adversarial training",
}


def budget(row: Mapping[str, Any]) -> str:
    """Returns a row's budget, such as "ε = 2" or "10 dB"."""
    return f"ε = {row['epsilon']:g}" if "epsilon" in row else f"{row['snr_db_target']:g} dB"
