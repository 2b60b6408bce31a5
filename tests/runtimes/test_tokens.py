"""Who may call a gateway that wants tokens, and what a web page may do."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.access.tokens import Tokens
from algo_gateway.calls.call import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

ECHO = "def apply(value):\n    return value\n"
CALLER, SCRAPER, LATE = ("algo_c0ffee_secret", "algo_beef_other_secret", "algo_dead_x")


def token(text: str, *scopes: str, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = text.split("_")[1]
    return {"id": name, "name": name, "sha256": digest, "scopes": scopes, **more}


def write(path: Path, *tokens: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"tokens": tokens}))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    late = token(LATE, "call", expires="2026-01-01T00:00:00Z")
    return write(tmp_path / "tokens.json", token(CALLER, "call"), token(SCRAPER, "admin"), late)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_call_wants_a_token_and_health_does_not(gateway: Start, file: Path) -> None:
    served = gateway(ECHO, "--tokens", str(file))
    refused = served.post(1)
    assert (refused.status, refused.code) == (401, "token_required")
    assert refused.headers["www-authenticate"] == 'Bearer realm="algo"'
    assert served.post(1, **bearer(CALLER)).json == 1
    assert served.post(1, **{"Authorization": f"Simple {CALLER}"}).json == 1
    assert served.post(1, **{"Authorization": CALLER}).json == 1
    for path in ("/healthz", "/readyz", "/"):
        assert served.ask("GET", path).status == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"Bearer {CALLER}x", "token_invalid"),
        ("Bearer algo_c0ffee", "token_invalid"),
        ("Bearer algo_0000_secret", "token_invalid"),
        ("Bearer ", "token_invalid"),
        ("Basic dTpw", "token_invalid"),
        (f"Bearer {LATE}", "token_expired"),
    ],
)
def test_another_token_is_401(file: Path, header: str, code: str) -> None:
    tokens = Tokens(file, lambda text: None)
    with pytest.raises(Failure) as refused:
        tokens.check(header, "call")
    assert (refused.value.status, refused.value.code) == (401, code)


def test_a_scope_that_is_missing_is_403(gateway: Start, file: Path) -> None:
    served = gateway(ECHO, environment={"ALGO_TOKENS": str(file)})
    assert served.post(1, **bearer(SCRAPER)).code == "scope_missing"
    for path, good, other in (
        ("/metrics", SCRAPER, CALLER),
        ("/openapi.json", CALLER, SCRAPER),
        ("/v1/algo/acme/it", CALLER, SCRAPER),
    ):
        method = "POST" if path.startswith("/v1") else "GET"
        assert served.ask(method, path, b"1", bearer(good)).status == 200
        assert served.ask(method, path, b"1", bearer(other)).status == 403
        assert served.ask(method, path, b"1").status == 401
    assert served.ask("GET", "/no-such-page").status == 401


def test_the_file_is_read_again_when_it_changes(gateway: Start, file: Path) -> None:
    served = gateway(ECHO, "--tokens", str(file))
    fresh = "algo_f00d_new"
    assert served.post(1, **bearer(fresh)).status == 401
    write(file, token(fresh, "call"))
    end = time.monotonic() + 10
    while served.post(1, **bearer(fresh)).status != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert served.post(1, **bearer(CALLER)).status == 401


def test_a_file_half_written_keeps_the_tokens_before(file: Path) -> None:
    said: list[str] = []
    tokens = Tokens(file, said.append)
    file.write_text('{"tokens": [')
    tokens._looked -= 10
    assert tokens.check(f"Bearer {CALLER}", "call").name == "c0ffee"
    assert "cannot be read" in said[0]
    file.unlink()
    tokens._looked -= 10
    with pytest.raises(Failure):
        tokens.check(f"Bearer {CALLER}", "call")


def test_a_gateway_whose_tokens_cannot_be_read_does_not_start(
    gateway: Start, tmp_path: Path
) -> None:
    served = gateway(ECHO, "--tokens", str(tmp_path / "none.json"))
    assert served.process.wait(10) == 1
    served.stop()
    assert any("none.json cannot be read" in line for line in served.printed)


def test_only_programs_of_this_machine_call_a_local_service(gateway: Start) -> None:
    served = gateway(ECHO, environment={"ALGO_LOCAL": "1"})
    here = f"127.0.0.1:{served.port}"
    for host in (here, "localhost", "[::1]:1", "me.localhost", "192.168.1.5:80"):
        assert served.post(1, Host=host).status == 200
    for host in ("evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert served.post(1, Host=host).code == "host_refused"
    for origin in (f"http://{here}", "http://localhost:3000", "https://[::1]"):
        assert served.post(1, Origin=origin).status == 200
    for origin in (
        "https://evil.example",
        "null",
        "http://10.0.0.1",
        "http://localhost.evil.example",
    ):
        refused = served.post(1, Origin=origin)
        assert (refused.status, refused.code) == (403, "origin_refused")
    assert served.ask("GET", "/healthz", headers={"Host": "evil.example"}).status == 403


PAGE = "https://app.example.com"
ASKS = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}


def test_no_page_reads_an_answer_unless_it_is_named(gateway: Start) -> None:
    served = gateway(ECHO)
    assert "access-control-allow-origin" not in served.post(1, Origin=PAGE).headers
    assert served.ask("OPTIONS", "/invoke", headers=ASKS).status == 405


def test_the_pages_that_are_named_may_call(gateway: Start, file: Path) -> None:
    served = gateway(ECHO, "--tokens", str(file), serving={"cors": [PAGE]})
    answer = served.post(1, Origin=PAGE, **bearer(CALLER))
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "origin"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    # A page must be able to read why it was refused; another one gets nothing.
    assert served.post(1, Origin=PAGE).headers["access-control-allow-origin"] == PAGE
    other = served.post(1, Origin="https://evil.example", **bearer(CALLER))
    assert (other.status, other.headers["vary"]) == (200, "origin")
    assert "access-control-allow-origin" not in other.headers
    assert served.post(1, **bearer(CALLER)).headers["vary"] == "origin"


def test_a_preflight_is_answered_before_the_token_is_asked_for(gateway: Start, file: Path) -> None:
    served = gateway(ECHO, "--tokens", str(file), serving={"cors": [PAGE]})
    answer = served.ask("OPTIONS", "/invoke", headers=ASKS)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    other = served.ask("OPTIONS", "/invoke", headers={**ASKS, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_every_page_may_call_where_the_star_is_named(gateway: Start) -> None:
    answer = gateway(ECHO, serving={"cors": ["*"]}).post(1, Origin=PAGE)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "vary" not in answer.headers
