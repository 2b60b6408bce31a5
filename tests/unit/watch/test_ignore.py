from __future__ import annotations

import pytest
from algo.watch.ignore import IgnoreRules


@pytest.mark.parametrize(
    "path",
    [
        "4913",
        "src/4913",
        "src/.digits.py.swp",
        "src/digits.py~",
        "src/digits.py___jb_tmp___",
        "src/digits.py___jb_old___",
        "src/.#digits.py",
        "src/#digits.py#",
        "src/__pycache__/digits.cpython-311.pyc",
        ".git/index",
        ".venv/lib/python3.11/site.py",
        "README.md",
        "cases/one.json",
    ],
)
def test_what_editors_and_tools_leave_is_ignored(path: str) -> None:
    assert IgnoreRules.of().ignores(path)


@pytest.mark.parametrize(
    "path", ["src/digits.py", "models/digits.pkl", "algo.toml", "src/tests/x.py", "data/README.md"]
)
def test_the_projects_own_files_are_not_ignored(path: str) -> None:
    assert not IgnoreRules.of().ignores(path)


@pytest.mark.parametrize(
    ("lines", "path", "ignored"),
    [
        ("*.csv", "data/deep/a.csv", True),
        ("/data", "data/a.csv", True),
        ("/data", "src/data/a.csv", False),
        ("data/", "src/data/a.csv", True),
        ("data/", "src/data", False),
        ("data/*.csv", "data/a.csv", True),
        ("data/*.csv", "data/b/a.csv", False),
        ("data/**/a.csv", "data/b/c/a.csv", True),
        ("data/**/a.csv", "data/a.csv", True),
        ("**/a.csv", "a.csv", True),
        ("data/**", "data/b/c", True),
        ("?.txt", "a.txt", True),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("*.csv\n!keep.csv", "keep.csv", False),
        ("!tests/", "tests/a.py", False),
        ("# a comment\n\n", "a comment", False),
        ("\\#odd", "#odd", True),
        ("!*.swp", "src/.a.swp", True),
    ],
)
def test_algoignore_follows_gitignore(lines: str, path: str, ignored: bool) -> None:
    assert IgnoreRules.of(lines).ignores(path) is ignored
