"""The values of `[models]`, and what the lock says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.project.errors import LockInvalid, ManifestInvalid
from algo.project.lock import Lock, render
from algo.project.lock import parse as parse_lock
from algo.project.manifest import parse
from algo.project.models import LockedFile, LockedModel, Origin, parse_source

if TYPE_CHECKING:
    from algo.project.manifest import Manifest

HEAD = '[algorithm]\nname = "acme/p"\nlanguage = "python"\nentrypoint = "src/p.py:apply"\n'
SHA = "a" * 64


def manifest(models: str) -> Manifest:
    return parse(f"{HEAD}[models]\n{models}\n")


@pytest.mark.parametrize(
    ("value", "origin", "where", "revision", "inside", "place"),
    [
        ("oci://r.example.com/a/b:1#x/y.onnx", "oci", "r.example.com/a/b:1", "", "x/y.onnx",
         "models/m.onnx"),
        ("oci://localhost:5000/a/b:1#x/", "oci", "localhost:5000/a/b:1", "", "x/", "models/m"),
        ("hf://org/repo", "hf", "org/repo", "", "", "models/m"),
        ("hf://org/repo@v1.2/onnx/model.onnx", "hf", "org/repo", "v1.2", "onnx/model.onnx",
         "models/m.onnx"),
        ("hf://org/repo@refs%2Fpr%2F1/onnx/", "hf", "org/repo", "refs/pr/1", "onnx/", "models/m"),
        ("mlflow://churn/3", "mlflow", "churn", "3", "", "models/m"),
        ("mlflow://my%20model/champion", "mlflow", "my model", "champion", "", "models/m"),
        ("mlflow://churn@champion", "mlflow", "churn", "champion", "", "models/m"),
    ],
)  # fmt: skip
def test_a_source_names_origin_revision_and_place(
    value: str, origin: str, where: str, revision: str, inside: str, place: str
) -> None:
    found = parse_source("m", value, "algo.toml")

    assert (found.origin, found.where) == (Origin(origin), where)
    assert (found.revision, found.inside, found.place) == (revision, inside, place)
    assert found.single == (place != "models/m")


def test_a_url_lies_under_its_name_with_the_suffix_that_it_has_there() -> None:
    found = manifest(f'm = {{ url = "https://e.org/d/w.tar.gz?x=1", sha256 = "{SHA}" }}')

    assert found.model_paths == {"m": "models/m.gz"}
    assert found.model_sources["m"].text == f"https://e.org/d/w.tar.gz?x=1#sha256={SHA}"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ('m = "https://e.org/w.bin"', "needs the hash"),
        ('m = { url = "https://e.org/w", sha256 = "12" }', "is no SHA-256"),
        ('m = { url = "https://e.org/w" }', "needs the sha256"),
        (f'm = {{ url = "https://u:p@e.org/w", sha256 = "{SHA}" }}', "no password"),
        (f'm = {{ url = "ftp://e.org/w", sha256 = "{SHA}" }}', "is no URL"),
        (f'm = {{ url = "https://e.org/w", sha256 = "{SHA}", size = 3 }}', "unknown field"),
        ('m = { source = "hf://org/repo/x.bin", include = ["*"] }', "is one file"),
        ('m = { include = ["*"] }', "has neither"),
        (f'm = {{ url = "https://e.org/w", sha256 = "{SHA}", include = ["*"] }}', "is one file"),
        ('m = "s3://bucket/w"', "s3:// is no source"),
        ('m = "oci://a/b:1"', "names no registry"),
        ('m = "oci://r.example.com/a/b:1#../x"', "leads out"),
        ('m = "hf://gpt2"', "names no repository"),
        ('m = "hf://org/repo/../../x"', "leads out"),
        ('m = "mlflow://churn"', "names no version"),
        ('"a b" = "hf://org/repo"', "cannot be called so"),
        ('"a/b" = "models/x"', "is no name"),
        ('m = "hf://org/repo"\nn = "models/m/x.bin"', "in the way of m"),
        ('m = "hf://org/repo"\nn = "models"', "in the way of m"),
    ],
)
def test_what_is_no_source_is_refused_with_the_form_that_is(models: str, words: str) -> None:
    with pytest.raises(ManifestInvalid, match=words) as refused:
        manifest(models)
    assert refused.value.hint


def test_of_a_folder_some_files_are_wanted() -> None:
    table = '{ source = "hf://org/repo", include = ["*.json", "onnx/*"], exclude = ["*/big*"] }'
    found = manifest(f"m = {table}").model_sources["m"]

    assert found.text == "hf://org/repo + *.json + onnx/* - */big*"
    wanted = ["a.json", "a.bin", "onnx/a.bin", "onnx/big.bin"]
    assert [path for path in wanted if found.wants(path)] == ["a.json", "onnx/a.bin"]


def test_the_lock_holds_every_file_of_a_model() -> None:
    files = (LockedFile("a/b.bin", SHA, 3), LockedFile("c.json", "b" * 64, 0))
    lock = Lock("sha256:0", {}, {}).with_models([LockedModel("m", "hf://o/r", "c1", files)])

    assert parse_lock(render(lock)) == lock


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "", "a\\\\b"])
def test_a_lock_whose_files_lead_out_is_refused(path: str) -> None:
    text = (
        'version = 1\ninputs = "x"\n[[model]]\nname = "m"\nsource = "hf://o/r"\n'
        f'files = [{{ path = "{path}", sha256 = "{SHA}", size = 1 }}]\n'
    )
    with pytest.raises(LockInvalid, match="bad file"):
        parse_lock(text)
