"""Whether this process has opened a GPU, and how much of its memory is taken and free."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Device files of a GPU; the last one is WSL's.
DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/dxg")
# What a CUDA context takes besides the tensors: kernels of the libraries, mostly.
CONTEXT_BYTES = 600 << 20


class GpuUnavailable(RuntimeError):
    """A GPU was asked for and the algorithm's framework finds none."""

    __module__ = "builtins"  # a stack trace names it without the place of our file


def require() -> None:
    """Refuse to go on on the CPU, where PyTorch, else onnxruntime, was imported and finds no GPU.

    Raises:
        GpuUnavailable: It finds none.
    """
    torch = sys.modules.get("torch")
    cuda = sys.modules.get("torch.cuda")
    onnx = sys.modules.get("onnxruntime")
    if torch is not None and cuda is not None:
        if cuda.is_available():
            return
        built = getattr(getattr(torch, "version", None), "cuda", None)
        why = f"it is built for CUDA {built}" if built else "it is built for the CPU alone"
        raise GpuUnavailable(f"a GPU was asked for and PyTorch finds none ({why}): algo doctor")
    if onnx is not None and "CUDAExecutionProvider" not in onnx.get_available_providers():
        raise GpuUnavailable(
            "a GPU was asked for and this onnxruntime has the CPU alone: "
            "name onnxruntime-gpu in requirements.in"
        )


def in_use(process: Path = Path("/proc/self")) -> bool:
    """Tell whether this process holds a GPU's driver open: no fork of it could use one."""
    torch = sys.modules.get("torch.cuda")
    if torch is not None and torch.is_initialized():
        return True
    try:
        names = os.listdir(process / "fd")  # noqa: PTH208 (also runs before each fork)
    except OSError:
        return False
    return any(_target(process / "fd" / name).startswith(DEVICES) for name in names)


def memory() -> dict[str, int]:
    """Return `gpu_used` by this process and `gpu_free`, in bytes; nothing where nobody can tell.

    PyTorch tells it of its current device.
    """
    torch = sys.modules.get("torch.cuda")
    if torch is None or not torch.is_initialized():
        return {}
    try:
        free, _ = torch.mem_get_info()
    except RuntimeError:
        return {}  # a kernel failed: the next call tells
    return {"gpu_used": torch.memory_reserved() + CONTEXT_BYTES, "gpu_free": free}


def _target(link: Path) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115
    except OSError:
        return ""
