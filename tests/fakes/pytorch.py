"""The index of PyTorch, on loopback: a proxy that answers for its host, with a CA of its own."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "download.pytorch.org"


class PyTorchIndex(servers.Server):
    """A proxy for https whose only site is PyTorch's: `root/whl/BUILD/` has the wheels.

    Args:
        root: The site's files.
        context: The TLS of the site.
    """

    def __init__(self, root: Path, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.root = root
        self.context = context
        self.asked: list[str] = []


class _Proxy(BaseHTTPRequestHandler):
    server: PyTorchIndex

    def do_CONNECT(self) -> None:
        if self.path != f"{HOST}:443":
            self.send_error(502, "no such site")
            return
        self.send_response(200)
        self.end_headers()
        with self.server.context.wrap_socket(self.connection, server_side=True) as secured:
            _Site(secured, self.client_address, self.server)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Site(BaseHTTPRequestHandler):
    server: PyTorchIndex
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(path)
        place = self.server.root / path.strip("/")
        if place.is_file():
            self._answer(200, place.read_bytes(), "application/octet-stream")
            return
        files = sorted(place.parent.glob(f"{place.name}-*.whl")) if place.parent.is_dir() else []
        page = "".join(
            f'<a href="/{quote(str(file.relative_to(self.server.root)))}'
            f'#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">{file.name}</a>\n'
            for file in files
        )
        body = f"<!DOCTYPE html><html><body>{page}</body></html>".encode()
        self._answer(200 if page else 404, body, "text/html")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def pytorch_index(root: Path, folder: Path) -> Iterator[tuple[PyTorchIndex, dict[str, str]]]:
    """Serve `root`; give the server, and the variables with which uv finds it.

    Args:
        root: The site's files.
        folder: Where certificates and the key of the site are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "site.pem")
    server = PyTorchIndex(root, context)
    env = {
        "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}",
        "NO_PROXY": "127.0.0.1",
        "SSL_CERT_FILE": str(bundle),
        "UV_HTTP_RETRIES": "0",
    }
    with server, servers.running(server):
        yield server, env


def _certificate(folder: Path) -> Path:
    """Write the site's certificate and key; return the certificate of who vouches for it."""
    form = serialization.Encoding.PEM
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    vouching = _signed("a CA of tests", authority, "a CA of tests", authority, ca=True)
    site = _signed(HOST, key, "a CA of tests", authority, ca=False)
    plain = serialization.NoEncryption()
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain)
    (folder / "site.pem").write_bytes(private + site.public_bytes(form))
    (folder / "ca.pem").write_bytes(vouching.public_bytes(form))
    return folder / "ca.pem"


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    subject, signer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer)
    )
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    built = x509.CertificateBuilder(signer, subject, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - day).not_valid_after(now + day)
    built = built.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if not ca:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        built = built.add_extension(names, critical=False)
    return built.sign(by, hashes.SHA256())
