"""What `algo doctor` finds out about this machine, and what it cleans up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from algo.engines.cuda import conflict, need_of, newest_cuda
from algo.engines.gpu import ALL, EngineGpu, missing, missing_on_host, request
from algo.engines.gpu_facts import WSL
from algo.engines.interface import Engine, Leftover
from algo.errors import AlgoError
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from algo.engines.gpu_facts import GpuFacts

_LOW_DISK = 2 << 30
_FEW_WATCHES = 8192
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_LOCAL = ("127.0.0.1", "localhost")


class Finding(Value, frozen=True):
    """One thing looked at: `status` is `ok`, `none`, `warning`, `missing` or `failed`.

    `fix` is the command that mends it, empty when there is nothing to mend.
    """

    name: str
    status: str
    detail: str
    fix: str = ""


class Report(Value, frozen=True):
    """What was found, what killed commands left, and which of it was removed."""

    findings: tuple[Finding, ...]
    leftovers: tuple[Leftover, ...]
    removed: tuple[Leftover, ...]

    @property
    def healthy(self) -> bool:
        """Tell whether nothing failed."""
        return all(finding.status != "failed" for finding in self.findings)


class Leftovers(Protocol):
    """A place where killed commands leave something."""

    def leftovers(self) -> list[Leftover]:
        """Return what is there and belongs to no running command."""

    def remove(self, leftover: Leftover) -> None:
        """Remove it; nothing happens when it is gone."""


class FileLeftovers(Value, frozen=True):
    """Files and folders that were not finished: `find` names them."""

    kind: str
    detail: str
    find: Callable[[], Iterable[Path]]

    def leftovers(self) -> list[Leftover]:
        """Return them."""
        return [Leftover(self.kind, str(path), self.detail) for path in self.find()]

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        path = Path(leftover.name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def examine(
    checks: Sequence[Callable[[], Finding]], places: Sequence[Leftovers], *, fix: bool
) -> Report:
    """Run every check and look for what was left; remove it when `fix`."""
    findings = tuple(check() for check in checks)
    found = [(place, item) for place in places for item in place.leftovers()]
    if fix:
        for place, item in found:
            place.remove(item)
    items = tuple(item for _, item in found)
    return Report(findings, items, items if fix else ())


def attempt(name: str, look: Callable[[], Finding]) -> Finding:
    """Return what `look` finds; an error of ours is what was found."""
    try:
        return look()
    except AlgoError as error:
        return Finding(name, "failed", error.message, error.hint)


def check_engine(engine: Engine) -> Finding:
    """Say whether an engine answers, and its version."""
    try:
        info = engine.check()
    except AlgoError as error:
        return Finding(engine.name, "missing", error.message, error.hint)
    return Finding(engine.name, "ok", f"{info.version}, {info.detail}")


def check_gpu(facts: GpuFacts, engine: EngineGpu | None) -> Finding:
    """Say what stands between an algorithm and the GPU: driver, nodes, toolkit, CDI file.

    Args:
        facts: What the machine has.
        engine: What the container engine has, None when there is none.
    """
    there = engine is not None and not missing(facts, engine)[0]
    if not facts.driver and not facts.nodes and not facts.cdi_files and not there:
        return Finding("gpu", "none", "no NVIDIA driver: --gpu is refused")
    cuda = newest_cuda(facts.driver)
    driver = f"driver {facts.driver or 'none'}{f' (CUDA {cuda})' if cuda else ''}"
    driver += f", {len(facts.nodes)} device nodes"
    message, command = missing_on_host(facts)
    if engine is None and message:
        return Finding("gpu", "warning", f"{driver}: {message}", command)
    if engine is None:
        return Finding("gpu", "ok", f"{driver}; for host processes, no container engine answers")
    message, command = missing(facts, engine)
    if message:
        return Finding("gpu", "warning", f"{driver}; not in containers: {message}", command)
    way = _WAYS[request(ALL, facts, engine).way]
    return Finding("gpu", "ok", f"{driver}; in containers by {way}")


_WAYS = {
    "cdi": "CDI",
    "podman": "CDI",
    "runtime": "the nvidia runtime",
    "request": "Docker Desktop",
    "wsl": "WSL's node and libraries",
}


def check_cuda(packages: Iterable[tuple[str, str]], facts: GpuFacts) -> Finding:
    """Say whether the driver can run what `packages` (name, version) were built for."""
    need = need_of(packages)
    if need is None:
        return Finding("cuda", "none", "no locked package is built for CUDA")
    message, command = conflict(need, facts)
    if message:
        return Finding("cuda", "warning", message, command)
    wants = f"{need.package} is built for CUDA {need.version}"
    if facts.driver == WSL:
        return Finding("cuda", "ok", f"{wants}; the driver of Windows does not tell its version")
    if not facts.driver:
        return Finding("cuda", "none", f"{wants}, and no driver is here")
    return Finding("cuda", "ok", f"{wants}, which driver {facts.driver} runs")


def check_disk(folder: Path, taken: str) -> Finding:
    """Say how much room there is where images and environments are kept, and what algo takes."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / (1 << 30):.1f} GiB free for {folder}; algo takes {taken} (algo cache info)"
    if free < _LOW_DISK:
        return Finding(
            "disk", "failed" if free < _LOW_DISK // 8 else "warning", text, "algo cache prune"
        )
    return Finding("disk", "ok", text)


def check_clock(now: float, installed: float) -> Finding:
    """Say whether the clock can be right: it is not before `installed`, our own files' time.

    Certificates, tokens and signatures are refused on a machine whose clock is wrong.
    """
    if now < installed - 86400:
        return Finding(
            "clock", "failed", "the clock is before algo was installed", "timedatectl set-ntp true"
        )
    return Finding("clock", "ok", "plausible")


def check_proxy(env: Mapping[str, str]) -> Finding:
    """Say which proxy and certificates are in force, and whether local calls go around it."""
    lower = {key.lower(): value for key, value in env.items() if value}
    bundle = env.get("SSL_CERT_FILE", "")
    if bundle and not Path(bundle).is_file():
        return Finding(
            "proxy",
            "failed",
            f"SSL_CERT_FILE names {bundle}, which is not there",
            "unset SSL_CERT_FILE",
        )
    parts = [f"certificates of {bundle}"] if bundle else []
    names = [name for name in ("http_proxy", "https_proxy", "all_proxy") if name in lower]
    if not names:
        return Finding("proxy", "ok", ", ".join(["no proxy", *parts]))
    around = lower.get("no_proxy", "")
    text = ", ".join([f"{' and '.join(names)} set", *parts])
    if around != "*" and not any(name in around for name in _LOCAL):
        return Finding(
            "proxy",
            "warning",
            f"{text}; algo reaches this machine without it, curl and your own clients do not",
            "export NO_PROXY=127.0.0.1,localhost",
        )
    return Finding("proxy", "ok", text)


def check_watches(path: Path = _WATCHES) -> Finding:
    """Say whether the system lets us watch enough files for reload."""
    try:
        limit = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Finding("watches", "ok", "the system sets no limit")
    if limit < _FEW_WATCHES:
        return Finding(
            "watches",
            "warning",
            f"only {limit} watches",
            "sysctl fs.inotify.max_user_watches=524288",
        )
    return Finding("watches", "ok", f"{limit} watches")
