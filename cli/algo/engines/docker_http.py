"""The few calls that every build makes, without the 0.2 s that loading the SDK takes."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from algo.engines.connection import open_connection
from algo.engines.errors import EngineUnavailable
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TIMEOUT = 600.0


class _RootFs(msgspec.Struct, frozen=True):
    Layers: tuple[str, ...] | None = None


class _Metadata(msgspec.Struct, frozen=True):
    LastTagTime: str = ""


class ImageFacts(msgspec.Struct, frozen=True):
    """What an engine says of an image."""

    Id: str
    RootFS: _RootFs = _RootFs()
    Metadata: _Metadata = _Metadata()
    RepoTags: tuple[str, ...] | None = None
    Size: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, sorted."""
        return tuple(sorted(self.RepoTags or ()))

    @property
    def layers(self) -> tuple[str, ...]:
        """The diff ids, from the bottom up."""
        return self.RootFS.Layers or ()

    @property
    def tagged(self) -> str:
        """When it got its last name on this machine, RFC 3339."""
        return self.Metadata.LastTagTime


class _Listed(msgspec.Struct, frozen=True):
    Id: str
    ParentId: str = ""
    RepoTags: tuple[str, ...] | None = None
    Labels: dict[str, str] | None = None

    @property
    def named(self) -> bool:
        """Whether it has a name; engines before 25 list one of no meaning."""
        return any(tag != "<none>:<none>" for tag in self.RepoTags or ())


class _Spoken(msgspec.Struct, frozen=True):
    error: str = ""
    message: str = ""


class DockerHttp(Value, frozen=True):
    """An engine at a unix socket or a plain TCP port."""

    address: str

    @property
    def usable(self) -> bool:
        """Tell whether the address can be spoken to without the SDK."""
        return open_connection(self.address, _TIMEOUT) is not None

    def inspect(self, reference: str) -> ImageFacts | None:
        """Return the facts of an image, None when the engine lacks it.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        status, body = self._call("GET", f"/images/{quote(reference, safe='/:@')}/json")
        if status != http.client.OK:
            return None
        return msgspec.json.decode(body, type=ImageFacts)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return every name of the images in `repository`; `*` stands for a part of a name.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        return tuple(
            tag for one in self._list({"reference": [repository]}) for tag in one.RepoTags or ()
        )

    def last_steps(self, label: str) -> tuple[tuple[str, str], ...]:
        """Return id and label of each nameless image with `label` that no other is built on.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        found = self._list({"label": [label]}, every=True)
        parents = {one.ParentId for one in found}
        return tuple(
            (one.Id, (one.Labels or {}).get(label, ""))
            for one in found
            if one.Id not in parents and not one.named
        )

    def images(self, repository: str) -> tuple[ImageFacts, ...]:
        """Return the facts of each image in `repository`.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        found = (self.inspect(one.Id) for one in self._list({"reference": [repository]}))
        return tuple(facts for facts in found if facts is not None)

    def remove(self, reference: str) -> None:
        """Remove an image unless something uses it.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        self._call("DELETE", f"/images/{quote(reference, safe='/:@')}")

    def tag(self, reference: str) -> None:
        """Give an image the name it has, so that the engine notes the time.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        repository, _, tag = reference.rpartition(":")
        query = urlencode({"repo": repository, "tag": tag})
        self._call("POST", f"/images/{quote(reference, safe='/:@')}/tag?{query}")

    def load(self, archive: Iterable[bytes]) -> str:
        """Load a docker archive; return why the engine refused it, empty when it did not.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        status, body = self._call("POST", "/images/load?quiet=1", archive)
        spoken = [msgspec.json.decode(line, type=_Spoken) for line in body.splitlines() if line]
        problems = [one.error or one.message for one in spoken if one.error or one.message]
        return "; ".join(problems) or ("" if status == http.client.OK else f"status {status}")

    def _list(
        self, filters: Mapping[str, list[str]], *, every: bool = False
    ) -> tuple[_Listed, ...]:
        query = urlencode({"filters": json.dumps(filters), "all": int(every)})
        status, body = self._call("GET", f"/images/json?{query}")
        if status != http.client.OK:
            return ()
        return msgspec.json.decode(body, type=tuple[_Listed, ...])

    def _call(
        self, method: str, path: str, body: Iterable[bytes] | None = None
    ) -> tuple[int, bytes]:
        connection = open_connection(self.address, _TIMEOUT)
        assert connection is not None, "usable tells"
        headers = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        try:
            # An engine that refuses a body early hangs up, and says why.
            with contextlib.suppress(BrokenPipeError):
                connection.request(
                    method,
                    path,
                    body,
                    headers if body is not None else {},
                    encode_chunked=body is not None,
                )
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineUnavailable(
                f"the container engine at {self.address} stopped answering: {error}"
            ) from error
        finally:
            connection.close()
