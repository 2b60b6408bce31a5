"""Between the messages of gRPC and our requests, tensors and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_gateway.calls.call import Failure
from algo_gateway.inference.datatypes import refused
from algo_gateway.inference.request import Request, Wanted
from algo_gateway.inference.tensors import Tensor, given

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Where the elements of a datatype are, when they are not raw; FP16 and BF16 always are.
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def request_of(message: Any) -> Request:
    """Return the request of a `ModelInferRequest`.

    Raises:
        Failure: 400, a tensor has another form.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        what = f"there are {len(raw)} raw contents for {len(message.inputs)} inputs"
        raise Failure(400, "bad_request", what)
    tensors = []
    for index, one in enumerate(message.inputs):
        shape = list(one.shape)
        if raw:
            tensor = given(one.name, one.datatype, shape, data=raw[index])
        else:
            tensor = given(one.name, one.datatype, shape, values=_contents(one))
        tensor.parameters = _values(one.parameters)
        tensors.append(tensor)
    wanted = [Wanted(one.name, _values(one.parameters)) for one in message.outputs]
    return Request(tensors, message.id, _values(message.parameters), wanted)


def response(messages: Mapping[str, Any], asked: Any, tensors: Sequence[Tensor]) -> Any:
    """Return the `ModelInferResponse` with `tensors`, raw, that answers the request `asked`."""
    message = messages["ModelInferResponse"](
        model_name=asked.model_name, model_version=asked.model_version or "1", id=asked.id
    )
    for tensor in tensors:
        output = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        for name, value in tensor.parameters.items():
            output.parameters[name].string_param = str(value)
        message.raw_output_contents.append(bytes(tensor.data))
    return message


def filled(message: Any, document: Mapping[str, Any]) -> Any:
    """Return `message` with the fields of `document`, lists and documents in it included."""
    for name, value in document.items():
        if isinstance(value, dict):
            filled(getattr(message, name), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                filled(getattr(message, name).add(), one)
        elif isinstance(value, list):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return message


def _contents(tensor: Any) -> list[Any]:
    field = _CONTENTS.get(tensor.datatype)
    if field is None:
        raise refused(tensor.name, f"{tensor.datatype} has to be raw")
    return list(getattr(tensor.contents, field))


def _values(parameters: Any) -> dict[str, Any]:
    found = {name: one.WhichOneof("parameter_choice") for name, one in parameters.items()}
    return {name: getattr(parameters[name], kind) for name, kind in found.items() if kind}
