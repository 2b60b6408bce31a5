"""The user's keys on disk: our own, the ones we trust, the ones that are revoked."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.errors import UsageError
from algo.storage.files import make_folders, sync_folder
from algo.trust.errors import KeyExists, KeyInvalid, KeyMissing, KeyRevoked
from algo.trust.keys import PublicKey, SigningKey
from algo.trust.policy import Policy, TrustedKey
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"
KEY = "ALGO_SIGNING_KEY"
PASSWORD = "ALGO_SIGNING_PASSWORD"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# A component of an OCI repository name (distribution specification).
_OWNER = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


class _Record(msgspec.Struct, omit_defaults=True):
    """A file in `trusted/` or `revoked/`."""

    key: str = ""
    label: str = ""
    owner: str = ""
    reason: str = ""


class ListedKey(Value, frozen=True):
    """A key of the ring: `kind` is own, trusted or revoked; `owner` limits whom it speaks for."""

    id: str
    kind: str
    name: str
    owner: str = ""
    reason: str = ""


class Keyring(Value, frozen=True):
    """The keys below `root` (0700; private keys 0600), and the one that the environment gives.

    Args:
        root: The folder; made when something is written.
        env: `ALGO_SIGNING_KEY` (PEM text, or a file with it) is used in place of the user's own
            key, `ALGO_SIGNING_PASSWORD` opens and encrypts keys.
    """

    root: Path
    env: Mapping[str, str]

    def signing_key(self) -> SigningKey | None:
        """Return the key that signs: the environment's, else `default`; None when there is none.

        Raises:
            KeyInvalid: It cannot be read.
            KeyLocked: Its passphrase is missing or wrong.
            KeyRevoked: It is revoked.
        """
        text = self._given() or _read(self._own(DEFAULT))
        if not text:
            return None
        key = SigningKey.parse(text, self.env.get(PASSWORD, ""))
        if self._revoked(key.public.id).is_file():
            raise KeyRevoked(
                f"the signing key {key.public.short} is revoked", hint="algo keys create"
            )
        return key

    def create(self, name: str = DEFAULT) -> SigningKey:
        """Make a key called `name`, in place of one that is revoked.

        Raises:
            KeyExists: There is a valid one.
        """
        key = SigningKey.generate()
        if not self._store(name, key):
            raise KeyExists(f"there is a key called {name}")
        return key

    def ensure(self) -> tuple[SigningKey, bool]:
        """Return the key that signs and whether it was made now; many processes agree on one."""
        key = self.signing_key()
        if key is not None:
            return key, False
        made = SigningKey.generate()
        if self._store(DEFAULT, made):
            return made, True
        found = self.signing_key()
        assert found is not None
        return found, False

    def take(self, text: str, name: str = DEFAULT, password: str = "") -> SigningKey:
        """Store the private key in PEM `text` (PKCS#8, SEC 1 or cosign's) as `name`.

        Raises:
            KeyInvalid: It is none.
            KeyLocked: `password` does not open it.
            KeyExists: There is another key of this name.
        """
        key = SigningKey.parse(text, password or self.env.get(PASSWORD, ""))
        if not self._store(name, key, password):
            raise KeyExists(f"there is a key called {name}")
        return key

    def export(self, name: str = "") -> PublicKey:
        """Return the public half of the own key `name`; without a name, of the one that signs.

        Raises:
            KeyMissing: There is none.
        """
        if not name and self._given():
            return SigningKey.parse(self._given(), self.env.get(PASSWORD, "")).public
        text = _read(self._own(name or DEFAULT))
        if not text:
            raise KeyMissing(
                f"there is no key called {name}" if name else "there is no signing key yet",
                hint="algo keys list" if name else "algo keys create",
            )
        return PublicKey.parse(text)

    def trust(self, key: PublicKey, label: str = "", owner: str = "") -> None:
        """Accept what `key` signed: for names of every `owner` given so far, or for all names.

        The last word counts: without an owner it is for all, with one after that for it alone.

        Raises:
            KeyRevoked: It is revoked here.
            UsageError: `owner` is none.
        """
        if owner and not _OWNER.fullmatch(owner):
            raise UsageError(
                f"{owner!r} is no owner", hint="give what stands before the / in acme/digits"
            )
        if self._revoked(key.id).is_file():
            raise KeyRevoked(f"the key {key.short} is revoked here", hint="algo keys list")
        known = self._record("trusted", key.id)
        if known is not None and owner and known.owner:
            owner = ",".join(dict.fromkeys([*known.owner.split(","), owner]))
        self._write("trusted", key.id, _Record(key=key.pem, label=label, owner=owner))

    def revoke(self, key: str, reason: str = "") -> str:
        """Refuse from now on what the key signed; return its id.

        Args:
            key: The id, its beginning (8 digits or more), or the name of an own key.
            reason: Why, for the list.

        Raises:
            KeyMissing: It is no id, and there is no own or trusted key of this name.
        """
        found = self._find(key)
        self._write("revoked", found, _Record(reason=reason))
        return found

    def known(self) -> tuple[ListedKey, ...]:
        """Return all keys: own ones first, then trusted, then revoked ones."""
        revoked = {path.stem: self._record("revoked", path.stem) for path in self._files("revoked")}
        found = [
            ListedKey(public.id, "own", name)
            for name, public in self._own_keys()
            if public.id not in revoked
        ]
        for path in self._files("trusted"):
            record = self._record("trusted", path.stem)
            if record is not None and path.stem not in revoked:
                found.append(ListedKey(path.stem, "trusted", record.label, record.owner))
        for key, record in sorted(revoked.items()):
            found.append(ListedKey(key, "revoked", "", reason=record.reason if record else ""))
        return tuple(found)

    def policy(self) -> Policy:
        """Return which keys are accepted: our own and the trusted ones, less the revoked."""
        revoked = frozenset(path.stem for path in self._files("revoked"))
        accepted = [TrustedKey(key, f"your key {name}") for name, key in self._own_keys()]
        for path in self._files("trusted"):
            record = self._record("trusted", path.stem)
            if record is not None:
                owners = tuple(filter(None, record.owner.split(",")))
                accepted.append(TrustedKey(PublicKey.parse(record.key), record.label, owners))
        return Policy(tuple(key for key in accepted if key.key.id not in revoked), revoked)

    def _own_keys(self) -> list[tuple[str, PublicKey]]:
        keys = [(path.stem, PublicKey.parse(_read(path))) for path in self._files("own", "pem")]
        if self._given():
            public = SigningKey.parse(self._given(), self.env.get(PASSWORD, "")).public
            keys.insert(0, (KEY, public))
        return keys

    def _given(self) -> str:
        """Return the PEM text of the environment's key, read from its file when it names one."""
        value = self.env.get(KEY, "").strip()
        if not value or value.startswith("-----BEGIN"):
            return value + "\n" if value else ""
        try:
            return Path(value).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyInvalid(
                f"{KEY} is neither PEM text nor a file that can be read: {error}",
                hint=f"set {KEY} to a key's PEM text, or to the path of its file",
            ) from error

    def _store(self, name: str, key: SigningKey, password: str = "") -> bool:
        """Write `key` unless a valid one of this `name` is there; tell whether it was written."""
        path = self._own(name)
        _private_folder(self.root)
        _private_folder(path.parent)
        text = _read(path)
        if text:
            old = PublicKey.parse(text).id
            if self._revoked(old).is_file():
                path.replace(path.with_name(f"{name}-{old[:12]}.pem"))
        secret = password or self.env.get(PASSWORD, "")
        # The public half beside the private one: it can be read without the passphrase.
        content = key.pem(secret) + key.public.pem
        temporary = _temporary(path.parent, content)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        sync_folder(path.parent)
        return True

    def _find(self, key: str) -> str:
        for name, public in self._own_keys():
            if key == name:
                return public.id
        digits = key.lower()
        if re.fullmatch(r"[0-9a-f]{64}", digits):
            return digits
        known = {item.id for item in self.known()}
        found = [item for item in known if len(digits) >= 8 and item.startswith(digits)]
        if len(found) == 1:
            return found[0]
        raise KeyMissing(f"{key!r} is no key's name, and not the beginning of one known key's id")

    def _own(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a key", hint="use lower case letters, digits, - and _"
            )
        return self.root / "own" / f"{name}.pem"

    def _revoked(self, key: str) -> Path:
        return self.root / "revoked" / f"{key}.json"

    def _files(self, folder: str, suffix: str = "json") -> list[Path]:
        return sorted((self.root / folder).glob(f"*.{suffix}"))

    def _record(self, folder: str, key: str) -> _Record | None:
        path = self.root / folder / f"{key}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Record)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise KeyInvalid(f"{path} cannot be read: {error}", hint=f"rm {path}") from error

    def _write(self, folder: str, key: str, record: _Record) -> None:
        _private_folder(self.root)
        _private_folder(self.root / folder)
        content = msgspec.json.format(msgspec.json.encode(record)).decode() + "\n"
        _temporary(self.root / folder, content).replace(self.root / folder / f"{key}.json")
        sync_folder(self.root / folder)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise KeyInvalid(f"{path} cannot be read: {error}", hint=f"ls -l {path}") from error


def _private_folder(path: Path) -> None:
    if not path.is_dir():
        make_folders(path)
    path.chmod(0o700)


def _temporary(folder: Path, content: str) -> Path:
    """Write `content` to a new file in `folder` that only the user can read."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
