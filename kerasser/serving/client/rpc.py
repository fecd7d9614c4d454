"""A model behind TF Serving's gRPC interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from kerasser.serving.client import messages
from kerasser.serving.client.answers import LARGEST_ANSWER, OUTPUTS, Answer, Model, answers, newest, one_line
from kerasser.serving.client.retrying import TryAgainError, until
from kerasser.util.errors import InputError

_TRY_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


class GrpcModel(Model):
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
        self._channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if secure
            else grpc.insecure_channel(target, options)
        )
        self._model, self._version, self._deadline_s = model, version, deadline_s
        self._where = f"{target}, model {model}"

    def offered(self) -> frozenset[str]:
        """Returns the names of its signatures."""
        request = messages.GetModelMetadataRequest(
            model_spec=self._spec(), metadata_field=[messages.SIGNATURES]
        )  # fmt: skip
        response = self._asked("PredictionService/GetModelMetadata", request, messages.GetModelMetadataResponse)
        packed = response.metadata[messages.SIGNATURES].value
        return frozenset(messages.SignatureDefMap.FromString(packed).signature_def)

    def newest_version(self) -> int:
        """Returns the newest version that the server can answer with; see `RestModel.newest_version`."""
        request = messages.GetModelStatusRequest(model_spec=self._spec())
        response = self._asked("ModelService/GetModelStatus", request, messages.GetModelStatusResponse)
        states = [(messages.STATES.get(each.state, "UNKNOWN"), each.version) for each in response.model_version_status]
        return newest(states, self._where)

    def _ask(self, name: str, strings: Sequence[bytes], signature: str) -> list[Answer]:
        request = messages.PredictRequest(model_spec=self._spec(signature))
        request.inputs[name].CopyFrom(messages.of_strings(strings))
        outputs = self._asked("PredictionService/Predict", request, messages.PredictResponse).outputs
        if not all(output in outputs for output in OUTPUTS):
            raise InputError(
                f"{self._where}: expected the outputs {', '.join(OUTPUTS)}. Received: {', '.join(outputs)}"
            )
        try:
            return answers(*(messages.to_lists(outputs[output]) for output in OUTPUTS))
        except ValueError as error:
            raise InputError(f"{self._where}: {error}") from error

    def _spec(self, signature: str = "") -> Any:
        spec = messages.ModelSpec(name=self._model, signature_name=signature)
        if self._version is not None:
            spec.version.value = self._version
        return spec

    def _asked(self, method: str, request: Any, response: Any) -> Any:
        """Returns the response, once the server has one."""
        call: Callable[..., Any] = self._channel.unary_unary(
            f"/tensorflow.serving.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )

        def ask(left_s: float) -> Any:
            try:
                return call(request, timeout=left_s)
            except grpc.RpcError as error:
                words = f"{error.code().name}: {one_line(error.details())}"
                if error.code() in _TRY_AGAIN:
                    raise TryAgainError(words) from error
                raise InputError(f"{self._where}: {words}") from error

        return until(self._deadline_s, ask, self._where)
