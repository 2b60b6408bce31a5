"""Models of an MLflow registry, by MLflow's own client."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import Progress
from algo.models.errors import (
    ExtraMissing,
    ModelInvalid,
    ModelNotFound,
    ModelRefused,
    ModelUnreachable,
)
from algo.models.streams import side_by_side
from algo.project.models import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow.entities import FileInfo

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.project.models import LockedFile, ModelSource

_TRACKING, _REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
# Seven doubling pauses, MLflow's default, are four minutes of silence; progress is shown by us.
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
_CREDENTIALS = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or a token"


class Mlflow:
    """Implements `models.interface.Origin` for a model registry.

    Args:
        env: `MLFLOW_TRACKING_URI` names the server; the client reads the rest itself.

    Raises:
        ExtraMissing: mlflow-skinny is not installed.
        ModelInvalid: No server is named.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise ExtraMissing(
                "mlflow:// needs the package mlflow-skinny, which is not installed",
                hint="pip install 'algo-cli[mlflow]'",
            ) from error
        if not (env.get(_TRACKING) or env.get(_REGISTRY)):
            raise ModelInvalid(
                f"mlflow:// needs to know the server, and {_TRACKING} is not set",
                hint=f"export {_TRACKING}=https://mlflow.example.com",
            )
        self._mlflow = mlflow

    def revision(self, source: ModelSource) -> str:
        """See Origin: the version's number, as an alias may move."""
        client = self._mlflow.MlflowClient()
        with _named(source):
            if source.revision.isdigit():
                found = client.get_model_version(source.where, source.revision)
            else:
                found = client.get_model_version_by_alias(source.where, source.revision)
        return str(found.version)

    def fetch(
        self, source: ModelSource, revision: str, cache: ModelCache, *, notify: Notify
    ) -> tuple[LockedFile, ...]:
        """See Origin."""
        uri = f"models:/{source.where}/{revision}"
        server = os.environ.get(_TRACKING) or os.environ.get(_REGISTRY, "")
        with _named(source):
            listed = [info for info in self._files(uri, "") if source.wants(info.path)]
        if not listed:
            raise ModelNotFound(f"{source.text} has no file")
        done = 0

        def bring(info: FileInfo, notify: Notify) -> LockedFile:
            nonlocal done
            file = self._file(source, uri, info, f"{server} {uri} {info.path}", cache)
            done += file.size
            total = sum(one.file_size or 0 for one in listed)
            notify(Progress(f"Fetching {source.name}", done, max(done, total)))
            return file

        return tuple(sorted(side_by_side(bring, listed, notify=notify)))

    def _file(
        self, source: ModelSource, uri: str, info: FileInfo, key: str, cache: ModelCache
    ) -> LockedFile:
        """Return a file; one that came whole before is not fetched again."""
        path = info.path
        if not safe_path(path):
            raise ModelInvalid(f"{source.text} has a file {path!r}, which leads out of it")
        known = cache.recall(key, path)
        if known is not None and known.size == info.file_size:
            return known
        cache.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=cache.root) as folder:
            with _named(source):
                found = self._mlflow.artifacts.download_artifacts(f"{uri}/{path}", dst_path=folder)
            if info.file_size not in (None, Path(found).stat().st_size):
                raise ModelUnreachable(f"{source.text}: {path} came only in part")
            file = cache.adopt(Path(found), path)
        cache.remember(key, file)
        return file

    def _files(self, uri: str, folder: str) -> Iterator[FileInfo]:
        for info in self._mlflow.artifacts.list_artifacts(f"{uri}/{folder}".rstrip("/")):
            if info.is_dir:
                yield from self._files(uri, info.path)
            else:
                yield info


@contextmanager
def _named(source: ModelSource) -> Iterator[None]:
    """Turn the client's errors into ours."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        code = error.error_code
        if code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise ModelNotFound(f"{source.text}: {error.message}") from error
        if code in ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
            raise ModelRefused(f"{source.text}: {error.message}", hint=_CREDENTIALS) from error
        raise ModelUnreachable(f"MLflow: {error.message}") from error
    except OSError as error:
        raise ModelUnreachable(f"MLflow does not answer: {error}") from error
