"""Other people's tools read what we write, and we read what they write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.events import silent
from algo.oci.media_types import INDEX
from algo.registry.copy import copy_version
from algo.registry.credentials import Credentials
from algo.registry.errors import Unauthorized
from algo.registry.http import HttpRegistry
from algo.registry.layout import LayoutStore
from algo.registry.opening import check_login, open_registry, store_login
from algo.registry.transport import Patience, Transport
from algo.resources import user_folders

from tests.contract.registry.conftest import remote
from tests.contract.registry.content import NAME, push_image, push_referrer
from tests.machine import registries
from tests.machine.commands import output_of

if TYPE_CHECKING:
    from pathlib import Path

    from algo.oci.descriptor import Descriptor
    from algo.registry.interface import Registry


# Without the last, skopeo compresses plain layers, which gives them other digests.
COPY = ("--insecure-policy", "copy", "--all", "--preserve-digests")


def publish(registry: Registry, name: str = NAME) -> tuple[Descriptor, Descriptor]:
    """Publish 1.0.0 with a referrer; return index and referrer."""
    pushed = push_image(registry, b"layer", name)
    index = registry.tag(name, "1.0.0", pushed.index, INDEX)
    return index, push_referrer(registry, index, b"bundle", name)


def test_skopeo_reads_the_store(tmp_path: Path, skopeo: Path) -> None:
    store = LayoutStore(tmp_path / "store")
    index, _ = publish(store)
    layout = f"oci:{store.folder(NAME)}:1.0.0"
    assert (
        output_of([skopeo, "inspect", "--raw", layout]).encode()
        == (store.get_manifest(NAME, str(index.digest))[0])
    )
    copied = tmp_path / "copied"
    output_of([skopeo, *COPY, layout, f"oci:{copied}:1.0.0"])
    assert (copied / "blobs" / "sha256" / index.digest.hex).is_file()


def test_oras_discovers_referrers_in_the_store(tmp_path: Path, oras: Path) -> None:
    store = LayoutStore(tmp_path / "store")
    index, referrer = publish(store)
    image = store.get_manifest(NAME, str(index.digest))[0]
    child = json.loads(image)["manifests"][0]["digest"]
    found = output_of(
        [oras, "discover", "--oci-layout", "--format", "json", f"{store.folder(NAME)}:1.0.0"]
    )
    assert str(referrer.digest) in found
    # A platform's image is found by its digest, too.
    output_of([oras, "manifest", "fetch", "--oci-layout", f"{store.folder(NAME)}@{child}"])


def test_a_layout_that_skopeo_wrote_can_be_published(
    tmp_path: Path, skopeo: Path, docker_registry: str, name: str
) -> None:
    ours = remote(docker_registry)
    index, _ = publish(ours, name)
    store = LayoutStore(tmp_path / "store")
    folder = store.folder(NAME)
    folder.parent.mkdir(parents=True)
    source = f"docker://{docker_registry}/{name}:1.0.0"
    output_of([skopeo, *COPY, "--src-tls-verify=false", source, f"oci:{folder}:1.0.0"])
    copied = copy_version(store, NAME, "1.0.0", ours, name, tag="1.0.1", notify=silent)
    assert copied.descriptor.digest == index.digest
    assert copied.bytes_sent == 0


@pytest.mark.parametrize("kind", ["docker_registry", "referrers_registry"])
def test_oras_and_we_see_the_same_referrers(
    request: pytest.FixtureRequest, kind: str, oras: Path, name: str, tmp_path: Path
) -> None:
    host: str = request.getfixturevalue(kind)
    ours = remote(host)
    index, referrer = publish(ours, name)
    note = tmp_path / "note.txt"
    note.write_text("hello", encoding="utf-8")
    reference = f"{host}/{name}:1.0.0"
    output_of(
        [oras, "attach", "--plain-http", "--artifact-type", "text/x-note", reference, "note.txt"],
        cwd=tmp_path,
    )
    theirs = output_of([oras, "discover", "--plain-http", "--format", "json", reference])
    found = ours.referrers(name, index.digest)
    assert len(found) == 2
    assert str(referrer.digest) in theirs
    assert all(str(descriptor.digest) in theirs for descriptor in found)
    assert ours.tags(name) == ["1.0.0"]


@pytest.mark.parametrize("kind", ["docker_registry", "referrers_registry"])
def test_a_version_travels_from_store_to_registry_and_back(
    request: pytest.FixtureRequest, kind: str, name: str, tmp_path: Path
) -> None:
    host: str = request.getfixturevalue(kind)
    first, second = LayoutStore(tmp_path / "a"), LayoutStore(tmp_path / "b")
    index, referrer = publish(first)
    copy_version(first, NAME, "1.0.0", remote(host), name, tag="1.0.0", notify=silent)
    copy_version(remote(host), name, "1.0.0", second, NAME, tag="1.0.0", notify=silent)
    assert second.resolve(NAME, "1.0.0") == index
    assert [found.digest for found in second.referrers(NAME, index.digest)] == [referrer.digest]


def test_a_registry_with_passwords_takes_a_stored_login(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    env = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    with registries.docker_registry(folder, {"ada": "secret"}) as host:
        with pytest.raises(Unauthorized):
            check_login(host, "ada", "wrong", env)
        anybody = HttpRegistry(Transport(host, None, env, Patience()))
        with pytest.raises(Unauthorized) as caught:
            anybody.tags(NAME)
        assert caught.value.hint == f"algo login {host}"
        check_login(host, "ada", "secret", env)
        store_login(host, "ada", "secret", env)
        registry = open_registry(host, user_folders(str(tmp_path / "home")), env)
        publish(registry)
        assert registry.tags(NAME) == ["1.0.0"]
        wrong = Credentials("ada", "wrong")
        with pytest.raises(Unauthorized):
            HttpRegistry(Transport(host, wrong, env, Patience())).tags(NAME)


def test_a_gigantic_blob_is_not_read_into_memory(
    docker_registry: str, name: str, tmp_path: Path
) -> None:
    import resource

    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.oci.media_types import LAYER

    size = 192 << 20
    file = tmp_path / "weights"
    with file.open("wb") as out:
        out.truncate(size)
    layer = Descriptor(LAYER, Digest.of_file(file), size)
    registry = HttpRegistry(Transport(docker_registry, None, {}, Patience()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    registry.push_blob(name, layer, file, notify=silent)
    assert sum(map(len, registry.open_blob(name, layer))) == size
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40 << 10
