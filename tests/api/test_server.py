"""A server is a victim by its URL."""

import numpy as np
import pandas as pd
import pytest

import kerasser
from kerasser.api.victims import recogniser
from kerasser.serving import export, versions
from tests.serving import server
from tests.serving.small import CLASSES, networks


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    model, cleaner = networks()
    place = tmp_path_factory.mktemp("server")
    export.write(place / "saved_model", model, CLASSES, cleaner)
    versions.publish(place / "saved_model", place / "models/tiny")
    from kerasser.serving import configuration

    configuration.write(place / "models")
    return place


def test_a_served_model_answers_as_the_same_on_disk(published, tones):
    speech = kerasser.Speech.from_arrays(tones[0], 16000, [0, 1, 0, 1], ["a", "a", "b", "b"])
    noise, budgets = {"x": tones[1]}, [kerasser.SNR(10)]
    disk = kerasser.attack(published / "saved_model", speech, noise, budgets, draws=1, quiet=True)
    with server.loopback(published / "models") as running:
        url = f"{running.rest}/v1/models/tiny"
        for victim in (url, f"{url}/versions/1", kerasser.Target(running.rest, served="tiny")):
            served = kerasser.attack(victim, speech, noise, budgets, draws=1, quiet=True)
            pd.testing.assert_frame_equal(served.answers, disk.answers, atol=1e-6)
            assert served.classes == CLASSES
        with pytest.raises(kerasser.InputError, match="nobody"):
            recogniser(f"{running.rest}/v1/models/nobody")([np.zeros(0)], 16000)
        with pytest.raises(kerasser.InputError, match="victim.served: expected the name of the model"):
            recogniser(running.rest)
