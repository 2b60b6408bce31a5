"""Requests and answers of `infer` over HTTP: JSON, and the binary tensor data extension."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.inference import datatypes
from algo_gateway.inference.datatypes import BYTES, refused
from algo_gateway.inference.tensors import Tensor, given

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many bytes of the body are JSON; the tensors' bytes follow.
LENGTH_HEADER = "inference-header-content-length"
BINARY_SIZE, BINARY, ALL_BINARY = "binary_data_size", "binary_data", "binary_data_output"
_ELSEWHERE = ("shared_memory_region", "classification")


class _Input(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}
    data: Any = None


class Wanted(msgspec.Struct):
    """An output that the client asks for."""

    name: str
    parameters: dict[str, Any] = {}


class _Document(msgspec.Struct):
    inputs: list[_Input]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[Wanted] = []


class Request(msgspec.Struct):
    """What a client sent, over REST or gRPC."""

    tensors: list[Tensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[Wanted] = []

    @property
    def asked(self) -> list[str]:
        """The names of the outputs that are asked for; none for all."""
        return [one.name for one in self.outputs]

    @property
    def timeout(self) -> float | None:
        """The seconds that the client waits, which Triton's clients send in microseconds."""
        value = self.parameters.get("timeout")
        return value / 1e6 if isinstance(value, int) and value > 0 else None


_decode = msgspec.json.Decoder(_Document).decode


def parse(body: bytes, length: str | None) -> Request:
    """Return the request of a body.

    Args:
        body: JSON, with the bytes of tensors behind it when `length` is given.
        length: The value of `Inference-Header-Content-Length`.

    Raises:
        Failure: 400, it has another form; the message has the place.
    """
    head, rest = _split(body, length)
    try:
        document = _decode(head)
    except msgspec.ValidationError as error:
        raise Failure(400, "bad_request", f"the request has another form: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(400, "malformed_json", f"the request is not JSON: {error}") from None
    tensors, at = [], 0
    for one in document.inputs:
        size = one.parameters.get(BINARY_SIZE)
        _supported(one.name, one.parameters)
        if size is None:
            tensor = given(one.name, one.datatype, one.shape, values=one.data)
        else:
            if not isinstance(size, int) or not 0 <= size <= len(rest) - at:
                what = f"{BINARY_SIZE} is {size!r}, and {len(rest) - at} bytes are left"
                raise refused(one.name, what)
            tensor = given(one.name, one.datatype, one.shape, data=rest[at : at + size])
            at += size
        tensor.parameters = one.parameters
        tensors.append(tensor)
    if at != len(rest):
        raise Failure(400, "bad_request", f"{len(rest) - at} bytes behind the last tensor")
    for wanted in document.outputs:
        _supported(wanted.name, wanted.parameters)
    return Request(tensors, document.id, document.parameters, document.outputs)


def answer(
    request: Request, tensors: Sequence[Tensor], model: str, version: str
) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of an answer; tensors are binary where the request says so.

    Raises:
        Failure: 500, JSON has no form for an element.
    """
    everything = bool(request.parameters.get(ALL_BINARY, False))
    binary = {one.name: bool(one.parameters.get(BINARY, everything)) for one in request.outputs}
    outputs, pieces = [], []
    for tensor in tensors:
        described: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
        }
        parameters = dict(tensor.parameters)
        if binary.get(tensor.name, everything):
            parameters[BINARY_SIZE] = len(tensor.data)
            pieces.append(tensor.data)
        else:
            described["data"] = _json_values(tensor, parameters)
        if parameters:
            described["parameters"] = parameters
        outputs.append(described)
    document: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id:
        document["id"] = request.id
    head = msgspec.json.encode({**document, "outputs": outputs})
    if not pieces:
        return [("content-type", "application/json")], head
    headers = [("content-type", "application/octet-stream"), (LENGTH_HEADER, str(len(head)))]
    return headers, b"".join([head, *pieces])


def _split(body: bytes, length: str | None) -> tuple[bytes | memoryview, memoryview]:
    if length is None:
        return body, memoryview(b"")
    if not length.isdecimal() or int(length) > len(body):
        what = f"{LENGTH_HEADER} is {length!r:.40}, and the body has {len(body)} bytes"
        raise Failure(400, "bad_request", what)
    whole = memoryview(body)
    return whole[: int(length)], whole[int(length) :]


def _supported(name: str, parameters: dict[str, Any]) -> None:
    for unknown in _ELSEWHERE:
        if unknown in parameters:
            raise refused(name, f"{unknown} is not supported")


def _json_values(tensor: Tensor, parameters: dict[str, Any]) -> list[Any]:
    values = tensor.values
    if tensor.datatype == BYTES:
        if all(isinstance(value, str) for value in values):
            return values
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        texts = datatypes.text(encoded)
        if texts is not None:
            return texts
        parameters["content_type"] = "base64"  # msgspec writes bytes as that
        return encoded
    if not all(map(math.isfinite, values)):
        what = f"the output {tensor.name!r} holds NaN or Infinity, which JSON has not"
        hint = "ask for it as binary data"
        raise Failure(500, "result_not_finite", what, hint=hint)
    return values
