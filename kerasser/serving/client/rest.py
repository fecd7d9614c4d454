"""A model behind TF Serving's REST interface."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import requests
import urllib3

from kerasser.serving.client.answers import LARGEST_ANSWER, OUTPUTS, Answer, Model, answers, newest, one_line
from kerasser.serving.client.retrying import TryAgainError, until
from kerasser.util.errors import InputError

_TRY_AGAIN = (429, 502, 503, 504)
Found = TypeVar("Found")


@dataclass(frozen=True)
class _Reply:
    """What a server sent."""

    status_code: int
    reason: str
    text: str

    def json(self) -> Any:
        """Returns the content, or raises a ValueError."""
        return json.loads(self.text)


class RestModel(Model):
    """A model behind TF Serving's REST interface.

    Args:
        url: Such as http://localhost:8501; a path before /v1 is kept.
        model: Its name.
        version: Its version; the server's newest by default.
        deadline_s: Seconds for a request with all its repetitions.
    """

    def __init__(self, url: str, model: str, version: int | None = None, deadline_s: float = 60.0) -> None:
        chosen = f"/versions/{version}" if version is not None else ""
        self._model = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}{chosen}"
        self.url = f"{self._model}:predict"
        self._deadline_s, self._session = deadline_s, requests.Session()

    def offered(self) -> frozenset[str]:
        """Returns the names of its signatures."""
        url = f"{self._model}/metadata"
        return _read(
            self._asked("GET", url), lambda said: frozenset(said["metadata"]["signature_def"]["signature_def"]),
            "signatures", url,
        )  # fmt: skip

    def newest_version(self) -> int:
        """Returns the newest version that the server can answer with, or the one that was chosen.

        Raises:
            InputError: In the server's words, or if it has none.
        """
        states = _read(
            self._asked("GET", self._model),
            lambda said: [(each["state"], int(each["version"])) for each in said["model_version_status"]],
            "versions",
            self._model,
        )
        return newest(states, self._model)

    def _ask(self, name: str, strings: Sequence[bytes], signature: str) -> list[Answer]:
        instances = [{name: {"b64": base64.b64encode(string).decode()}} for string in strings]
        response = self._asked("POST", self.url, json={"signature_name": signature, "instances": instances})

        def answered(said: Any) -> list[Answer]:
            rows = said["predictions"]
            return answers(*([row[output] for row in rows] for output in OUTPUTS))

        return _read(response, answered, "predictions with label, classes and probabilities", self.url)

    def _asked(self, method: str, url: str, **content: Any) -> _Reply:
        """Returns the response, once the server has one."""

        def ask(left_s: float) -> _Reply:
            end = time.monotonic() + left_s
            try:
                with self._session.request(method, url, timeout=left_s, stream=True, **content) as answer:
                    response = _Reply(answer.status_code, answer.reason or "", _content(answer, end, url))
            except (requests.ConnectionError, requests.Timeout) as error:
                raise TryAgainError(str(error)) from error
            except requests.RequestException as error:
                raise InputError(f"{url}: {one_line(str(error))}") from error
            if response.status_code in _TRY_AGAIN:
                raise TryAgainError(_words(response))
            return response

        response = until(self._deadline_s, ask, url)
        if response.status_code != 200:
            raise InputError(f"{url}: {_words(response)}")
        return response


def _read(response: _Reply, what: Callable[[Any], Found], expected: str, url: str) -> Found:
    """Returns what is read from a response.

    Raises:
        InputError: If it holds something else.
    """
    try:
        return what(response.json())
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{url}: expected {expected}. Received: {one_line(response.text)}") from error


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
    return f"{response.status_code}: {one_line(str(said))}"
