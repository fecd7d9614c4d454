"""Asks a model about eGeMAPS frames: a TF Serving over REST or gRPC, or a SavedModel on disk."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import grpc
import requests
import tenacity
import tensorflow as tf
import urllib3
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasser.features.records import serialize_frames
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

DEFENDED, UNDEFENDED = "serialized", "serialized_undefended"
#: An answer, unpacked, has no more bytes: one for ten thousand utterances has two million.
LARGEST_ANSWER = 2**26
_TRY_AGAIN_HTTP = (429, 502, 503, 504)
_TRY_AGAIN_GRPC = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


@dataclass(frozen=True)
class Answer:
    """What a model says of one utterance.

    Attributes:
        label: The class it takes it for.
        probabilities: Class → probability.
    """

    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class _Reply:
    """What a server sent over REST."""

    status_code: int
    reason: str
    text: str

    def json(self) -> Any:
        """Returns the content, or raises a ValueError."""
        return json.loads(self.text)


class Model(Protocol):
    """Anything that answers."""

    def answer(self, utterances: Sequence[Array], signature: str = DEFENDED) -> list[Answer]:
        """Answers for raw frames, float32 `[frames, 25]` each, of any lengths, in one request.

        Raises:
            InputError: In the words of whoever refuses.
        """
        ...


class LocalModel:
    """A SavedModel on disk, without a server.

    Args:
        directory: The SavedModel.

    Raises:
        InputError: If it cannot be loaded.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._loaded = tf.saved_model.load(str(directory))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise InputError(f"{directory}: expected a SavedModel. Received: {_one_line(str(error))}") from error

    @property
    def signatures(self) -> Mapping[str, Any]:
        """Its signatures, by name; they live as long as this object does."""
        signatures: Mapping[str, Any] = self._loaded.signatures
        return signatures

    def answer(self, utterances: Sequence[Array], signature: str = DEFENDED) -> list[Answer]:
        """Answers for raw frames; see `Model`."""
        signatures = self._loaded.signatures
        if signature not in signatures:
            raise InputError(
                f"{self._directory}: expected the signature {signature}. Received: {', '.join(sorted(signatures))}"
            )
        strings = tf.constant([serialize_frames(frames) for frames in utterances])
        try:
            made = {name: value.numpy() for name, value in signatures[signature](serialized=strings).items()}
        except tf.errors.OpError as error:
            raise InputError(f"{self._directory}: {_one_line(error.message)}") from error
        return _answers(made["label"], made["classes"], made["probabilities"])


class RestModel:
    """A model behind TF Serving's REST interface.

    Args:
        url: Such as http://localhost:8501; a path before /v1 is kept.
        model: Its name.
        version: Its version; the server's newest by default.
        deadline_s: Seconds for a request with all its repetitions.
    """

    def __init__(self, url: str, model: str, version: int | None = None, deadline_s: float = 60.0) -> None:
        chosen = f"/versions/{version}" if version is not None else ""
        self.url = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}{chosen}:predict"
        self._deadline_s, self._session = deadline_s, requests.Session()

    def answer(self, utterances: Sequence[Array], signature: str = DEFENDED) -> list[Answer]:
        """Answers for raw frames; see `Model`."""
        rows = [{"serialized": {"b64": base64.b64encode(serialize_frames(frames)).decode()}} for frames in utterances]
        body: dict[str, Any] = {"signature_name": signature, "instances": rows}

        response = self._asked("POST", self.url, json=body)
        try:
            rows = response.json()["predictions"]
            return _answers(*([row[name] for row in rows] for name in ("label", "classes", "probabilities")))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.url}: expected predictions with label, classes and probabilities. "
                f"Received: {_one_line(response.text)}"
            ) from error

    def newest_version(self) -> int:
        """Returns the newest version that the server can answer with, or the one that was chosen.

        Raises:
            InputError: In the server's words, or if it has none.
        """
        url = self.url.removesuffix(":predict")
        response = self._asked("GET", url)
        try:
            states = [(each["state"], int(each["version"])) for each in response.json()["model_version_status"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{url}: expected versions. Received: {_one_line(response.text)}") from error
        return _newest(states, url)

    def _asked(self, method: str, url: str, **content: Any) -> _Reply:
        """Returns the response, once the server has one."""

        def ask(left_s: float) -> _Reply:
            end = time.monotonic() + left_s
            with self._session.request(method, url, timeout=left_s, stream=True, **content) as answer:
                response = _Reply(answer.status_code, answer.reason or "", _content(answer, end, url))
            if response.status_code in _TRY_AGAIN_HTTP:
                raise _TryAgainError(_words(response))
            return response

        response: _Reply = _until(self._deadline_s, ask, url)
        if response.status_code != 200:
            raise InputError(f"{url}: {_words(response)}")
        return response


class GrpcModel:
    """A model behind TF Serving's gRPC interface.

    Args:
        target: Such as localhost:8500.
        model: Its name.
        version: Its version; the server's newest by default.
        deadline_s: Seconds for a request with all its repetitions.
        secure: Whether the channel is encrypted, by the certificates that gRPC trusts.
    """

    def __init__(
        self, target: str, model: str, version: int | None = None, deadline_s: float = 60.0, secure: bool = False
    ) -> None:
        options = [("grpc.max_receive_message_length", LARGEST_ANSWER), ("grpc.max_send_message_length", -1)]
        channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if secure
            else grpc.insecure_channel(target, options)
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._states = model_service_pb2_grpc.ModelServiceStub(channel)
        self._model, self._version, self._deadline_s = model, version, deadline_s
        self._where = f"{target}, model {model}"

    def answer(self, utterances: Sequence[Array], signature: str = DEFENDED) -> list[Answer]:
        """Answers for raw frames; see `Model`."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self._model, signature
        if self._version is not None:
            request.model_spec.version.value = self._version
        strings = [serialize_frames(frames) for frames in utterances]
        request.inputs["serialized"].CopyFrom(tf.make_tensor_proto(strings))
        outputs = self._asked(self._stub.Predict, request).outputs
        wanted = ("label", "classes", "probabilities")
        if not all(name in outputs for name in wanted):
            raise InputError(f"{self._where}: expected the outputs {', '.join(wanted)}. Received: {', '.join(outputs)}")
        return _answers(*(tf.make_ndarray(outputs[name]) for name in wanted))

    def newest_version(self) -> int:
        """Returns the newest version that the server can answer with; see `RestModel.newest_version`."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self._model
        if self._version is not None:
            request.model_spec.version.value = self._version
        found = self._asked(self._states.GetModelStatus, request).model_version_status
        names = get_model_status_pb2.ModelVersionStatus.State
        return _newest([(names.Name(each.state), each.version) for each in found], self._where)

    def _asked(self, method: Callable[..., Any], request: Any) -> Any:
        """Returns the response, once the server has one."""

        def ask(left_s: float) -> Any:
            try:
                return method(request, timeout=left_s)
            except grpc.RpcError as error:
                words = f"{error.code().name}: {_one_line(error.details())}"
                if error.code() in _TRY_AGAIN_GRPC:
                    raise _TryAgainError(words) from error
                raise InputError(f"{self._where}: {words}") from error

        return _until(self._deadline_s, ask, self._where)


def connect(url: str, model: str, version: int | None = None, deadline_s: float = 60.0) -> RestModel | GrpcModel:
    """Returns a model behind a server.

    Args:
        url: http://HOST:8501 or https://… for REST, grpc://HOST:8500 or grpcs://… for gRPC.
        model: Its name there.
        version: Its version; the server's newest by default.
        deadline_s: Seconds for a request with all its repetitions.

    Raises:
        InputError: If the URL is of no such form.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        return RestModel(url, model, version, deadline_s)
    if parts.scheme in ("grpc", "grpcs") and parts.netloc and parts.path in ("", "/"):
        return GrpcModel(parts.netloc, model, version, deadline_s, secure=parts.scheme == "grpcs")
    raise InputError(f"server: expected http://HOST:PORT, https://…, grpc://HOST:PORT or grpcs://…. Received: {url!r}")


class _TryAgainError(Exception):
    """The server could not answer now, but may later."""


def _until(deadline_s: float, ask: Callable[[float], Any], where: str) -> Any:
    """Asks again with growing, jittered pauses for as long as the deadline allows.

    Raises:
        InputError: With what was last heard, when the time is up.
    """
    end = time.monotonic() + deadline_s
    again = (_TryAgainError, requests.ConnectionError, requests.Timeout)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(again),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5.0),
        stop=tenacity.stop_before_delay(deadline_s),
        reraise=True,
    )
    try:
        return retrying(lambda: ask(max(end - time.monotonic(), 0.01)))
    except again as error:
        raise InputError(f"{where}: no answer within {deadline_s:g} s. Last: {_one_line(str(error))}") from error
    except requests.RequestException as error:
        raise InputError(f"{where}: {_one_line(str(error))}") from error


def _content(response: requests.Response, end: float, url: str) -> str:
    """Returns what a response holds, read piece by piece.

    Args:
        response: One that is not read yet.
        end: When it must be there, on the monotonic clock.
        url: What an error calls the server.

    Raises:
        InputError: If it is larger than any answer; a packed one may be a thousand times what was sent.
        requests.Timeout: If it is not there in time.
    """
    content = bytearray()
    # What has come, without waiting for more: each wait would have all the time anew.
    while piece := _next(response):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise InputError(f"{url}: expected an answer of at most {LARGEST_ANSWER} bytes, unpacked. Received: more")
        if time.monotonic() > end:
            raise requests.Timeout("the answer came too slowly")
    return content.decode(response.encoding or "utf-8", errors="replace")


def _next(response: requests.Response) -> bytes:
    try:
        piece: bytes = response.raw.read1(2**14, decode_content=True)
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(str(error)) from error
    return piece


def _words(response: _Reply) -> str:
    """Returns what a server says is wrong."""
    try:
        said = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = response.text or response.reason
    return f"{response.status_code}: {_one_line(str(said))}"


def _newest(states: Sequence[tuple[str, int]], where: str) -> int:
    available = [version for state, version in states if state == "AVAILABLE"]
    if not available:
        found = ", ".join(f"{version} {state}" for state, version in states) or "none"
        raise InputError(f"{where}: expected a version that is available. Received: {found}")
    return max(available)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 400 else line[:399] + "…"


def _answers(labels: Sequence[Any], classes: Sequence[Any], probabilities: Sequence[Any]) -> list[Answer]:
    answers = []
    for label, names, shares in zip(labels, classes, probabilities, strict=True):
        named = {_text(name): float(share) for name, share in zip(names, shares, strict=True)}
        if not all(map(math.isfinite, named.values())):
            raise InputError(f"expected probabilities. Received: {named}")
        answers.append(Answer(_text(label), named))
    return answers


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
