import gzip
import io
import json
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import requests
import urllib3

from kerasser.serving.client import AUDIO, AUDIO_UNDEFENDED, DEFENDED, UNDEFENDED, LocalModel, connect
from kerasser.util.errors import InputError
from tests.serving.small import padded, speech, voice

UTTERANCES = [speech(frames, seed) for seed, frames in enumerate((1, 37, 400, 4))]


def clients(served, **options):
    return [connect(url, served.model, **options) for url in (served.rest, f"grpc://{served.grpc}")]


@pytest.fixture(autouse=True)
def calm(request):
    """Each test finds a server without trouble."""
    yield
    if "served" in request.fixturenames:
        served = request.getfixturevalue("served")
        served.trouble, served.pause_s, served.asked = 0, 0.0, 0


@pytest.mark.parametrize("signature", [DEFENDED, UNDEFENDED])
def test_rest_grpc_and_the_saved_model_agree(served, signature):
    expected = LocalModel(served.saved_model).answer(UTTERANCES, signature)
    for model in clients(served):
        found = model.answer(UTTERANCES, signature)
        assert [each.label for each in found] == [each.label for each in expected]
        for one, other in zip(found, expected, strict=True):
            assert list(one.probabilities) == ["negative", "positive"]
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
            assert sum(one.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
            assert one.label == max(one.probabilities, key=one.probabilities.get)


@pytest.mark.parametrize("signature", [AUDIO, AUDIO_UNDEFENDED])
def test_all_of_them_listen(served, signature):
    voices = [voice(duration_s, seed) for seed, duration_s in enumerate((0.1, 1.2))]
    asked = [*clients(served), LocalModel(served.saved_model)]
    if not all(signature in model.offered() for model in asked):
        pytest.skip(f"the model that is served has no signature {signature}")
    expected = asked.pop().listen(voices, signature)
    assert [list(each.probabilities) for each in expected] == [["negative", "positive"]] * 2
    for model in asked:
        found = model.listen(voices, signature)
        assert [each.label for each in found] == [each.label for each in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        with pytest.raises(InputError, match=r"lengths: expected at least 0\.1 s of audio.*Received: \[1500\]"):
            model.listen([voices[1][:1500]], signature)


def test_a_model_says_what_it_offers(served):
    offered = LocalModel(served.saved_model).offered()
    assert {"serving_default", DEFENDED, UNDEFENDED} <= offered
    for model in [*clients(served), *clients(served, version=int(served.saved_model.name))]:
        # A server may name the operation that initialises the model as well.
        assert model.offered() - {"__saved_model_init_op"} == offered
    for url in (served.rest, f"grpc://{served.grpc}"):
        with pytest.raises(InputError, match="nobody"):
            connect(url, "nobody").offered()


def test_with_and_without_the_defence_differ(served):
    for model in clients(served):
        defended, plain = (model.answer(UTTERANCES, signature) for signature in (DEFENDED, UNDEFENDED))
        assert [each.probabilities for each in defended] != [each.probabilities for each in plain]


def test_frames_in_json_are_answered_like_serialized_examples(served):
    """What a client without protocol buffers sends."""
    batch = padded(UTTERANCES)
    expected = LocalModel(served.saved_model).answer(UTTERANCES)
    url = f"{served.rest}/v1/models/{served.model}:predict"
    rows = [
        {"features": features.tolist(), "lengths": int(length)}
        for features, length in zip(batch["features"], batch["lengths"], strict=True)
    ]
    by_row = requests.post(url, json={"instances": rows}, timeout=60).json()["predictions"]
    assert [row["label"] for row in by_row] == [answer.label for answer in expected]
    columns = {name: value.tolist() for name, value in batch.items()}
    by_column = requests.post(url, json={"inputs": columns}, timeout=60).json()["outputs"]
    np.testing.assert_allclose(
        by_column["probabilities"], [list(answer.probabilities.values()) for answer in expected], atol=1e-5
    )
    cleaned = requests.post(url, json={"signature_name": "clean", "inputs": columns}, timeout=60).json()["outputs"]
    assert np.shape(cleaned) == batch["features"].shape


def test_the_client_hears_why_a_length_is_wrong(served):
    batch = {name: value.tolist() for name, value in padded([speech(5)]).items()}
    for wrong in (0, -1, 6):
        response = requests.post(
            f"{served.rest}/v1/models/{served.model}:predict",
            json={"inputs": {**batch, "lengths": [wrong]}},
            timeout=60,
        )
        assert response.status_code == 400
        assert f"lengths: expected 1 to 5 frames. Received: [{wrong}]" in response.json()["error"]


def test_the_perturbation_is_served_too(served):
    noise = np.random.default_rng(0).normal(size=(2, 200)).clip(-1, 0.9).astype(np.float32)
    body = {
        "inputs": {
            "waveform": noise[:1].tolist(),
            "noise": noise[1:].tolist(),
            "reference_mean": [0.0],
            "reference_variance": [0.01],
            "epsilon": [0.5],
        }
    }
    made = requests.post(f"{served.rest}/v1/models/perturbation:predict", json=body, timeout=60).json()["outputs"]
    added = np.array(made["adversarial"][0]) - noise[0]
    if made["clipped"] == [0]:
        assert np.var(added) == pytest.approx(0.25 * 0.01, rel=1e-3)
    assert made["snr_db"][0] == pytest.approx(10 * np.log10(np.var(noise[0]) / np.mean(added**2)), abs=1e-3)


def test_a_version_can_be_chosen(served):
    version = int(served.saved_model.name)
    for model in clients(served, version=version):
        assert len(model.answer(UTTERANCES)) == 4
    for model in clients(served, version=version + 1000):
        with pytest.raises(InputError, match="Servable not found"):
            model.answer(UTTERANCES)


@pytest.mark.parametrize(
    ("model", "words"), [("nobody", "Servable not found"), ("a/b c", "Servable not found|Malformed|404")]
)
def test_an_unknown_model_is_named_in_the_servers_words(served, model, words):
    for url in (served.rest, f"grpc://{served.grpc}"):
        with pytest.raises(InputError, match=words):
            connect(url, model).answer(UTTERANCES)


def test_an_unknown_signature_is_named_in_the_servers_words(served):
    for model in [*clients(served), LocalModel(served.saved_model)]:
        with pytest.raises(InputError, match="nothing_such"):
            model.answer(UTTERANCES, "nothing_such")


def test_frames_of_another_front_end_are_refused_in_the_servers_words(served):
    for model in [*clients(served), LocalModel(served.saved_model)]:
        with pytest.raises(InputError, match="features|Feature"):
            model.answer([np.zeros((9, 23), np.float32)])


def test_a_busy_server_is_asked_again(served):
    if served.real:
        pytest.skip("a real server cannot be told to be busy")
    for model in clients(served):
        served.trouble, served.asked = 2, 0
        assert len(model.answer(UTTERANCES)) == 4
        assert served.asked == 3


def test_a_server_that_stays_busy_is_given_up_at_the_deadline(served):
    if served.real:
        pytest.skip("a real server cannot be told to be busy")
    for model in clients(served, deadline_s=1.5):
        served.trouble = 10**6
        with pytest.raises(InputError, match=r"no answer within 1.5 s.*the server is loading"):
            model.answer(UTTERANCES)
        assert served.asked > 1
        served.asked = 0


def test_a_server_that_does_not_answer_is_given_up_at_the_deadline(served):
    if served.real:
        pytest.skip("a real server cannot be told to be slow")
    for model in clients(served, deadline_s=0.5):
        # Waited for, it would answer.
        served.pause_s = 3.0
        with pytest.raises(InputError, match="(?i)no answer within|deadline"):
            model.answer(UTTERANCES)


@pytest.fixture
def hostile():
    """Starts a server that sends pieces, with pauses in seconds between; returns its URL."""
    started = []

    def start(pieces, pause_s=0.0, **headers):
        gone = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                self.send_response(200)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                for piece in pieces:
                    try:
                        self.wfile.write(piece)
                    except OSError:
                        return
                    if gone.wait(pause_s):
                        return

            def log_message(self, *given):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append((server, gone))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, gone in started:
        gone.set()
        server.shutdown()
        server.server_close()


def test_a_packed_answer_without_end_is_refused_and_takes_no_memory(hostile):
    """Half a gigabyte of zeros, packed into half a megabyte."""
    zeros = gzip.compress(bytes(2**29))
    url = hostile([zeros[at : at + 2**14] for at in range(0, len(zeros), 2**14)], Content_Encoding="gzip")
    tracemalloc.start()
    with pytest.raises(InputError, match=r"127\.0\.0\.1.*expected an answer of at most 67108864 bytes"):
        connect(url, "tiny", deadline_s=30).answer(UTTERANCES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**28


def test_an_answer_that_trickles_in_is_given_up_at_the_deadline(hostile):
    with pytest.raises(InputError, match="no answer within 1 s"):
        connect(hostile([b" "] * 200, pause_s=0.05), "tiny", deadline_s=1).answer(UTTERANCES)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "grpc://127.0.0.1:9"])
def test_nobody_there(url):
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9.*no answer within 1 s"):
        connect(url, "tiny", deadline_s=1).answer(UTTERANCES)


@pytest.mark.parametrize("url", ["localhost:8501", "ftp://localhost", "http://", "grpc://host:1/path", ""])
def test_what_is_no_url(url):
    with pytest.raises(InputError, match="server: expected"):
        connect(url, "tiny")


def test_something_else_behind_the_url():
    class Page(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_POST(self):  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.handle_request, daemon=True).start()
        with pytest.raises(InputError, match="expected predictions.*hello"):
            connect(f"http://127.0.0.1:{page.server_address[1]}", "tiny").answer(UTTERANCES)


def test_what_is_no_saved_model(tmp_path):
    with pytest.raises(InputError, match="expected a SavedModel"):
        LocalModel(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="expected a SavedModel"):
        LocalModel(tmp_path)


def test_probabilities_that_are_none_are_refused(monkeypatch):
    row = {"label": "negative", "classes": ["negative", "positive"], "probabilities": [float("nan"), 1.0]}
    response = requests.Response()
    content = io.BytesIO(json.dumps({"predictions": [row]}).encode())
    response.status_code, response.raw = 200, urllib3.HTTPResponse(content, preload_content=False)
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: response)
    with pytest.raises(InputError, match="expected predictions with label, classes and probabilities"):
        connect("http://127.0.0.1:9", "tiny").answer(UTTERANCES[:1])
