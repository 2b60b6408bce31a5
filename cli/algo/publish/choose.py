"""Which version the next one is: asked for, or computed from what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algo.contract.compare import minimum_bump
from algo.publish.errors import VersionTooLow
from algo.registry.errors import VersionExists
from algo.values import Value
from algo.versions.next import FIRST, next_version
from algo.versions.version import Bump, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.contract.compare import Finding


class Choice(Value, frozen=True):
    """A version and, in one line, why it is this one.

    `overridden` is why it may be lower than what changed asks for, empty where it is not.
    """

    version: Version
    reason: str
    overridden: str = ""


def base_of(existing: Sequence[Version], wanted: Version | None) -> Version | None:
    """Return what the next version is compared with; None when there is none.

    That is the highest version below `wanted`; of all of them, the highest release, or the
    highest pre-release where there is no release.
    """
    if wanted is not None:
        return max((version for version in existing if version < wanted), default=None)
    releases = [version for version in existing if not version.pre]
    return max(releases or existing, default=None)


def check_free(existing: Sequence[Version], version: Version | None, place: str) -> None:
    """Refuse a version that exists.

    Raises:
        VersionExists: It does.
    """
    if version is not None and version in existing:
        raise VersionExists(f"{place}:{version} is published already")


def check_order(
    existing: Sequence[Version],
    wanted: Version | None,
    bump: Bump | None,
    findings: Sequence[Finding] = (),
    breaking: str = "",
) -> None:
    """Refuse a version that is too low, without findings whatever has changed.

    Raises:
        VersionTooLow: It is, or is below all that are there.
    """
    if wanted not in existing:
        choose(existing, wanted, bump, findings, breaking)


def choose(
    existing: Sequence[Version],
    wanted: Version | None,
    bump: Bump | None,
    findings: Sequence[Finding],
    breaking: str = "",
) -> Choice:
    """Return the next version.

    Args:
        existing: The versions that are there.
        wanted: The version that was asked for.
        bump: The step that was asked for.
        findings: How the contract differs from that of `base_of(existing, wanted)`.
        breaking: Why less than that asks for is right this once.

    Raises:
        VersionTooLow: The version or the step is smaller than the difference asks for, or the
            version is below all that are there, so that there is nothing to compare it with.
    """
    base = base_of(existing, wanted)
    if base is None:
        if wanted is not None:
            if existing:
                raise VersionTooLow(
                    f"{wanted} is below {min(existing)}, the lowest version that is published",
                    hint="algo publish --bump patch",
                )
            return Choice(wanted, "the first version, as asked for")
        return Choice(FIRST, "the first version")
    required = Bump.parse(minimum_bump(findings))
    why = _why(findings)
    lowest = next_version((), required, after=base)
    if wanted is not None:
        if wanted.release < lowest:
            if not breaking:
                raise _too_low(str(wanted), base, lowest, required, findings)
            return Choice(wanted, _in_spite(base, required, findings, breaking), breaking)
        return Choice(wanted, f"asked for; after {base} {required} is enough, as {why}")
    if bump is not None and bump < required:
        if not breaking:
            raise _too_low(f"--bump {bump}", base, lowest, required, findings)
        chosen = next_version(existing, bump, after=base)
        return Choice(chosen, _in_spite(base, required, findings, breaking), breaking)
    step = bump or required
    chosen = next_version(existing, step, after=base)
    asked = ", as asked for;" if bump is not None else ":"
    return Choice(chosen, f"{step} after {base}{asked} {why}")


def _in_spite(base: Version, required: Bump, findings: Sequence[Finding], breaking: str) -> str:
    return f"asked for; after {base} it would be {required}, as {_why(findings)}: {breaking}"


def _why(findings: Sequence[Finding]) -> str:
    if not findings:
        return "the contract and the answers to its cases are the same"
    weightiest = max(findings, key=lambda finding: Bump.parse(finding.level))
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{weightiest.path} {weightiest.text}{more}"


def _too_low(
    what: str, base: Version, lowest: Version, required: Bump, findings: Sequence[Finding]
) -> VersionTooLow:
    return VersionTooLow(
        f"{what} is too low: what changed since {base} asks for {required}, {lowest} or higher",
        hint=f"algo publish --bump {required}, or add --allow-breaking REASON",
        details="\n".join(f"{item.level}: {item.path} {item.text}" for item in findings),
    )
