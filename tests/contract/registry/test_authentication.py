"""Each kind of authentication of a real registry: ours goes through, and so do other clients."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from algo.errors import AlgoError
from algo.events import silent
from algo.oci.media_types import INDEX
from algo.registry.copy import copy_version
from algo.registry.credentials import Credentials
from algo.registry.errors import (
    CertificateProblem,
    ProxyUnusable,
    RegistryUnreachable,
    Unauthorized,
)
from algo.registry.http import HttpRegistry
from algo.registry.layout import LayoutStore
from algo.registry.opening import check_login, open_registry, store_login
from algo.registry.transport import Patience, Transport
from algo.resources import user_folders

from tests.contract.registry.content import NAME, blob, push_image, push_referrer
from tests.contract.registry.guarded import KINDS, PASSWORD, USER, guarded
from tests.contract.registry.tokens import token_server
from tests.contract.registry.wires import forward_proxy
from tests.machine import registries
from tests.machine.commands import output_of
from tests.unit.registry.test_credentials import HELPER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from algo.oci.digest import Digest
    from algo.registry.interface import Registry

    from tests.contract.registry.guarded import Guarded

LARGE = bytes(range(256)) * 16_384
ONCE = Patience(attempts=1)
ELSEWHERE = "registry.example.com"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of authentication."""
    found: str = request.param
    return found


@pytest.fixture
def there(kind: str, tmp_path: Path) -> Iterator[Guarded]:
    """A registry that lets us in."""
    with guarded(kind, tmp_path) as opened:
        yield opened


def publish(registry: Registry, name: str = NAME) -> Digest:
    """Publish 1.0.0 with a large blob and a referrer."""
    pushed = push_image(registry, LARGE, name)
    index = registry.tag(name, "1.0.0", pushed.index, INDEX)
    push_referrer(registry, index, b"bundle", name)
    return index.digest


def test_a_version_goes_in_and_comes_out(there: Guarded, tmp_path: Path) -> None:
    published = publish(there.open())
    store = LayoutStore(tmp_path / "store")
    copied = copy_version(there.open(), NAME, "1.0.0", store, NAME, tag="1.0.0", notify=silent)
    assert copied.descriptor.digest == published
    assert len(copied.referrers) == 1
    registry = there.open()
    other = registry.push_blob("acme/letters", blob(LARGE), LARGE, mount_from=NAME, notify=silent)
    assert other.how == "mounted"
    file, three = tmp_path / "file", LARGE * 3
    file.write_bytes(three)
    registry.push_blob(NAME, blob(three), file, notify=silent)
    assert b"".join(registry.open_blob(NAME, blob(three))) == three
    stranger = Guardless(there, tmp_path / "stranger")
    with pytest.raises(stranger.refusal) as caught:
        stranger.open().tags(NAME)
    assert caught.value.hint
    assert caught.value.exit_code in {3, 4}


class Guardless:
    """Somebody else at the same registry."""

    def __init__(self, there: Guarded, home: Path) -> None:
        self._there = there
        place = home / ".config" / "containers" / "certs.d" / there.host
        if there.ca:
            place.mkdir(parents=True)
            shutil.copy(there.ca, place / "ca.crt")
        self._home = home
        self.refusal = CertificateProblem if there.pair else Unauthorized

    def open(self) -> HttpRegistry:
        env = {"DOCKER_CONFIG": str(self._home / ".docker")}
        return HttpRegistry(Transport(self._there.host, None, env, ONCE, home=self._home))


@pytest.mark.slow
def test_other_clients_use_what_we_log_in_and_read_what_we_write(
    there: Guarded, kind: str, oras: Path, skopeo: Path, crane: Path, tmp_path: Path
) -> None:
    published = publish(there.open())
    reference = f"{there.host}/{NAME}:1.0.0"
    env = {**there.env, "REGISTRY_AUTH_FILE": f"{there.env['DOCKER_CONFIG']}/config.json"}
    tls = [] if there.ca else ["--plain-http"]
    tls += ["--ca-file", str(there.ca)] if there.ca else []
    if there.pair:
        tls += ["--cert-file", str(there.pair.certificate), "--key-file", str(there.pair.key)]
    described = output_of([oras, "manifest", "fetch", "--descriptor", *tls, reference], env=env)
    assert json.loads(described)["digest"] == str(published)
    found = output_of([oras, "discover", "--format", "json", *tls, reference], env=env)
    assert len(json.loads(found)["manifests"]) == 1

    layout = tmp_path / "layout"
    safe = [] if there.ca else ["--src-tls-verify=false"]
    words = ["--insecure-policy", "copy", "--all", "--preserve-digests", *safe]
    words += ["--src-cert-dir", str(there.certificates)] if there.ca else []
    output_of([skopeo, *words, f"docker://{reference}", f"oci:{layout}:1.0.0"], env=env)
    assert (layout / "blobs" / "sha256" / published.hex).is_file()

    if not there.pair:  # crane has no setting for one
        if there.ca:
            env["SSL_CERT_FILE"] = str(there.ca)
        assert output_of([crane, "digest", reference], env=env) == str(published)


@pytest.mark.slow
def test_we_read_what_other_clients_write(
    there: Guarded, oras: Path, skopeo: Path, crane: Path, tmp_path: Path
) -> None:
    store = LayoutStore(tmp_path / "store")
    published = publish(store)
    layout = store.folder(NAME)
    env = {**there.env, "REGISTRY_AUTH_FILE": f"{there.env['DOCKER_CONFIG']}/config.json"}
    place = f"{there.host}/theirs"
    tls = ["--to-ca-file", str(there.ca)] if there.ca else ["--to-plain-http"]
    if there.pair:
        tls += ["--to-cert-file", str(there.pair.certificate)]
        tls += ["--to-key-file", str(there.pair.key)]
    flags = ["cp", "--recursive", "--from-oci-layout", *tls]
    output_of([oras, *flags, f"{layout}:1.0.0", f"{place}/oras:1.0.0"], env=env)
    safe = ["--dest-cert-dir", str(there.certificates)] if there.ca else ["--dest-tls-verify=false"]
    words = ["--insecure-policy", "copy", "--all", "--preserve-digests", *safe]
    output_of([skopeo, *words, f"oci:{layout}:1.0.0", f"docker://{place}/skopeo:1.0.0"], env=env)
    tools = ["oras", "skopeo"]
    if not there.pair:
        if there.ca:
            env["SSL_CERT_FILE"] = str(there.ca)
        output_of([crane, "copy", f"{place}/oras:1.0.0", f"{place}/crane:1.0.0"], env=env)
        tools.append("crane")
    for tool in tools:
        mine = LayoutStore(tmp_path / tool)
        got = copy_version(there.open(), f"theirs/{tool}", "1.0.0", mine, NAME, notify=silent)
        assert got.descriptor.digest == published
        # skopeo and crane leave what refers to a version behind.
        assert len(got.referrers) == (tool == "oras")


def test_tokens_are_scoped_and_those_that_end_in_mid_push_are_replaced(tmp_path: Path) -> None:
    with guarded("token", tmp_path) as there:
        assert there.tokens is not None
        there.tokens.seconds = 1
        transport = Transport(there.host, Credentials(USER, PASSWORD), {}, ONCE)
        registry = HttpRegistry(transport, chunk=1 << 20)
        given = there.tokens.given

        def slow() -> Iterator[bytes]:
            # A token lives for half a second by our clock; each piece waits for another one.
            for start in range(0, len(LARGE), 1 << 20):
                before = given.count(["repository:acme/clock:pull"])
                while given.count(["repository:acme/clock:pull"]) == before:
                    registry.resolve("acme/clock", "1.0.0")
                yield LARGE[start : start + (1 << 20)]

        registry.push_blob(NAME, blob(LARGE), slow, notify=silent)
        assert registry.has_blob(NAME, blob(LARGE).digest)
        assert given.count([f"repository:{NAME}:pull,push"]) >= 2


def test_an_identity_token_and_nobody_get_what_the_token_server_allows(tmp_path: Path) -> None:
    with guarded("token", tmp_path) as there:
        public = publish(there.open(), "public/digits")
        publish(there.open())
        nobody = HttpRegistry(Transport(there.host, None, there.env, ONCE))
        found = nobody.resolve("public/digits", "1.0.0")
        assert found is not None
        assert found.digest == public
        with pytest.raises(Unauthorized):
            nobody.tags(NAME)
        with pytest.raises(Unauthorized):
            nobody.push_blob("public/digits", blob(b"x"), b"x", notify=silent)
        identity = Credentials("", f"identity of {USER}")
        somebody = HttpRegistry(Transport(there.host, identity, there.env, ONCE))
        assert somebody.tags(NAME) == ["1.0.0"]
        with pytest.raises(Unauthorized):
            check_login(there.host, USER, "wrong", there.env, home=there.home)


@pytest.mark.parametrize("setting", ["credHelpers", "credsStore"])
def test_a_credential_helper_keeps_what_opens_a_registry(
    tmp_path: Path, setting: str, oras: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    helper = programs / "docker-credential-test"
    helper.write_text(HELPER, encoding="utf-8")
    helper.chmod(0o755)
    with guarded("htpasswd", tmp_path) as there:
        env = {**there.env, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        config = there.home / ".docker" / "config.json"
        named = {there.host: "test"} if setting == "credHelpers" else "test"
        config.write_text(json.dumps({setting: named}), encoding="utf-8")
        with pytest.raises(Unauthorized):
            replace(there, env=env).open().tags(NAME)
        store_login(there.host, USER, PASSWORD, env)
        assert "auths" not in json.loads(config.read_text(encoding="utf-8"))
        digest = publish(replace(there, env=env).open())
        words = ["manifest", "fetch", "--descriptor", "--plain-http", f"{there.host}/{NAME}:1.0.0"]
        assert json.loads(output_of([oras, *words], env=env))["digest"] == str(digest)


def test_tls_by_its_name_through_a_proxy_with_a_password(tmp_path: Path) -> None:
    with guarded("tls", tmp_path) as there, forward_proxy({}) as proxy:
        proxy.names = {f"{ELSEWHERE}:443": there.host}
        proxy.authorization = "Basic " + base64.b64encode(b"grace:h0pper").decode()
        assert there.ca is not None
        known = Credentials(USER, PASSWORD)
        env = {
            "HTTPS_PROXY": f"http://grace:h0pper@{proxy.address}",
            "SSL_CERT_FILE": str(there.ca),
        }
        publish(HttpRegistry(Transport(ELSEWHERE, known, env, ONCE)))
        assert set(proxy.seen) == {f"CONNECT {ELSEWHERE}:443"}
        assert len(proxy.seen) < 4

        untrusting = {**env, "SSL_CERT_FILE": os.environ.get("SSL_CERT_FILE", "")}
        with pytest.raises(CertificateProblem) as caught:
            HttpRegistry(Transport(ELSEWHERE, known, untrusting, ONCE, home=tmp_path)).tags(NAME)
        assert "SSL_CERT_FILE=" in caught.value.hint
        proxy.names = {"other.example.com:443": there.host}
        with pytest.raises(CertificateProblem):
            HttpRegistry(Transport("other.example.com", known, env, ONCE)).tags(NAME)

        stranger = {**env, "HTTPS_PROXY": f"http://{proxy.address}"}
        with pytest.raises(ProxyUnusable) as refused:
            HttpRegistry(Transport(ELSEWHERE, known, stranger, Patience())).tags(NAME)
        assert proxy.address in refused.value.message
        assert "407" in refused.value.message
        around = {**stranger, "NO_PROXY": "example.com"}
        with pytest.raises(RegistryUnreachable) as direct:
            HttpRegistry(Transport(ELSEWHERE, known, around, ONCE)).tags(NAME)
        assert not isinstance(direct.value, ProxyUnusable)


def test_a_registry_without_tls_through_a_proxy(docker_registry: str, name: str) -> None:
    with forward_proxy({ELSEWHERE: docker_registry}) as proxy:
        env = {
            "HTTP_PROXY": f"http://{proxy.address}",
            "ALGO_INSECURE_REGISTRIES": ELSEWHERE,
        }
        publish(HttpRegistry(Transport(ELSEWHERE, None, env, ONCE)), name)
        assert f"PUT http://{ELSEWHERE}/v2/{name}/manifests/1.0.0" in proxy.seen
        before = len(proxy.seen)
        HttpRegistry(Transport(docker_registry, None, env, ONCE)).tags(name)
        assert len(proxy.seen) == before


def test_a_loopback_registry_with_tls_is_named_as_one(tmp_path: Path) -> None:
    with guarded("tls", tmp_path) as there:
        bare = Transport(there.host, None, {}, ONCE, home=tmp_path / "nobody")
        registry = HttpRegistry(bare)
        # The second is a HEAD, to which no server says why.
        for ask in (lambda: registry.tags(NAME), lambda: registry.resolve(NAME, "1.0.0")):
            with pytest.raises(CertificateProblem, match="speaks TLS") as caught:
                ask()
            assert f"certs.d/{there.host}" in caught.value.hint


def test_a_real_mirror_serves_content_and_spares_the_registry(
    docker_registry: str, name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    origin = open_registry(docker_registry, user_folders(str(tmp_path / "a")), {})
    publish(origin, name)
    with registries.docker_registry(folder) as mirror:
        target = open_registry(mirror, user_folders(str(tmp_path / "a")), {})
        copy_version(origin, name, "1.0.0", target, f"cache/{name}", tag="1.0.0", notify=silent)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            gone = f"127.0.0.1:{free.getsockname()[1]}"
        for host in (docker_registry, gone):
            env = {"ALGO_REGISTRY_MIRRORS": f"{host}={mirror}/cache"}
            home = user_folders(str(tmp_path / "home"))
            mirrored = open_registry(host, home, env, patience=ONCE)
            store = LayoutStore(tmp_path / host.replace(":", "-"))
            copied = copy_version(mirrored, name, "1.0.0", store, NAME, notify=silent)
            assert len(copied.referrers) == 1
        log = (folder / "registry.log").read_text(encoding="utf-8")
        assert f"GET /v2/cache/{name}/blobs/{blob(LARGE).digest}" in log


def test_a_token_server_that_fails_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with token_server(tmp_path / "tokens", {USER: PASSWORD}) as tokens:
        auth = tokens.auth
    with (
        registries.docker_registry(folder, auth=auth) as host,
        pytest.raises(AlgoError) as caught,
    ):
        HttpRegistry(Transport(host, Credentials(USER, PASSWORD), {}, ONCE)).tags(NAME)
    assert caught.value.exit_code == 3
