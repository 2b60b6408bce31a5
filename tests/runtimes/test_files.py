"""Files in requests: forms, and URLs that are fetched from where the author allows it."""

from __future__ import annotations

import asyncio
import base64
import datetime
import http.server
import socket
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.calls.call import Failure
from algo_gateway.config import Fetch
from algo_gateway.files.fetch import Fetcher
from algo_gateway.files.forms import read_form
from algo_gateway.files.urls import urls

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

SHOW = "def apply(value):\n    return {'got': repr(value)}\n"
TYPED = """
from dataclasses import dataclass

@dataclass
class Ask:
    image: bytes
    times: int = 1
    tags: list[str] | None = None

def apply(value: Ask) -> dict:
    return {"size": len(value.image), "times": value.times, "tags": value.tags}
"""
LOOPBACK = {"networks": ["127.0.0.0/8"], "http": True}


def form(*parts: tuple[str, str, str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A form: name, name of a file, content type, content; empty ones are left out."""
    body = b""
    for name, file, kind, content in parts:
        named = f'; filename="{file}"' if file else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'.encode()
        body += f"Content-Type: {kind}\r\n".encode() if kind else b""
        body += b"\r\n" + content + b"\r\n"
    return body + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_form_is_an_object_of_its_fields_and_files(gateway: Start) -> None:
    served = gateway(SHOW)
    body, kind = form(
        ("n", "", "", b"3"),
        ("j", "", "application/json", b'{"a": [1]}'),
        ("f", "a.bin", "", b"\x00\xff"),
        ("t", "a.txt", "text/plain", "é".encode()),
        ("many", "", "", b"x"),
        ("many", "", "", b"y"),
    )
    for path in ("/", "/v1/algo/acme/it"):
        answered = served.post(body, path, **kind)
        assert answered.status == 200, answered.body
        got = (answered.json.get("result") or answered.json)["got"]
        assert got == repr(
            {"n": "3", "j": {"a": [1]}, "f": b"\x00\xff", "t": "é", "many": ["x", "y"]}
        )


def test_a_form_becomes_what_the_annotations_say(gateway: Start) -> None:
    served = gateway(TYPED)
    operation = served.ask("GET", "/openapi.json").json["paths"]["/"]["post"]
    described = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert described["properties"]["image"]["contentMediaType"] == "application/octet-stream"
    assert described["required"] == ["image"]
    body, kind = form(("image", "a.png", "image/png", b"12345"), ("times", "", "", b"2"))
    assert served.post(body, **kind).json == {"size": 5, "times": 2, "tags": None}
    body, kind = form(("image", "a", "", b"1"), ("tags", "", "", b"x"), ("tags", "", "", b"7"))
    assert served.post(body, **kind).json["tags"] == ["x", "7"]
    body, kind = form(("image", "a", "", b"1"), ("tags", "", "", b"x"), ("times", "", "", b"x"))
    refused = served.post(body, **kind)
    assert (refused.status, refused.code) == (400, "invalid_input")
    assert refused.json["error"]["problems"] == [
        {"path": "input.times", "message": 'expected an integer, got string "x"'}
    ]


def test_a_form_may_be_a_job_and_a_part_of_a_batch(gateway: Start) -> None:
    served = gateway("def apply_batch(inputs):\n    return [sorted(value) for value in inputs]\n")
    body, kind = form(("a", "", "", b"1"), ("b", "x", "", b"2"))
    assert served.post(body, **kind).json == ["a", "b"]
    taken = served.ask("PUT", "/jobs/one", body, {**kind, "Prefer": "wait=10"})
    assert taken.json["state"] == "succeeded", taken.body
    assert served.ask("GET", "/jobs/one/result").json == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=b"),
        (b"--b\r\n", "multipart/form-data; boundary=b"),
        (b"--b--", "multipart/form-data"),
        (b"--b\r\nX: y\r\n\r\nz\r\n--b--", "multipart/form-data; boundary=b"),
        (form(("n", "", "", b"1"))[0][:-9], "multipart/form-data; boundary=b"),
        (form(*[("n", "", "", b"1")] * 1001)[0], "multipart/form-data; boundary=b"),
        (form(("n" * 6000, "", "", b"1"))[0], "multipart/form-data; boundary=b"),
    ],
    ids=["empty", "begun", "no boundary", "no name", "cut", "too many", "long"],
)
def test_a_form_that_is_none_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(Failure) as caught:
        read_form(body, kind)
    assert (caught.value.status, caught.value.code) == (400, "malformed_form")


def test_a_large_file_goes_through_a_form_as_it_is() -> None:
    content = bytes(range(256)) * 20_000 + b"\r\n--"
    (part,) = read_form(form(("f", "a", "", content))[0], "multipart/form-data; boundary=b")
    assert (part.path, part.content == content, part.filename) == (("f",), True, "a")


SCHEMA = {
    "$ref": "#/$defs/Ask",
    "$defs": {
        "File": {"type": "string", "contentEncoding": "base64"},
        "Ask": {
            "type": "object",
            "properties": {
                "one": {"anyOf": [{"$ref": "#/$defs/File"}, {"type": "null"}]},
                "more": {"type": "array", "items": {"$ref": "#/$defs/File"}},
                "text": {"type": "string"},
                "next": {"$ref": "#/$defs/Ask"},
            },
        },
    },
}


def test_a_string_is_a_url_only_where_a_file_is_wanted() -> None:
    place = "https://example.com/a"
    value = {
        "one": place,
        "text": place,
        "more": [place, "aGk="],
        "next": {"one": "no", "more": [{"$url": "x"}]},
        "other": {"$url": place, "and": 1},
    }
    assert list(urls(value, SCHEMA)) == [
        (("one",), place),
        (("more", 0), place),
        (("next", "more", 0), "x"),
    ]
    assert list(urls({"$url": "y"}, {})) == [((), "y")]
    assert list(urls(place, {})) == []


class Site(http.server.BaseHTTPRequestHandler):
    """A host of files."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str]]
    places: dict[str, str]

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        name = self.path.partition("?")[0]
        if name in self.places:
            self.send_response(302)
            self.send_header("Location", self.places[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name == "/gone":
            self.send_error(404)
        elif name == "/endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            while not self.wfile.closed:
                self.wfile.write(b"x" * 65536)
        elif name == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        else:
            content = b"\x89PNG" if name.endswith(".png") else b"text"
            self.send_response(200)
            kind = "image/png" if name.endswith(".png") else "text/plain"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *ignored: object) -> None:
        """Say nothing."""


@contextmanager
def hosting(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, type[Site]]]:
    handler = type("Handler", (Site,), {"asked": [], "places": {}})
    with servers.serving(handler, context=context) as server:
        yield server.server_port, handler


@pytest.fixture
def site() -> Iterator[tuple[int, type[Site]]]:
    with hosting() as found:
        yield found


def fetched(fetcher: Fetcher, url: str) -> Any:
    """What a fetch comes to: the file, or the code of the failure."""
    try:
        return asyncio.run(fetcher.get(url))
    except Failure as failure:
        return failure.code


def lookup(*addresses: str) -> Callable[..., list[Any]]:
    """A name service in which every name has `addresses`."""

    def look_up(host: str, port: int, **kind: Any) -> list[Any]:
        return [found for one in addresses for found in socket.getaddrinfo(one, port, **kind)]

    return look_up


def test_a_file_is_fetched_from_a_host_on_the_list(
    gateway: Start, site: tuple[int, type[Site]]
) -> None:
    port, _ = site
    limits = {"hosts": [f"127.0.0.1:{port}"], **LOOPBACK}
    served = gateway(SHOW, serving={"fetch": limits})
    place = f"http://127.0.0.1:{port}/a.png?x=1"

    def got(value: object) -> str:
        answered = served.post(value)
        assert answered.status == 200, answered.body
        return str(answered.json["got"])

    assert got({"$url": place}) == repr(b"\x89PNG")
    value = {"deep": [1, {"file": {"$url": place}}], "text": {"$url": place[:-8]}, "n": 2.5}
    assert got(value) == repr({"deep": [1, {"file": b"\x89PNG"}], "text": "text", "n": 2.5})
    assert got({"url": place}) == repr({"url": place})
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    assert served.post({"$url": place}, **plain).json["got"] == repr(b"\x89PNG")
    refused = served.post({"$url": "http://127.0.0.2/a"})
    assert (refused.status, refused.code) == (400, "fetch_forbidden")
    assert "hosts of fetch" in refused.json["error"]["hint"]
    many = served.post([{"$url": place}] * 17)
    assert (many.status, many.code) == (400, "too_many_urls")
    # Whatever is malformed the runner tells, with the position.
    assert served.post(b'{"$url": "http://x", }').code == "malformed_json"


def test_a_typed_file_may_be_a_url_and_nothing_is_fetched_unless_allowed(
    gateway: Start, site: tuple[int, type[Site]], tmp_path: Path
) -> None:
    port, handler = site
    place = f"http://127.0.0.1:{port}/a.png"
    limits = {"hosts": [f"127.0.0.1:{port}"], **LOOPBACK}
    served = gateway(TYPED, serving={"fetch": limits})
    assert served.post({"image": place}).json["size"] == 4
    assert served.post({"image": {"$url": place}, "times": 3}).json["times"] == 3
    served.stop()
    handler.asked.clear()
    served = gateway(TYPED)
    refused = served.post({"image": {"$url": place}})
    assert refused.code == "invalid_input"
    assert "fetch under [serving]" in refused.json["error"]["message"]
    refused = served.post({"image": place})
    assert refused.code == "invalid_input"
    assert "fetch under [serving]" in refused.json["error"]["message"]
    assert handler.asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
)
def test_a_private_address_is_not_spoken_to(site: tuple[int, type[Site]], address: str) -> None:
    port, handler = site
    limits = Fetch(hosts=(f"files.test:{port}",), http=True, timeout=2)
    fetcher = Fetcher(limits, lookup(address))
    assert fetched(fetcher, f"http://files.test:{port}/a") == "fetch_forbidden"
    # One that is public beside it does not help: nobody knows which one is taken.
    fetcher = Fetcher(limits, lookup("93.184.216.34", address))
    assert fetched(fetcher, f"http://files.test:{port}/a") == "fetch_forbidden"
    assert handler.asked == []


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("file:///etc/passwd", "begins with https://"),
        ("", "begins with https://"),
        ("http://files.test/a", "http = true of fetch"),
        ("https://files.test/a", "networks of fetch"),
        ("https://other.test/a", "hosts of fetch"),
    ],
)
def test_what_is_not_fetched_is_told_with_what_would_allow_it(url: str, hint: str) -> None:
    fetcher = Fetcher(Fetch(hosts=("files.test",)), lookup("10.0.0.1"))
    with pytest.raises(Failure) as refused:
        asyncio.run(fetcher.get(url))
    assert refused.value.code == "fetch_forbidden"
    assert hint in refused.value.hint


def test_the_address_that_was_checked_is_the_one_that_is_spoken_to(
    site: tuple[int, type[Site]],
) -> None:
    port, handler = site
    answers = iter([lookup("127.0.0.1")])  # a second question would find nothing

    def once(host: str, port: int, **kind: Any) -> list[Any]:
        return next(answers)(host, port, **kind)

    limits = Fetch(hosts=(f"files.test:{port}",), networks=("127.0.0.0/8",), http=True)
    found = fetched(Fetcher(limits, once), f"http://files.test:{port}/some/a.png?q=1")
    assert (found.content, found.content_type, found.filename) == (b"\x89PNG", "image/png", "a.png")
    assert handler.asked == [(f"files.test:{port}", "/some/a.png?q=1")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://other.test/a", "fetch_forbidden"),
        ("http://files.test/a", "fetch_forbidden"),
        ("http://xfiles.test:PORT/a", "fetch_forbidden"),
        ("ftp://files.test:PORT/a", "fetch_forbidden"),
        ("file:///etc/passwd", "fetch_forbidden"),
        ("http://me:secret@files.test:PORT/a", "fetch_forbidden"),
        ("http://files.test:PORT@other.test/a", "fetch_forbidden"),
        ("http://files.test:PORT\\@other.test/a", "fetch_forbidden"),
        ("http://files.test:PORT/a\r\nX: y", "fetch_forbidden"),
        ("http://[::1", "fetch_forbidden"),
        ("http://files.test:PORT/gone", "fetch_failed"),
        ("http://files.test:PORT/endless", "fetched_too_large"),
        ("http://files.test:PORT/slow", "fetch_timeout"),
        ("http://files.test:PORT/loop", "fetch_failed"),
        ("http://files.test:PORT/away", "fetch_forbidden"),
        ("http://files.test:PORT/inside", "fetch_forbidden"),
        ("http://files.test:PORT/file", "fetch_forbidden"),
    ],
)
def test_what_is_not_fetched(site: tuple[int, type[Site]], url: str, code: str) -> None:
    port, handler = site
    handler.places |= {
        "/loop": "/loop",
        "/away": "http://other.test/a",
        "/inside": f"http://inner.test:{port}/a",
        "/file": "file:///etc/passwd",
    }
    hosts = (f"files.test:{port}", f"inner.test:{port}")
    networks = ("127.0.0.1/32",)
    limits = Fetch(hosts, networks, http=True, max_size=100_000, timeout=0.5)

    def look_up(host: str, port: int, **kind: Any) -> list[Any]:
        # The second host is on the list, but lies behind us.
        return lookup("127.0.0.1" if host == "files.test" else "127.0.0.2")(host, port, **kind)

    assert fetched(Fetcher(limits, look_up), url.replace("PORT", str(port))) == code


def test_a_redirect_is_followed_to_where_it_is_allowed(site: tuple[int, type[Site]]) -> None:
    port, handler = site
    handler.places["/old"] = "/new.png"
    limits = Fetch((f"*.test:{port}",), ("127.0.0.0/8",), http=True)
    found = fetched(Fetcher(limits, lookup("127.0.0.1")), f"http://files.test:{port}/old")
    assert found.filename == "new.png"


def test_a_certificate_must_be_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(certificate("files.test"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with hosting(context) as (port, _):
        hosts = (f"files.test:{port}", f"other.test:{port}")
        fetcher = Fetcher(Fetch(hosts, ("127.0.0.0/8",)), lookup("127.0.0.1"))
        assert fetched(fetcher, f"https://files.test:{port}/a.png") == "fetch_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert fetched(fetcher, f"https://files.test:{port}/a.png").content == b"\x89PNG"
        assert fetched(fetcher, f"https://other.test:{port}/a.png") == "fetch_failed"


def certificate(name: str) -> bytes:
    """A key and its own certificate for `name`, for an hour."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


def test_base64_is_no_url(gateway: Start, site: tuple[int, type[Site]]) -> None:
    limits = {"hosts": [f"127.0.0.1:{site[0]}"], **LOOPBACK}
    served = gateway(TYPED, serving={"fetch": limits})
    coded = base64.b64encode(b"http").decode()
    assert served.post({"image": coded, "tags": ["http://127.0.0.1/"]}).json["size"] == 4
