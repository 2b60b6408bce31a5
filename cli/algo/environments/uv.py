"""Run uv, and name what it says when it fails: it has no other channel than its words."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from algo.environments.accelerator import TORCH_INDEX
from algo.environments.errors import (
    HashMismatch,
    IndexRefused,
    IndexUnreachable,
    RequirementInvalid,
    RequirementsStale,
)
from algo.environments.parallel import run
from algo.events import Warned
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from algo.environments.requirements import Source
    from algo.errors import AlgoError
    from algo.events import Notify

# What would make uv look at another environment than the one it is told, or choose for us.
_DROPPED = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_TORCH_BACKEND"}
_UNREACHABLE = ("client error (Connect)", "Request failed after", "dns error", "network was disabl")
_GIT = "Git operation failed"
_GIT_UNREACHABLE = re.compile(
    r"Could not resolve host|Failed to connect|Connection (?:refused|timed out|reset)"
    r"|Network is unreachable|No route to host|Operation timed out"
)
_GIT_REFUSED = re.compile(
    r"Authentication failed|could not read Username|Permission denied|error: 40[13]"
)
_REPOSITORY = re.compile(r"(?:https?|ssh|git)://[^\s'`]+")
_NO_PYTHON = ("No interpreter found", "Python interpreter")
_REFUSED = ("(401 Unauthorized)", "(403 Forbidden)")
# What uv's own search asks of `sysconfig` is half there while another thread asks first.
_FINDING = threading.Lock()
_USERINFO = re.compile(r"(?<=://)[^/@\s`'\"]+@")
_SECRET = re.compile(r"UV_INDEX_\w+_(PASSWORD|USERNAME)|UV_\w*TOKEN")


class Uv(Value, frozen=True):
    """The program.

    Args:
        env: The environment to run it in: proxies, certificates and UV_* settings count.
        program: The executable; the one beside this Python when it is empty.
    """

    env: Mapping[str, str]
    program: str = ""

    def run(
        self,
        arguments: list[str],
        folder: Path,
        failure: AlgoError,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Run uv in `folder` and return its standard output.

        Args:
            arguments: What follows `uv`. Everybody on the machine can read them: no credentials.
            folder: The current folder, whose `uv.toml` or `pyproject.toml` uv reads.
            failure: What to raise when uv fails for a reason that has no name of its own.
            more: Variables besides those of `env`.

        Raises:
            AlgoError: uv failed; no credential is in what it says.
        """
        env = {name: value for name, value in self.env.items() if name not in _DROPPED}
        env = {"UV_SYSTEM_CERTS": "1"} | env | dict(more or {})
        env |= {"NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        done = run([self.program or _find(), *arguments], folder, env)
        if done.returncode:
            raise _named(_without_secrets(done.stderr.strip(), env), failure)
        return done.stdout


def export(source: Source, uv: Uv, notify: Notify) -> str:
    """Return what the `uv.lock` at `source` pins, as a `pylock.toml`.

    Raises:
        RequirementsStale: It does not fit its `pyproject.toml`.
        RequirementInvalid: It cannot be read.
    """
    arguments = ["export", "--no-emit-project", "--format", "pylock.toml", "--no-default-groups"]
    arguments += ["--no-header", "--quiet", "--no-progress"]
    arguments += ["--only-group", source.group] if source.group else []
    arguments += ["--extra", source.extra] if source.extra else []
    again = "bring back a uv.lock that can be read, or make it anew: rm uv.lock; uv lock"
    root, failure = source.path.parent, RequirementInvalid("uv.lock cannot be read", hint=again)
    try:
        return uv.run([*arguments, "--locked"], root, failure)
    except RequirementInvalid as error:
        if "needs to be updated" in error.details:
            text = "uv.lock does not fit pyproject.toml"
            raise RequirementsStale(text, details=error.details) from error
        if not any(word in error.details for word in _NO_PYTHON):
            raise
    # To compare the two, uv wants a Python that fits the project; to read the lock it wants none.
    text = "uv.lock is taken as it is: no Python here fits the project, so that uv could check it"
    notify(Warned(text))
    return uv.run([*arguments, "--frozen"], root, failure)


def _find() -> str:
    import uv

    with _FINDING:
        return str(uv.find_uv_bin())


def _without_secrets(text: str, env: Mapping[str, str]) -> str:
    text = _USERINFO.sub("****@", text)
    for name, value in env.items():
        if value and _SECRET.fullmatch(name):
            text = text.replace(value, "****")
    return text


def _named(said: str, failure: AlgoError) -> AlgoError:
    """Return the error that uv's own words tell of."""
    if _GIT in said and (named := _git(said)):
        return named
    if any(word in said for word in _REFUSED):
        return IndexRefused(f"the package index{_host(said)} refused access", details=said)
    if any(word in said for word in _UNREACHABLE):
        if TORCH_INDEX in said:
            return IndexUnreachable(
                f"the index of PyTorch ({TORCH_INDEX}) could not be reached",
                details=said,
                hint="check the network and HTTPS_PROXY; where your own index has PyTorch's "
                'builds: torch = "index" under [environment] of algo.toml, then algo lock',
            )
        return IndexUnreachable("the package index could not be reached", details=said)
    if "Hash mismatch" in said:
        return HashMismatch("a package is not the one that was locked", details=said)
    if "os error 28" in said:
        from algo.errors import DiskFull

        return DiskFull("the disk is full: packages could not be unpacked", details=said)
    if "Couldn't parse requirement" in said or "Unsupported requirement" in said:
        return RequirementInvalid("a requirement cannot be parsed", details=said)
    return type(failure)(failure.message, details=said, hint=failure.hint)


def _git(said: str) -> AlgoError | None:
    """Return what git says of a repository: that it is out of reach, or lets nobody in."""
    found = _REPOSITORY.search(said)
    where = f" {found[0]}" if found else ""
    if _GIT_UNREACHABLE.search(said):
        return IndexUnreachable(f"the git repository{where} could not be reached", details=said)
    if _GIT_REFUSED.search(said):
        return IndexRefused(
            f"the git repository{where} refused access",
            hint=f"git ls-remote{where} shows whether git has credentials for it",
            details=said,
        )
    return None


def _host(said: str) -> str:
    found = re.search(r"https?://(?:\*+@)?([^/\s`'\")]+)", said)
    return f" at {found[1]}" if found else ""
