"""KServe's clients against the URL and the gRPC address; the algorithm is `TENSORS`."""

import asyncio
import sys

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

MODEL = "acme/it"


def request(name, array, kind, *, binary=True, **more):
    given = InferInput(name, list(array.shape), kind)
    given.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[given], **more)


async def over_rest(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, MODEL)
    array = np.arange(6, dtype="f4").reshape(2, 3)
    for binary in (False, True):
        wanted = [RequestedOutput("a", {"binary_data": binary}), RequestedOutput("sum")]
        asked = request("a", array, "FP32", binary=binary, request_outputs=wanted)
        got = await client.infer(url, asked, model_name=MODEL)
        np.testing.assert_array_equal(got.get_output_by_name("a").as_numpy(), array)
        assert got.get_output_by_name("sum").as_numpy().tolist() == [15]
    plain = {"inputs": [{"name": "a", "shape": [2], "datatype": "INT32", "data": [1, 2]}]}
    got = await client.infer(url, plain, model_name=MODEL)
    assert got.get_output_by_name("sum").data == [3]
    try:
        await client.infer(url, request("fail", array, "FP32"), model_name=MODEL)
    except httpx.HTTPStatusError as error:
        assert "you asked for it" in str(error) and error.response.status_code == 400, error
    else:
        raise AssertionError("it did not fail")
    await client.close()


async def over_grpc(address):
    client = InferenceGRPCClient(address)
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready(MODEL)
    array = np.arange(6, dtype="f4").reshape(2, 3)
    for binary in (False, True):
        got = await client.infer(request("a", array, "FP32", binary=binary, request_id="x"))
        np.testing.assert_array_equal(got.get_output_by_name("a").as_numpy(), array)
        assert got.id == "x"
    try:
        await client.infer(request("fail", array, "FP32"))
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
        assert "you asked for it" in error.details()
    else:
        raise AssertionError("it did not fail")
    await client.close()


if __name__ == "__main__":
    asyncio.run(over_rest(sys.argv[1]))
    asyncio.run(over_grpc(sys.argv[2]))
    print("ok")
