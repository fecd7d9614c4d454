"""What every test may ask for."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with EMO-DB, RAVDESS, URDU and noise, in their original layouts."""
    place = os.environ.get("KERASSER_DATA")
    if not place:
        pytest.skip("KERASSER_DATA is not set: it names the folder with EMO-DB, RAVDESS, URDU and noise")
    if not Path(place).is_dir():
        pytest.fail(f"KERASSER_DATA={place} is not a folder")
    return Path(place)
