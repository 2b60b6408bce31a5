"""Real OCI registries on loopback ports, one process each.

`docker_registry` is distribution 2.8, which has no Referrers API; `referrers_registry` is
go-containerregistry's server, which has it. Both come from Debian's packages.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.machine import apt, tools
from tests.machine.commands import output_of
from tests.machine.places import cache_folder, locked
from tests.machine.say import MachineError, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TOOLCHAIN_SUITE = "trixie"
TOOLCHAIN = ["golang-1.24-go", "golang-1.24-src", "golang-github-google-go-containerregistry-dev"]
GOROOT = "usr/lib/go-1.24"
START_SECONDS = 20.0
ATTEMPTS = 3


@contextmanager
def docker_registry(
    folder: Path,
    htpasswd: Mapping[str, str] | None = None,
    *,
    auth: Mapping[str, object] | None = None,
    tls: Mapping[str, object] | None = None,
) -> Iterator[str]:
    """Run distribution's registry while the block runs, and yield its `host:port`.

    Args:
        folder: An empty folder for its configuration, blobs and log.
        htpasswd: Passwords by user name; basic authentication is required when given.
        auth: Its `auth` setting in place of that.
        tls: The setting `http.tls`: `certificate`, `key`, `clientcas`.

    Raises:
        MachineError: It has not been brought to this machine, or does not answer.
    """
    program = tools.tool("docker-registry")
    config = folder / "config.json"

    def command(address: str) -> list[str]:
        settings = _configuration(folder, address, htpasswd)
        if auth is not None:
            settings["auth"] = auth
        if tls is not None:
            settings["http"] = {"addr": address, "tls": tls}
        config.write_text(json.dumps(settings), encoding="utf-8")
        return [str(program), "serve", str(config)]

    with _served(command, folder / "registry.log", plain=tls is None) as address:
        yield address


@contextmanager
def referrers_registry(folder: Path) -> Iterator[str]:
    """Run a registry with the Referrers API while the block runs, and yield its `host:port`.

    Args:
        folder: An empty folder for its blobs and log.

    Raises:
        MachineError: It has not been built on this machine, or does not answer.
    """
    program = referrers_program()
    if not program.is_file():
        raise MachineError("the referrers registry is not built: python3 -m tests.machine registry")
    blobs = folder / "blobs"
    blobs.mkdir(parents=True)

    def command(address: str) -> list[str]:
        return [str(program), address, str(blobs)]

    with _served(command, folder / "registry.log") as address:
        yield address


def referrers_program() -> Path:
    """Return where the registry with the Referrers API is, once `build_referrers` has run."""
    return cache_folder("referrers") / "referrers"


def build_referrers() -> Path:
    """Build the registry with the Referrers API from Debian's Go and libraries, once.

    Raises:
        MachineError: The packages can't be had, or the build failed.
    """
    program = referrers_program()
    source = Path(__file__).with_name("referrers") / "main.go"
    built_from = program.with_name("main.go")
    with locked("referrers"):
        if program.is_file() and built_from.read_bytes() == source.read_bytes():
            say("the registry with the Referrers API is there")
            return program
        prefix = program.parent / "toolchain"
        shutil.rmtree(prefix, ignore_errors=True)
        versions = apt.unpack(TOOLCHAIN_SUITE, TOOLCHAIN, prefix)
        library = f"go-containerregistry {versions[TOOLCHAIN[2]]}"
        say(f"building a registry with the Referrers API from {library} (about a minute, once)")
        env = {
            **os.environ,
            "GOROOT": str(prefix / GOROOT),
            "GOPATH": str(prefix / "usr/share/gocode"),
            "GOCACHE": str(prefix / "cache"),
            "GO111MODULE": "off",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "",
            "CGO_ENABLED": "0",
        }
        go = prefix / GOROOT / "bin" / "go"
        output_of([go, "build", "-o", program, source], timeout=900, env=env, cwd=source.parent)
        built_from.write_bytes(source.read_bytes())
        shutil.rmtree(prefix, ignore_errors=True)
    return program


@contextmanager
def _served(
    command: Callable[[str], list[str]], log_file: Path, *, plain: bool = True
) -> Iterator[str]:
    process, address = _start(command, log_file, plain=plain)
    try:
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(
    command: Callable[[str], list[str]], log_file: Path, *, plain: bool
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server on a free port; another process may take the port first, so try again."""
    # A killed test run must not leave its registry behind.
    guard = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    for _ in range(ATTEMPTS):
        address = f"127.0.0.1:{_free_port()}"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [*guard, *command(address)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if _answers(process, address, plain=plain):
            return process, address
        process.kill()
        process.wait()
    tail = log_file.read_text(encoding="utf-8", errors="replace")[-1000:]
    raise MachineError(f"the registry did not start; its log ends with:\n{tail}")


def _answers(process: subprocess.Popen[bytes], address: str, *, plain: bool) -> bool:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if not plain:
                # Whoever has no certificate is told nothing.
                host, _, port = address.rpartition(":")
                with socket.create_connection((host, int(port)), timeout=5):
                    return True
            with opener.open(f"http://{address}/v2/", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return error.code == 401
        except OSError:
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _configuration(
    folder: Path, address: str, htpasswd: Mapping[str, str] | None
) -> dict[str, object]:
    """Return the registry's configuration; it is YAML, and every JSON text is YAML."""
    storage = {
        "filesystem": {"rootdirectory": str(folder / "storage")},
        "delete": {"enabled": True},
    }
    configuration: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": storage,
        "http": {"addr": address},
    }
    if htpasswd is not None:
        file = folder / "htpasswd"
        lines = [f"{user}:{_bcrypt(password)}\n" for user, password in htpasswd.items()]
        file.write_text("".join(lines), encoding="utf-8")
        configuration["auth"] = {"htpasswd": {"realm": "algo tests", "path": str(file)}}
    return configuration


def _bcrypt(password: str) -> str:
    """Return the bcrypt hash of a test's password, by the C library's crypt(3)."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    salt = b"$2b$04$" + b"abcdefghijklmnopqrstuu"
    hashed: bytes = library.crypt(password.encode(), salt)
    return hashed.decode()
