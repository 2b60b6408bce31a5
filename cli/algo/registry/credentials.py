"""User names and passwords, from Docker's config.json and the credential helpers it names."""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.oci.reference import HUB
from algo.registry.errors import BadCredentials
from algo.storage.files import write_whole
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB_KEY = "https://index.docker.io/v1/"
# docker-credential-helpers, protocol: the user name of an identity token.
TOKEN_USER = "<token>"
HELPER_SECONDS = 30.0
_HELPER = re.compile(r"[A-Za-z0-9._-]+")


class Credentials(Value, frozen=True):
    """A user and a password; or, with an empty user, an identity token as the password."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, password=…)"


class _Auth(msgspec.Struct, omit_defaults=True, rename={"identity_token": "identitytoken"}):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = ""


class _Config(msgspec.Struct, rename="camel"):
    auths: dict[str, _Auth] = {}
    creds_store: str = ""
    cred_helpers: dict[str, str] = {}


class _Secret(msgspec.Struct, rename={"server": "ServerURL", "user": "Username"}):
    server: str = ""
    user: str = ""
    secret: str = msgspec.field(name="Secret", default="")


class DockerConfig:
    """Docker's config.json.

    Args:
        env: The environment: `DOCKER_CONFIG` names the folder, else `~/.docker`; helpers are
            found by its `PATH`.
        home: The user's home folder.
    """

    def __init__(self, env: Mapping[str, str], home: Path) -> None:
        folder = env.get("DOCKER_CONFIG")
        self.path = (Path(folder) if folder else home / ".docker") / "config.json"
        self._env = env

    def find(self, host: str) -> Credentials | None:
        """Return what `docker login` or `store_login` kept for `host`.

        Raises:
            BadCredentials: The file is broken, or a helper failed.
        """
        config = self._read()
        helper = config.cred_helpers.get(host) or config.creds_store
        if helper:
            found = self._ask_helper(helper, _key(host))
            if found:
                return found
        for key in _keys(host):
            if key in config.auths:
                return self._decoded(key, config.auths[key])
        return None

    def store(self, host: str, credentials: Credentials) -> str:
        """Keep credentials where Docker looks for them; return where, for people.

        Raises:
            BadCredentials: The file is broken, or the helper failed.
            DiskFull: No space is left.
        """
        config = self._read()
        helper = config.cred_helpers.get(host) or config.creds_store
        if helper:
            user = credentials.user or TOKEN_USER
            secret = _Secret(server=_key(host), user=user, secret=credentials.password)
            self._run_helper(helper, "store", msgspec.json.encode(secret))
            return f"docker-credential-{helper}"
        # The file is the user's: what we don't know of stays in it.
        whole = self._members(self._bytes() if self.path.is_file() else b"{}")
        auths = self._members(bytes(whole.get("auths", msgspec.Raw(b"{}"))))
        auths[_key(host)] = msgspec.Raw(msgspec.json.encode(_encoded(credentials)))
        whole["auths"] = msgspec.Raw(msgspec.json.encode(auths))
        data = msgspec.json.format(msgspec.json.encode(whole), indent=2)
        target = self.path.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(target, [data, b"\n"], target.parent, mode=0o600)
        return str(self.path)

    def _bytes(self) -> bytes:
        # Docker takes an empty file as one without settings.
        return self.path.read_bytes().strip() or b"{}"

    def _read(self) -> _Config:
        try:
            return msgspec.json.decode(self._bytes(), type=_Config)
        except FileNotFoundError:
            return _Config()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadCredentials(f"{self.path} cannot be read: {error}") from error

    def _members(self, data: bytes) -> dict[str, msgspec.Raw]:
        try:
            return msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadCredentials(f"{self.path} cannot be read: {error}") from error

    def _decoded(self, key: str, auth: _Auth) -> Credentials | None:
        if auth.identity_token:
            return Credentials("", auth.identity_token)
        if auth.auth:
            try:
                text = base64.b64decode(auth.auth, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise BadCredentials(f"{self.path}: the auth of {key} is not base64") from error
            user, _, password = text.partition(":")
            return Credentials(user, password.rstrip("\0"))
        return Credentials(auth.username, auth.password) if auth.username else None

    def _ask_helper(self, helper: str, key: str) -> Credentials | None:
        answer = self._run_helper(helper, "get", key.encode())
        if answer is None:
            return None
        try:
            secret = msgspec.json.decode(answer, type=_Secret)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadCredentials(f"docker-credential-{helper} gave no JSON: {error}") from error
        return Credentials("" if secret.user == TOKEN_USER else secret.user, secret.secret)

    def _run_helper(self, helper: str, verb: str, data: bytes) -> bytes | None:
        """Run a helper; `None` when it knows nothing of the host."""
        program = f"docker-credential-{helper}"
        if not _HELPER.fullmatch(helper):
            raise BadCredentials(f"{self.path} names the credential helper {helper!r}")
        try:
            done = subprocess.run(
                [program, verb],
                input=data,
                capture_output=True,
                timeout=HELPER_SECONDS,
                env=dict(self._env),
                check=False,
            )
        except FileNotFoundError as error:
            raise BadCredentials(f"{self.path} names {program}, which is not on PATH") from error
        except subprocess.TimeoutExpired as error:
            raise BadCredentials(f"{program} did not answer in {HELPER_SECONDS:.0f} s") from error
        if done.returncode == 0:
            return done.stdout
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if verb == "get" and "credentials not found" in said:
            return None
        raise BadCredentials(f"{program} {verb} failed: {said[:300]}")


def _key(host: str) -> str:
    return HUB_KEY if host == HUB else host


def _keys(host: str) -> tuple[str, ...]:
    """Return the keys under which Docker and others keep the credentials of a host."""
    forms = (host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/")
    more = (f"https://{host}/v2/", f"http://{host}")
    return (HUB_KEY, *forms, *more) if host == HUB else (*forms, *more)


def _encoded(credentials: Credentials) -> _Auth:
    if not credentials.user:
        return _Auth(identity_token=credentials.password)
    text = f"{credentials.user}:{credentials.password}"
    return _Auth(auth=base64.b64encode(text.encode()).decode())
