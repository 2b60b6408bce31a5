"""What is told of a failed build, from logs as engines write them."""

from __future__ import annotations

from algo.engines.build_log import buildkit_failure, classic_failure, plain

CLASSIC = """Step 1/2 : FROM debian:trixie-slim
 ---> d1db65f89a4b
Step 2/2 : RUN apt-get update  && apt-get install -y {packages}
 ---> Running in f97b1f7f5aae
Get:1 http://deb.debian.org/debian trixie InRelease [140 kB]

E: Unable to locate package ffmpgg
Removing intermediate container f97b1f7f5aae
The command '/bin/sh -c apt-get update && …' returned a non-zero code: 100"""
BUILDKIT = """#0 building with "default" instance using docker driver
#7 [2/2] RUN make
#7 0.213 cc: not found
#7 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 127
------
 > [2/2] RUN make:
0.213 cc: not found
------
Dockerfile.algo:2
--------------------
   2 | >>> RUN make
--------------------
ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 127"""
PARSE = """#0 building with "default" instance using docker driver
ERROR: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend \
dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown \
instruction: RUNN"""


def test_the_classic_builder_is_told_by_its_step_and_what_that_wrote() -> None:
    failure = classic_failure(CLASSIC.splitlines())
    step = "step 2/2 (RUN apt-get update && apt-get install -y {packages}) ended with code 100"
    assert failure.sentence == step
    assert failure.lines == (
        "Get:1 http://deb.debian.org/debian trixie InRelease [140 kB]",
        "E: Unable to locate package ffmpgg",
    )


def test_a_long_step_is_told_by_its_beginning() -> None:
    failure = classic_failure(CLASSIC.format(packages="x" * 500).splitlines())
    assert len(failure.sentence) < 140
    assert "…) ended with code 100" in failure.sentence


def test_what_is_no_step_is_told_in_the_builders_words() -> None:
    lines = ["Step 1/1 : FROM nothing", "pull access denied for nothing"]
    failure = classic_failure(lines)
    assert (failure.sentence, failure.lines) == ("pull access denied for nothing", ())
    assert classic_failure([]).sentence == "it said nothing"


def test_buildkit_is_told_by_its_step_and_what_that_wrote() -> None:
    failure = buildkit_failure(BUILDKIT.splitlines())
    assert failure.sentence == "step [2/2] RUN make ended with code 127"
    assert failure.details == "cc: not found"


def test_a_dockerfile_that_buildkit_cannot_read_is_told_by_the_cause_alone() -> None:
    failure = buildkit_failure(PARSE.splitlines())
    assert failure.sentence == "dockerfile parse error: unknown instruction: RUNN"
    assert failure.lines == ()


def test_orders_to_a_terminal_are_left_out() -> None:
    assert plain("\x1b[91mE: no\x1b[0m") == "E: no"
    assert plain("\x1b]0;title\x07text\x1b[2K  ") == "text"
    assert plain("10%\r100%\r\n") == "100%"
