"""Triton's asyncio clients against both addresses: many calls at once, no answer mixed up."""

import asyncio
import sys

import numpy as np
import tritonclient.grpc.aio as over_grpc
import tritonclient.http.aio as over_http


async def sums(module, address):
    client = module.InferenceServerClient(address)

    async def one(number):
        given = module.InferInput("a", [4], "FP32")
        given.set_data_from_numpy(np.full(4, number, "f4"))
        answer = await client.infer("acme/it", [given], request_id=str(number))
        assert answer.as_numpy("sum").tolist() == [4 * number]
        response = answer.get_response()
        assert (response["id"] if isinstance(response, dict) else response.id) == str(number)

    await asyncio.gather(*[one(number) for number in range(60)])
    await client.close()


if __name__ == "__main__":
    asyncio.run(sums(over_http, sys.argv[1]))
    asyncio.run(sums(over_grpc, sys.argv[2]))
    print("ok")
