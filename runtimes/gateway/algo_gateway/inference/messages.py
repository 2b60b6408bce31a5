"""The messages of the protocol's gRPC form, and of gRPC's health service.

They are described here, by the numbers of the public specifications, and made when gRPC is
asked for: generated code would have to be made anew for each version of protobuf.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
HEALTH = "grpc.health.v1"
INFERENCE_SERVICE = "inference.GRPCInferenceService"
HEALTH_SERVICE = "grpc.health.v1.Health"

# A field is "name type"; `*` is repeated, `?` one of several of which one is set, and
# `map` a map from text. Its number follows.
Fields = dict[str, int]
_NAME_AND_VERSION: Fields = {"name string": 1, "version string": 2}
_TENSOR: Fields = {"name string": 1, "datatype string": 2, "shape *int64": 3}
_CONTENTS: Fields = {"parameters mapInferParameter": 4, "contents InferTensorContents": 5}
_INFERENCE: dict[str, Fields] = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live bool": 1},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {"ready bool": 1},
    "ModelReadyRequest": _NAME_AND_VERSION,
    "ModelReadyResponse": {"ready bool": 1},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {"name string": 1, "version string": 2, "extensions *string": 3},
    "ModelMetadataRequest": _NAME_AND_VERSION,
    "TensorMetadata": _TENSOR,
    "ModelMetadataResponse": {
        "name string": 1,
        "versions *string": 2,
        "platform string": 3,
        "inputs *TensorMetadata": 4,
        "outputs *TensorMetadata": 5,
    },
    "InferParameter": {
        "bool_param ?bool": 1,
        "int64_param ?int64": 2,
        "string_param ?string": 3,
        "double_param ?double": 4,
        "uint64_param ?uint64": 5,
    },
    "InferTensorContents": {
        "bool_contents *bool": 1,
        "int_contents *int32": 2,
        "int64_contents *int64": 3,
        "uint_contents *uint32": 4,
        "uint64_contents *uint64": 5,
        "fp32_contents *float": 6,
        "fp64_contents *double": 7,
        "bytes_contents *bytes": 8,
    },
    "InferInputTensor": {**_TENSOR, **_CONTENTS},
    "InferOutputTensor": {**_TENSOR, **_CONTENTS},
    "InferRequestedOutputTensor": {"name string": 1, "parameters mapInferParameter": 2},
    "ModelInferRequest": {
        "model_name string": 1,
        "model_version string": 2,
        "id string": 3,
        "parameters mapInferParameter": 4,
        "inputs *InferInputTensor": 5,
        "outputs *InferRequestedOutputTensor": 6,
        "raw_input_contents *bytes": 7,
    },
    "ModelInferResponse": {
        "model_name string": 1,
        "model_version string": 2,
        "id string": 3,
        "parameters mapInferParameter": 4,
        "outputs *InferOutputTensor": 5,
        "raw_output_contents *bytes": 6,
    },
    "ModelStreamInferResponse": {
        "error_message string": 1,
        "infer_response ModelInferResponse": 2,
    },
    "ModelStatisticsRequest": _NAME_AND_VERSION,
    "StatisticDuration": {"count uint64": 1, "ns uint64": 2},
    "InferStatistics": {
        f"{name} StatisticDuration": number
        for number, name in enumerate(
            (
                *("success", "fail", "queue", "compute_input", "compute_infer"),
                *("compute_output", "cache_hit", "cache_miss"),
            ),
            start=1,
        )
    },
    "InferBatchStatistics": {"batch_size uint64": 1},
    "ModelStatistics": {
        "name string": 1,
        "version string": 2,
        "last_inference uint64": 3,
        "inference_count uint64": 4,
        "execution_count uint64": 5,
        "inference_stats InferStatistics": 6,
        "batch_stats *InferBatchStatistics": 7,
    },
    "ModelStatisticsResponse": {"model_stats *ModelStatistics": 1},
    "RepositoryIndexRequest": {"repository_name string": 1, "ready bool": 2},
    "ModelIndex": {"name string": 1, "version string": 2, "state string": 3, "reason string": 4},
    "RepositoryIndexResponse": {"models *ModelIndex": 1},
}
_HEALTH: dict[str, Fields] = {
    "HealthCheckRequest": {"service string": 1},
    "HealthCheckResponse": {"status int32": 1},  # an enum on the wire is a number
}
SERVING, NOT_SERVING = 1, 2

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("string", "bool", "int32", "int64", "uint32", "uint64", "float", "double", "bytes")
}


def classes() -> dict[str, Any]:
    """Return the class of each message, by its name."""
    pool = descriptor_pool.DescriptorPool()
    found = {}
    for package, messages in ((PACKAGE, _INFERENCE), (HEALTH, _HEALTH)):
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
        file.syntax = "proto3"
        for name, fields in messages.items():
            _describe(file.message_type.add(name=name), fields, package)
        pool.Add(file)
        for name in messages:
            descriptor = pool.FindMessageTypeByName(f"{package}.{name}")
            found[name] = message_factory.GetMessageClass(descriptor)
    return found


def _describe(message: Any, fields: Fields, package: str) -> None:
    for text, number in fields.items():
        name, kind = text.split(" ")
        if kind.startswith("map"):
            entry = "".join(part.capitalize() for part in name.split("_")) + "Entry"
            nested = message.nested_type.add(name=entry)
            nested.options.map_entry = True
            _describe(nested, {"key string": 1, f"value {kind[3:]}": 2}, package)
            kind = f"*{message.name}.{entry}"
        field = message.field.add(name=name, number=number)
        field.label = _Field.LABEL_REPEATED if kind[0] == "*" else _Field.LABEL_OPTIONAL
        if kind[0] == "?":
            if not message.oneof_decl:
                message.oneof_decl.add(name="parameter_choice")
            field.oneof_index = 0
        kind = kind.lstrip("*?")
        if kind in _TYPES:
            field.type = _TYPES[kind]
        else:
            field.type, field.type_name = _Field.TYPE_MESSAGE, f".{package}.{kind}"
