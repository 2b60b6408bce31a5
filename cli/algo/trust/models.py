"""Signatures on models, as OpenSSF model signing (OMS) has them: its CLI verifies them unchanged.

https://github.com/ossf/model-signing-spec: a statement with one subject, the model, whose digest
is that of the raw digests of its files one after the other; the predicate names the files.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.trust.statements import MODEL, make_statement
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo.trust.statements import Statement

SINGLE = "."
"""What model signing calls the file when the model is one."""


class _Resource(msgspec.Struct, frozen=True):
    name: str
    algorithm: str
    digest: str


class _Serialization(msgspec.Struct, frozen=True):
    method: str = "files"
    hash_type: str = "sha256"
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = ()


class _Predicate(msgspec.Struct, frozen=True):
    serialization: _Serialization
    resources: tuple[_Resource, ...]


class SignedModel(Value, frozen=True):
    """What a statement says of a model: the SHA-256 of each file, in hex, by its path."""

    digest: Digest
    files: dict[str, str]


def tree_digest(files: Mapping[str, str]) -> Digest:
    """Return the digest of a model of these files.

    Args:
        files: The SHA-256 of each, in hex, by its path in the model.
    """
    total = hashlib.sha256()
    for path in _ordered(files):
        total.update(bytes.fromhex(files[path]))
    return Digest(total.hexdigest())


def model_statement(name: str, files: Mapping[str, str]) -> bytes:
    """Return the statement that the model called `name` is these files.

    Args:
        name: The last part of its path.
        files: As for `tree_digest`; of a single file the path is `SINGLE`.
    """
    resources = tuple(_Resource(path, "sha256", files[path]) for path in _ordered(files))
    predicate = msgspec.json.encode(_Predicate(_Serialization(), resources))
    return make_statement(MODEL, predicate, {tree_digest(files): name})


def read_model(statement: Statement) -> SignedModel:
    """Read what a statement says of a model.

    Raises:
        BadDocument: It is in a form that we do not write, or contradicts itself.
    """
    try:
        said = msgspec.json.decode(bytes(statement.predicate), type=_Predicate)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadDocument(f"the signature of a model cannot be read: {error}") from error
    files = {item.name: item.digest for item in said.resources}
    if len(statement.subjects) != 1 or len(files) != len(said.resources):
        raise BadDocument("the signature of a model speaks of several things")
    try:
        digest = tree_digest(files)
    except ValueError as error:
        raise BadDocument(f"the signature of a model has a bad digest: {error}") from error
    if not statement.speaks_of(digest):
        raise BadDocument("the signature of a model names other files than its digest")
    return SignedModel(digest, files)


def _ordered(files: Mapping[str, str]) -> list[str]:
    """Return the paths in the order of model signing: by their parts."""
    return sorted(files, key=lambda path: PurePosixPath(path).parts)
