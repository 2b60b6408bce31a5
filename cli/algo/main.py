"""The error boundary: the one place that turns an error into text and an exit code."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from typing import TYPE_CHECKING

from algo import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.errors import AlgoError
    from algo.output import Output


def main() -> None:
    """Run `algo` on the process's own arguments and exit with its code."""
    _open_what_is_closed()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # What is left to write never will be; the interpreter would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run `algo` with `arguments` and return its exit code (the list is in `algo.errors`)."""
    if list(arguments) == ["--version"]:
        try:
            sys.stdout.write(f"algo {__version__}\n")
            sys.stdout.flush()
        except OSError as error:
            sys.stderr.write(f"error[result_lost]: {error.strerror}\n")
            return 1
        return 0
    from algo.deps import Deps
    from algo.output import Output
    from algo.signals import terminable

    output = Output.for_process(json=_wants_json(arguments))
    try:
        with terminable():
            return _invoke(arguments, Deps.for_process(output))
    except BrokenPipeError:
        return 1  # the reader went away (`algo versions | head -1`): nothing is left to say
    finally:
        output.close()


def _open_what_is_closed() -> None:
    """Stand in for standard streams that the caller closed (`algo … <&- >&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _invoke(arguments: Sequence[str], deps: object) -> int:
    from algo.app import build, teach_completion
    from algo.deps import Deps
    from algo.errors import FAILED, INTERRUPTED, AlgoError

    assert isinstance(deps, Deps)
    output: Output = deps.output
    if "_ALGO_COMPLETE" in os.environ:
        teach_completion()
    try:
        code = build().main(list(arguments), prog_name="algo", standalone_mode=False, obj=deps)
    except AlgoError as error:
        return _failed(output, error)
    except KeyboardInterrupt:
        return _interrupted(output)
    except Exception as error:
        usage = _usage(error)
        if usage is not None:
            return _failed(output, usage)
        if type(error).__name__ == "Abort":
            return _interrupted(output)
        if os.environ.get("ALGO_DEBUG") or isinstance(error, BrokenPipeError):
            raise
        return _failed(output, _named(error))
    if code == INTERRUPTED:
        return _interrupted(output)
    return code if isinstance(code, int) else FAILED if code else 0


def _failed(output: Output, error: AlgoError) -> int:
    output.error(error)
    return error.exit_code


def _interrupted(output: Output) -> int:
    from algo.errors import INTERRUPTED, Interrupted

    output.error(Interrupted("interrupted: what was running is stopped"))
    return INTERRUPTED


def _named(error: Exception) -> AlgoError:
    """Return what nobody named: the system's word on a file, else a bug of ours."""
    from algo.errors import DiskFull, FileProblem, InternalError

    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        if error.filename is None:
            return DiskFull("the disk is full: what was to be written cannot be")
        where = shlex.quote(os.path.dirname(os.path.abspath(error.filename)))  # noqa: PTH100, PTH120
        return DiskFull(
            f"the disk is full: {error.filename} cannot be written",
            hint=f"make room there (df -h {where}), then try again",
        )
    if isinstance(error, OSError) and error.filename is not None:
        return FileProblem.of(error)
    return InternalError(f"a bug in algo: {type(error).__name__}: {error}")


def _usage(error: Exception) -> AlgoError | None:
    """Return the command line's own complaint as one of ours, or None."""
    from typer import TyperException

    from algo.errors import UsageError

    if not isinstance(error, TyperException):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "algo"
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    return UsageError(message[:1].lower() + message[1:], hint=f"{command} --help")


def _wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether `--json` stands before `--`: errors follow it even when parsing fails."""
    for argument in arguments:
        if argument == "--":
            return False
        if argument == "--json":
            return True
    return False
