"""Publish a project: check, lock, build, test, compare, sign, push, tag."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algo.contract.record import Contract
from algo.environments.locking import ensure_lock
from algo.events import Note, Step, Warned
from algo.models.ensure import ensure_models
from algo.oci import media_types
from algo.oci.digest import Digest
from algo.project.version import write_version
from algo.publish.choose import base_of, check_free, choose
from algo.publish.destination import destination
from algo.publish.errors import Declined, GitFailed, TestsFailed
from algo.publish.plan import Conditions, Plan, Published, plan_of, statements_of
from algo.publish.provenance import Making
from algo.publish.push import push
from algo.publish.release import Contents, attachments
from algo.publish.repository import RegistryRepository
from algo.publish.source import require_committed, source_of
from algo.publish.weights import models_of
from algo.trust.evidence import Standing, collect
from algo.trust.policy import NO_RULES, Policy, TrustedKey
from algo.trust.statements import RELEASE, Previous, read_release
from algo.trust.verify import Asked, verify
from algo.versions.version import versions_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from algo.contract.report import TestReport
    from algo.events import Notify
    from algo.models.ensure import Models
    from algo.oci.reference import Reference
    from algo.project.project import Project
    from algo.publish.ci import Run
    from algo.publish.interface import Images, Locks, Sources, Tests
    from algo.publish.mounts import Mounts
    from algo.publish.source import Source
    from algo.registry.interface import Registry
    from algo.trust.keyring import Keyring
    from algo.trust.keys import SigningKey
    from algo.trust.pins import Pins
    from algo.trust.rules import Rules
    from algo.trust.verify import Verified
    from algo.versions.version import Bump, Version


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for: where to, which version or step; nothing means choose.

    `allow_dirty`: also what no commit says.
    """

    to: str = ""
    version: Version | None = None
    bump: Bump | None = None
    allow_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Publishing:
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


@dataclass(frozen=True, slots=True)
class _Ready:
    """A tested version that only needs to be sent."""

    registry: Registry
    contents: Contents
    reason: str


def publish(
    project: Project,
    wish: Wish,
    tools: Publishing,
    *,
    confirm: Callable[[Plan], bool],
    notify: Notify,
) -> Published:
    """Publish `project` as a new version and write that version into `algo.toml`.

    Args:
        project: What to publish.
        wish: Where to, and as which version.
        tools: What it is done with.
        confirm: Asked before anything leaves this machine.
        notify: Gets steps and progress.

    Raises:
        NotCommitted: Files are in no commit, and `wish` does not allow it.
        TestsFailed: A case or a test fails.
        VersionExists: The version asked for exists.
        VersionTooLow: The version or step asked for is too low.
        Declined: `confirm` said no.
        AlgoError: As locking, building, testing, verifying the last version and the registry do.
    """
    source = _source(project, wish, tools, notify)
    if not wish.allow_dirty:
        require_committed(source)
    ready = _prepare(project, wish, tools, source, notify)
    contents, registry = ready.contents, ready.registry
    if not confirm(_plan(ready, tools)):
        raise Declined("nothing was published")
    key, made = tools.keyring.ensure()
    if made:
        notify(Note(f"made a signing key: {key.public.short} (algo keys export shows it)"))
    release = contents.release(_published(contents, registry, key, tools.now))
    attached = attachments(contents, release, key)
    mounts = tools.mounts.of(registry.address)
    pushed = push(registry, contents, attached, mounts, notify=notify)
    repository = contents.reference.repository
    tools.mounts.remember(registry.address, repository, contents.images)
    place = RegistryRepository(registry, repository).place
    tools.pins.keep(place, contents.reference.tag, pushed.index.digest)
    _write_back(project, contents.reference.tag, notify)
    return Published(
        name=contents.reference.name,
        version=contents.reference.tag,
        reference=str(contents.reference),
        digest=str(pushed.index.digest),
        images=release.images,
        layers=pushed.layers,
        bytes_sent=pushed.bytes_sent,
        reason=ready.reason,
        key=key.public.id,
        statements=statements_of(attached),
    )


def plan(project: Project, wish: Wish, tools: Publishing, *, notify: Notify) -> Plan:
    """Return what `publish` would do; everything is made and tested, nothing is written.

    Raises:
        AlgoError: As `publish` would, up to the point where it sends.
    """
    source = _source(project, wish, tools, notify)
    with _unchanged(project):
        ready = _prepare(project, wish, tools, source, notify)
    return _plan(ready, tools)


def _plan(ready: _Ready, tools: Publishing) -> Plan:
    registry = ready.registry
    key = tools.keyring.signing_key()
    mounts = tools.mounts.of(registry.address)
    given = Conditions(registry, mounts, key, tools.rules, _time(tools.now))
    return plan_of(ready.contents, ready.reason, given)


def _source(project: Project, wish: Wish, tools: Publishing, notify: Notify) -> Source:
    """Return where the files come from; what git does not tell is said, where that may be."""
    project.check_files()
    try:
        checkout = tools.sources.checkout(project)
    except GitFailed as error:
        if not wish.allow_dirty:
            raise
        notify(Warned(f"{error.message}; the provenance will say nothing of it"))
        checkout = None
    return source_of(project, checkout)


def _prepare(
    project: Project, wish: Wish, tools: Publishing, source: Source, notify: Notify
) -> _Ready:
    target = destination(wish.to, project)
    registry = tools.open(target.host)
    existing = versions_in(registry.tags(target.repository))
    check_free(existing, wish.version, str(target))
    base = base_of(existing, wish.version)
    latest = max(existing, default=None)
    last = _verified(registry, target, latest, tools)
    before = last if base == latest else _verified(registry, target, base, tools)
    lock = ensure_lock(project, tools.locks.locking(project), notify=notify)
    lock = ensure_models(project, lock, tools.models, notify=notify)
    image = tools.images.build(project, lock, notify=notify)
    notify(Step("Testing"))
    report = tools.tests.run(project, _contract(registry, target, before))
    _refuse_failures(report)
    choice = choose(existing, wish.version, wish.bump, report.findings)
    check_free(existing, choice.version, str(target))
    contents = Contents(
        reference=target.tagged(str(choice.version)),
        algorithm=project.manifest.algorithm,
        images=(image,),
        lock=project.lock_path.read_bytes(),
        contract=report.contract.encode(),
        previous=Previous(last.release.version, str(last.release_digest)) if last else None,
        making=Making(source, tools.run, str(wish.bump or ""), wish.allow_dirty),
        models=models_of(project, lock, tools.images, notify=notify),
    )
    return _Ready(registry, contents, choice.reason)


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


def _published(contents: Contents, registry: Registry, key: SigningKey, now: datetime) -> str:
    """Return the time of the release: that of an attempt which was cut off, else now."""
    repository = RegistryRepository(registry, contents.reference.repository)
    index = Digest.of(contents.index())
    policy = Policy((TrustedKey(key.public, ""),), frozenset())
    for evidence in collect(repository, index, policy, contents.reference.name):
        statement = evidence.statement
        if evidence.standing is Standing.TRUSTED and statement.predicate_type == RELEASE:
            earlier = read_release(statement)
            if earlier == contents.release(earlier.published):
                return earlier.published
    return _time(now)


def _time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_back(project: Project, version: str, notify: Notify) -> None:
    try:
        write_version(project.root, version)
    except OSError as error:
        notify(Warned(f"the version is published, but algo.toml was not written: {error}"))


@contextmanager
def _unchanged(project: Project) -> Iterator[None]:
    """Put `algo.lock` back as it was: a dry run may have to resolve, but keeps nothing."""
    path = project.lock_path
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    finally:
        if before is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != before:
            path.write_bytes(before)
