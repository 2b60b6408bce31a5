"""Triton's gRPC client against the address that is given; the algorithm is `TENSORS`."""

import queue
import sys

import grpc
import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

MODEL = "acme/it"


def tensor(name, array, datatype):
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def infer(client, arrays, *, outputs=(), **more):
    inputs = [tensor(name, array, kind) for name, (array, kind) in arrays.items()]
    wanted = [triton.InferRequestedOutput(name) for name in outputs] or None
    return client.infer(MODEL, inputs, outputs=wanted, **more)


def refused(status, call):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", error
        return error.message()
    raise AssertionError(f"it was not refused with {status}")


def main(url):
    client = triton.InferenceServerClient(url)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL) and client.is_model_ready("it", "1")
    assert not client.is_model_ready("another")
    assert "statistics" in client.get_server_metadata().extensions
    assert client.get_model_metadata(MODEL).name == MODEL
    assert client.get_model_repository_index().models[0].state == "READY"

    for kind, dtype in (("FP32", "f4"), ("FP64", "f8"), ("INT16", "i2"), ("UINT64", "u8")):
        array = np.arange(12, dtype=dtype).reshape(3, 4)
        got = infer(client, {"a": (array, kind)}, outputs=["a", "sum"], request_id="seven")
        np.testing.assert_array_equal(got.as_numpy("a"), array)
        assert got.as_numpy("sum").tolist() == [66]
        assert got.get_response().id == "seven"
    words = np.array([["one", "zwölf"]], dtype=object)
    got = infer(client, {"a": (words, "BYTES")}, outputs=["a"])
    assert got.as_numpy("a").tolist() == [[b"one", "zwölf".encode()]]
    half = np.array([0.5, -2.0], dtype=np.float16)
    assert infer(client, {"a": (half, "FP16")}).as_numpy("a").tolist() == [0.5, -2.0]

    one = (np.ones(1, "f4"), "FP32")
    assert "asked for it" in refused("INVALID_ARGUMENT", lambda: infer(client, {"fail": one}))
    assert "acme/it" in refused("NOT_FOUND", lambda: client.get_model_metadata("acme/x"))
    slow = {"sleep": (np.array([0.5]), "FP64")}
    refused("DEADLINE_EXCEEDED", lambda: infer(client, slow, client_timeout=0.1))

    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    inputs = [tensor("stream", np.arange(3, dtype="i8"), "INT64")]
    client.async_stream_infer(MODEL, inputs, enable_empty_final_response=True)
    pieces = [answers.get(timeout=10) for _ in range(4)]
    assert [r.as_numpy("output").tolist() for r, _ in pieces[:3]] == [[0], [1], [2]], pieces
    assert pieces[3][0].get_response().parameters["triton_final_response"].bool_param
    client.async_stream_infer(MODEL, [tensor("fail", *one)])
    result, error = answers.get(timeout=10)
    assert result is None and "asked for it" in error.message(), error
    client.stop_stream()

    statistics = client.get_inference_statistics(MODEL).model_stats[0]
    assert statistics.inference_stats.success.count > 5
    assert statistics.inference_stats.fail.count >= 2

    with grpc.insecure_channel(url) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"") == b"\x08\x01"
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
