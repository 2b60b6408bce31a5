"""Ask the user's git about a project's folder; nothing is changed, not even its index."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from algo.project.project import MANIFESTS
from algo.publish.errors import GitFailed
from algo.publish.source import Checkout
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from algo.project.project import Project

# What a hook of git sets for its own children leads to another repository than the folder's.
_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
_SECONDS = 120
_EVERY = ("--untracked-files=all", "--ignored=matching", "--no-renames")
# git's short form of an ssh address: `git@github.com:acme/digits.git`.
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!//)([^\\]+)")
_VERSION = re.compile(rb'version[ \t]*=[ \t]*"[^"]*"|"version"[ \t]*:[ \t]*"[^"]*"')


class GitSources(Value, frozen=True):
    """Implements `publish.interface.Sources` with the program `git`.

    Args:
        env: The environment that it runs in.
    """

    env: Mapping[str, str]

    def checkout(self, project: Project) -> Checkout | None:
        """See Sources."""
        root = project.root
        if not any((folder / ".git").exists() for folder in (root, *root.parents)):
            return None
        status = self._git(root, "status", "--porcelain=v2", "--branch", "-z", *_EVERY, "--", ".")
        folder = self._git(root, "rev-parse", "--show-prefix").decode().strip("\n").rstrip("/")
        commit, ref, changed, untracked, ignored = _read_status(status, folder)
        if commit and not ref:
            tag = self._asked(root, "describe", "--tags", "--exact-match", "HEAD")
            ref = f"refs/tags/{tag}" if tag else ""
        written = [name for name in MANIFESTS if name in changed]
        for name in written:
            if self._has_only_another_version(project, name):
                changed.remove(name)
        return Checkout(
            commit=commit,
            ref=ref,
            repository=public_address(self._remote(root, ref)),
            folder=folder,
            changed=tuple(changed),
            untracked=untracked,
            ignored=ignored,
            lock=self._committed(project, project.lock_path.name),
        )

    def _remote(self, root: Path, ref: str) -> str:
        branch = ref.removeprefix("refs/heads/")
        name = self._asked(root, "config", "--get", f"branch.{branch}.remote") or "origin"
        return self._asked(root, "config", "--get", f"remote.{name}.url")

    def _has_only_another_version(self, project: Project, name: str) -> bool:
        """Tell whether all that changed in a manifest is what publishing itself writes."""
        before, now = self._committed(project, name), project.root / name
        if before is None or not now.is_file():
            return False
        return _without_version(before) == _without_version(now.read_bytes())

    def _committed(self, project: Project, name: str) -> bytes | None:
        """Return what the commit has as `name` in the project's folder, None for nothing."""
        shown = self._run(project.root, "show", f"HEAD:./{name}")
        return None if shown.returncode else shown.stdout

    def _git(self, root: Path, *words: str) -> bytes:
        done = self._run(root, *words)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            hint = f"git -C . {words[0]}, or algo publish --allow-dirty"
            if "safe.directory" in said:
                hint = "git config --global --add safe.directory '*', or algo publish --allow-dirty"
            raise GitFailed(f"git cannot tell the state of {root.name}", hint=hint, details=said)
        return done.stdout

    def _asked(self, root: Path, *words: str) -> str:
        """Return what git answers in one line, empty when it has no answer."""
        done = self._run(root, *words)
        return "" if done.returncode else done.stdout.decode(errors="replace").strip()

    def _run(self, root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
        env = {key: value for key, value in self.env.items() if key not in _HOOKS}
        command = ["git", "-C", str(root), "--no-optional-locks", *words]
        try:
            return subprocess.run(
                command,
                env=env | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitFailed(
                f"git cannot be asked for the state of {root.name}: {error}",
                hint="install git, or algo publish --allow-dirty",
            ) from error


def public_address(remote: str) -> str:
    """Return the address of a repository as others may know it, empty when it has none.

    No user, password, token, query or port-less path of this machine is in it.
    """
    scp = _SCP.fullmatch(remote)
    if scp is not None and "://" not in remote:
        return f"ssh://{scp[1]}/{scp[2].lstrip('/')}"
    try:
        parts = urlsplit(remote)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"https", "http", "ssh", "git"} or not host:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def _without_version(text: bytes) -> list[bytes]:
    """Return the lines of a manifest but the one that publishing writes, and commas of JSON."""
    lines = [line.strip().removesuffix(b",") for line in text.splitlines()]
    return [line for line in lines if line and not _VERSION.fullmatch(line)]


def _read_status(
    status: bytes, folder: str
) -> tuple[str, str, list[str], tuple[str, ...], tuple[str, ...]]:
    """Return commit, ref, changed, untracked and ignored paths of `git status --porcelain=v2`."""
    commit = ref = ""
    changed: list[str] = []
    untracked: list[str] = []
    ignored: list[str] = []
    for record in status.decode(errors="surrogateescape").split("\0"):
        kind, _, rest = record.partition(" ")
        if record.startswith("# branch.oid "):
            commit = "" if "(initial)" in record else record.split(" ")[2]
        elif record.startswith("# branch.head "):
            head = record.split(" ", 2)[2]
            ref = "" if head == "(detached)" else f"refs/heads/{head}"
        elif kind == "1":
            changed.append(rest.split(" ", 7)[7])
        elif kind == "u":
            changed.append(rest.split(" ", 9)[9])
        elif kind == "?":
            untracked.append(rest)
        elif kind == "!":
            ignored.append(rest)

    def inside(paths: list[str]) -> tuple[str, ...]:
        prefix = f"{folder}/" if folder else ""
        return tuple(path.removeprefix(prefix) for path in paths)

    return commit, ref, list(inside(changed)), inside(untracked), inside(ignored)
