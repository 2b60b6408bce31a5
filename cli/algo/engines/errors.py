"""What can go wrong between us and an engine."""

from __future__ import annotations

from algo.errors import UNREACHABLE, USAGE, AlgoError


class EngineUnavailable(AlgoError):
    """The engine does not answer."""

    code = "engine_unavailable"
    exit_code = UNREACHABLE
    hint = "start Docker, or pass --engine virtualenv"


class EngineLost(AlgoError):
    """The engine stopped answering while it ran something of ours."""

    code = "engine_lost"
    exit_code = UNREACHABLE
    hint = "start Docker again, then algo doctor --fix"


class UnknownEngine(AlgoError):
    """There is no engine of this name."""

    code = "unknown_engine"
    exit_code = USAGE
    hint = "pass --engine docker or --engine virtualenv"


class PortTaken(AlgoError):
    """Something else listens on the port."""

    code = "port_taken"


class AddressInvalid(AlgoError):
    """The host to listen on is not an address of this machine."""

    code = "address_invalid"
    exit_code = USAGE
    hint = "pass --host 127.0.0.1, or --host 0.0.0.0 for every interface"


class StartFailed(AlgoError):
    """The engine could not start the instance."""

    code = "start_failed"
    hint = "algo doctor"


class GpuUnavailable(AlgoError):
    """A GPU was asked for and cannot be given; it never becomes the CPU in silence."""

    code = "gpu_unavailable"
    exit_code = UNREACHABLE
    hint = "algo doctor"


class GpuInvalid(AlgoError):
    """`--gpu` got a value that names no GPUs."""

    code = "gpu_invalid"
    exit_code = USAGE


class CudaTooNew(GpuUnavailable):
    """The packages are built for a newer CUDA than the driver has."""

    code = "cuda_too_new"


class FolderUnreadable(AlgoError):
    """The container's user cannot read the project's folder."""

    code = "folder_unreadable"


class ImageBuildFailed(AlgoError):
    """The engine could not build an image; `details` holds its last lines."""

    code = "image_build_failed"
    hint = "algo doctor"


class ImageMissing(AlgoError):
    """The engine does not hold an image that was expected there."""

    code = "image_missing"
    hint = "algo build"


class BuildKitMissing(AlgoError):
    """A Dockerfile is to be built and Docker's client, or its BuildKit plugin, is not there."""

    code = "buildkit_missing"
    exit_code = UNREACHABLE
    hint = "install docker-buildx (apt-get install docker-buildx), then: algo build"
