"""The files of `model_manifest.json`, or of its frozen form, whose sums are checked."""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path

MANIFEST = "model_manifest.json"
FROZEN = f"{MANIFEST}.freeze"
_PIECE = 1 << 20
_FILES = ("required_files", "optional_files")


class FileData:
    """A file that was fetched, and its sum."""

    def __init__(self, md5_checksum, file_path):
        self.md5_checksum = md5_checksum
        self.file_path = file_path


class ModelData:
    """What `load` gets: the files of the manifest by their names, and a place for its own values.

    Args:
        client: Fetches the files.
        folder: Where the manifest lies.
    """

    def __init__(self, client, folder="."):
        self.client = client
        self.user_data = {}
        self.models = {}
        self.using_frozen = (Path(folder) / FROZEN).is_file()
        self.manifest_data = _manifest(Path(folder), frozen=self.using_frozen)

    def __getitem__(self, key):
        return self.user_data[key]

    def __setitem__(self, key, value):
        self.user_data[key] = value

    def __contains__(self, key):
        return key in self.user_data

    def __bool__(self):
        return True

    def data(self):
        """Return what `load` has put here."""
        return dict(self.user_data)

    def available(self):
        """Tell whether there is a manifest."""
        return bool(self.manifest_data)

    def initialize(self):
        """Fetch the required files, and check them."""
        for entry in self._entries("required_files"):
            if entry["name"] in self.models:
                raise ValueError(f"{MANIFEST} has two files called {entry['name']}")
            self.models[entry["name"]] = self._fetch(entry)

    def get_model(self, model_name):
        """Return the path of the file called `model_name`; an optional one is fetched now."""
        if not self.available():
            raise FileNotFoundError(f"there is no model {model_name}: {MANIFEST} is not there")
        if model_name not in self.models:
            optional = [one for one in self._entries("optional_files") if one["name"] == model_name]
            if not optional:
                raise LookupError(
                    f"{MANIFEST} has no file called {model_name}{self._near(model_name)}"
                )
            self.models[model_name] = self._fetch(optional[0])
        return self.models[model_name].file_path

    def _near(self, name):
        known = [one["name"] for kind in _FILES for one in self._entries(kind)]
        near = difflib.get_close_matches(name, known, n=1)
        return f": did you mean {near[0]}?" if near else ""

    def _entries(self, kind):
        return (self.manifest_data or {}).get(kind) or []

    def _fetch(self, entry):
        path = self.client.file(entry["source_uri"]).local_path()
        sums = {"md5_checksum": sum_of(path, "md5"), "sha256_checksum": None}
        if entry.get("sha256_checksum"):
            sums["sha256_checksum"] = sum_of(path, "sha256")
        for kind, real in sums.items():
            wanted = entry.get(kind)
            if not wanted or wanted == real:
                continue
            told = f"{entry['name']} is another file than was frozen: {kind} {real}, not {wanted}"
            if entry.get("fail_on_tamper"):
                raise ModelTampered(told)
            print(f"warning: {told}")
        return FileData(sums["md5_checksum"], path)


class ManifestUnreadable(ValueError):
    """The manifest is no JSON, or of another form."""


class ModelTampered(Exception):
    """A file, or the frozen manifest itself, is not what was frozen."""


def freeze(manifest, client):
    """Return `manifest` with the sums of its files and of itself.

    The sums in SHA-256 stand beside those in MD5 that Algorithmia's kit looks at, which anybody
    can forge; `lock_checksum` is over all of it, so that its kit takes the file as its own.
    """
    for entry in [*(manifest.get("required_files") or []), *(manifest.get("optional_files") or [])]:
        path = client.file(entry["source_uri"]).local_path()
        entry["md5_checksum"] = sum_of(path, "md5")
        entry["sha256_checksum"] = sum_of(path, "sha256")
    manifest["lock_sha256"] = _sum_of_object(manifest, "sha256")
    manifest["lock_checksum"] = _sum_of_object(manifest, "md5")
    return manifest


def sum_of(path, kind):
    """Return the sum of a file in hex."""
    found = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()


def _manifest(folder, *, frozen):
    path = folder / (FROZEN if frozen else MANIFEST)
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or not UTF-8
        raise ManifestUnreadable(f"{path.name} is not JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ManifestUnreadable(f"{path.name} holds no object")
    for name in manifest:
        near = difflib.get_close_matches(name, _FILES, n=1)
        if near and name not in _FILES:
            raise ManifestUnreadable(f"{path.name} has {name!r}: did you mean {near[0]!r}?")
    return _unlocked(manifest) if frozen else manifest


def _unlocked(manifest):
    """Return a frozen manifest without its own sums, which must be right.

    Algorithmia's is over what Python writes of the object, in the order of the file.
    """
    rest = dict(manifest)
    for name, kind in (("lock_checksum", "md5"), ("lock_sha256", "sha256")):
        if name == "lock_sha256" and name not in rest:
            continue  # Algorithmia froze it
        wanted = rest.pop(name, None)
        if _sum_of_object(rest, kind) != wanted:
            raise ModelTampered(f"{FROZEN} was changed after it was frozen: {name} does not fit it")
    return rest


def _sum_of_object(value, kind):
    return hashlib.new(kind, str(value).encode(), usedforsecurity=False).hexdigest()
