"""Publish a project: check, lock, build, test, compare, sign, push, tag."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from algo.events import Note, Warned
from algo.oci.digest import Digest
from algo.oci.errors import BadDocument
from algo.project.version import write_version
from algo.publish.errors import Declined
from algo.publish.lock_files import lock_kept
from algo.publish.plan import Conditions, Plan, Published, plan_of, statements_of
from algo.publish.prepare import find_source, prepare
from algo.publish.push import commit, layers_there, send
from algo.publish.release import Contents, attachments
from algo.publish.repository import RegistryRepository
from algo.publish.source import require_committed
from algo.signals import deferred
from algo.trust.evidence import Standing, collect
from algo.trust.policy import Policy, TrustedKey
from algo.trust.provenance import read_provenance
from algo.trust.statements import PROVENANCE, RELEASE, read_release, release_statement
from algo.trust.yanks import yanked

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from algo.events import Notify
    from algo.project.project import Project
    from algo.publish.prepare import Publishing, Ready, Wish
    from algo.publish.source import Source
    from algo.registry.interface import Registry
    from algo.trust.keys import SigningKey
    from algo.trust.statements import Statement
    from algo.trust.verify import Verified


def publish(
    project: Project,
    wish: Wish,
    tools: Publishing,
    *,
    confirm: Callable[[Callable[[], Plan]], bool],
    notify: Notify,
) -> Published:
    """Publish `project` as a new version and write that version into `algo.toml`.

    Where the last version is the same already, down to its documents, and no other was asked for,
    nothing is written: publishing again after a cut, or by two at a time, ends the same way.

    Args:
        project: What to publish.
        wish: Where to, and as which version.
        tools: What it is done with.
        confirm: Asked before anything leaves this machine; gets what makes the plan to show.
        notify: Gets steps and progress.

    Raises:
        NotCommitted: Files are in no commit, and `wish` does not allow it.
        TestsFailed: A case or a test fails.
        VersionExists: The version asked for exists.
        VersionTooLow: The version or step asked for is too low.
        Declined: `confirm` said no.
        AlgoError: As locking, building, testing, verifying the last version and the registry do.
    """
    source = find_source(project, wish, tools, notify)
    check = _accept if wish.allow_dirty else require_committed
    check(source)
    ready = prepare(project, wish, tools, source, notify, check=check)
    if ready.same is not None:
        _settle(project, ready, tools, ready.same.digest, notify)
        _tell_of_yank(ready, tools, ready.same.digest, notify)
        return _unchanged(ready, ready.same)
    contents, registry = ready.contents, ready.registry
    if not confirm(lambda: _plan(ready, tools)):
        raise Declined("nothing was published")
    key, made = tools.keyring.ensure()
    if made:
        notify(Note(f"made a signing key: {key.public.short} (algo keys export shows it)"))
    release = contents.release(_published(contents, registry, key, tools.now))
    attached = attachments(contents, release, key)
    mounts = tools.mounts.of(registry.address)
    sent = send(registry, contents, attached, mounts, notify=notify)
    index = _commit(project, ready, tools, notify)
    return Published(
        name=contents.reference.name,
        version=contents.reference.tag,
        reference=str(contents.reference),
        digest=str(index),
        images=release.images,
        layers=sent.layers,
        bytes_sent=sent.bytes_sent,
        reason=ready.reason,
        key=key.public.id,
        statements=statements_of(attached),
    )


def _commit(project: Project, ready: Ready, tools: Publishing, notify: Notify) -> Digest:
    """Write the tag and what this machine remembers of it; Ctrl-C comes before or after both.

    Raises:
        KeyboardInterrupt: It came before there was a version.
    """
    index: Digest | None = None
    try:
        with deferred():
            index = commit(ready.registry, ready.contents).digest
            _settle(project, ready, tools, index, notify)
    except KeyboardInterrupt:
        if index is None:
            raise
        notify(Note("the interruption came after it was published"))
    return index


def _settle(
    project: Project, ready: Ready, tools: Publishing, index: Digest, notify: Notify
) -> None:
    """Remember what was published, here and in `algo.toml`."""
    contents, registry = ready.contents, ready.registry
    repository, version = contents.reference.repository, contents.reference.tag
    tools.pins.keep(RegistryRepository(registry, repository).place, version, index)
    _write_back(project, version, notify)
    tools.mounts.remember(registry.address, repository, contents.images)


def _tell_of_yank(ready: Ready, tools: Publishing, index: Digest, notify: Notify) -> None:
    """Say so where what would be published again is a version that nobody is to use."""
    reference = ready.contents.reference
    repository = RegistryRepository(ready.registry, reference.repository)
    yank = yanked(repository, index, tools.keyring.policy(), reference.name)
    if yank is not None:
        notify(
            Warned(f"{reference} is yanked: {yank.reason}; algo yank {reference} --undo ends it")
        )


def _unchanged(ready: Ready, same: Verified) -> Published:
    """Return the version that has the same contents already."""
    contents = ready.contents
    return Published(
        name=contents.reference.name,
        version=contents.reference.tag,
        reference=str(contents.reference),
        digest=str(same.digest),
        images=same.release.images,
        layers=layers_there(contents),
        bytes_sent=0,
        reason=ready.reason,
        key=same.signer.key.id if same.signer else "",
        statements=(),
        unchanged=True,
    )


def plan(project: Project, wish: Wish, tools: Publishing, *, notify: Notify) -> Plan:
    """Return what `publish` would do; everything is made and tested, nothing is written.

    Raises:
        AlgoError: As `publish` would, up to the point where it sends.
    """
    source = find_source(project, wish, tools, notify)
    with lock_kept(project, tools.locks.locking(project).writes):
        ready = prepare(project, wish, tools, source, notify, check=_accept)
    return _plan(ready, tools)


def _accept(source: Source) -> None:
    """Take what no commit says: it was allowed, or is only to be shown."""


def _plan(ready: Ready, tools: Publishing) -> Plan:
    registry = ready.registry
    key = tools.keyring.signing_key()
    mounts = tools.mounts.of(registry.address)
    given = Conditions(registry, mounts, key, tools.rules, _time(tools.now))
    return plan_of(ready.contents, ready.reason, given, unchanged=ready.same is not None)


def _published(contents: Contents, registry: Registry, key: SigningKey, now: datetime) -> str:
    """Return the time of the release: that of an attempt which was cut off, else now."""
    repository = RegistryRepository(registry, contents.reference.repository)
    index = Digest.of(contents.index())
    policy = Policy((TrustedKey(key.public, ""),), frozenset())
    for evidence in collect(repository, index, policy, contents.reference.name):
        when = _said(evidence.statement) if evidence.standing is Standing.TRUSTED else ""
        if when and evidence.payload in _statements(contents, when):
            return when
    return _time(now)


def _said(statement: Statement) -> str:
    """Return when a statement says that it was published, empty when it says nothing of that."""
    with suppress(BadDocument):
        if statement.predicate_type == RELEASE:
            return read_release(statement).published
        if statement.predicate_type == PROVENANCE:
            return read_provenance(bytes(statement.predicate)).run_details.metadata.finished_on
    return ""


def _statements(contents: Contents, when: str) -> set[bytes]:
    """Return what is stated of `contents`, published at that time."""
    release = release_statement(contents.release(when), Digest.of(contents.index()))
    return {release, *(claim.statement for claim in contents.claims(when))}


def _time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_back(project: Project, version: str, notify: Notify) -> None:
    try:
        write_version(project.root, version)
    except OSError as error:
        notify(Warned(f"the version is published, but algo.toml was not written: {error}"))
