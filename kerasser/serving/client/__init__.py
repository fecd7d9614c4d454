"""Asks a model: a TF Serving over REST or gRPC, or a SavedModel on disk.

Each way is a module of its own and imports no more than it needs: `rest` requests, `rpc` grpcio and protobuf, `local`
TensorFlow. None of them is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kerasser.serving.client.answers import (
    AUDIO,
    AUDIO_UNDEFENDED,
    DEFENDED,
    LARGEST_ANSWER,
    UNDEFENDED,
    Answer,
    Model,
)
from kerasser.serving.client.local import LocalModel
from kerasser.util.errors import InputError

if TYPE_CHECKING:
    from kerasser.serving.client.rest import RestModel
    from kerasser.serving.client.rpc import GrpcModel

__all__ = [
    "AUDIO",
    "AUDIO_UNDEFENDED",
    "Answer",
    "DEFENDED",
    "GrpcModel",
    "LARGEST_ANSWER",
    "LocalModel",
    "Model",
    "RestModel",
    "UNDEFENDED",
    "connect",
]


def connect(url: str, model: str, version: int | None = None, deadline_s: float = 60.0) -> RestModel | GrpcModel:
    """Returns a model behind a server.

    Args:
        url: http://HOST:8501 or https://… for REST, grpc://HOST:8500 or grpcs://… for gRPC.
        model: Its name there.
        version: Its version; the server's newest by default.
        deadline_s: Seconds for a request with all its repetitions.

    Raises:
        InputError: If the URL is of no such form, or the package for it is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        try:
            from kerasser.serving.client.rest import RestModel
        except ImportError as error:
            raise _missing(url, error) from error
        return RestModel(url, model, version, deadline_s)
    if parts.scheme in ("grpc", "grpcs") and parts.netloc and parts.path in ("", "/"):
        try:
            from kerasser.serving.client.rpc import GrpcModel
        except ImportError as error:
            raise _missing(url, error) from error
        return GrpcModel(parts.netloc, model, version, deadline_s, secure=parts.scheme == "grpcs")
    raise InputError(f"server: expected http://HOST:PORT, https://…, grpc://HOST:PORT or grpcs://…. Received: {url!r}")


def _missing(url: str, error: ImportError) -> InputError:
    packages = "grpcio and protobuf" if url.startswith("grpc") else "requests"
    return InputError(
        f"server: {url}: expected {packages}, pip install {packages.replace(' and', '')}. Received: {error}"
    )


def __getattr__(name: str) -> Any:
    if name == "RestModel":
        from kerasser.serving.client.rest import RestModel

        return RestModel
    if name == "GrpcModel":
        from kerasser.serving.client.rpc import GrpcModel

        return GrpcModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
