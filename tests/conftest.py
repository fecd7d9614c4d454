"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A slow machine is no fault of the code; under CI the examples are the same at every run.
settings.register_profile(
    "kerasser", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("kerasser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that run whole commands first: several processes then end at about the same time."""
    items.sort(key=lambda item: item.path.parent.name not in ("pipelines", "tests"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with EMO-DB, RAVDESS, URDU and noise, in their original layouts."""
    place = os.environ.get("KERASSER_DATA")
    if not place:
        pytest.skip("KERASSER_DATA is not set: it names the folder with EMO-DB, RAVDESS, URDU and noise")
    if not Path(place).is_dir():
        pytest.fail(f"KERASSER_DATA={place} is not a folder")
    return Path(place)


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the docs call by a name, where commands with `tests.world.arguments` share a cache."""
    from tests import world

    root = tmp_path_factory.mktemp("world")
    world.write(root)
    return root
