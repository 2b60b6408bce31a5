"""Traces across gateway and runner, received as OTLP by what the protocol's own messages read."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest
from algo_gateway.tracing import context, settings
from algo_gateway.tracing.exporter import Exporter
from algo_gateway.tracing.otlp import json as encode_json
from algo_gateway.tracing.otlp import protobuf
from algo_gateway.tracing.sampling import sampler
from algo_gateway.tracing.span import Event, Span
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{CALLER}-01"


class Receiver:
    """An OTLP receiver over HTTP: keeps the requests, and answers with what `answers` holds."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.answers: list[int] = []
        self.asked = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked += 1
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.take(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored: object) -> None: ...

        self._server = servers.Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        assert path == "/v1/traces"
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        message = ExportTraceServiceRequest()
        if headers["Content-Type"] == "application/json":
            # OTLP has ids in hex where protobuf's own JSON has base64: turned into bytes here.
            Parse(json.dumps(_base64(json.loads(body))), message)
        else:
            message.ParseFromString(body)
        self.requests.append((headers, message))

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for _, message in self.requests
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, count: int) -> dict[str, Any]:
        """Return the spans by name once there are `count` of them."""
        return {span.name: span for span in self.wait_for(count)}

    def wait_for(self, count: int) -> list[Any]:
        """Return the spans once there are `count` of them."""
        end = time.monotonic() + 10
        while len(self.spans) < count:
            assert time.monotonic() < end, self.spans
            time.sleep(0.01)
        return self.spans

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            **{f"OTEL_{name}": value for name, value in more.items()},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in ("traceId", "spanId", "parentSpanId")
        else _base64(item)
        for key, item in value.items()
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def attributes(span: Any) -> dict[str, Any]:
    found = {}
    for pair in span.attributes:
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"EXPORTER_OTLP_PROTOCOL": "http/json"},
        {"EXPORTER_OTLP_COMPRESSION": "gzip", "EXPORTER_OTLP_HEADERS": "x-key=a%20b,y=2"},
    ],
)
def test_a_request_its_wait_and_its_work_are_spans_of_the_callers_trace(
    gateway: Start, receiver: Receiver, more: dict[str, str]
) -> None:
    environment = receiver.environment(RESOURCE_ATTRIBUTES="team=a,deployment=b", **more)
    served = gateway(ECHO, environment=environment)
    answer = served.post(1, "/invoke", traceparent=PARENT, tracestate="a=1,b=2")
    spans = receiver.wait(3)
    request, queue, worker = spans["POST /invoke"], spans["queue"], spans["worker"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert {span.trace_state for span in spans.values()} == {"a=1,b=2"}
    assert request.parent_span_id.hex() == CALLER
    assert queue.parent_span_id == worker.parent_span_id == request.span_id
    assert (request.kind, queue.kind, worker.kind) == (2, 1, 1)
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{request.span_id.hex()}-01"
    assert (
        request.start_time_unix_nano
        <= queue.start_time_unix_nano
        <= queue.end_time_unix_nano
        == worker.start_time_unix_nano
        <= worker.end_time_unix_nano
        <= request.end_time_unix_nano
    )
    assert abs(request.start_time_unix_nano / 1e9 - time.time()) < 60
    told = attributes(request)
    assert told["http.request.method"] == "POST"
    assert told["http.route"] == told["url.path"] == "/invoke"
    assert told["http.response.status_code"] == 200
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", served.port)
    assert told["algo.request.id"] == answer.headers["x-request-id"]
    headers, message = receiver.requests[0]
    if "EXPORTER_OTLP_HEADERS" in more:
        assert (headers["X-Key"], headers["Y"]) == ("a b", "2")
    of = attributes(message.resource_spans[0].resource)
    assert (of["service.name"], of["team"], of["deployment"]) == ("acme/it", "a", "b")


def test_an_error_is_one_of_its_spans(gateway: Start, receiver: Receiver) -> None:
    served = gateway(
        "def apply(value):\n    return 1 / value\n", environment=receiver.environment()
    )
    assert served.post(0).status == 500
    spans = receiver.wait(3)
    assert spans["POST /"].status.code == spans["worker"].status.code == 2
    assert attributes(spans["POST /"])["error.type"] == "exception"
    (event,) = spans["worker"].events
    told = attributes(event)
    assert event.name == "exception"
    assert told["exception.type"] == "ZeroDivisionError"
    assert told["exception.message"] == "division by zero"
    assert 'File "src/it.py", line 2, in apply' in told["exception.stacktrace"]
    assert served.post(b"{").status == 400
    refused = next(span for span in receiver.wait(6).values() if span.name == "POST /")
    assert refused.status.code == 0
    assert attributes(refused)["error.type"] == "malformed_json"


def test_a_stream_lasts_until_its_end(gateway: Start, receiver: Receiver) -> None:
    served = gateway(
        """
        import time
        def apply(count):
            for number in range(count):
                time.sleep(0.1)
                yield number
        """,
        environment=receiver.environment(),
    )
    served.post(3)
    span = receiver.wait(3)["POST /"]
    assert span.end_time_unix_nano - span.start_time_unix_nano > 0.3e9


def test_every_request_has_a_trace_of_its_own(gateway: Start, receiver: Receiver) -> None:
    served = gateway(ECHO, environment=receiver.environment(SERVICE_NAME="mine"))
    for _ in range(3):
        served.post(1)
    served.ask("GET", "/nothing")
    receiver.wait(10)
    requests = [span for span in receiver.spans if span.kind == 2]
    assert len({span.trace_id for span in requests}) == 4
    assert not any(span.parent_span_id for span in requests)
    assert {span.name for span in requests} == {"POST /", "GET"}
    of = attributes(receiver.requests[0][1].resource_spans[0].resource)
    assert of["service.name"] == "mine"


TELLS = """
import os
def apply(value):
    return [os.environ.get("TRACEPARENT"), os.environ.get("TRACESTATE")]
"""


def test_the_workers_span_is_the_parent_of_what_the_code_does(
    gateway: Start, receiver: Receiver
) -> None:
    served = gateway(TELLS, environment=receiver.environment())
    parent, state = served.post(1, traceparent=PARENT, tracestate="a=1").json
    worker = receiver.wait(3)["worker"]
    assert parent == f"00-{TRACE}-{worker.span_id.hex()}-01"
    assert state == "a=1"


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_authors_own_opentelemetry_goes_on_with_the_trace(
    gateway: Start, kind: str, concurrency: int
) -> None:
    code = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
tracer = TracerProvider().get_tracer("mine")
{kind} apply(value):
    with tracer.start_as_current_span("inner") as span:
        context = span.get_span_context()
        parent = span.parent
        return ["%032x" % context.trace_id, "%016x" % (parent.span_id if parent else 0)]
"""
    served = gateway(code, serving={"concurrency": concurrency})
    # Nobody records here, and the caller's trace still passes through.
    assert served.post(1, traceparent=PARENT).json == [TRACE, CALLER]
    trace, parent = served.post(1).json
    assert (trace != TRACE, parent) == (True, "0" * 16)


def test_a_trace_passes_through_where_none_is_recorded(gateway: Start) -> None:
    served = gateway(TELLS)
    answer = served.post(1, traceparent=PARENT, tracestate="a=1")
    assert answer.json == [PARENT, "a=1"]
    assert "traceresponse" not in answer.headers
    assert served.post(1).json == [None, None]
    assert served.post(1, traceparent="00-no-no-00").json == [None, None]


def test_a_batch_carries_the_traces_of_its_calls(gateway: Start, receiver: Receiver) -> None:
    code = "def apply_batch(values):\n    return values\n"
    served = gateway(code, environment=receiver.environment())
    assert served.post(1, traceparent=PARENT).json == 1
    assert receiver.wait(3)["worker"].trace_id.hex() == TRACE


def test_a_trace_that_the_caller_does_not_record_is_not_recorded(
    gateway: Start, receiver: Receiver
) -> None:
    served = gateway(TELLS, environment=receiver.environment())
    quiet = PARENT[:-1] + "0"
    assert served.post(1, traceparent=quiet).json[0] == quiet
    served.post(1, traceparent=PARENT)
    receiver.wait(3)
    assert len(receiver.spans) == 3


def test_log_lines_carry_the_trace(gateway: Start) -> None:
    served = gateway("def apply(value):\n    print('here')\n", "--access-log")
    served.post(1, traceparent=PARENT)
    end = time.monotonic() + 10
    while len(served.printed) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert {json.loads(line)["trace"] for line in served.printed} == {TRACE}


def test_calls_do_not_wait_for_a_receiver_that_is_gone(gateway: Start) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "30",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
    }
    served = gateway(ECHO, environment=environment)
    for _ in range(40):
        assert served.post(1).status == 200
    text = served.ask("GET", "/metrics").body.decode()
    dropped = next(line for line in text.splitlines() if 'outcome="dropped"' in line)
    assert float(dropped.split()[-1]) >= 40 * 3 - 30 - 10
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 8


def test_what_may_be_tried_again_is_and_the_rest_is_not(receiver: Receiver) -> None:
    said: list[str] = []
    wanted = settings.read(receiver.environment(), "it")
    assert wanted is not None
    exporter = Exporter(wanted, said.append)
    receiver.answers[:] = [503, 200, 400]
    span = Span(TRACE, CALLER, "", "one", 1, 1, 2)
    exporter.add(span)
    receiver.wait(1)
    exporter.add(span)
    end = time.monotonic() + 10
    while not exporter.dropped:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert (exporter.counts(), receiver.asked) == ({"exported": 1, "dropped": 1}, 3)
    assert "answers 400" in said[0]
    exporter.close()


def test_a_setting_that_cannot_be_followed_is_said(gateway: Start) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    served = gateway(ECHO, environment=environment)
    assert served.post(1).status == 200
    served.stop()
    assert "not by grpc" in json.loads(served.printed[0])["message"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a"},
    ],
)
def test_nothing_is_sent_unless_it_is_said_where(environment: dict[str, str]) -> None:
    assert settings.read(environment, "it") is None


def test_the_traces_own_settings_go_first() -> None:
    found = settings.read(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:4318/base/",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "250",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.5",
        },
        "it",
    )
    assert found is not None
    assert (found.endpoint, found.timeout) == ("http://all:4318/base/v1/traces", 0.25)
    own = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://own/x",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "b",
    }
    found = settings.read(own, "it")
    assert found is not None
    assert found.endpoint == "https://own/x"


PLACE = context.Context(TRACE, CALLER, 1)


@pytest.mark.parametrize(
    ("name", "argument", "parent", "recorded"),
    [
        ("always_on", "", None, True),
        ("always_off", "", PLACE, False),
        ("parentbased_always_off", "", PLACE, True),
        ("parentbased_always_off", "", None, False),
        ("parentbased_always_on", "", context.Context(TRACE, CALLER, 0), False),
        ("traceidratio", "0", PLACE, False),
        ("traceidratio", "1", None, True),
        ("parentbased_traceidratio", "0.6", None, False),
        ("parentbased_traceidratio", "0.7", None, True),
    ],
)
def test_samplers_are_those_of_opentelemetry(
    name: str, argument: str, parent: context.Context | None, recorded: bool
) -> None:
    # The lower half of this id is 0.639 of the highest number.
    assert sampler(name, argument)(parent, TRACE) is recorded


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (PARENT, True),
        (f"01-{TRACE}-{CALLER}-01-more", True),
        (f"00-{TRACE}-{CALLER}-01-more", False),
        (f"ff-{TRACE}-{CALLER}-01", False),
        (f"00-{TRACE.upper()}-{CALLER}-01", False),
        (f"00-{'0' * 32}-{CALLER}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE}-{CALLER}", False),
        ("", False),
    ],
)
def test_a_traceparent_holds_by_the_rules_of_w3c(given: str, holds: bool) -> None:
    assert (context.read({"traceparent": given}) is not None) is holds


def test_a_tracestate_of_another_form_is_left_out() -> None:
    found = context.read({"traceparent": PARENT, "tracestate": "a=\x01"})
    assert found is not None
    assert found.state == ""
    quoted = context.Context(TRACE, CALLER, 1, 'a="\\')
    assert json.loads(b"{" + quoted.fields[1:] + b"}")["tracestate"] == 'a="\\'


def test_every_kind_of_attribute_is_read_back() -> None:
    values: dict[str, Any] = {"t": "é", "yes": True, "n": -5, "big": 1 << 40, "f": 0.25}
    event = Event("happened", 7, dict(values))
    span = Span(TRACE, CALLER, CALLER, "s", 1, 5, 9, "a=1", dict(values), [event])
    span.error, span.remote = "it: broke", True
    plain = ExportTraceServiceRequest()
    plain.ParseFromString(protobuf({"service.name": "it"}, [span]))
    other = ExportTraceServiceRequest()
    Parse(json.dumps(_base64(json.loads(encode_json({"service.name": "it"}, [span])))), other)
    assert plain == other
    (read,) = plain.resource_spans[0].scope_spans[0].spans
    assert attributes(read) == attributes(read.events[0]) == values
    assert (read.status.code, read.status.message, read.flags) == (2, "it: broke", 0x301)
