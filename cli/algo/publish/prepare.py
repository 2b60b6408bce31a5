"""Make a version ready to be sent: locked, built, tested, and compared with those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from algo.contract.record import Contract
from algo.environments.locking import IMAGE_PLATFORMS, ensure_lock
from algo.events import Step, Warned
from algo.images.sbom.brief import brief
from algo.models.ensure import ensure_models
from algo.oci import media_types
from algo.oci.digest import Digest
from algo.project.lock import read
from algo.publish.choose import base_of, check_free, check_order, choose
from algo.publish.destination import destination
from algo.publish.errors import GitFailed, TestsFailed
from algo.publish.lock_files import read_files
from algo.publish.provenance import Making
from algo.publish.release import Contents
from algo.publish.repository import RegistryRepository
from algo.publish.source import source_of
from algo.publish.weights import models_of
from algo.trust.policy import NO_RULES
from algo.trust.statements import Previous
from algo.trust.verify import Asked, verify
from algo.values import Value
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from algo.contract.compare import Finding
    from algo.contract.report import TestReport
    from algo.environments.interface import PackageLocking
    from algo.events import Notify
    from algo.models.ensure import Models
    from algo.oci.descriptor import Platform
    from algo.oci.reference import Reference
    from algo.project.lock import Target
    from algo.project.project import Project
    from algo.publish.ci import Run
    from algo.publish.interface import Images, Locks, Sources, Tests
    from algo.publish.mounts import Mounts
    from algo.publish.source import Source
    from algo.registry.interface import Registry
    from algo.trust.keyring import Keyring
    from algo.trust.pins import Pins
    from algo.trust.rules import Rules
    from algo.trust.verify import Verified
    from algo.versions.version import Bump, Version


class Wish(Value, frozen=True):
    """What the user asks for: where to, which version or step; nothing means choose.

    `allow_dirty`: also what no commit says. `platforms`: what it runs on, this machine's when
    there are none; the tests run on this machine's alone. `breaking`: why a smaller step than what
    changed asks for is right; empty where it is not allowed.
    """

    to: str = ""
    version: Version | None = None
    bump: Bump | None = None
    allow_dirty: bool = False
    platforms: tuple[Platform, ...] = ()
    breaking: str = ""


class Publishing(Value, frozen=True):
    """What publishing is done with.

    Args:
        open: Opens the registry of a host, the embedded store for an empty one.
        images: Assembles the image.
        locks: Pins the packages.
        models: Fetches models.
        tests: Tests the project.
        sources: Knows where the project's files come from.
        run: The run of a continuous integration system that this is.
        keyring: The keys.
        pins: Remembers what was published.
        mounts: Remembers where blobs are.
        now: The time of the release.
        rules: What this machine asks of versions.
    """

    open: Callable[[str], Registry]
    images: Images
    locks: Locks
    models: Models
    tests: Tests
    sources: Sources
    run: Run
    keyring: Keyring
    pins: Pins
    mounts: Mounts
    now: datetime
    rules: Rules = NO_RULES


class Ready(Value, frozen=True):
    """A tested version that only needs to be sent, or `same`, which is there and is the same."""

    registry: Registry
    contents: Contents
    reason: str
    same: Verified | None = None


def find_source(project: Project, wish: Wish, tools: Publishing, notify: Notify) -> Source:
    """Return where the files come from; what git does not tell is said, where that may be."""
    project.check_files()
    try:
        checkout = tools.sources.checkout(project)
    except GitFailed as error:
        if not wish.allow_dirty:
            raise
        notify(Warned(f"{error.message}; the provenance will say nothing of it"))
        checkout = None
    return source_of(project, checkout, _shipped(tools.locks.locking(project)))


def prepare(
    project: Project,
    wish: Wish,
    tools: Publishing,
    source: Source,
    notify: Notify,
    *,
    check: Callable[[Source], None],
) -> Ready:
    """Return the next version of `project`, or the last one when it is the same already.

    `check` refuses a source; it is asked once the lock is settled and before anything is built.

    Raises:
        TestsFailed: A case or a test fails.
        VersionExists: The version asked for exists, with other contents.
        VersionTooLow: The version or step asked for is too low.
        AlgoError: As locking, building, testing, verifying the last version and the registry do.
    """
    target = destination(wish.to, project)
    registry = tools.open(target.host)
    existing = versions_in(registry.tags(target.repository))
    check_order(existing, wish.version, wish.bump)
    base = base_of(existing, wish.version)
    latest = max(existing, default=None)
    last = _verified(registry, target, latest, tools)
    before = last if base == latest else _verified(registry, target, base, tools)
    taken = _verified(registry, target, wish.version, tools) if wish.version in existing else None
    locking = tools.locks.locking(project)
    lock, shipped = ensure_lock(project, locking, notify=notify), _shipped(locking)
    lock = ensure_models(project, lock, tools.models, notify=notify)
    check(source.with_lock(project.lock_path.read_bytes(), shipped))
    images = []
    for platform in wish.platforms or (None,):
        images.append(tools.images.build(project, lock, platform=platform, notify=notify))
        # The build has written the runtime image down; the next one must not forget it.
        lock = read(project.lock_path) or lock
    used = project.lock_path.read_bytes()
    source = source.with_lock(used, shipped)
    making = Making(source, tools.run, str(wish.bump or ""), wish.allow_dirty)
    contents = Contents(
        reference=target,
        algorithm=project.manifest.algorithm,
        images=tuple(images),
        lock=used,
        files=read_files(project, lock),
        contract=b"",
        previous=Previous(last.release.version, str(last.release_digest)) if last else None,
        making=making,
        models=models_of(project, lock, tools.images, notify=notify),
    )
    if taken is None or not _is(taken, contents):
        check_free(existing, wish.version, str(target))
    notify(Step("Testing"))

    def fits(findings: Sequence[Finding]) -> None:
        check_order(existing, wish.version, wish.bump, findings, wish.breaking)

    report = tools.tests.run(project, _contract(registry, target, before), fits)
    _refuse_failures(report)
    contents = replace(contents, contract=report.contract.encode())
    there = taken or (None if wish.version or wish.bump else last)
    if there is not None and _is(there, contents):
        version = there.release.version
        what = f"nothing changed since {version} (--bump publishes it again)"
        return Ready(registry, _as(contents, version), what, there)
    check_free(existing, wish.version, str(target))
    choice = choose(existing, wish.version, wish.bump, report.findings, wish.breaking)
    check_free(existing, choice.version, str(target))
    version = str(choice.version)
    notify(Step("Writing the bill of materials"))
    boms = {
        image.digest: brief(tools.images.sbom(project, lock, image, version=version))
        for image in images
    }
    contents = replace(_as(contents, version), boms=boms, reason=choice.overridden)
    return Ready(registry, contents, choice.reason)


def _shipped(locking: PackageLocking) -> frozenset[Target]:
    return frozenset(locking.image_target(platform) for platform in IMAGE_PLATFORMS)


def _as(contents: Contents, version: str) -> Contents:
    return replace(contents, reference=contents.reference.tagged(version))


def _is(version: Verified, contents: Contents) -> bool:
    """Tell whether a version has the same images, names and documents; an empty one may differ."""
    release = version.release
    same = Digest.of(_as(contents, release.version).index()) == version.digest
    contract = str(Digest.of(contents.contract)) if contents.contract else release.contract
    return same and (release.lock, release.contract) == (str(Digest.of(contents.lock)), contract)


def _verified(
    registry: Registry, target: Reference, version: Version | None, tools: Publishing
) -> Verified | None:
    """Return a version that is there already, verified: we build on nothing else."""
    if version is None:
        return None
    repository = RegistryRepository(registry, target.repository)
    digest = repository.resolve(str(version))
    if digest is None:
        return None
    tools.pins.check(repository.place, str(version), digest)
    asked = Asked(target.name, str(version), digest)
    return verify(repository, asked, tools.keyring.policy())


def _contract(registry: Registry, target: Reference, before: Verified | None) -> Contract | None:
    document = before.documents.get(media_types.CONTRACT) if before else None
    if document is None:
        return None
    return Contract.decode(b"".join(registry.open_blob(target.repository, document)))


def _refuse_failures(report: TestReport) -> None:
    if report.ok:
        return
    broken = [outcome for outcome in report.outcomes if outcome.broken]
    lines = [f"{item.group}: {item.name}: {item.message}".strip(": ") for item in broken[:10]]
    raise TestsFailed(f"not published: {report.sentence}", details="\n".join(lines))
