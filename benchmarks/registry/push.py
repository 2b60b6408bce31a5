"""Sending a GiB: the client alone beside a plain SHA-256, and beside other clients.

The client alone sends to a sink that throws all away. The others send the same image, several
layers in one OCI layout, to a fresh docker-registry each; ours as `algo publish` does, layer by
layer from files.

python -m benchmarks.registry.push [--runs 5] [--layers 4]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.manifest import DescriptorDocument, ImageManifest, encode
from algo.oci.media_types import CONFIG, LAYER, MANIFEST
from algo.registry.layout import LayoutStore

from benchmarks.measure import SECONDS, in_turn, ratio, row
from benchmarks.outcome import Outcome, Ratio, report
from tests.machine import registries, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME, TAG = "acme/digits", "1.0.0"
LAYER_BYTES = 256 << 20
LIMIT_HASH, LIMIT_PEER, LIMIT_MEMORY = 1.15, 1.0, 80.0
PUSH = """
import sys, time
from pathlib import Path
from algo.events import silent
from algo.oci.descriptor import Descriptor
from algo.oci.digest import Digest
from algo.oci.media_types import LAYER
from algo.registry.http import HttpRegistry
from algo.registry.transport import Patience, Transport
host, path, digest = sys.argv[1:]
path = Path(path)
layer = Descriptor(LAYER, Digest.parse(digest), path.stat().st_size)
registry = HttpRegistry(Transport(host, None, {}, Patience()))
began = time.perf_counter()
registry.push_blob("acme/digits", layer, path, notify=silent)
taken = time.perf_counter() - began
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(taken, int(peak.split()[1]) / 1000)
"""
COPY = """
import sys
from pathlib import Path
from algo.events import silent
from algo.oci.manifest import ImageManifest, decode
from algo.oci.media_types import MANIFEST
from algo.registry.sending import Outgoing, push_blobs
from algo.registry.http import HttpRegistry
from algo.registry.layout import LayoutStore
from algo.registry.transport import Patience, Transport
root, host = sys.argv[1:]
store = LayoutStore(Path(root))
data, _ = store.get_manifest("acme/digits", "1.0.0")
manifest = decode(data, ImageManifest)
files = store.folder("acme/digits") / "blobs" / "sha256"
parts = [part.value() for part in (manifest.config, *manifest.layers)]
target = HttpRegistry(Transport(host, None, {}, Patience()))
blobs = [Outgoing(part, files / part.digest.hex) for part in parts]
push_blobs(target, "acme/digits", blobs, notify=silent)
target.tag("acme/digits", "1.0.0", data, MANIFEST)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1000)
"""


def main() -> None:
    """Measure both, and the memory of either."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--layers", type=int, default=4)
    options = parser.parse_args()
    peers = {name: tools.fetch(name) for name in ("oras", "crane", "skopeo")}
    tools.fetch("docker-registry")
    with tempfile.TemporaryDirectory() as name:
        rows, ratios = alone(Path(name), options.runs)
    with tempfile.TemporaryDirectory() as name:
        more, others = beside(Path(name), peers, options.layers, options.runs)
    title = "sending 1 GiB: into nothing, and to docker-registry"
    report(Outcome("registry.push", title, SECONDS, rows + more, ratios + others))


def alone(folder: Path, runs: int) -> tuple[list[list[str]], list[Ratio]]:
    """Send one GiB into nothing, beside hashing it; then four GiB, for the memory."""
    blob = folder / "blob"
    write_random(blob, 1 << 30)
    digest = str(Digest.of_file(blob))

    def plain() -> float:
        began = time.perf_counter()
        with blob.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        return time.perf_counter() - began

    memory: list[float] = []
    with sink() as host:

        def push() -> float:
            taken, peak = pushed(host, blob, digest)
            memory.append(peak)
            return taken

        figures = in_turn({"SHA-256 of 1 GiB": plain, "algo, 1 GiB into nothing": push}, runs)
        large = folder / "large"
        with large.open("wb") as file:
            file.truncate(4 << 30)
        _, peak = pushed(host, large, str(Digest.of_file(large)))
        memory.append(peak)
    hashed, sent = figures.values()
    asked = [
        ratio("into nothing, of a SHA-256", sent, hashed, LIMIT_HASH),
        Ratio("memory, 1 GiB", memory[0], LIMIT_MEMORY, least=False, unit="MB"),
        Ratio("memory, 4 GiB", memory[-1], LIMIT_MEMORY, least=False, unit="MB"),
    ]
    return [row(figure) for figure in figures.values()], asked


def beside(
    folder: Path, peers: dict[str, Path], layers: int, runs: int
) -> tuple[list[list[str]], list[Ratio]]:
    """Push an image from an OCI layout with each client, as a whole process."""
    store = LayoutStore(folder / "store")
    write_image(store, layers, folder)
    layout = store.folder(NAME)
    memory: list[float] = []

    def ours(host: str) -> None:
        done = run([sys.executable, "-c", COPY, str(folder / "store"), host])
        memory.append(float(done))

    def theirs(name: str) -> Callable[[str], object]:
        return lambda host: run(command(name, peers[name], layout, host))

    actions = {"algo": ours, **{name: theirs(name) for name in peers}}
    timed = {name: fresh(folder, action) for name, action in actions.items()}
    figures = in_turn(timed, runs)
    best = min((figures[name] for name in peers), key=lambda figure: figure.median)
    mine = figures["algo"]
    asked = [
        ratio(
            f"to docker-registry, of the best of the others ({best.name})", mine, best, LIMIT_PEER
        ),
        Ratio("memory, the image", max(memory), LIMIT_MEMORY, least=False, unit="MB"),
    ]
    what = f"{layers} layers of {LAYER_BYTES >> 20} MiB to docker-registry"
    return [[f"{one[0]}, {what}", *one[1:]] for one in map(row, figures.values())], asked


def command(name: str, program: Path, layout: Path, host: str) -> list[str]:
    """Return how a client copies the image from the layout to a registry."""
    place = f"{host}/{NAME}:{TAG}"
    if name == "oras":
        layout_flags = ["--from-oci-layout", "--to-plain-http", f"{layout}:{TAG}"]
        return [str(program), "cp", *layout_flags, place]
    if name == "crane":
        return [str(program), "push", "--insecure", str(layout), place]
    flags = ["--insecure-policy", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false"]
    return [str(program), *flags, f"oci:{layout}:{TAG}", f"docker://{place}"]


def fresh(folder: Path, action: Callable[[str], object]) -> Callable[[], float]:
    """Return an action that is timed against a registry that has nothing."""

    def timed() -> float:
        with (
            tempfile.TemporaryDirectory(dir=folder) as name,
            registries.docker_registry(Path(name)) as host,
        ):
            os.sync()
            began = time.perf_counter()
            action(host)
            return time.perf_counter() - began

    return timed


def write_image(store: LayoutStore, layers: int, folder: Path) -> None:
    """Write an image of random layers into a store."""
    entries = []
    for number in range(layers):
        path = folder / f"layer-{number}"
        write_random(path, LAYER_BYTES)
        layer = Descriptor(LAYER, Digest.of_file(path), LAYER_BYTES)
        store.push_blob(NAME, layer, path, notify=silent)
        path.unlink()
        entries.append(layer)
    ids = [str(layer.digest) for layer in entries]
    rootfs = {"type": "layers", "diff_ids": ids}
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()
    described = Descriptor(CONFIG, Digest.of(config), len(config))
    store.push_blob(NAME, described, config, notify=silent)
    manifest = ImageManifest(
        schema_version=2,
        media_type=MANIFEST,
        config=DescriptorDocument.of(described),
        layers=tuple(DescriptorDocument.of(layer) for layer in entries),
    )
    store.tag(NAME, TAG, encode(manifest), MANIFEST)


def write_random(path: Path, size: int) -> None:
    """Write a file that cannot be compressed."""
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))


def pushed(host: str, path: Path, digest: str) -> tuple[float, float]:
    """Push a file in a process of its own; return its seconds and its peak memory in MB."""
    taken, peak = run([sys.executable, "-c", PUSH, host, str(path), digest]).split()
    return float(taken), float(peak)


def run(words: list[str]) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words[:4])}: {done.stderr}")
    return done.stdout


@contextmanager
def sink() -> Iterator[str]:
    """Run the registry that keeps nothing."""
    words = [sys.executable, "-m", "benchmarks.registry.sink"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


if __name__ == "__main__":
    main()
