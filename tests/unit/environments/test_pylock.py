from __future__ import annotations

import pytest
from algo.environments.errors import RequirementInvalid, RequirementsStale
from algo.environments.pylock import select
from algo.project.lock import Pin, Target

AMD64, ARM64 = Target("linux/amd64", "3.13"), Target("linux/arm64", "3.13")
MAC = Target("darwin/arm64", "3.12")


def wheel(name: str, tags: str, digest: str) -> str:
    place = f"https://example.com/{name}-1.0-{tags}.whl"
    return f'{{url = "{place}", hashes = {{sha256 = "{digest}"}}}}'


def package(name: str, *wheels: str, more: str = "", version: str = "1.0") -> str:
    listed = f"wheels = [{', '.join(wheels)}]\n" if wheels else ""
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}\n{listed}'


def document(*packages: str, more: str = "") -> str:
    return f'lock-version = "1.0"\ncreated-by = "test"\n{more}\n' + "".join(packages)


SDIST = 'sdist = {url = "https://example.com/x-1.0.tar.gz", hashes = {sha256 = "5d"}}'


def test_a_package_with_a_fitting_wheel_has_the_hashes_of_all_its_files() -> None:
    x86 = wheel("n", "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64", "aa")
    arm = wheel("n", "cp313-cp313-manylinux_2_28_aarch64", "bb")
    text = document(package("n", x86, arm, more=SDIST))

    pins, built = select(text, "pylock.toml", AMD64)

    assert pins == (Pin("n", "1.0", ("sha256:5d", "sha256:aa", "sha256:bb")),)
    assert built == frozenset()


@pytest.mark.parametrize(
    ("tags", "fits"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("cp313-cp313-manylinux_2_28_x86_64", True),
        ("cp39-abi3-manylinux1_x86_64", True),
        ("cp313-cp313-manylinux_2_34_x86_64", False),
        ("cp313-cp313-musllinux_1_2_x86_64", False),
        ("cp313-cp313t-manylinux_2_28_x86_64", False),
        ("cp312-cp312-manylinux_2_28_x86_64", False),
        ("cp313-cp313-macosx_11_0_arm64", False),
        ("cp313-cp313-win_amd64", False),
    ],
)
def test_a_wheel_fits_by_its_tags(tags: str, fits: bool) -> None:
    text = document(package("n", wheel("n", tags, "aa"), more=SDIST))
    _, built = select(text, "pylock.toml", AMD64)

    assert built == (frozenset() if fits else {"n"})


def test_a_package_that_must_be_built_has_the_hash_of_its_source_alone() -> None:
    text = document(package("n", wheel("n", "cp313-cp313-win_amd64", "aa"), more=SDIST))

    assert select(text, "pylock.toml", AMD64)[0] == (Pin("n", "1.0", ("sha256:5d",)),)


def test_markers_choose_per_target() -> None:
    any_wheel = wheel("n", "py3-none-any", "aa")
    text = document(
        package("n", any_wheel, more="marker = \"platform_machine == 'x86_64'\"", version="1"),
        package("n", any_wheel, more="marker = \"platform_machine == 'aarch64'\"", version="2"),
        package("n", any_wheel, more="marker = \"sys_platform == 'darwin'\"", version="3"),
        package("old", any_wheel, more="marker = \"python_full_version < '3.13'\""),
        package("group", any_wheel, more="marker = \"'dev' in dependency_groups\""),
        package("extra", any_wheel, more="marker = \"'gpu' in extras\""),
    )
    chosen = {
        str(target): [(pin.name, pin.version) for pin in select(text, "l", target)[0]]
        for target in (AMD64, ARM64, MAC)
    }

    assert chosen == {
        "linux/amd64 python3.13 runtime": [("n", "1")],
        "linux/arm64 python3.13 runtime": [("n", "2")],
        "darwin/arm64 python3.12 runtime": [("n", "3"), ("old", "1.0")],
    }


def test_a_lock_of_another_python_or_platform_is_told() -> None:
    with pytest.raises(RequirementsStale, match=r"for Python <3\.13") as caught:
        select(document(more='requires-python = "<3.13"'), "pylock.toml", AMD64)
    assert caught.value.hint.startswith('set python = "<3.13" under [environment] of algo.toml')
    # What `uv pip compile` writes: from the release on that it ran on.
    assert select(document(more='requires-python = ">=3.13.7"\npackages = []'), "p", AMD64)[0] == ()
    with pytest.raises(RequirementInvalid, match="requires-python 'new' is not a version"):
        select(document(more='requires-python = "new"'), "pylock.toml", AMD64)
    linux = document(more="environments = [\"platform_machine == 'x86_64'\"]\npackages = []")
    assert select(linux, "pylock.toml", AMD64)[0] == ()
    with pytest.raises(RequirementsStale, match="not for linux/arm64") as caught:
        select(linux, "pylock.toml", ARM64)
    assert "uv pip compile --universal" in caught.value.hint


def test_a_machine_that_no_image_is_made_for_has_its_wheels_too() -> None:
    there = wheel("n", "cp313-cp313-manylinux_2_17_ppc64le.manylinux2014_ppc64le", "aa")
    text = document(package("n", there, more="marker = \"platform_machine == 'ppc64le'\""))

    pins, built = select(text, "pylock.toml", Target("linux/ppc64le", "3.13"))
    assert ([pin.name for pin in pins], built) == (["n"], frozenset())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lock-version =", "cannot be read"),
        ('lock-version = "2.0"\npackages = []', "lock-version 2"),
        (document(package("n", more='vcs = {type = "git"}')), "n is no release of an index"),
        (document(package("n", more='directory = {path = "."}')), "n is no release of an index"),
        (
            document(package("n", '{url = "https://e/n-1.0-py3-none-any.whl"}')),
            "no file with a SHA",
        ),
        (document(package("n", more='marker = "what"')), "is no marker"),
    ],
)
def test_what_cannot_be_locked_is_named(text: str, message: str) -> None:
    with pytest.raises(RequirementInvalid, match=message):
        select(text, "pylock.toml", AMD64)


@pytest.mark.parametrize("text", ["lock-version =", 'lock-version = "2.0"'])
def test_what_cannot_be_read_is_made_anew_by_its_tool(text: str) -> None:
    with pytest.raises(RequirementInvalid) as caught:
        select(text, "pylock.toml", AMD64)
    assert "uv pip compile --universal --format pylock.toml -o pylock.toml" in caught.value.hint
