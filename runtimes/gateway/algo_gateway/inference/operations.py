"""The Open Inference Protocol in `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from algo_gateway.inference.datatypes import BYTES, SIZES

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface

Json = dict[str, Any]
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_FREE = {"type": "object"}
_DATATYPE = {"enum": [BYTES, *SIZES]}
_SHAPE = {"type": "array", "items": _COUNT, "maxItems": 32}
# A number of elements that fits the shape is more than JSON Schema can say.
_INPUT = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "datatype": _DATATYPE,
        "shape": _SHAPE,
        "parameters": _FREE,
        "data": {"description": "Row by row, flat or nested; or binary, after the JSON."},
    },
    "required": ["name", "datatype", "shape"],
}
_OUTPUT = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "datatype": _DATATYPE,
        "shape": _SHAPE,
        "parameters": _FREE,
        "data": {"type": "array"},
    },
    "required": ["name", "datatype", "shape"],
}
_WANTED = {
    "type": "object",
    "properties": {"name": _TEXT, "parameters": _FREE},
    "required": ["name"],
}
_REQUEST = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "parameters": _FREE,
        "inputs": {"type": "array", "items": _INPUT, "minItems": 1},
        "outputs": {"type": "array", "items": _WANTED},
    },
    "required": ["inputs"],
}
_RESPONSE = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "model_name": _TEXT,
        "model_version": _TEXT,
        "outputs": {"type": "array", "items": _OUTPUT},
    },
    "required": ["model_name", "model_version", "outputs"],
}
_ERROR = {
    "type": "object",
    "properties": {"error": _TEXT, "code": {**_TEXT, "description": "Stable: decide by it."}},
    "required": ["error", "code"],
}
_WHY = {
    "400": "The request is malformed, or the algorithm refused it.",
    "404": "Another model.",
    "413": "The body is over the limit.",
    "415": "An unknown content encoding.",
    "429": "The queue is full.",
    "500": "The algorithm failed.",
    "502": "The worker ended during the call.",
    "503": "The algorithm is not loaded.",
    "504": "No answer within the deadline.",
}


def describe(interface: Interface) -> None:
    """Add the paths below `/v2`; the model's name is `owner/name`, `name` works as well."""
    name = interface.description.name
    model = f"/v2/models/{name}"
    error = _json(interface.component("InferenceError", _ERROR))
    request = _json(interface.component("InferenceRequest", _REQUEST))
    response = _json(interface.component("InferenceResponse", _RESPONSE))

    def page(path: str, title: str, what: str, document: Json, *more: str) -> None:
        responses = {"200": {"description": what, "content": _json(document)}}
        responses |= {status: {"description": "No.", "content": _json(_FREE)} for status in more}
        interface.add("GET", path, title, {"summary": what, "responses": responses})

    page("/v2", "server", "What the server is and can do", _FREE)
    page("/v2/health/live", "live", "Is the gateway alive?", _FREE)
    page("/v2/health/ready", "ready", "Would a call be answered?", _FREE, "503")
    page(model, "model", "The tensors that it takes and gives", _FREE)
    page(f"{model}/ready", "model_ready", "Would a call be answered?", _FREE, "503")
    page(f"{model}/stats", "statistics", "What was inferred", _FREE)
    page("/v2/models/stats", "all_statistics", "What was inferred", _FREE)
    infer = {
        "summary": f"Call {name} with tensors",
        "description": "Binary tensors follow the JSON where `Inference-Header-Content-Length` "
        "says how long that is.",
        "requestBody": {"required": True, "content": request},
        "responses": {
            "200": {"description": "The outputs.", "content": response},
            **{status: {"description": why, "content": error} for status, why in _WHY.items()},
        },
    }
    interface.add("POST", f"{model}/infer", "infer", infer)
    models = {"type": "array", "items": _FREE}
    listed = {"200": {"description": "The models.", "content": _json(models)}}
    listed["400"] = {"description": _WHY["400"], "content": error}
    asked = {"type": "object", "properties": {"ready": {"type": "boolean"}}}
    index = {
        "summary": "The models that are here",
        "requestBody": {"content": _json(asked)},
        "responses": listed | {"413": {"description": _WHY["413"], "content": error}},
    }
    interface.add("POST", "/v2/repository/index", "index", index)


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
