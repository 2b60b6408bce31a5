"""Fuzz for as long as there is time: `python -m tests.fuzz [NAME …] [--seconds 60] [--seed N]`.

With atheris in the environment (`pip install atheris`) the inputs follow the coverage, else they
are mutated blindly. The seed is printed: the same one gives the same inputs.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.mutation import mutated


def main() -> int:
    """Fuzz each target in a process of its own; return how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    guided = importlib.util.find_spec("atheris") is not None
    if options.here:
        (name,) = options.names
        return (_guided if guided else _blind)(name, options.seconds, options.seed)
    from tests.fuzz.targets import TARGETS

    failed = 0
    for name in options.names or TARGETS:
        print(f"{name}: {options.seconds:g} s, seed {options.seed}", flush=True)
        words = [sys.executable, "-m", "tests.fuzz", name, "--here"]
        words += ["--seconds", str(options.seconds), "--seed", str(options.seed)]
        failed += subprocess.run(words, check=False).returncode != 0
    print(f"{failed} failed" if failed else "none failed")
    return min(failed, 1)


def _blind(name: str, seconds: float, seed: int) -> int:
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    end = time.monotonic() + seconds
    for number, data in enumerate(mutated(target.seeds, target.words, seed)):
        try:
            target.check(data)
        except Exception as error:
            print(f"{name} fails on {data!r}", flush=True)
            raise error
        if time.monotonic() > end:
            print(f"{name}: {number} inputs", flush=True)
            break
    return 0


def _guided(name: str, seconds: float, seed: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["algo_gateway", "algo_runner"]):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        for data in target.seeds:
            target.check(data)  # what is imported late is instrumented, too
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(target.seeds):
            (Path(folder) / str(number)).write_bytes(data)
        words = Path(folder).with_suffix(".words")
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        flags = [f"-max_total_time={seconds:.0f}", f"-seed={seed % (1 << 31)}", f"-dict={words}"]
        flags += ["-max_len=4096", "-verbosity=0", "-print_final_stats=1", folder]
        atheris.Setup(["fuzz", *flags], target.check)
        atheris.Fuzz()
    return 0


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
