"""What can go wrong with conda packages, and which words of other programs mean it."""

from __future__ import annotations

import importlib.util

from algo.environments.errors import (
    HashMismatch,
    IndexRefused,
    IndexUnreachable,
    InstallFailed,
    RequirementInvalid,
    Unsatisfiable,
)
from algo.environments.requirements import without_credentials
from algo.errors import NOT_ALLOWED, USAGE, AlgoError, DiskFull


class CondaNotInstalled(AlgoError):
    """The project has an `environment.yml`, and what conda packages need is not installed."""

    code = "conda_not_installed"
    exit_code = USAGE
    hint = 'pip install "algo-cli[conda]"'


class ChannelUnreachable(IndexUnreachable):
    """A conda channel does not answer, or is not there."""

    code = "channel_unreachable"
    hint = "check `channels:`, the network, HTTPS_PROXY and SSL_CERT_FILE, then: algo lock"


class ChannelRefused(IndexRefused):
    """A conda channel asks for credentials or refuses those it got."""

    code = "channel_refused"
    hint = "write the channel as https://$USER:$PASSWORD@host/channel and set both variables"


class UnsafePackage(AlgoError):
    """A conda package would write outside of its environment."""

    code = "unsafe_package"
    exit_code = NOT_ALLOWED
    hint = "do not install it; take the package out of environment.yml, then: algo lock"


class PlatformUnsupported(AlgoError):
    """Conda has no packages for a platform, or the environment is not for it."""

    code = "platform_unsupported"
    exit_code = USAGE
    hint = "algo lock on another machine, or use requirements.in"


def require_extra() -> None:
    """Refuse to go on without what the extra `conda` installs.

    Raises:
        CondaNotInstalled: As above.
    """
    try:
        missing = [name for name in ("rattler", "yaml") if importlib.util.find_spec(name) is None]
    except ValueError:  # a module that is switched off
        missing = ["rattler"]
    if missing:
        raise CondaNotInstalled(
            "the project has conda packages, and algo was installed without what those need"
        )


def failure_of(kind: str, text: str, what: str) -> AlgoError:
    """Return the error for one of the words of `worker` and `program`.

    Args:
        kind: The word.
        text: What the other program said.
        what: What it was about, as `environment.yml on linux-64`.
    """
    text, low = without_credentials(text), text.lower()
    if "no space left" in low or "os error 28" in low:
        return DiskFull("the disk is full: conda packages could not be unpacked", details=text)
    if kind == "unsatisfiable":
        return Unsatisfiable(f"{what.replace(' on ', ' cannot be met on ')}", details=text)
    if kind == "invalid":
        return RequirementInvalid(f"{what}: a requirement cannot be understood", details=text)
    if kind == "unreachable":
        return ChannelUnreachable("a conda channel could not be reached", details=text)
    if kind == "missing":
        return ChannelUnreachable("a conda channel does not have what it should", details=text)
    if kind == "refused":
        return ChannelRefused("a conda channel refused access", details=text)
    if kind == "unsafe":
        return UnsafePackage("a conda package leads out of its environment", details=text)
    if kind == "tampered":
        return HashMismatch("a conda package is not the one that was locked", details=text)
    return InstallFailed(f"conda packages could not be installed: {what}", details=text)
