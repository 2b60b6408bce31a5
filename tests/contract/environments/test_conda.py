"""Conda environments on the real conda-lock, py-rattler, uv and a channel with a real Python."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.environments.conda import locker
from algo.environments.conda.errors import ChannelRefused, ChannelUnreachable, UnsafePackage
from algo.environments.conda.lockfile import parse
from algo.environments.errors import HashMismatch, RequirementInvalid, Unsatisfiable
from algo.environments.interpreters import this_interpreter
from algo.environments.packages import Packages
from algo.environments.requirements import Source
from algo.environments.virtualenv import ensure_environment
from algo.events import silent
from algo.project.lock import CONDA, Lock, Target
from algo.resources import user_folders
from msgspec.structs import replace

from tests.contract.registry.authority import Authority
from tests.fakes import conda
from tests.fakes.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from algo.project.lock import Pin

    from tests.fakes.web import Web

AMD64 = Target("linux/amd64", CONDA)
ARM64 = Target("linux/arm64", CONDA)
PLACE = "/opt/algo/packages"


@pytest.fixture
def packages(algo_home: Path) -> Packages:
    return Packages(os.environ, user_folders(str(algo_home)))


def resolve(
    packages: Packages,
    folder: Path,
    channel: Path | str,
    *wanted: str,
    pip: Sequence[str] = (),
    target: Target = AMD64,
    prefer: Mapping[str, str] | None = None,
) -> dict[str, Pin]:
    address = channel if isinstance(channel, str) else channel.as_uri()
    lines = ["name: p", "channels:", f"  - {address}", "dependencies:"]
    lines += [f"  - {one}" for one in wanted]
    lines += ["  - pip:", *(f"      - {one}" for one in pip)] if pip else []
    path = folder / "environment.yml"
    path.write_text("\n".join(lines) + "\n")
    pins = packages.resolve((Source(path),), target, wheels_only=True, prefer=prefer or {})
    return {pin.name: pin for pin in pins}


def tree(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[place] = f"to {path.readlink()}"
        elif path.is_file():
            found[place] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_a_lock_has_what_conda_and_pip_bring_for_each_platform(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    wanted = ("python", "greeting", "tool")
    found = resolve(packages, tmp_path, conda_channel, *wanted, pip=["six==1.16.0"])
    arm64 = resolve(packages, tmp_path, conda_channel, *wanted, pip=["six==1.16.0"], target=ARM64)

    assert {name: pin.version for name, pin in found.items()} == {
        "greeting": "2.0",
        "pip": "24.0",
        "python": conda.VERSION,
        "six": "1.16.0",
        "tool": "3.1",
    }
    assert found["python"].source == conda_channel.name
    assert found["greeting"] == arm64["greeting"]
    assert found["python"].hashes != arm64["python"].hashes
    assert found["six"].kind == "pip"
    text = packages.beside([*found.values()])["conda-lock.yml"].decode()
    (python,) = [one for one in parse(text).of("linux-64") if one.name == "python"]
    file = conda_channel / "linux-64" / f"python-{conda.VERSION}-h64_0.conda"
    assert python.hash.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.slow
def test_what_was_locked_stays_until_it_is_to_be_newer(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    first = resolve(packages, tmp_path, conda_channel, "python", "greeting <2")
    (tmp_path / "conda-lock.yml").write_bytes(packages.beside([*first.values()])["conda-lock.yml"])
    kept = {pin.name: pin.version for pin in first.values()}

    again = resolve(packages, tmp_path, conda_channel, "python", "greeting", "tool", prefer=kept)
    assert (again["greeting"].version, again["tool"].version) == ("1.0", "3.1")
    # Somebody else's conda-lock.yml counts, too, and the versions alone where there is none.
    taken = resolve(packages, tmp_path, conda_channel, "python", "greeting  # 1")
    assert taken["greeting"].version == "1.0"
    (tmp_path / "conda-lock.yml").rename(tmp_path / "away.yml")
    lost = resolve(packages, tmp_path, conda_channel, "python", "greeting  # 2", prefer=kept)
    assert lost["greeting"].version == "1.0"
    (tmp_path / "away.yml").rename(tmp_path / "conda-lock.yml")
    (tmp_path / "algo.lock").touch()
    upgraded = resolve(packages, tmp_path, conda_channel, "python", "greeting  # 3")
    assert upgraded["greeting"].version == "2.0"


def test_a_hash_in_the_pip_section_is_kept_to(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    wheel = "sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    asked = [f"six==1.16.0 --hash={wheel}"]
    found = resolve(packages, tmp_path, conda_channel, "python", pip=asked)
    assert found["six"].hashes == (wheel,)
    wrong = [f"six==1.16.0 --hash=sha256:{'0' * 64}"]
    with pytest.raises(HashMismatch, match=r"environment\.yml \(pip\):1: no file of six 1\.16\.0"):
        resolve(packages, tmp_path, conda_channel, "python", pip=wrong)
    brought = [f"greeting --hash=sha256:{'0' * 64}"]
    with pytest.raises(RequirementInvalid, match="greeting has a hash there, and conda brings"):
        resolve(packages, tmp_path, conda_channel, "python", "greeting", pip=brought)


def test_a_contradiction_is_told_in_the_solvers_words(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    with pytest.raises(Unsatisfiable, match=r"environment\.yml cannot be met on linux-64") as told:
        resolve(packages, tmp_path, conda_channel, "old", "greeting >=2")
    assert "greeting" in told.value.details
    assert "old" in told.value.details


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/conda", "file:///there/is/none"])
def test_a_channel_that_does_not_answer_is_unreachable(
    packages: Packages, tmp_path: Path, address: str
) -> None:
    with pytest.raises(ChannelUnreachable) as told:
        resolve(packages, tmp_path, address, "python")
    assert told.value.exit_code == 3


def test_another_package_in_the_channel_is_refused(conda_channel: Path, tmp_path: Path) -> None:
    # With a cache of its own: the session's may have the package that was locked already.
    packages = Packages(os.environ, user_folders(str(tmp_path / "home")))
    channel = shutil.copytree(conda_channel, tmp_path / "channel")
    pins = resolve(packages, tmp_path, channel, "tool").values()
    (file,) = (channel / "linux-64").glob("tool-*.tar.bz2")
    evil = conda.Content(files={"bin/tool": b"#!/bin/sh\necho gotcha\n"}, executable={"bin/tool"})
    conda.package(channel, "tool", "3.1", evil, subdir="linux-64")
    conda.index(channel)

    with pytest.raises(HashMismatch, match="not the one that was locked") as told:
        packages.install([*pins], AMD64, tmp_path / "t", place=PLACE)
    assert told.value.exit_code == 4
    assert file.name in told.value.details
    assert not (tmp_path / "t" / "bin").exists()


def test_trees_for_another_processor_are_the_same_on_two_machines(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    pins = resolve(
        packages,
        tmp_path,
        conda_channel,
        "python",
        "greeting",
        "tool",
        pip=["pygments==2.19.2"],
        target=ARM64,
    ).values()
    before = os.umask(0o077)
    try:
        other = Packages(os.environ, user_folders(str(tmp_path / "other")))
        other.install([*pins], ARM64, tmp_path / "1", place=PLACE)
    finally:
        os.umask(before)
    packages.install([*pins], ARM64, tmp_path / "2", place=PLACE)
    found = tree(tmp_path / "1")

    assert found == tree(tmp_path / "2")
    assert not any(str(tmp_path).encode() in path.read_bytes() for path in _files(tmp_path / "1"))
    assert found["share/tool"] == "to ../bin/tool"
    assert "share/nowhere" not in found
    assert f"{PLACE}/share/tool" in (tmp_path / "1" / "bin" / "tool").read_text()
    assert (tmp_path / "1" / "bin" / "greet").read_text().startswith(f"#!{PLACE}/bin/python")
    assert "bin/pygmentize" in found
    site = f"lib/python{conda.MINOR}/site-packages"
    record = (tmp_path / "1" / site / "pygments-2.19.2.dist-info" / "RECORD").read_text()
    assert "../../../bin/pygmentize,sha256=" in record


def test_the_environment_runs_the_python_of_the_channel(
    packages: Packages, conda_channel: Path, tmp_path: Path, algo_home: Path
) -> None:
    pins = resolve(packages, tmp_path, conda_channel, "greeting", pip=["six==1.16.0"]).values()
    host = replace(this_interpreter(), platform="linux/amd64")
    lock = Lock("", {AMD64: tuple(pins)}, {})
    folders = user_folders(str(algo_home))
    made = ensure_environment(lock, host, packages, folders, tests=False, notify=silent)
    code = "import greeting, six, sys; print(greeting.NUMBER, six.__version__, sys.prefix)"
    env = made.variables(tmp_path, os.environ)
    done = subprocess.run(
        ["python", "-c", code], env=env, capture_output=True, text=True, check=True
    )
    entry = subprocess.run(["greet"], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["2", "1.16.0", str(made.root)]
    assert entry.stdout == "two\n"


def test_a_channel_with_a_password_keeps_it_out_of_every_file(
    packages: Packages, conda_channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANNEL_USER", "ann")
    monkeypatch.setenv("CHANNEL_PASSWORD", "s3cret")
    with channel_server(conda_channel) as web:
        web.users.add("Basic " + base64.b64encode(b"ann:s3cret").decode())
        named = web.address.replace("://", "://$CHANNEL_USER:$CHANNEL_PASSWORD@")
        pins = resolve(packages, tmp_path, f"{named}/private", "tool").values()
        text = packages.beside([*pins])["conda-lock.yml"].decode()
        assert "//${CHANNEL_USER}:${CHANNEL_PASSWORD}@127.0.0.1" in text
        assert [pin.source for pin in pins] == ["private"]
        packages.install([*pins], AMD64, tmp_path / "t", place=PLACE)
        monkeypatch.setenv("CHANNEL_PASSWORD", "wrong")
        with pytest.raises(ChannelRefused) as told:
            resolve(packages, tmp_path, f"{named}/private", "python")
    assert told.value.exit_code == 4
    assert "wrong" not in f"{told.value.message}{told.value.details}"
    assert not any(b"s3cret" in path.read_bytes() for path in _files(tmp_path / "t"))
    assert "s3cret" not in text


@pytest.mark.slow
def test_a_password_in_a_channels_address_is_refused(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    with channel_server(conda_channel) as web:
        address = web.address.replace("://", "://ann:s3cret@")
        with pytest.raises(RequirementInvalid, match="has a password or a token") as told:
            resolve(packages, tmp_path, f"{address}/private", "tool")
    assert "$USER:$PASSWORD" in (told.value.hint or "")


@pytest.mark.slow
def test_another_package_over_http_is_refused_and_not_kept(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    fresh = Packages(os.environ, user_folders(str(tmp_path / "fresh")))
    with channel_server(conda_channel) as web:
        pins = resolve(packages, tmp_path, f"{web.address}/private", "greeting").values()
        (place,) = [path for path in web.files if "/greeting-2.0-" in path]
        web.files[place] = bytes([*web.files[place][:-1], web.files[place][-1] ^ 1])
        with pytest.raises(HashMismatch, match="not the one that was locked"):
            fresh.install([*pins], AMD64, tmp_path / "t", place=PLACE)
        web.files[place] = (conda_channel / place.removeprefix("/private/")).read_bytes()
        fresh.install([*pins], AMD64, tmp_path / "t", place=PLACE)
        # From here on nothing is fetched again, and what was kept is looked at once more.
        before = len(web.asked)
        fresh.install([*pins], AMD64, tmp_path / "again", place=PLACE)
        assert len(web.asked) == before
    (kept,) = (tmp_path / "fresh" / "cache" / "conda" / "archives").glob("*/greeting-2.0-*")
    kept.write_bytes(b"evil")
    with pytest.raises(ChannelUnreachable):
        fresh.install([*pins], AMD64, tmp_path / "third", place=PLACE)


@pytest.mark.slow
def test_an_environment_for_some_platforms_is_locked_for_those(
    packages: Packages, conda_channel: Path, tmp_path: Path
) -> None:
    path = tmp_path / "environment.yml"
    path.write_text(
        f"channels: [{conda_channel.as_uri()}]\nplatforms: [linux-64]\ndependencies: [tool]\n"
    )
    (pin,) = packages.resolve((Source(path),), AMD64, wheels_only=True, prefer={})
    text = packages.beside([pin])["conda-lock.yml"].decode()

    assert parse(text).metadata.platforms == ("linux-64",)


@pytest.mark.slow
def test_the_conda_that_is_on_the_path_is_asked(
    packages: Packages, conda_channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ours stands in for it, under the name of another, and says when it was called.
    shim = Path(locker.__file__).with_name("conda.sh").read_text()
    program = tmp_path / "bin" / "mamba"
    program.parent.mkdir()
    program.write_text(shim.replace("exec", f'echo "$@" >>{tmp_path}/asked\nexec'))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    resolve(packages, tmp_path, conda_channel, "tool")
    assert "--dry-run --json" in (tmp_path / "asked").read_text()


def test_packages_that_lead_out_of_the_environment_are_refused(
    packages: Packages, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("of this machine")
    channel = tmp_path / "channel"
    up = conda.Content(files={"../up": b"x"})
    link = conda.Content(links={"way": str(outside), "secret": str(outside / "secret")})
    for name, content in (("up", up), ("link", link), ("below", conda.Content({"way/x": b"x"}))):
        for subdir in ("linux-64", "linux-aarch64"):
            conda.package(channel, name, "1", content, subdir=subdir)
    pins = resolve(packages, tmp_path, conda.index(channel), "up", "link", "below")

    for unsafe in (("up",), ("link", "below")):
        with pytest.raises(UnsafePackage) as told:
            packages.install([pins[one] for one in unsafe], AMD64, tmp_path / "t", place=PLACE)
        assert told.value.exit_code == 4
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    packages.install([pins["link"]], AMD64, tmp_path / "t", place=PLACE)
    assert sorted(tree(tmp_path / "t")) == ["conda-meta/history", "conda-meta/link-1-0.json"]


@pytest.mark.slow
def test_a_channel_by_tls_is_believed_by_the_authorities_that_are_named(
    packages: Packages, conda_channel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("channel", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    settings = tmp_path / "condarc"
    settings.write_text(f"ssl_verify: {authority.file}\n")
    fresh = Packages(os.environ, user_folders(str(tmp_path / "fresh")))
    with channel_server(conda_channel, context) as web:
        with pytest.raises(ChannelUnreachable):
            resolve(packages, tmp_path, f"{web.address}/private", "tool")
        monkeypatch.setenv("CONDARC", str(settings))
        pins = [*resolve(packages, tmp_path, f"{web.address}/private", "tool").values()]
        fresh.install(pins, AMD64, tmp_path / "t", place=PLACE)
        monkeypatch.delenv("CONDARC")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        again = resolve(packages, tmp_path, f"{web.address}/private", "tool", "greeting")
    assert (tmp_path / "t" / "bin" / "tool").is_file()
    assert again["tool"] == pins[0]


@contextmanager
def channel_server(channel: Path, context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve a channel below `/private`."""
    with serving(context) as web:
        for path in _files(channel):
            web.files[f"/private/{path.relative_to(channel).as_posix()}"] = path.read_bytes()
        yield web


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
