"""Algorithmia's data API: files and folders at `/v1/data/OWNER/COLLECTION/NAME`."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.http import answers

if TYPE_CHECKING:
    from pathlib import Path

    from algo_gateway.data.folders import Entry, Folders
    from algo_gateway.http.routes import Routes

PREFIX = "/v1/data"
# By this some clients ask, with the kind of the place as the first part of the path.
CONNECTOR = "/v1/connector"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]*):/{1,2}")
_METHODS = "GET HEAD PUT POST DELETE PATCH"
_PIECE = 1 << 20
_PAGE = 1000
_NAMED = "x-data-type"


class _Access(msgspec.Struct):
    read: list[str] = []


class _Wanted(msgspec.Struct):
    name: str = ""
    acl: _Access | None = None


class Data:
    """Answers for the files in `folders`.

    Args:
        folders: The files.
        near: Whether who asks is on this machine and may read the files themselves.
    """

    def __init__(self, folders: Folders, *, near: bool = False) -> None:
        self._folders = folders
        self._near = near

    def register(self, routes: Routes) -> None:
        """Add its paths."""
        for path in (PREFIX, f"{PREFIX}/", f"{PREFIX}/**", f"{CONNECTOR}/*", f"{CONNECTOR}/**"):
            routes.add(_METHODS, path, self.handle)

    async def handle(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        query = {name: values[-1] for name, values in parse_qs(scope.query_string).items()}
        path = ""
        try:
            path = _path_of(scope.path)
            if self._near:  # at the service's own address the developer asks, whose all of it is
                self._folders.check(path, change=scope.method not in ("GET", "HEAD"))
            await getattr(self, f"_{scope.method.lower()}")(path, query, proto)
        except Failure as problem:
            _refuse(problem, proto)
        except ConnectionError:
            return  # the client went away
        except OSError as error:
            why = error.strerror or type(error).__name__
            _refuse(Failure(500, "data_failed", f"data://{path}: {why}"), proto)

    async def _get(self, path: str, query: dict[str, str], proto: Any) -> None:
        place = self._found(path)
        if place is None or place.is_dir():
            listing = await asyncio.to_thread(self._listing, path, query)
            headers = [*answers.JSON, (_NAMED, "directory")]
            proto.response_bytes(200, headers, msgspec.json.encode(listing))
            return
        size = place.stat().st_size
        headers = self._of_file(place)
        if size <= _PIECE:
            proto.response_bytes(200, headers, place.read_bytes())
            return
        stream = proto.response_stream(200, headers)
        with place.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                await stream.send_bytes(piece)

    async def _head(self, path: str, query: dict[str, str], proto: Any) -> None:
        place = self._found(path)
        if place is None or place.is_dir():
            await self._get(path, query, proto)  # of which the head alone is sent
        else:
            proto.response_head(200, self._of_file(place), place.stat().st_size)

    async def _put(self, path: str, query: dict[str, str], proto: Any) -> None:
        with self._folders.writing(path) as handle:
            async for piece in proto:
                await asyncio.to_thread(_write, handle, piece)
        _answer(proto, {"result": f"data://{path}"})

    async def _post(self, path: str, query: dict[str, str], proto: Any) -> None:
        wanted = _decoded(await proto(), _Wanted)
        if not wanted.name or "/" in wanted.name:
            raise Failure(400, "data_path", f"{wanted.name[:200]!r} is no name of a folder")
        below = f"{path}/{wanted.name}" if path else wanted.name
        self._folders.make(below)
        if wanted.acl is not None:
            self._folders.let(below, wanted.acl.read)
        _answer(proto, {"result": f"data://{below}"})

    async def _patch(self, path: str, query: dict[str, str], proto: Any) -> None:
        wanted = _decoded(await proto(), _Wanted)
        place = self._found(path)
        if place is None or not place.is_dir():
            raise Failure(400, "data_path", f"data://{path} is no folder")
        if wanted.acl is not None:
            self._folders.let(path, wanted.acl.read)
        _answer(proto, {"result": f"data://{path}"})

    async def _delete(self, path: str, query: dict[str, str], proto: Any) -> None:
        force = query.get("force", "").lower() == "true"
        deleted = await asyncio.to_thread(self._folders.delete, path, force=force)
        _answer(proto, {"result": {"deleted": deleted}})

    def _found(self, path: str) -> Path | None:
        """Return where something is, None for what holds all.

        Raises:
            Failure: 404, there is nothing; 400, it is no path.
        """
        place = self._folders.find(path) if path else None
        if path and place is None:
            near = self._folders.nearest(path)
            hint = f": did you mean {near}?" if near else ""
            raise Failure(404, "no_data", f"there is nothing at data://{path}{hint}")
        return place

    def _listing(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        after = query.get("marker", "")
        found = [one for one in self._folders.entries(path) if one.name > after]
        page, rest = found[:_PAGE], found[_PAGE:]
        document: dict[str, Any] = {
            "folders": [{"name": one.name} for one in page if one.folder],
            "files": [_listed(one) for one in page if not one.folder],
        }
        if rest:
            document["marker"] = page[-1].name
        if query.get("acl", "").lower() == "true":
            document["acl"] = {"read": self._folders.access(path)}
        return document

    def _of_file(self, place: Path) -> answers.Headers:
        headers = [("content-type", "application/octet-stream"), (_NAMED, "file")]
        return [*headers, ("x-algo-path", str(place))] if self._near else headers


def _path_of(asked: str) -> str:
    """Return the path below `data://` that a request asks for.

    Raises:
        Failure: 400, it is a connector's.
    """
    kind, path = "data", asked.removeprefix(PREFIX).strip("/")
    if asked.startswith(CONNECTOR):
        kind, _, path = asked.removeprefix(CONNECTOR).strip("/").partition("/")
    if named := _SCHEME.match(path):
        kind, path = named[1].lower(), path[named.end() :]
    if kind == "data":
        return path.strip("/")
    own = {"s3": "boto3", "dropbox": "dropbox"}.get(kind.partition("+")[0], f"a client of {kind}")
    raise Failure(
        400,
        "no_connector",
        f"{kind}://{path[:200]} is a connector of Algorithmia's, and there are none here: put the "
        "file to data/OWNER/COLLECTION/NAME in the project and read data://OWNER/COLLECTION/NAME, "
        f"or read it where it is with a package for it ({own})",
    )


def _listed(one: Entry) -> dict[str, Any]:
    when = datetime.fromtimestamp(one.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return {"filename": one.name, "size": one.size, "last_modified": f"{when[:-3]}Z"}


def _write(handle: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(handle, view) :]


def _decoded(body: bytes, kind: type[_Wanted]) -> _Wanted:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(
            400, "malformed_json", f"the body is not what it should be: {error}"
        ) from None


def _answer(proto: Any, document: dict[str, Any]) -> None:
    proto.response_bytes(200, answers.JSON, msgspec.json.encode(document))


def _refuse(problem: Failure, proto: Any) -> None:
    """Answer as Algorithmia did: its clients read the message of a HEAD in a header."""
    document = msgspec.json.encode({"error": {"message": problem.message, "code": problem.code}})
    told = problem.message.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    proto.response_bytes(problem.status, [*answers.JSON, ("x-error-message", told)], document)
