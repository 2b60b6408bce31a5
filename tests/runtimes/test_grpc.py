"""The gateway's gRPC port: who may call, what an error is, and where it listens."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from algo_gateway.__main__ import parse
from algo_gateway.inference import messages

from tests.runtimes.test_traces import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"
SLEEP = "import time\n\ndef apply(value):\n    time.sleep(value[0])\n    return value\n"
CLASSES = messages.classes()


def ask(served: GatewayProcess, method: str, request: Any, **more: Any) -> Any:
    """Call a method of the service that takes and gives one message."""
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
        call = channel.unary_unary(
            f"/{messages.INFERENCE_SERVICE}/{method}",
            request.SerializeToString,
            CLASSES[f"{method}Response"].FromString,
        )
        return call(request, **more)


def request(kind: str, shape: list[int], **contents: Any) -> Any:
    message = CLASSES["ModelInferRequest"](model_name="it", id="a1")
    tensor = message.inputs.add(name="input", datatype=kind, shape=shape)
    for name, values in contents.items():
        getattr(tensor.contents, name).extend(values)
    return message


def refused(served: GatewayProcess, message: Any, **more: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask(served, "ModelInfer", message, **more)
    return caught.value.code(), caught.value.details()


def test_typed_and_raw_contents_are_the_same(gateway: Start) -> None:
    served = gateway(ECHO, "--grpc-port", "0")
    for kind, field, values in (
        ("BOOL", "bool_contents", [True, False]),
        ("INT8", "int_contents", [-1, 2]),
        ("UINT16", "uint_contents", [1, 2]),
        ("FP32", "fp32_contents", [0.5, 2]),
        ("BYTES", "bytes_contents", [b"a", b"bc"]),
    ):
        typed = ask(served, "ModelInfer", request(kind, [2], **{field: values}))
        assert (typed.id, typed.model_name, list(typed.outputs[0].shape)) == ("a1", "it", [2])
    raw = request("INT32", [1])
    raw.raw_input_contents.append(b"\7\0\0\0")
    assert ask(served, "ModelInfer", raw).raw_output_contents[0] == b"\7" + bytes(7)


def test_errors_are_statuses(gateway: Start) -> None:
    served = gateway(SLEEP, "--grpc-port", "0", serving={"max_body": 1000})
    for message, text in (
        (request("FP16", [1]), "FP16 has to be raw"),
        (request("INT8", [2], int_contents=[1]), "1 elements do not fit"),
        (request("INT8", [1], int_contents=[300]), "tensor 'input'"),
    ):
        code, details = refused(served, message)
        assert code is grpc.StatusCode.INVALID_ARGUMENT and text in details, details
    other = request("INT8", [1], int_contents=[1])
    other.model_name = "another"
    assert refused(served, other)[0] is grpc.StatusCode.NOT_FOUND
    big = request("BYTES", [1], bytes_contents=[bytes(100_000)])
    assert refused(served, big)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    failed = refused(served, request("BYTES", [1], bytes_contents=[b"x"]))
    assert failed[0] is grpc.StatusCode.INTERNAL and "TypeError" in failed[1]


def test_garbage_is_refused_and_others_are_served(gateway: Start) -> None:
    served = gateway(ECHO, "--grpc-port", "0")
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
        call = channel.unary_unary(f"/{messages.INFERENCE_SERVICE}/ModelInfer")
        for body in (b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", b"\x2a\x02\x0a\x05"):
            with pytest.raises(grpc.RpcError):
                call(body, timeout=10)
        unknown = channel.unary_unary(f"/{messages.INFERENCE_SERVICE}/ModelTrain")
        with pytest.raises(grpc.RpcError) as caught:
            unknown(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert ask(served, "ModelInfer", request("INT8", [1], int_contents=[1])).id == "a1"


def in_flight(served: GatewayProcess, count: int) -> None:
    """Wait until as many calls are being answered."""
    end = time.monotonic() + 10
    while f"algo_calls_in_flight {count}\n".encode() not in served.ask("GET", "/metrics").body:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_client_that_goes_or_is_late_frees_its_place(gateway: Start) -> None:
    code = "import asyncio\n\nasync def apply(value):\n    await asyncio.sleep(value[0])\n"
    served = gateway(code, "--grpc-port", "0")
    slow = request("FP64", [1], fp64_contents=[50])
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}") as channel:
        call = channel.unary_unary(f"/{messages.INFERENCE_SERVICE}/ModelInfer")
        waiting = call.future(slow.SerializeToString())
        in_flight(served, 1)
        waiting.cancel()
        in_flight(served, 0)
    assert refused(served, slow, timeout=0.2)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    in_flight(served, 0)
    assert served.post([0]).status == 200


def test_tokens_hold_for_grpc(gateway: Start, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"algo_a1_secret").hexdigest()
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"tokens": [{"id": "a1", "name": "ada", "sha256": digest}]}))
    served = gateway(ECHO, "--grpc-port", "0", "--tokens", str(tokens))
    message = request("INT8", [1], int_contents=[1])
    assert refused(served, message)[0] is grpc.StatusCode.UNAUTHENTICATED
    shown = (("authorization", "Bearer algo_a1_secret"),)
    assert ask(served, "ModelInfer", message, metadata=shown).id == "a1"
    assert ask(served, "ServerReady", CLASSES["ServerReadyRequest"]()).ready


def test_a_request_has_an_id_a_trace_and_a_line_in_the_access_log(gateway: Start) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with Receiver() as receiver:
        environment = receiver.environment()
        served = gateway(ECHO, "--grpc-port", "0", "--access-log", environment=environment)
        given = (
            ("x-request-id", "mine"),
            ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),
        )
        message = request("INT8", [1], int_contents=[1])
        assert ask(served, "ModelInfer", message, metadata=given).id == "a1"
        message.model_name = "another"
        refused(served, message)
        method = f"{messages.INFERENCE_SERVICE}/ModelInfer"
        spans = [span for span in receiver.wait_for(4) if span.trace_id.hex() == trace]
        assert {span.name for span in spans} == {method, "queue", "worker"}
    served.stop()
    lines = [json.loads(line) for line in served.printed]
    first, second = [line for line in lines if line.get("path") == f"/{method}"]
    assert (first["request"], first["trace"], first["status"]) == ("mine", trace, 200)
    assert (second["status"], second["code"]) == (404, "unknown_model")


def test_a_taken_port_is_said_and_ends_the_gateway(gateway: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        served = gateway(ECHO, "--grpc-port", str(port))
        assert served.process.wait(10) == 1
    served.stop()
    assert any(f"gRPC port {port}" in line for line in served.printed), served.printed


def test_the_environment_can_ask_for_grpc() -> None:
    words = ["--algorithm", "a", "--app", ".", "--runtime", "r"]
    assert parse(words, {}).grpc_port == -1
    assert parse(words, {"ALGO_GRPC_PORT": "8001"}).grpc_port == 8001
    assert parse([*words, "--grpc-port", "0"], {"ALGO_GRPC_PORT": "8001"}).grpc_port == 0
    with pytest.raises(SystemExit):
        parse(words, {"ALGO_GRPC_PORT": "x"})
