"""`[models]` of `algo.toml`: where weights come from, and where they lie in the project."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec.structs import replace

from algo.project.errors import ManifestInvalid
from algo.values import Value

FOLDER = "models"
# It becomes a file's name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
_OWN = "write it as {0}"
_URL = '{name} = {{ url = "https://…", sha256 = "…" }}'


class Remote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source with more to say than its address: one of the two forms.

    Args:
        url: A file behind `https://`.
        sha256: The hash that its content must have.
        source: What a string would be: `hf://…`, `oci://…`, `mlflow://…`.
        include: Patterns of the paths that are wanted of it; all when there are none.
        exclude: Patterns of those that are not.
    """

    url: str = ""
    sha256: str = ""
    source: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Origin(StrEnum):
    """Where a model that is no file of the project comes from."""

    URL = "url"
    OCI = "oci"
    HUB = "hf"
    MLFLOW = "mlflow"


class ModelSource(Value, frozen=True):
    """A model that is fetched.

    Args:
        name: What `[models]` calls it.
        origin: What kind of place has it.
        text: The source as the lock notes it; another text is another source.
        place: Where it lies in the project: a file, or a folder when `inside` is none.
        where: The URL, `host/repository`, `org/repository` or the registered model.
        revision: Branch, tag, version or alias as it was asked for; empty for the default.
        inside: The one file that is wanted, or a folder with `/` at its end; empty for all.
        sha256: What a URL's content must be.
        include: Patterns of the files of a folder that are wanted; all when there are none.
        exclude: Patterns of those that are not.
    """

    name: str
    origin: Origin
    text: str
    place: str
    where: str
    revision: str = ""
    inside: str = ""
    sha256: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The source as people are told of it: without the hash of a URL."""
        return without_hash(self.text)

    def wants(self, path: str) -> bool:
        """Tell whether a file, by its path below the model's folder, is one of the wanted."""
        matches = [fnmatchcase(path, pattern) for pattern in self.include]
        return (any(matches) or not matches) and not any(
            fnmatchcase(path, pattern) for pattern in self.exclude
        )

    @property
    def single(self) -> bool:
        """Whether it is one file."""
        return self.origin is Origin.URL or (self.inside != "" and not self.inside.endswith("/"))


class LockedFile(Value, frozen=True, order=True):
    """A file of a model: its path below the model's folder, and its content; `size` in bytes."""

    path: str
    sha256: str
    size: int


class LockedModel(Value, frozen=True):
    """What a source stood for when it was locked.

    Args:
        name: What `[models]` calls it.
        source: `ModelSource.text`.
        revision: The commit, manifest digest or version; empty for a URL.
        files: Sorted by path. Of a single file the path is its own name at the origin.
    """

    name: str
    source: str
    revision: str
    files: tuple[LockedFile, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


def without_hash(source: str) -> str:
    """Return a source as a lock notes it, without the hash that one of a URL has."""
    return source.partition("#sha256=")[0]


def is_source(value: str | Remote) -> bool:
    """Tell whether a value of `[models]` names something to fetch rather than a path."""
    return isinstance(value, Remote) or "://" in value


def parse_source(name: str, value: str | Remote, where: str) -> ModelSource:
    """Return the source that a value of `[models]` names.

    Args:
        name: Its key.
        value: What `is_source` says yes to.
        where: What to call the file in an error.

    Raises:
        ManifestInvalid: It is none that we know.
    """
    at = f"{where}: model {name}"
    if not _NAME.fullmatch(name):
        hint = "use letters, digits and . _ -"
        raise ManifestInvalid(f"{at}: a model that is fetched cannot be called so", hint=hint)
    if isinstance(value, Remote):
        return _url(name, value, at) if value.url else _filtered(name, value, at, where)
    scheme, _, rest = value.partition("://")
    readers = {"oci": _oci, "hf": _hub, "mlflow": _mlflow}
    if scheme in readers:
        return readers[scheme](name, value, rest, at)
    if scheme in ("http", "https"):
        hint = _OWN.format(_URL.format(name=name))
        raise ManifestInvalid(f"{at}: a URL needs the hash of its content", hint=hint)
    raise ManifestInvalid(
        f"{at}: {scheme}:// is no source", hint="known are https, oci, hf and mlflow, and paths"
    )


def source_of(model: LockedModel) -> ModelSource | None:
    """Return the source that a model was locked from, None when the lock has an unknown form."""
    url, marked, sha256 = model.source.partition("#sha256=")
    value = Remote(url=url, sha256=sha256) if marked else model.source.split(" ", 1)[0]
    try:
        return parse_source(model.name, value, "algo.lock")
    except ManifestInvalid:
        return None


def safe_path(path: str) -> bool:
    """Tell whether `path`, said by others, is relative and stays below where it is put."""
    parts = path.split("/")
    return not ("\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts))


def _filtered(name: str, value: Remote, at: str, where: str) -> ModelSource:
    if value.sha256 or not value.source:
        hint = f'{_URL.format(name=name)}, or {{ source = "hf://…", include = ["*.json"] }}'
        raise ManifestInvalid(f"{at} has neither a url nor a source alone", hint=_OWN.format(hint))
    found = parse_source(name, value.source, where)
    if found.single and (value.include or value.exclude):
        raise ManifestInvalid(
            f"{at}: {value.source!r} is one file, of which nothing can be left out",
            hint="leave include and exclude away, or name a folder with / at its end",
        )
    words = [f" {key} {pattern}" for key, patterns in (("+", value.include), ("-", value.exclude))
             for pattern in patterns]  # fmt: skip
    text = f"{found.text}{''.join(words)}"
    return replace(found, text=text, include=value.include, exclude=value.exclude)


def _url(name: str, value: Remote, at: str) -> ModelSource:
    if value.source or value.include or value.exclude:
        raise ManifestInvalid(f"{at}: a url is one file", hint=_OWN.format(_URL.format(name=name)))
    split = urlsplit(value.url)
    if split.scheme not in ("https", "http") or not split.hostname:
        raise ManifestInvalid(
            f"{at}: {value.url!r} is no URL", hint=_OWN.format(_URL.format(name=name))
        )
    if split.username or split.password:
        hint = "put user and password into ~/.netrc"
        raise ManifestInvalid(f"{at}: a URL here may hold no password", hint=hint)
    if not value.sha256:
        hint = f"curl -fsSL {shlex.quote(value.url)} | sha256sum prints it"
        raise ManifestInvalid(f"{at}: a url needs the sha256 of its file beside it", hint=hint)
    sha256 = value.sha256.lower().removeprefix("sha256:")
    if not _SHA256.fullmatch(sha256):
        hint = "sha256 is 64 hexadecimal digits: curl -fsSL URL | sha256sum"
        raise ManifestInvalid(f"{at}: {value.sha256!r} is no SHA-256", hint=hint)
    file = unquote(split.path).rsplit("/", 1)[-1]
    text = f"{value.url}#sha256={sha256}"
    return ModelSource(name, Origin.URL, text, _file(name, file), value.url, sha256=sha256)


def _oci(name: str, value: str, rest: str, at: str) -> ModelSource:
    reference, _, inside = rest.partition("#")
    host, slash, _ = reference.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        hint = _OWN.format(f'{name} = "oci://registry.example.com/owner/name:tag"')
        raise ManifestInvalid(f"{at}: {value!r} names no registry", hint=hint)
    return _with_inside(ModelSource(name, Origin.OCI, value, "", reference, "", inside), at)


def _hub(name: str, value: str, rest: str, at: str) -> ModelSource:
    organisation, _, rest = rest.partition("/")
    head, slash, inside = rest.partition("/")
    repository, _, revision = head.partition("@")
    if not organisation or not repository:
        hint = _OWN.format(f'{name} = "hf://org/repo@revision/file.safetensors"')
        raise ManifestInvalid(f"{at}: {value!r} names no repository of the Hub", hint=hint)
    where = f"{organisation}/{repository}"
    inside = inside if slash else ""
    source = ModelSource(name, Origin.HUB, value, "", where, unquote(revision), inside)
    return _with_inside(source, at)


def _mlflow(name: str, value: str, rest: str, at: str) -> ModelSource:
    model, slash, revision = rest.partition("/")
    if not slash:
        model, _, revision = rest.partition("@")
    if not model or not revision or "/" in revision:
        hint = _OWN.format(f'{name} = "mlflow://model/3" or "mlflow://model/champion"')
        raise ManifestInvalid(f"{at}: {value!r} names no version of a model", hint=hint)
    source = ModelSource(name, Origin.MLFLOW, value, "", unquote(model), unquote(revision))
    return _with_inside(source, at)


def _with_inside(source: ModelSource, at: str) -> ModelSource:
    """Return the source with its place, which what is wanted of it decides."""
    inside = source.inside
    if inside and not safe_path(inside.removesuffix("/")):
        hint = "give the path of a file, or of a folder with / at its end"
        raise ManifestInvalid(f"{at}: {inside!r} leads out of it", hint=hint)
    single = inside != "" and not inside.endswith("/")
    place = _file(source.name, inside) if single else f"{FOLDER}/{source.name}"
    return replace(source, place=place)


def _file(name: str, origin: str) -> str:
    """Return where a single file lies: under its name here, with the suffix that it has there."""
    suffix = PurePosixPath(origin).suffix
    if not _SUFFIX.fullmatch(suffix) or name.endswith(suffix):
        suffix = ""
    return f"{FOLDER}/{name}{suffix}"
