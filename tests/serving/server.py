"""TF Serving's protocol on loopback: PredictionService over gRPC, predict over HTTP with JSON.

What it says and which codes it uses are those of the real server, which the same tests meet where it is installed.
"""

import base64
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import grpc
import requests
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from kerasser.serving import versions


@dataclass
class Served:
    """Where a server listens, and what it serves.

    Attributes:
        rest: http://HOST:PORT.
        grpc: HOST:PORT.
        saved_model: The SavedModel it answers with.
        model: Its name.
        trouble: How many requests the loopback server refuses first, for want of capacity.
        pause_s: How long it waits before each answer.
        real: Whether it is TensorFlow's own.
    """

    rest: str
    grpc: str
    saved_model: Path
    model: str
    trouble: int = 0
    pause_s: float = 0.0
    asked: int = 0
    real: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def busy(self):
        with self.lock:
            self.asked += 1
            if self.trouble:
                self.trouble -= 1
                return True
        time.sleep(self.pause_s)
        return False


class RefusedError(Exception):
    def __init__(self, code, words):
        super().__init__(words)
        self.code, self.words = code, words


_HTTP = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Models:
    """Loads what models.config lists, the newest version of each, and answers."""

    def __init__(self, models_dir):
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse((models_dir / "models.config").read_text(), config)
        self.loaded, self.places = {}, {}
        for each in config.model_config_list.config:
            base = models_dir / Path(each.base_path).relative_to("/models")
            version, self.places[each.name] = versions.versions(base)[-1], base
            self.loaded[each.name] = version, tf.saved_model.load(str(base / str(version)))

    def signature(self, name, wanted_version, signature_name):
        version, model = self.loaded.get(name, (None, None))
        if model is None or wanted_version not in (None, version):
            which = f"Latest({name})" if wanted_version is None else f"Specific({name}, {wanted_version})"
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {which}")
        if signature_name not in model.signatures:
            words = f'Serving signature key "{signature_name}" not found.'
            raise RefusedError(grpc.StatusCode.FAILED_PRECONDITION, words)
        return version, model.signatures[signature_name]

    def described(self, name):
        """Returns the signatures as the SavedModel's own file describes them."""
        version, _ = self.loaded[name]
        saved = saved_model_pb2.SavedModel.FromString(
            (self.places[name] / str(version) / "saved_model.pb").read_bytes()
        )
        return get_model_metadata_pb2.SignatureDefMap(signature_def=saved.meta_graphs[0].signature_def)

    def predict(self, signature, inputs):
        wanted = signature.structured_input_signature[1]
        if set(inputs) != set(wanted):
            words = f"input size does not match signature: {len(inputs)}!={len(wanted)}"
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, words)
        for name, value in inputs.items():
            if not wanted[name].shape.is_compatible_with(value.shape) or value.dtype != wanted[name].dtype:
                raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"{name}: {value.dtype} {value.shape}")
        try:
            return {name: value.numpy() for name, value in signature(**inputs).items()}
        except tf.errors.OpError as error:
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, error.message) from None


class _Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models, served):
        self.models, self.served = models, served

    def Predict(self, request, context):  # noqa: N802
        if self.served.busy():
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is loading")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        try:
            found, signature = self.models.signature(spec.name, version, spec.signature_name or "serving_default")
            inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
            outputs = self.models.predict(signature, inputs)
        except RefusedError as refused:
            context.abort(refused.code, refused.words)
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.version.value = spec.name, found
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        name = request.model_spec.name
        if name not in self.models.loaded:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({name})")
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(self.models.described(name))
        return response


class _States(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self.models = models

    def GetModelStatus(self, request, context):  # noqa: N802
        name = request.model_spec.name
        if name not in self.models.loaded:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(
            version=self.models.loaded[name][0], state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
        )
        return response


def _from_json(value):
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    return [_from_json(item) for item in value] if isinstance(value, list) else value


def _to_json(value):
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _handler(models, served):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):  # noqa: N802
            name, _, rest = self.path.removeprefix("/v1/models/").partition("/")
            if name not in models.loaded:
                return self.reply(404, {"error": f"Could not find any versions of model {name}"})
            version, _ = models.loaded[name]
            if rest.rpartition("/")[2] == "metadata":
                described = json.loads(json_format.MessageToJson(models.described(name)))["signatureDef"]
                spec = {"name": name, "signature_name": "", "version": str(version)}
                metadata = {"signature_def": {"signature_def": described}}
                return self.reply(200, {"model_spec": spec, "metadata": metadata})
            return self.reply(200, {"model_version_status": [{"version": str(version), "state": "AVAILABLE"}]})

        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                if served.busy():
                    raise RefusedError(grpc.StatusCode.UNAVAILABLE, "the server is loading")
                self.reply(200, self.answer(json.loads(body)))
            except RefusedError as refused:
                self.reply(_HTTP[refused.code], {"error": refused.words})

        def answer(self, body):
            place = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict", urlsplit(self.path).path)
            if place is None:
                raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"Malformed request: POST {self.path}")
            version = int(place[2]) if place[2] else None
            name = body.get("signature_name", "serving_default")
            _, signature = models.signature(unquote(place[1]), version, name)
            wanted = signature.structured_input_signature[1]
            rows = body.get("instances")
            if rows is not None:
                if len(wanted) == 1 and not all(isinstance(row, dict) and set(row) == set(wanted) for row in rows):
                    rows = [{next(iter(wanted)): row} for row in rows]
                columns = {key: [row[key] for row in rows] for key in rows[0]}
            else:
                columns = body["inputs"] if isinstance(body["inputs"], dict) else {next(iter(wanted)): body["inputs"]}
            try:
                inputs = {key: tf.constant(_from_json(value), wanted[key].dtype) for key, value in columns.items()}
            except (KeyError, ValueError, TypeError) as error:
                raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, f"Failed to process element: {error}") from None
            outputs = {key: _to_json(value.tolist()) for key, value in models.predict(signature, inputs).items()}
            if rows is None:
                return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}
            if len(outputs) == 1:
                return {"predictions": next(iter(outputs.values()))}
            return {
                "predictions": [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
            }

        def reply(self, status, content):
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


@contextmanager
def loopback(models_dir, model="tiny"):
    """Serves in this process."""
    models = Models(models_dir)
    served = Served("", "", models_dir / model / str(models.loaded[model][0]), model)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(models, served))
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    rpc = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Service(models, served), rpc)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_States(models), rpc)
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    served.rest, served.grpc = f"http://127.0.0.1:{http.server_address[1]}", f"127.0.0.1:{port}"
    try:
        yield served
    finally:
        rpc.stop(0)
        http.shutdown()
        http.server_close()


@contextmanager
def real(models_dir, model="tiny", rest=18501, rpc=18500):
    """Starts tensorflow_model_server."""
    with tempfile.NamedTemporaryFile("w", suffix=".config") as config:
        config.write((models_dir / "models.config").read_text().replace("/models/", f"{models_dir}/"))
        config.flush()
        process = subprocess.Popen(
            [
                "tensorflow_model_server",
                f"--port={rpc}",
                f"--rest_api_port={rest}",
                f"--model_config_file={config.name}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield running(f"http://127.0.0.1:{rest}", models_dir, model, f"127.0.0.1:{rpc}")
        finally:
            process.terminate()
            process.wait(30)


def running(rest, models_dir, model, rpc=None):
    """Returns a server that runs, once it says that the model is there."""
    host = urlsplit(rest).hostname
    rpc = rpc or os.environ.get("TF_SERVING_GRPC", f"{host}:8500")
    deadline = time.monotonic() + 60
    while True:
        try:
            status = requests.get(f"{rest}/v1/models/{model}", timeout=5).json()
            if any(each["state"] == "AVAILABLE" for each in status["model_version_status"]):
                break
        except (requests.ConnectionError, KeyError):
            pass
        assert time.monotonic() < deadline, f"{rest} does not serve {model}"
        time.sleep(0.5)
    version = versions.versions(models_dir / model)[-1]
    return Served(rest, rpc, models_dir / model / str(version), model, real=True)
