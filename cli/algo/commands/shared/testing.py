"""From a project to its test report: what `test` and `publish` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algo.contract.interface import Check
    from algo.contract.record import Contract
    from algo.contract.report import TestReport
    from algo.deps import Deps
    from algo.project.project import Project


def test_project(
    deps: Deps,
    project: Project,
    engine: str = "",
    only: str = "",
    previous: Contract | None = None,
    *,
    gpu: str = "",
    own: bool = True,
    check: Check | None = None,
) -> TestReport:
    """Start `project`, run its cases on it and its own tests beside it, stop it.

    Args:
        deps: Builds what does the work.
        project: What to test.
        engine: `docker`, `virtualenv`, or empty to choose as `serve` does.
        only: Run what has all these words in its name; empty runs all.
        previous: The contract of the last version, to report how this one differs.
        gpu: The GPUs that it gets; empty for what `algo.toml` says.
        own: Whether its own tests are run beside the cases.
        check: Refuses how the contract differs, before its own tests are run.

    Raises:
        CaseInvalid: A case cannot be read; nothing was started.
        SuiteFailed: pytest could not run.
        AlgoError: The project cannot be prepared or does not start.
    """
    from algo.commands.shared.gpus import gpus, require_cuda, require_gpu
    from algo.commands.shared.neighbours import surroundings
    from algo.commands.shared.preparing import prepare
    from algo.commands.shared.toolbox import toolbox
    from algo.contract.cases import read_cases
    from algo.contract.http import HttpAlgorithm
    from algo.contract.run import run_tests
    from algo.events import one_at_a_time
    from algo.serving.start import StartOptions, running

    read_cases(project.root)
    notify = one_at_a_time(deps.output.event)
    runs_on = deps.engine(engine)
    gpu = gpus(project, gpu)
    require_gpu(deps, runs_on, project, gpu)
    servable = prepare(deps, project, image=runs_on.wants_image)
    require_cuda(deps, runs_on, project, gpu)
    suite = None
    if own:
        suite = toolbox(deps, project).suite(project, image=runs_on.wants_image, notify=notify)
    timeout = project.manifest.serving.timeout_seconds
    with (
        surroundings(deps, project, engine) as around,
        running(runs_on, servable, StartOptions(gpu=gpu, around=around), notify) as instance,
        HttpAlgorithm(instance.url, timeout) as algorithm,
    ):
        return run_tests(
            project,
            algorithm,
            suite,
            notify=notify,
            only=only,
            previous=previous,
            own=own,
            check=check,
        )
