"""Webhooks: who may be told, how it is signed, how often it is tried, and over a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.calls.call import Failure
from algo_gateway.config import Webhooks as Settings
from algo_gateway.jobs.delivery import Delivered, deliver
from algo_gateway.jobs.signatures import BadSecret, keys_of, signed
from algo_gateway.jobs.webhooks import check
from algo_gateway.net.addresses import Forbidden, is_public, resolve

from tests.fakes import servers
from tests.runtimes.test_jobs import SLEEP, ended, order, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

KEY = b"a key of the tests, 32 bytes it has"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A server that hears of jobs; `answers` are its first statuses, then 204."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.retry_after = ""
        self.got: list[tuple[dict[str, str], bytes, float]] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._came:
                    receiver.got.append((dict(self.headers), body, time.monotonic()))
                    receiver._came.notify_all()
                    status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if receiver.retry_after and status >= 300:
                    self.send_header("Retry-After", receiver.retry_after)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                return

        self._server = servers.Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.host}/hook?who=me"

    def wait(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, 20), self.got

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


@pytest.fixture
def hooked(
    gateway: Start, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., GatewayProcess]:
    """Start a gateway that may tell the receiver; it keeps its jobs from one start to the next."""
    monkeypatch.setenv("ALGO_WEBHOOK_SECRET", SECRET)

    def start(code: str = SLEEP, **settings: Any) -> GatewayProcess:
        allowed = {"allow": [receiver.host], "private": True, "backoff": 0.05, **settings}
        serving = {"jobs": {"webhooks": allowed}}
        return gateway(code, "--jobs", str(tmp_path / "jobs"), serving=serving)

    return start


def told(served: GatewayProcess, name: str, wanted: str) -> dict[str, Any]:
    """Return what the job says of its webhook, once that is `wanted`."""
    end = time.monotonic() + 20
    while True:
        hook: dict[str, Any] = served.ask("GET", f"/jobs/{name}").json["webhook"]
        if hook["state"] == wanted:
            return hook
        assert time.monotonic() < end, hook
        time.sleep(0.02)


def verified(headers: dict[str, str], body: bytes, key: bytes = KEY) -> Any:
    """What a receiver does that follows the specification, and not our code."""
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert f"v1,{right}" in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_the_end_of_a_job_is_told_and_signed(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked("def apply(value):\n    return {'half': value / 2}\n")
    taken = order(served, 3, **{"Webhook-Url": receiver.url})
    assert taken.json["webhook"]["state"] == "waiting"
    name = taken.json["id"]
    assert told(served, name, "delivered") == {
        "url": receiver.url,
        "state": "delivered",
        "attempts": 1,
        "status": 204,
    }
    headers, body, _ = receiver.got[0]
    document = verified(headers, body)
    assert document["type"] == "job.succeeded"
    assert document["data"]["id"] == name
    assert document["data"]["result"]["value"] == {"half": 1.5}
    assert document["timestamp"] == document["data"]["ended"]
    failed = order(served, "x", **{"Webhook-Url": receiver.url}).json["id"]
    told(served, failed, "delivered")
    document = verified(*receiver.got[1][:2])
    assert (document["type"], document["data"]["error"]["code"]) == ("job.failed", "exception")
    lines = served.ask("GET", "/metrics").body.decode().splitlines()
    assert 'algo_webhooks_total{outcome="delivered"} 2' in lines


def test_a_receiver_that_fails_hears_of_it_again(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked()
    receiver.answers = [500, 503, 302]
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    assert told(served, name, "delivered")["attempts"] == 4
    assert len({body for _, body, _ in receiver.got}) == 1
    assert len({headers["webhook-id"] for headers, _, _ in receiver.got}) == 1
    for headers, body, _ in receiver.got:
        verified(headers, body)
    times = [at for _, _, at in receiver.got]
    # At least half of 0.05, 0.15 and 0.45 s.
    assert times[1] - times[0] >= 0.025
    assert times[3] - times[2] >= 0.225


def test_retry_after_is_kept_to(hooked: Callable[..., GatewayProcess], receiver: Receiver) -> None:
    served = hooked()
    receiver.answers, receiver.retry_after = [429], "1"
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    told(served, name, "delivered")
    assert receiver.got[1][2] - receiver.got[0][2] >= 1


def test_it_is_given_up_after_so_many_attempts_or_when_it_is_gone(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked(attempts=2)
    receiver.answers = [500, 500, 410]
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    assert told(served, name, "failed")["attempts"] == 2
    gone = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    assert told(served, gone, "failed") == {
        "url": receiver.url,
        "state": "failed",
        "attempts": 1,
        "status": 410,
    }


def test_what_was_not_delivered_is_after_a_restart(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked(backoff=0.5)
    receiver.answers = [500]
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    receiver.wait(1)
    served.process.kill()
    served.process.wait()
    served = hooked(backoff=0.5)
    hook = told(served, name, "delivered")
    assert hook["attempts"] <= 2
    assert len(receiver.got) == 2


def test_a_cancelled_job_is_told(hooked: Callable[..., GatewayProcess], receiver: Receiver) -> None:
    served = hooked()
    first = order(served, 0.5).json["id"]
    state(served, first, "running")
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    served.ask("DELETE", f"/jobs/{name}")
    receiver.wait(1)
    assert verified(*receiver.got[0][:2])["type"] == "job.cancelled"
    ended(served, first)


def test_a_host_that_is_not_allowed_is_refused_with_the_order(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked()
    for url in (
        "http://169.254.169.254/",
        "file:///etc/passwd",
        receiver.url.replace("http", "https"),
    ):
        refused = order(served, 0, **{"Webhook-Url": url})
        assert (refused.status, refused.code) == (400, "webhook_refused")
    assert served.ask("GET", "/jobs").json["jobs"] == []


def test_a_private_address_is_not_spoken_to_unless_allowed(
    hooked: Callable[..., GatewayProcess], receiver: Receiver
) -> None:
    served = hooked(private=False, attempts=1)
    name = order(served, 0, **{"Webhook-Url": receiver.url}).json["id"]
    hook = told(served, name, "failed")
    assert (hook["attempts"], receiver.got) == (1, [])


def test_without_a_secret_nothing_is_told(
    gateway: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALGO_WEBHOOK_SECRET", raising=False)
    allowed = {"allow": [receiver.host], "private": True}
    served = gateway(SLEEP, serving={"jobs": {"webhooks": allowed}})
    refused = order(served, 0, **{"Webhook-Url": receiver.url})
    assert (refused.status, refused.code) == (400, "webhook_unsigned")


def test_the_secret_does_not_reach_the_algorithm(
    hooked: Callable[..., GatewayProcess],
) -> None:
    served = hooked("import os\n\ndef apply(value):\n    return sorted(os.environ)\n")
    assert not [name for name in served.post(0).json if "WEBHOOK" in name]


def test_a_secret_that_is_none_ends_the_start(
    gateway: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("whsec_c2hvcnQ=\n")
    monkeypatch.setenv("ALGO_WEBHOOK_SECRET_FILE", str(tmp_path / "secret"))
    served = gateway(SLEEP)
    assert served.process.wait(10) == 1
    assert any("less than 24 bytes" in line for line in served.printed)


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the reference implementations.
    keys = keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    both = signed(keys_of(f"{SECRET} {SECRET}"), "m", 1, b"")["webhook-signature"]
    assert len(both.split(" ")) == 2
    with pytest.raises(BadSecret):
        keys_of("whsec_not base64!")


@pytest.mark.parametrize(
    ("rules", "url", "allowed"),
    [
        ("hooks.example.com", "https://hooks.example.com/a", True),
        ("hooks.example.com", "https://hooks.example.com:8443/a", True),
        ("hooks.example.com", "http://hooks.example.com/a", False),
        ("hooks.example.com", "https://hooks.example.com.evil.net/", False),
        ("hooks.example.com", "https://hooks.example.com@evil.net/", False),
        ("hooks.example.com", "https://evil.net/hooks.example.com", False),
        ("hooks.example.com", "https://hooks.example.com/#a", False),
        ("hooks.example.com", "HTTPS://HOOKS.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://badexample.com/", False),
        ("hooks.example.com:8443", "https://hooks.example.com/", False),
        ("http://localhost:9000", "http://localhost:9000/", True),
        ("http://localhost:9000", "http://localhost:9001/", False),
        ("[::1]", "https://[::1]/", True),
        ("", "https://hooks.example.com/", False),
        ("hooks.example.com", "https://hooks.example.com/\r\nX: y", False),
        ("hooks.example.com", "https://hooks.example.com:99999/", False),
        ("hooks.example.com", "ftp://hooks.example.com/", False),
    ],
)
def test_which_urls_a_job_may_name(rules: str, url: str, allowed: bool) -> None:
    settings = Settings(allow=tuple(rules.split()))
    if allowed:
        assert check(url, settings, signs=True) == url
        return
    with pytest.raises(Failure) as caught:
        check(url, settings, signs=True)
    assert (caught.value.status, caught.value.code) == (400, "webhook_refused")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.31.255.255", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_at_a_private_address_is_forbidden() -> None:
    with pytest.raises(Forbidden, match="no public address"):
        resolve("localhost", 80, private=False)
    assert resolve("localhost", 80, private=True)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("999999999999", 86_400, 86_400),
        (formatdate(time.time() + 50_000, usegmt=True), 40_000, 50_000),
        (formatdate(time.time() - 100, usegmt=True), 0, 0),
        ("soon", 0, 0),
    ],
    ids=["seconds", "over a day", "a date", "a date that was", "no time"],
)
def test_retry_after_is_seconds_or_a_date(
    receiver: Receiver, text: str, least: float, most: float
) -> None:
    receiver.answers, receiver.retry_after = [503], text
    went = deliver(receiver.url, b"{}", {}, private=True)
    assert went.status == 503
    assert least <= went.retry_after <= most


def test_nobody_there_is_a_reason_and_no_exception() -> None:
    went = deliver("http://127.0.0.1:1/", b"{}", {}, private=True)
    assert (went.status, went.ok) == (0, False)
    assert "refused" in went.reason.lower()
    assert deliver("http://127.0.0.1:1/", b"{}", {}, private=False) == Delivered(
        0, "127.0.0.1 is at 127.0.0.1, which is no public address"
    )
