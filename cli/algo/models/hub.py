"""Models of the Hugging Face Hub, or of what speaks like it (`HF_ENDPOINT`).

The Hub's own client says what is there and who we are; the bytes come by our own downloads, which
go on where they broke, in another process as well.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from algo.models.errors import (
    ExtraMissing,
    ModelInvalid,
    ModelNotFound,
    ModelRefused,
    ModelUnreachable,
)
from algo.models.streams import side_by_side
from algo.models.web import Downloads
from algo.project.models import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

    from algo.events import Notify
    from algo.models.cache import ModelCache
    from algo.project.models import LockedFile, ModelSource
    from algo.registry.transport import Patience

_LOGIN = "hf auth login, or set HF_TOKEN to a token that may read it"
_LIBRARIES = {"httpx2", "httpcore2", "httpx", "httpcore", "requests", "urllib3"}
# Of the Hub, not of the model.
_LEFT_OUT = {".gitattributes", ".gitignore"}


class Hub:
    """Implements `models.interface.Origin` for the Hub.

    Args:
        env: `HF_ENDPOINT` names another server.
        patience: How often a download is tried again.

    Raises:
        ExtraMissing: huggingface_hub is not installed.
    """

    def __init__(self, env: Mapping[str, str], patience: Patience | None = None) -> None:
        try:
            from huggingface_hub import HfApi
        except ModuleNotFoundError as error:
            raise ExtraMissing(
                "hf:// needs the package huggingface_hub, which is not installed",
                hint="pip install 'algo-cli[hf]'",
            ) from error
        self._api: HfApi = HfApi(endpoint=env.get("HF_ENDPOINT") or None)
        self._env = env
        self._patience = patience

    def revision(self, source: ModelSource) -> str:
        """See Origin: the commit."""
        commit: str | None = self._info(source, source.revision).sha
        if not commit:
            raise ModelInvalid(f"{source.text}: the Hub names no commit of it")
        return commit

    def fetch(
        self, source: ModelSource, revision: str, cache: ModelCache, *, notify: Notify
    ) -> tuple[LockedFile, ...]:
        """See Origin."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        chosen = _chosen(source, self._info(source, revision, files=True).siblings or [])
        downloads = Downloads(
            self._env, self._patience, build_hf_headers(library_name="algo"), _LOGIN
        )

        def bring(item: tuple[str, RepoSibling], notify: Notify) -> LockedFile:
            name, file = item
            url = hf_hub_url(
                source.where, file.rfilename, revision=revision, endpoint=self._api.endpoint
            )
            sha256 = file.lfs.sha256 if file.lfs else ""
            text = f"Fetching {source.name} {name}"
            return downloads.file(url, name, sha256, cache, text, notify)

        return tuple(sorted(side_by_side(bring, chosen, notify=notify)))

    def _info(self, source: ModelSource, revision: str, *, files: bool = False) -> ModelInfo:
        with _named(source):
            return self._api.model_info(
                source.where, revision=revision or None, files_metadata=files
            )


def _chosen(source: ModelSource, files: list[RepoSibling]) -> list[tuple[str, RepoSibling]]:
    """Return the files that the source wants, with their paths below the model's folder."""
    inside = source.inside
    found = []
    for file in files:
        path = file.rfilename
        if not safe_path(path):
            raise ModelInvalid(f"{source.text} has a file {path!r}, which leads out of it")
        if source.single and path == inside:
            found.append((path.rpartition("/")[2], file))
        elif not source.single and path.startswith(inside) and path not in _LEFT_OUT:
            name = path.removeprefix(inside)
            found += [(name, file)] if source.wants(name) else []
    if not found:
        below = any(file.rfilename.startswith(f"{inside}/") for file in files)
        hint = f'it is a folder: {source.name} = "{source.text}/"' if below and inside else None
        raise ModelNotFound(f"{source.text}: there is no file {inside}".rstrip(), hint=hint)
    return found


@contextmanager
def _named(source: ModelSource) -> Iterator[None]:
    """Turn the client's errors into ours."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise ModelRefused(
            f"{source.text} wants an account that was let in", hint=_LOGIN
        ) from error
    except RepositoryNotFoundError as error:
        # The Hub does not tell a private repository from none.
        hint = f"correct it under [models] in algo.toml, or, when it is private: {_LOGIN}"
        raise ModelNotFound(f"the Hub has no repository {source.where}", hint=hint) from error
    except RevisionNotFoundError as error:
        raise ModelNotFound(f"{source.where} has no revision {source.revision}") from error
    except HFValidationError as error:
        raise ModelInvalid(f"{source.text}: {error}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise ModelRefused(f"the Hub answers {source.text} with {status}",
                               hint=_LOGIN) from error  # fmt: skip
        raise ModelUnreachable(f"the Hub answers {source.text} with {status}") from error
    except Exception as error:
        # Which library carries its requests changed twice, and each has errors of its own.
        library = type(error).__module__.partition(".")[0]
        if not (isinstance(error, OSError) or library in _LIBRARIES):
            raise
        raise ModelUnreachable(f"the Hub does not answer: {error}") from error
