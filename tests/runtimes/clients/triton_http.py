"""Triton's HTTP client against the URL that is given, `host:port`; the algorithm is `TENSORS`."""

import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

MODEL = "acme/it"


def tensor(name, array, datatype, *, binary):
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def infer(client, arrays, *, binary, outputs=(), **more):
    inputs = [tensor(name, array, kind, binary=binary) for name, (array, kind) in arrays.items()]
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs] or None
    return client.infer(MODEL, inputs, outputs=wanted, **more)


def main(url):
    client = triton.InferenceServerClient(url)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL) and client.is_model_ready("it", "1")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL)
    assert metadata["name"] == MODEL, metadata
    assert client.get_model_repository_index()[0]["state"] == "READY"

    for binary in (False, True):
        for kind, dtype in (("FP32", "f4"), ("FP64", "f8"), ("INT32", "i4"), ("UINT8", "u1")):
            array = np.arange(12, dtype=dtype).reshape(3, 4)
            got = infer(client, {"a": (array, kind)}, binary=binary, outputs=["a", "sum"])
            np.testing.assert_array_equal(got.as_numpy("a"), array)
            assert got.as_numpy("sum").tolist() == [66]
        flags = np.array([True, False])
        got = infer(client, {"a": (flags, "BOOL")}, binary=binary, outputs=["a"])
        assert got.as_numpy("a").dtype == bool and got.as_numpy("a").tolist() == [True, False]
        words = np.array([["one", "zwölf"]], dtype=object)
        got = infer(client, {"a": (words, "BYTES")}, binary=binary, outputs=["a"])
        texts = ["one", "zwölf"]  # the client decodes binary ones not at all
        assert got.as_numpy("a").tolist() == [[t.encode() if binary else t for t in texts]]
    half = np.array([0.5, -2.0], dtype=np.float16)
    got = infer(client, {"a": (half, "FP16")}, binary=True)
    assert got.as_numpy("a").tolist() == [0.5, -2.0]
    two = {"a": (np.ones((2, 2), "f4"), "FP32"), "b": (np.zeros(3, "i8"), "INT64")}
    got = infer(client, two, binary=True, request_id="seven")
    assert got.get_response()["id"] == "seven"
    assert [one["name"] for one in got.get_response()["outputs"]] == ["a", "b", "sum"]
    for algorithm in ("gzip", "deflate"):
        got = infer(client, two, binary=True, request_compression_algorithm=algorithm)
        assert got.as_numpy("b").tolist() == [0, 0, 0]

    for arrays, outputs, text in (
        ({"fail": (np.ones(1, "f4"), "FP32")}, [], "you asked for it"),
        ({"a": (np.ones(1, "f4"), "FP32")}, ["other"], "no output 'other'"),
    ):
        try:
            infer(client, arrays, binary=True, outputs=outputs)
        except InferenceServerException as error:
            assert text in error.message(), error
        else:
            raise AssertionError(text)
    try:
        client.get_model_metadata("acme/another")
    except InferenceServerException as error:
        assert "acme/it" in error.message(), error
    else:
        raise AssertionError("another model was found")
    waiting = [
        client.async_infer(MODEL, [tensor("a", np.ones(2, "f4"), "FP32", binary=True)])
        for _ in range(4)
    ]
    assert all(one.get_result().as_numpy("a").tolist() == [1, 1] for one in waiting)
    statistics = client.get_inference_statistics(MODEL)["model_stats"][0]
    assert statistics["inference_stats"]["success"]["count"] > 10
    assert statistics["inference_stats"]["fail"]["count"] == 2
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
