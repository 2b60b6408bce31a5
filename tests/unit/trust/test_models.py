"""Signatures of models, in the form of OpenSSF model signing."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from algo.oci.errors import BadDocument
from algo.trust.models import model_statement, read_model, tree_digest
from algo.trust.statements import MODEL, Statement, read_statement

ONE, TWO = (hashlib.sha256(data).hexdigest() for data in (b"one", b"two"))


def statement(files: dict[str, str]) -> Statement:
    return read_statement(model_statement("net", files))


def test_a_model_is_the_digest_of_its_files_in_order_of_their_paths() -> None:
    # As paths, `a/b` comes before `a.txt`; as texts it does not.
    joined = bytes.fromhex(TWO) + bytes.fromhex(ONE)
    assert tree_digest({"a.txt": ONE, "a/b": TWO}).hex == hashlib.sha256(joined).hexdigest()


def test_a_statement_says_again_what_it_was_made_of() -> None:
    files = {"a.txt": ONE, "a/b": TWO}
    said = statement(files)

    assert said.predicate_type == MODEL
    assert read_model(said).files == files
    assert read_model(said).digest == tree_digest(files)


def test_a_statement_that_contradicts_itself_is_none() -> None:
    said = statement({"a": ONE})
    other = msgspec.Raw(bytes(said.predicate).replace(ONE.encode(), TWO.encode()))
    for bad in (other, msgspec.Raw(b"{}"), msgspec.Raw(bytes(said.predicate).replace(b"a", b"z"))):
        with pytest.raises(BadDocument):
            read_model(msgspec.structs.replace(said, predicate=bad))
    with pytest.raises(BadDocument, match="several things"):
        read_model(msgspec.structs.replace(said, subjects=said.subjects * 2))
