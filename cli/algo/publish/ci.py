"""What a continuous integration system says of the run that publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

# Named one by one: an environment holds secrets, and what is published stays published.
_GITHUB = (
    "GITHUB_ACTOR_ID",
    "GITHUB_EVENT_NAME",
    "GITHUB_REF",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_WORKFLOW_SHA",
    "RUNNER_ENVIRONMENT",
)
_GITLAB = (
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_PROTECTED",
    "CI_COMMIT_SHA",
    "CI_COMMIT_TAG",
    "CI_JOB_ID",
    "CI_PIPELINE_ID",
    "CI_PIPELINE_SOURCE",
    "CI_PROJECT_ID",
    "CI_PROJECT_PATH",
    "CI_RUNNER_ID",
)
LOCAL = "local"


class Run(Value, frozen=True):
    """The run of a continuous integration system, or somebody's own machine.

    Args:
        system: `github-actions`, `gitlab-ci` or `local`.
        invocation: The address of the run, empty when it has none.
        commit: The commit that the run is for.
        ref: Its branch or tag, as git names it in full.
        repository: The address of its repository.
        variables: What the system says of the run, without secrets.
    """

    system: str = LOCAL
    invocation: str = ""
    commit: str = ""
    ref: str = ""
    repository: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def run_of(env: Mapping[str, str]) -> Run:
    """Return which run of which system `env` is of."""
    if env.get("GITHUB_ACTIONS") == "true":
        return _github(env)
    if env.get("GITLAB_CI") == "true":
        return _gitlab(env)
    return Run()


def _github(env: Mapping[str, str]) -> Run:
    server = env.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    repository = f"{server}/{env.get('GITHUB_REPOSITORY', '')}"
    run, attempt = env.get("GITHUB_RUN_ID", ""), env.get("GITHUB_RUN_ATTEMPT", "1")
    return Run(
        system="github-actions",
        invocation=f"{repository}/actions/runs/{run}/attempts/{attempt}" if run else "",
        commit=env.get("GITHUB_SHA", ""),
        ref=env.get("GITHUB_REF", ""),
        repository=repository,
        variables=_named(_GITHUB, env),
    )


def _gitlab(env: Mapping[str, str]) -> Run:
    tag, branch = env.get("CI_COMMIT_TAG", ""), env.get("CI_COMMIT_BRANCH", "")
    ref = f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else ""
    return Run(
        system="gitlab-ci",
        invocation=env.get("CI_JOB_URL", ""),
        commit=env.get("CI_COMMIT_SHA", ""),
        ref=ref,
        repository=env.get("CI_PROJECT_URL", ""),
        variables=_named(_GITLAB, env),
    )


def _named(names: tuple[str, ...], env: Mapping[str, str]) -> dict[str, str]:
    return {name: env[name] for name in names if env.get(name)}
