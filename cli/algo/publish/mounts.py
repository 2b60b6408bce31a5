"""Where in a registry a layer lies already, so that it is mounted and not sent again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from algo.images.image import LayerKind
from algo.oci.digest import Digest
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from algo.images.image import BuiltImage

_SHARED = {LayerKind.RUNTIME, LayerKind.GATEWAY, LayerKind.RUNNER, LayerKind.PACKAGES}
_MOST = 500


class Mounts(Value, frozen=True):
    """A repository by digest, one file per registry below `root`. Only a hint: it may be wrong."""

    root: Path

    def of(self, address: str) -> Mapping[Digest, str]:
        """Return which repository of the registry at `address` had which blob."""
        return {Digest(key): value for key, value in self._read(address).items()}

    def remember(self, address: str, repository: str, images: Sequence[BuiltImage]) -> None:
        """Note that `repository` has the layers that other algorithms use, too."""
        if not address:
            return
        known = self._read(address)
        for image in images:
            for layer in image.layers:
                if layer.kind in _SHARED:
                    known.pop(layer.descriptor.digest.hex, None)
                    known[layer.descriptor.digest.hex] = repository
        latest = dict(list(known.items())[-_MOST:])
        self.root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=self.root)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(latest))
        Path(name).replace(self._file(address))

    def _file(self, address: str) -> Path:
        return self.root / f"{address.replace(':', '+')}.json"

    def _read(self, address: str) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file(address).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            return {}
