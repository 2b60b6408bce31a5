"""A small `conda` for conda-lock to solve with, over py-rattler.

It answers what conda-lock asks of one: `info --json`, and `create --dry-run --json` with channels
and specs. `CONDA_SUBDIR` is the platform. Run as a process of its own: see `worker`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo.environments.conda.condarc import Condarc
from algo.environments.conda.worker import Failure, client, finish, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rattler import Gateway, RepoDataRecord

VERSION = "24.11.0"  # of the conda whose answers these look like
KEEP, CACHE, REPORT = "ALGO_CONDA_KEEP", "ALGO_CONDA_CACHE", "ALGO_CONDA_REPORT"


def main(words: Sequence[str]) -> int:
    """Answer one question of conda-lock on standard output; return the exit code."""
    if "--version" in words:
        sys.stdout.write(f"conda {VERSION}\n")
        return 0
    if words[:1] == ["info"]:
        sys.stdout.write(json.dumps({"conda_version": VERSION, "pkgs_dirs": []}))
        return 0
    subdir = os.environ.get("CONDA_SUBDIR", "")
    try:
        records = asyncio.run(_solve(_parse(words), subdir))
    except BaseException as error:  # a panic of rattler is no Exception
        failure = told(error)
        if report := os.environ.get(REPORT):
            text = json.dumps({"kind": failure.kind, "text": failure.text, "platform": subdir})
            Path(report).write_text(text, encoding="utf-8")
        sys.stdout.write(json.dumps({"message": failure.text, "error": failure.kind}))
        return 1
    actions = {"FETCH": [_action(record) for record in records], "LINK": []}
    sys.stdout.write(json.dumps({"success": True, "dry_run": True, "actions": actions}))
    return 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conda", allow_abbrev=False)
    parser.add_argument("command", choices=["create"])
    parser.add_argument("--prefix")
    parser.add_argument("--dry-run", action="store_true", required=True)
    parser.add_argument("--json", action="store_true", required=True)
    parser.add_argument("--override-channels", action="store_true")
    parser.add_argument("--channel", action="append", default=[])
    parser.add_argument("specs", nargs="*")
    return parser.parse_intermixed_args(list(words))


async def _solve(asked: argparse.Namespace, subdir: str) -> list[RepoDataRecord]:
    import rattler

    settings = Condarc.read(os.environ)
    names = [place for name in asked.channel for place in settings.places(name)]
    alias = rattler.ChannelConfig(settings.alias)
    channels = [rattler.Channel(name, alias) for name in names]
    gateway = rattler.Gateway(cache_dir=Path(os.environ[CACHE]), client=client(settings))
    platforms: list[Any] = [rattler.Subdir(subdir), rattler.Subdir("noarch")]
    records = await rattler.solve(
        channels,
        [rattler.MatchSpec(spec) for spec in asked.specs],
        gateway=gateway,
        platforms=platforms,
        locked_packages=await _kept(gateway, channels, platforms),
        channel_priority=getattr(rattler.ChannelPriority, settings.priority),
    )
    return [record for record in records if not record.name.normalized.startswith("__")]


async def _kept(
    gateway: Gateway, channels: list[Any], platforms: list[Any]
) -> list[RepoDataRecord]:
    """Return the packages of the last lock that are to stay where the requirements allow it."""
    path = os.environ.get(KEEP)
    kept = json.loads(Path(path).read_text(encoding="utf-8")) if path else []
    wanted = {one["sha256"] for one in kept if one["sha256"]}
    loose = {(one["name"], one["version"]) for one in kept if not one["sha256"]}
    specs = sorted({f"{one['name']}=={one['version']}" for one in kept})
    if not specs:
        return []
    found = await gateway.query(channels, platforms, specs, recursive=False)
    records = [record for batch in found for record in batch]
    same = [record for record in records if (record.sha256 or b"").hex() in wanted]
    newest: dict[str, RepoDataRecord] = {}
    for record in sorted(records, key=lambda one: one.build_number):
        if (record.name.normalized, str(record.version)) in loose:
            newest[record.name.normalized] = record
    return [*same, *newest.values()]


def _action(record: RepoDataRecord) -> dict[str, object]:
    if record.sha256 is None:
        raise Failure("unsatisfiable", f"the channel gives no SHA-256 for {record.file_name}")
    name, version = record.name.normalized, str(record.version)
    return {
        "name": name,
        "version": version,
        "build": str(record.build),
        "build_number": record.build_number,
        "dist_name": f"{name}-{version}-{record.build}",
        "channel": record.channel,
        "subdir": record.subdir,
        "fn": record.file_name,
        "url": record.url,
        "md5": (record.md5 or b"").hex(),
        "sha256": record.sha256.hex(),
        "depends": list(record.depends),
        "constrains": list(record.constrains),
        "size": record.size,
    }


if __name__ == "__main__":
    finish(main(sys.argv[1:]))
