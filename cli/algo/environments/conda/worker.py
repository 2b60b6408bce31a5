"""What is done with py-rattler, in a process of its own: `python -m …worker JOB.json`.

py-rattler crashes now and then when an interpreter that used it exits (a segmentation fault, after
all is written), and a panic of it is no `Exception`. So it never runs in the command's own process,
and the process that it runs in ends by `os._exit`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import url2pathname

from algo.environments.conda.condarc import Condarc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rattler import Client

_AT_ONCE = 6


class Failure(Exception):
    """What went wrong, in one of the words of `manager`: see there."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def main(words: Sequence[str]) -> int:
    """Do the job in the file that is named; write what came of it beside it."""
    job = Path(words[0])
    try:
        asyncio.run(_install(json.loads(job.read_text(encoding="utf-8"))))
        outcome = {"kind": "", "text": ""}
    except BaseException as error:  # a panic of rattler is no Exception
        failure = told(error)
        outcome = {"kind": failure.kind, "text": failure.text}
    job.with_suffix(".done").write_text(json.dumps(outcome), encoding="utf-8")
    return 0


def finish(code: int) -> NoReturn:
    """End this process at once, with what it wrote written."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def told(error: BaseException) -> Failure:
    """Return `error` in our words; rattler has no other channel than its texts."""
    if isinstance(error, Failure):
        return error
    text = " ".join(str(error).split()) if "\n" not in str(error) else str(error).strip()
    low = text.lower()
    if any(word in low for word in ("401", "403", "unauthorized", "forbidden")):
        return Failure("refused", text)
    if "404" in low or "not found" in low or "does not exist" in low or "no such file" in low:
        return Failure("missing", text)
    kinds = {"SolverError": "unsatisfiable", "GatewayError": "unreachable"}
    kinds |= {"FetchRepoDataError": "unreachable", "InvalidMatchSpecError": "invalid"}
    kinds |= {"InvalidChannelError": "invalid", "InvalidUrlError": "invalid"}
    kinds |= {"InvalidVersionSpecError": "invalid", "ValueError": "invalid"}
    return Failure(kinds.get(type(error).__name__, "failed"), text or type(error).__name__)


def client(settings: Condarc) -> Client:
    """Return what rattler talks to servers with: certificates and proxies as conda has them."""
    import rattler

    if settings.authorities:
        os.environ["SSL_CERT_FILE"] = settings.authorities  # what rattler's TLS goes by
    lines = [f"tls-no-verify = {json.dumps(not settings.verify)}", 'tls-root-certs = "system"']
    proxies = dict(settings.proxies)
    if proxies:
        lines.append("[proxy-config]")
        lines += [
            f"{name} = {json.dumps(url)}" for name, url in proxies.items() if "://" not in name
        ]
    return rattler.Client.from_config(rattler.Config.from_toml("\n".join(lines)))


async def _install(job: dict[str, Any]) -> None:
    """Fetch the packages of a job, compare their digests, and lay them out."""
    import rattler

    turn = asyncio.Semaphore(_AT_ONCE)
    http = client(Condarc.read(os.environ))
    archives = await asyncio.gather(
        *(_fetch(one, Path(job["archives"]), http, turn) for one in job["packages"])
    )
    await _refuse_unsafe(archives)
    records = [await rattler.RepoDataRecord.from_package_archive(path) for path in archives]
    await rattler.install(
        records,
        job["folder"],
        cache_dir=Path(job["cache"]),
        platform=rattler.Subdir(job["subdir"]),
        execute_link_scripts=False,
        show_progress=False,
        alternative_target_prefix=job["place"] or None,
    )


async def _refuse_unsafe(archives: Sequence[Path]) -> None:
    """Refuse packages that would write outside of their environment, which rattler does not."""
    from rattler.package_streaming import PackageArchive

    links: dict[PurePosixPath, Path] = {}
    places: list[tuple[Path, PurePosixPath]] = []
    for archive in archives:
        for entry in (await (await PackageArchive.from_path(archive)).paths_json()).paths:
            place = PurePosixPath(entry.relative_path)
            if place.is_absolute() or ".." in place.parts:
                raise Failure("unsafe", f"{archive.name} has a file at {place}")
            places.append((archive, place))
            if entry.path_type.softlink:
                links[place] = archive
    for archive, place in places:
        for link in links.keys() & set(place.parents):
            aim = os.path.normpath(link.parent / await _aim(links[link], link))
            if aim.startswith(("..", "/")):
                text = f"{archive.name} has a file at {place}, below a link of {links[link].name}"
                raise Failure("unsafe", f"{text} that leads out of the environment")


async def _aim(archive: Path, link: PurePosixPath) -> str:
    """Return where a link in a package leads."""
    from rattler.package_streaming import PackageArchive

    async for entry in (await PackageArchive.from_path(archive)).stream("pkg"):
        if PurePosixPath(entry.name) == link:
            return entry.link_target or ""
    return ""


async def _fetch(
    package: dict[str, str], archives: Path, http: Client, turn: asyncio.Semaphore
) -> Path:
    """Return the archive of a package, which is the locked one whoever it came from."""
    url, wanted = package["url"], package["sha256"]
    place = archives / wanted / urlsplit(url).path.rpartition("/")[2]
    if not place.is_file() or await asyncio.to_thread(_digest, place) != wanted:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f".{os.getpid()}-{place.name}")
        async with turn:
            try:
                await _download(http, os.path.expandvars(url), unfinished)
            except BaseException as error:
                kind = told(error).kind
                text = f"{package['name']} {package['version']}: {told(error).text}"
                raise Failure("unreachable" if kind == "failed" else kind, text) from error
        found = await asyncio.to_thread(_digest, unfinished)
        if found != wanted:
            unfinished.unlink()
            raise Failure(
                "tampered",
                f"{place.name} has the SHA-256 {found}, and {wanted} was locked",
            )
        unfinished.replace(place)
    os.utime(place.parent)  # it was wanted now; what is not is removed first
    return place


async def _download(http: Client, url: str, place: Path) -> None:
    from rattler.package_streaming import download_to_path

    if url.startswith("file:"):
        source = url2pathname(urlsplit(url).path)
        await asyncio.to_thread(shutil.copyfile, source, place)
    else:
        await download_to_path(http, url, place)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    finish(main(sys.argv[1:]))
