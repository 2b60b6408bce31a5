"""What can go wrong while packages are resolved and installed."""

from __future__ import annotations

from algo.errors import NOT_ALLOWED, REFUSED, UNREACHABLE, USAGE, AlgoError


class Unsatisfiable(AlgoError):
    """No set of versions meets the requirements; `details` holds the resolver's reasons."""

    code = "requirements_unsatisfiable"
    hint = "loosen the requirement named, then: algo lock"


class RequirementInvalid(AlgoError):
    """A line of a requirements file cannot be parsed, or cannot be pinned by a hash."""

    code = "requirement_invalid"
    exit_code = USAGE
    hint = "correct the requirement named, then: algo lock"


class RequirementsStale(AlgoError):
    """The lock of another tool does not fit what it was made from."""

    code = "requirements_stale"
    exit_code = REFUSED
    hint = "uv lock"


class UnknownPackage(AlgoError):
    """A package was named that the lock does not have."""

    code = "unknown_package"
    exit_code = USAGE
    hint = "algo lock --upgrade"


class IndexUnreachable(AlgoError):
    """The package index does not answer."""

    code = "index_unreachable"
    exit_code = UNREACHABLE
    hint = "check the network, HTTPS_PROXY and SSL_CERT_FILE, then try again"


class IndexRefused(AlgoError):
    """The package index asks for credentials or refuses those it got."""

    code = "index_refused"
    exit_code = NOT_ALLOWED
    hint = "give uv credentials for the index (UV_INDEX, netrc or keyring)"


class HashMismatch(AlgoError):
    """A package that was fetched is not the one that was locked."""

    code = "hash_mismatch"
    exit_code = NOT_ALLOWED
    hint = (
        "do not install it; find out who replaced the file, then: algo lock --upgrade "
        "(or make uv.lock or pylock.toml anew, where one of these has the hash)"
    )


class InstallFailed(AlgoError):
    """A locked package could not be installed."""

    code = "install_failed"
    hint = "algo lock"


class WheelMissing(AlgoError):
    """A package comes as source alone, and was built by nobody for this platform."""

    code = "wheel_missing"
    hint = "start Docker, then: algo lock"


class WheelDiffers(AlgoError):
    """A package that was built again is not the one that was locked."""

    code = "wheel_differs"
    exit_code = NOT_ALLOWED
    hint = "algo lock --upgrade"


class WheelBuildFailed(AlgoError):
    """A package that comes as source could not be built; `details` holds the build's own words."""

    code = "wheel_build_failed"
    hint = (
        "require a version that has a wheel, or name the Debian packages that it needs in "
        "system-packages of algo.toml, then: algo lock"
    )


class PythonUnsupported(AlgoError):
    """A Python that the algorithm runs on is none that the project asks for."""

    code = "python_unsupported"
    exit_code = REFUSED
    hint = 'change python under [environment] of algo.toml, for example to ">=3.11"'


class PythonNotFound(AlgoError):
    """No Python on this machine fits `python` of `algo.toml`."""

    code = "python_not_found"
    hint = "install a Python that fits and put it on PATH; --engine docker needs none"


class CommandNotFound(AlgoError):
    """`algo exec` was given a program that is not there."""

    code = "command_not_found"
    hint = "add the package to requirements-test.in or requirements.in, then: algo lock"
