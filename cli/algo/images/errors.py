"""What can go wrong while an image is assembled."""

from __future__ import annotations

from algo.errors import UNREACHABLE, USAGE, AlgoError


class RuntimeUnavailable(AlgoError):
    """The runtime image is neither cached nor can it be built: there is no engine."""

    code = "runtime_unavailable"
    exit_code = UNREACHABLE
    hint = "start Docker once, so that the runtime image can be built; then no engine is needed"


class SystemPackageUnknown(AlgoError):
    """The distribution has no package of a name in `system-packages`."""

    code = "system_package_unknown"
    exit_code = USAGE


class DebianUnreachable(AlgoError):
    """The build cannot reach the distribution's packages; `details` holds what apt said."""

    code = "debian_unreachable"
    exit_code = UNREACHABLE
    hint = "algo doctor shows the proxy; set HTTP_PROXY and HTTPS_PROXY where there is one"


class LinkOutside(AlgoError):
    """A link in the project leads out of it, and an image cannot follow it."""

    code = "link_outside"
    hint = "put the file itself there, or name the link in .algoignore"


class NamesCollide(AlgoError):
    """Two files of the project have names that other file systems take for one."""

    code = "names_collide"
    hint = "rename one of them, or name it in .algoignore"


class UnreadableFile(AlgoError):
    """A file of the project cannot be read, or is a socket, pipe or device."""

    code = "unreadable_file"
    hint = "correct its permissions, or name it in .algoignore"


class LoadRefused(AlgoError):
    """The engine did not take the image."""

    code = "load_refused"
    hint = "algo doctor"


class BadPlatform(AlgoError):
    """The platform is not one that images are made for."""

    code = "bad_platform"
    exit_code = USAGE
    hint = "pass --platform linux/amd64 or --platform linux/arm64"


class NotReproducible(AlgoError):
    """Two builds of the same inputs gave different images."""

    code = "not_reproducible"
    hint = (
        "make what is named the same each time, or name it in .algoignore; then: algo build --check"
    )


class CheckFailed(AlgoError):
    """One of the builds that were to be compared did not end well."""

    code = "check_failed"
    hint = "algo build"


class CannotRebase(AlgoError):
    """The image's layers do not fit the runtime image, or are not here: it must be built."""

    code = "cannot_rebase"
    hint = "algo build"


class DockerfileInvalid(AlgoError):
    """The project's Dockerfile cannot be put before ours."""

    code = "dockerfile_invalid"
    exit_code = USAGE
    hint = "correct the Dockerfile that algo.toml names, then: algo build"


class BaseMoved(AlgoError):
    """The engine has another image under the name of the base than was locked."""

    code = "base_moved"
    hint = "algo lock --upgrade"


class BaseUnfit(AlgoError):
    """The base has another version of Python than the runtime image must have."""

    code = "base_unfit"
    hint = "take a base on Debian trixie, such as debian:trixie-slim, then: algo build"
