"""What `algo doctor` looks at, from the adapters of this machine."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines import health
from algo.events import counted
from algo.output import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo.deps import Deps
    from algo.engines.health import Finding, Leftovers, Report
    from algo.project.project import Project
    from algo.trust.pins import Pins


def checks(deps: Deps, *, fix: bool) -> Sequence[Callable[[], Finding]]:
    """Return the checks of this machine, in the order in which they are shown.

    With `fix` the store is mended by its check.
    """
    import algo

    installed = Path(algo.__file__).stat().st_mtime
    return (
        lambda: health.check_engine(deps.docker()),
        lambda: health.check_engine(deps.virtualenv()),
        lambda: health.attempt("gpu", lambda: check_gpu(deps)),
        lambda: health.attempt("cuda", lambda: check_cuda(deps)),
        lambda: health.attempt("store", lambda: check_store(deps, fix=fix)),
        lambda: health.attempt("registry", lambda: check_registry(deps)),
        lambda: health.attempt("models", lambda: check_models(deps)),
        lambda: health.attempt("keys", lambda: check_keys(deps)),
        lambda: health.attempt("languages", lambda: check_languages(deps)),
        lambda: check_room(deps),
        lambda: check_jobs(deps),
        lambda: health.check_clock(time.time(), installed),
        lambda: health.check_proxy(deps.env),
        lambda: health.check_watches(),
    )


def places(deps: Deps) -> Sequence[Leftovers]:
    """Return where killed commands leave something."""
    from algo.environments.virtualenv import unfinished
    from algo.images.cache import leftovers
    from algo.resources import abandoned

    temporary = Path(deps.env.get("TMPDIR") or tempfile.gettempdir())
    return (
        deps.virtualenv(),
        deps.docker(),
        deps.build_leftovers(),
        health.FileLeftovers("environment", "never finished", lambda: unfinished(deps.folders)),
        health.FileLeftovers("file", "a part of an image", lambda: leftovers(deps.folders)),
        health.FileLeftovers(
            "file", "temporary, of a command that was killed", lambda: abandoned(temporary)
        ),
    )


def check_room(deps: Deps) -> Finding:
    """Say how much room there is, and what algo takes, as `algo cache info` counts it."""
    from algo.commands.shared.caching import kinds
    from algo.storage.room import in_words, take_stock

    taken = take_stock(kinds(deps, engine=False))
    return health.check_disk(deps.folders.cache, in_words(taken.bytes))


def check_jobs(deps: Deps) -> Finding:
    """Say which volumes of the engine keep jobs: they outlive their containers."""
    names = deps.job_volumes()
    if not names:
        return health.Finding("jobs", "none", "no volume of the engine keeps jobs")
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return health.Finding(
        "jobs",
        "ok",
        f"{len(names)} in volumes of the engine: {shown}",
        f"docker volume rm {names[0]}",
    )


def check_gpu(deps: Deps) -> Finding:
    """Say what stands between an algorithm and the GPU, in the engine that answers."""
    engine = deps.docker()
    return health.check_gpu(deps.gpu_facts(), engine.gpu_support() if engine.answers() else None)


def check_cuda(deps: Deps) -> Finding:
    """Say whether the driver can run the CUDA that the project's packages are built for."""
    from algo.commands.shared.gpus import packages

    project = _project(deps)
    images = deps.docker().answers()
    locked = packages(deps, project, image=images) if project else []
    return health.check_cuda(locked, deps.gpu_facts())


def check_store(deps: Deps, *, fix: bool) -> Finding:
    """Say whether the embedded store can be read; make damaged lists anew when `fix`."""
    from algo.registry.mending import damaged, mend

    store, pins = deps.store(), deps.pins()
    broken = damaged(store)
    if not broken:
        names = counted(len(store.names()), "name")
        return health.Finding("store", "ok", f"{names} in {deps.folders.store}")
    if not fix:
        what = f"the list of versions is damaged: {', '.join(broken)}"
        return health.Finding("store", "failed", what, "algo doctor --fix")
    mended = [mend(store, name, pins.versions(name)) for name in broken]
    told = [
        f"mended {one.repository}: {', '.join(one.versions) or 'no version'} found"
        + (f", {', '.join(one.lost)} lost" if one.lost else "")
        for one in mended
    ]
    again = [_again(pins, one.repository, one.lost[0]) for one in mended if one.lost]
    return health.Finding("store", "warning" if again else "ok", "; ".join(told), *again[:1])


def _again(pins: Pins, name: str, version: str) -> str:
    """Return what brings back a version that the store has lost."""
    digests = pins.versions(name).get(version, frozenset())
    places = [place for one in digests if (place := pins.elsewhere(name, version, one))]
    if places:
        return f"algo pull {places[0]}:{version}"
    return f"algo import version FILE, or algo publish --version {version} in its project"


def check_registry(deps: Deps) -> Finding:
    """Say whether the project's registry answers and lets us in."""
    project = _project(deps)
    url = project.manifest.registry.url if project else ""
    if not project or not url:
        return health.Finding("registry", "none", "versions go into the embedded store")
    tags = deps.registry(url.partition("/")[0]).tags(project.name)
    return health.Finding("registry", "ok", f"{url} answers, {len(tags)} tags")


def _project(deps: Deps) -> Project | None:
    from algo.project.project import Project, root_above

    root = root_above(deps.cwd)
    return Project.open(root) if root else None


def check_models(deps: Deps) -> Finding:
    """Say which models the project fetches, and whether they are here."""
    from algo.models.ensure import standing_of
    from algo.project.lock import read

    project = _project(deps)
    found = standing_of(project, read(project.lock_path), deps.models()) if project else []
    if not found:
        return health.Finding("models", "none", "no model is fetched")
    told = []
    for model in found:
        state = "here" if model.here else "not fetched yet" if model.locked else "not locked"
        unsafe = ", runs code when it is loaded" if model.unsafe else ""
        told.append(f"{model.name}: {state}{unsafe}")
    missing = not all(model.here for model in found)
    status, fix = ("warning", "algo lock") if missing else ("ok", "")
    return health.Finding("models", status, "; ".join(told), fix)


def check_languages(deps: Deps) -> Finding:
    """Say what runs outside a container, and which programs are missing for the others."""
    from algo.languages.host import unusable

    runtimes, project, known = deps.runtimes(), _project(deps), deps.programs()
    ready: list[str] = []
    missing: dict[str, str] = {}
    for language in runtimes.known:
        programs = ", ".join(unusable(runtimes.spec(language), known))
        if programs:
            missing[language] = programs
        else:
            ready.append(language)
    told = [f"{' '.join(ready)} run outside containers"]
    told += [f"{language} lacks {programs}" for language, programs in missing.items()]
    wanted = project.manifest.algorithm.language if project else ""
    if wanted in missing and not deps.docker().answers():
        fix = f"install {missing[wanted]}, or start Docker"
        return health.Finding("languages", "warning", "; ".join(told), fix)
    return health.Finding("languages", "ok", "; ".join(told))


def check_keys(deps: Deps) -> Finding:
    """Say which keys sign and are trusted."""
    known = deps.keyring().known()
    if not known:
        return health.Finding("keys", "none", "the first publish makes one", "algo keys create")
    names = ", ".join(f"{key.name or key.id[:12]} ({key.kind})" for key in known)
    return health.Finding("keys", "ok", names)


def table(report: Report) -> Table:
    """Return the report for people: findings, then what was left."""
    rows = [
        (finding.name, finding.status, finding.detail, finding.fix) for finding in report.findings
    ]
    for item in report.leftovers:
        removed = item in report.removed
        rows.append(
            (
                item.kind,
                "ok" if removed else "warning",
                f"{'removed: ' if removed else 'left behind: '}{item.detail} ({_short(item.name)})",
                "" if removed else "algo doctor --fix",
            )
        )
    return Table(("what", "status", "detail", "fix"), rows)


def _short(name: str) -> str:
    return name if "/" in name else name[:12]
