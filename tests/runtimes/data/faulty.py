"""An algorithm that goes wrong in every way that a call can ask for: the fault suite serves it.

It is copied into a project; nothing here is imported by a test.
"""

import ctypes
import os
import signal
import stat
import sys
import threading
import time


def apply(value):
    """Do what `fault` says, then answer with `n`."""
    fault = value.pop("fault", "")
    return (FAULTS[fault]() if fault else None) or value


def _pipes():
    for number in range(3, 256):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            continue


def _write(data):
    for number in _pipes():
        try:
            os.write(number, data)
        except OSError:
            continue  # the other direction


def _segfault():
    ctypes.string_at(0)


def _overflow():
    def again():
        callback()

    sys.setrecursionlimit(10**8)
    callback = ctypes.CFUNCTYPE(None)(again)
    callback()


def _print(megabytes):
    for _ in range(16 * megabytes):
        print("x" * 65535)  # noqa: T201


def _print_no_end():
    sys.stdout.write("x" * 20_000_000)


def _fork():
    if not os.fork():
        time.sleep(0.5)
        os._exit(7)


def _fork_and_return():
    os.fork()


def _thread():
    def noisy():
        for _ in range(200):
            print("noise", flush=True)  # noqa: T201
            time.sleep(0.001)
        raise ValueError("nobody catches this")

    threading.Thread(target=noisy, daemon=True).start()


def _hang_with_the_lock():
    # A function of C that holds the interpreter's lock.
    ctypes.PyDLL(None).sleep(60)


def _spin():
    while True:
        pass


def _bomb():
    kept = []
    while True:
        kept.append(bytearray(1 << 24))


class _Odd(BaseException):
    def __str__(self):
        raise RuntimeError("not even this works")


def _odd():
    raise _Odd


def _huge_message():
    raise ValueError("é" * 30_000_000)


def _deep():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    repr(deep)


FAULTS = {
    "exit": lambda: os._exit(3),
    "exit in C": lambda: ctypes.CDLL(None)._exit(4),
    "abort": os.abort,
    "segfault": _segfault,
    "overflow": _overflow,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "close": lambda: os.closerange(3, 256),
    "garbage": lambda: _write(b"garbage" * 100),
    "long frame": lambda: _write(b"\xff" * 12),
    "no json": lambda: _write(b"\x04\0\0\0" + bytes(8) + b"nope"),
    "no utf-8": lambda: _write(b"\x0c\0\0\0" + bytes(8) + b'{"type":"\xff"}'),
    "half a frame": lambda: _write(
        b"\x10\0\0\0" + (10_000_000).to_bytes(8, "little") + b'{"type":"chunk"}'
    ),
    "print": lambda: _print(20),
    "print 100 MB": lambda: _print(100),
    "print without end": _print_no_end,
    "fork": _fork,
    "fork and return": _fork_and_return,
    "thread": _thread,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "spin": _spin,
    "hang with the lock": _hang_with_the_lock,
    "bomb": _bomb,
    "sys.exit": lambda: sys.exit(5),
    "interrupt": lambda: signal.raise_signal(signal.SIGINT),
    "odd": _odd,
    "huge message": _huge_message,
    "deep": _deep,
    "close stdout": lambda: sys.stdout.close(),
    "stdin": lambda: sys.stdin.read(),
    "large result": lambda: "x" * 30_000_000,
}
