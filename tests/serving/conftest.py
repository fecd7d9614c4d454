"""Small networks, published as a model, and servers of it."""

import os
import shutil
from pathlib import Path

import pytest

from kerasser.attack import perturbation_graph
from kerasser.serving import configuration, export, listening, versions, warmup, warmup_sound
from tests.serving import server
from tests.serving.small import CLASSES, MEAN, VARIANCE, networks


@pytest.fixture(scope="session")
def made():
    return networks()


@pytest.fixture(scope="session")
def saved_model(made, tmp_path_factory):
    """A defended classifier with its warm-up records."""
    model, cleaner = made
    place = tmp_path_factory.mktemp("export") / "saved_model"
    export.write(place, model, CLASSES, cleaner)
    warmup.write(place, warmup.of_models(model, CLASSES, cleaner, MEAN, VARIANCE))
    return place


@pytest.fixture(scope="session")
def listening_model(made, tmp_path_factory):
    """The same networks, taking sound too, with warm-up records of it."""
    model, cleaner = made
    place = tmp_path_factory.mktemp("listening") / "saved_model"
    export.write(place, model, CLASSES, cleaner, inputs=listening.INPUTS)
    warmup.write(place, warmup_sound.of_sound(model, CLASSES, cleaner))
    return place


@pytest.fixture(scope="session")
def models_dir(listening_model, tmp_path_factory):
    """What Pusher would leave: two models and what a server is started with."""
    place = tmp_path_factory.mktemp("published")
    beside = tmp_path_factory.mktemp("beside") / "saved_model"
    perturbation_graph.write(beside)
    warmup.write(beside, perturbation_graph.warm_up_records())
    versions.publish(listening_model, place / "tiny")
    versions.publish(beside, place / "perturbation")
    configuration.write(place)
    return place


@pytest.fixture(scope="session", params=["loopback", "tensorflow_model_server"])
def served(request, models_dir):
    """The published model behind the protocol, once in Python and once, where it is installed, in the real server."""
    if request.param == "loopback":
        with server.loopback(models_dir) as found:
            yield found
    elif os.environ.get("TF_SERVING_URL"):
        place = Path(os.environ.get("KERASSER_MODELS_DIR", "saved_models"))
        yield server.running(os.environ["TF_SERVING_URL"], place, os.environ.get("TF_SERVING_MODEL", "demo"))
    elif shutil.which("tensorflow_model_server"):
        with server.real(models_dir) as found:
            yield found
    else:
        pytest.skip("neither is tensorflow_model_server installed nor TF_SERVING_URL set")
