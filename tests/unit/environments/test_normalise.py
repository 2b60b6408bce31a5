from __future__ import annotations

from typing import TYPE_CHECKING

from algo.environments.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, python: str, origin: str) -> Path:
    info = root / "tool-1.dist-info"
    info.mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin" / "tool").write_text(f"#!{python}\nimport tool\n")
    (root / "bin" / "tool").chmod(0o755)
    (root / "tool.py").write_text("x = 1\n")
    (root / ".lock").touch()
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "tool.pyc").write_bytes(b"")
    (info / "direct_url.json").write_text(origin)
    (info / "INSTALLER").write_text("uv")
    (info / "RECORD").write_text(
        f"bin/tool,sha256=aa,{len(python)}\ntool.py,sha256=bb,6\n"
        "tool-1.dist-info/direct_url.json,,\ntool-1.dist-info/INSTALLER,,\n"
        "tool-1.dist-info/RECORD,,\n"
    )
    return root


def content(root: Path) -> dict[str, bytes]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_trees_of_two_machines_become_the_same(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", "/opt/a/python3.13", "one")
    two = tree(tmp_path / "2", "/home/b/bin/python", "two")
    normalise(one)
    normalise(two)

    assert content(one) == content(two)
    assert sorted(content(one)) == ["bin/tool", "tool-1.dist-info/RECORD", "tool.py"]


def test_a_record_tells_the_truth_about_the_new_header(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", "/opt/a/python3.13", "one")
    normalise(one)
    script = (one / "bin" / "tool").read_bytes()
    record = (one / "tool-1.dist-info" / "RECORD").read_text()

    assert script == b"#!/usr/bin/env python3\nimport tool\n"
    assert f",{len(script)}\n" in record
    assert "sha256=aa" not in record
    assert "INSTALLER" not in record


def test_a_file_that_is_linked_elsewhere_is_replaced_and_not_changed(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", "/opt/a/python3.13", "one")
    cached = tmp_path / "cached"
    cached.hardlink_to(one / "bin" / "tool")
    normalise(one)

    assert cached.read_text().startswith("#!/opt/a/python3.13")
    assert (one / "bin" / "tool").stat().st_mode & 0o111


def test_a_shell_trampoline_becomes_a_plain_header(tmp_path: Path) -> None:
    one = tree(tmp_path / "1", "/opt/a/python3.13", "one")
    (one / "bin" / "tool").write_text(
        "#!/bin/sh\n'''exec' \"/a path/python\" \"$0\" \"$@\"\n' '''\nimport tool\n"
    )
    normalise(one)

    assert (one / "bin" / "tool").read_text() == "#!/usr/bin/env python3\nimport tool\n"
