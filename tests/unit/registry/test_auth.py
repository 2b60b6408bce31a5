"""How the client proves who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.registry.auth import Challenge
from algo.registry.credentials import Credentials
from algo.registry.errors import InsecureRegistry, Unauthorized
from algo.registry.opening import check_login
from algo.registry.transport import Patience, Transport, is_loopback

from tests.contract.registry.content import blob
from tests.unit.registry.server import IDENTITY, PASSWORD, USER, Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from algo.registry.http import HttpRegistry

    Connect = Callable[[Credentials | None], HttpRegistry]

NAME = "acme/digits"


def test_a_bearer_token_is_fetched_once_a_scope(connect: Connect, scene: Scene) -> None:
    scene.auth = "bearer"
    registry = connect(Credentials(USER, PASSWORD))
    for data in (b"one", b"two"):
        registry.push_blob(NAME, blob(data), data, notify=silent)
        assert registry.has_blob(NAME, blob(data).digest)
    assert scene.scopes == ["repository:acme/digits:pull", "repository:acme/digits:pull,push"]


def test_a_mount_asks_for_both_repositories(connect: Connect, scene: Scene) -> None:
    scene.auth = "bearer"
    registry = connect(Credentials(USER, PASSWORD))
    registry.push_blob(NAME, blob(b"x"), b"x", mount_from="acme/letters", notify=silent)
    assert scene.scopes[1:3] == ["repository:acme/digits:pull,push", "repository:acme/letters:pull"]


def test_an_identity_token_gets_a_bearer_token(connect: Connect, scene: Scene) -> None:
    scene.auth = "bearer"
    assert connect(Credentials("", IDENTITY)).tags(NAME) == []
    assert scene.count("POST /token") == 1


def test_a_token_that_ends_midway_is_replaced(connect: Connect, scene: Scene) -> None:
    scene.auth = "bearer"
    registry = connect(Credentials(USER, PASSWORD))
    large = b"x" * 2500
    registry.push_blob(NAME, blob(b"first"), b"first", notify=silent)
    scene.tokens = ["none of those"]
    registry.push_blob(NAME, blob(large), large, notify=silent)
    assert scene.blobs[str(blob(large).digest)] == large


def test_a_token_that_ends_within_an_upload_is_replaced(connect: Connect, scene: Scene) -> None:
    scene.auth = "bearer"
    registry = connect(Credentials(USER, PASSWORD))
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{scene.address}/token"'}
    scene.faults = [Fault("PATCH", status=401, headers=challenge)]
    large = b"x" * 2500
    registry.push_blob(NAME, blob(large), large, notify=silent)
    assert scene.blobs[str(blob(large).digest)] == large


def test_basic_authentication_is_given_when_asked(connect: Connect, scene: Scene) -> None:
    scene.auth = "basic"
    assert connect(Credentials(USER, PASSWORD)).tags(NAME) == []
    assert "authorization" not in scene.headers[0]
    assert scene.headers[1]["authorization"].startswith("Basic ")


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_wrong_password_is_refused_and_never_shown(
    connect: Connect, scene: Scene, auth: str
) -> None:
    scene.auth = auth
    wrong = Credentials(USER, "not-it")
    with pytest.raises(Unauthorized) as caught:
        connect(wrong).tags(NAME)
    assert caught.value.exit_code == 4
    assert caught.value.hint == f"algo login {scene.address}"
    assert "not-it" not in str(caught.value) + caught.value.details + repr(wrong)
    assert len(scene.seen) < 6


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_login_is_checked(scene: Scene, auth: str) -> None:
    scene.auth = auth
    check_login(scene.address, USER, PASSWORD, {})
    with pytest.raises(Unauthorized):
        check_login(scene.address, USER, "other", {})


def test_credentials_do_not_follow_to_another_host(connect: Connect, scene: Scene) -> None:
    scene.auth = "basic"
    registry = connect(Credentials(USER, PASSWORD))
    registry.push_blob(NAME, blob(b"x"), b"x", notify=silent)
    elsewhere = f"http://localhost:{scene.address.partition(':')[2]}/v2/acme/digits/tags/list"
    scene.faults = [Fault("GET .*blobs", status=307, headers={"Location": elsewhere})]
    with pytest.raises(Unauthorized):
        list(registry.open_blob(NAME, blob(b"x")))
    assert "authorization" not in scene.headers[-1]


def test_nothing_goes_to_another_machine_without_tls() -> None:
    transport = Transport("registry.example.com", None, {}, Patience())
    assert transport.origin == "https://registry.example.com"
    assert transport.url("http://registry.example.com/v2/x") == "https://registry.example.com/v2/x"
    with pytest.raises(InsecureRegistry) as caught:
        transport.url("http://other.example.com/token")
    assert caught.value.exit_code == 4
    assert "ALGO_INSECURE_REGISTRIES=" in caught.value.hint


def test_a_host_can_be_named_as_one_without_tls() -> None:
    env = {"ALGO_INSECURE_REGISTRIES": "a.example.com:5000, b.example.com"}
    for host in ("a.example.com:5000", "b.example.com", "localhost:5000"):
        assert Transport(host, None, env, Patience()).origin == f"http://{host}"
    assert Transport("a.example.com", None, env, Patience()).origin == "https://a.example.com"


@pytest.mark.parametrize(
    ("host", "result"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com:80", False),
        ("10.0.0.1", False),
        ("registry.example.com:5000", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, result: bool) -> None:
    assert is_loopback(host) is result


def test_a_challenge_is_read_in_every_form() -> None:
    headers = [
        'Basic realm="x"',
        'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push"',
    ]
    challenge = Challenge.parse(headers)
    assert challenge == Challenge(
        "bearer", "https://auth.example.com/token", "r", "repository:a/b:pull,push"
    )
    assert Challenge.parse(["Negotiate"]) is None
    assert Challenge.parse(["BEARER realm=plain"]) == Challenge("bearer", "plain")
