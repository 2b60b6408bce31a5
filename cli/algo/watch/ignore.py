"""Which files of a project are not worth a reload: `.algoignore` and what editors leave."""

from __future__ import annotations

import re

from algo.values import Value

FILE = ".algoignore"

DEFAULTS = """
.git/
.hg/
.svn/
.venv/
venv/
node_modules/
__pycache__/
*.py[co]
.mypy_cache/
.pytest_cache/
.ruff_cache/
.ipynb_checkpoints/
.idea/
.vscode/
.DS_Store
Thumbs.db
/.github/
/tests/
/cases/
/dist/
/README.md
/tokens.json
/.gitignore
"""

# Names that editors use between two states of a real file: vim (4913, .swp, ~), Emacs (.#x, #x#),
# JetBrains (___jb_tmp___), VS Code (.vsctmp), gedit and GLib (.goutputstream-), KDE (.kate-swp),
# Sublime (.tmp).
EDITORS = """
4913
*.sw[a-p]
.*.sw[a-p]
*~
.#*
\\#*#
*___jb_tmp___
*___jb_old___
*.vsctmp
.goutputstream-*
*.kate-swp
*.tmp
*.part
*.crdownload
.~lock.*
"""


class Rule(Value, frozen=True):
    """One line of an ignore file as a pattern over whole relative paths."""

    pattern: re.Pattern[str]
    folder_only: bool
    keep: bool


class IgnoreRules(Value, frozen=True):
    """Decides, by gitignore's rules, whether a path below the project is ignored."""

    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, text: str = "") -> IgnoreRules:
        """Return the defaults, then the lines of `text` (an `.algoignore`), which may undo them.

        Editors' temporary files stay ignored whatever `text` says.
        """
        return cls((*_parse(DEFAULTS), *_parse(text), *_parse(EDITORS)))

    def ignores(self, path: str, *, folder: bool = False) -> bool:
        """Tell whether `path` (relative, with `/`) is ignored, itself or through a parent."""
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            is_folder = folder or depth < len(parts)
            if self._matches("/".join(parts[:depth]), is_folder):
                return True
        return False

    def _matches(self, path: str, folder: bool) -> bool:
        for rule in reversed(self.rules):
            if (folder or not rule.folder_only) and rule.pattern.fullmatch(path):
                return not rule.keep
        return False


def _parse(text: str) -> list[Rule]:
    return [rule for line in text.splitlines() if (rule := _rule(line)) is not None]


def _rule(line: str) -> Rule | None:
    line = line.rstrip("\r\n")
    if not line.endswith("\\ "):
        line = line.rstrip(" ")
    if not line or line.startswith("#"):
        return None
    keep = line.startswith("!")
    line = line[1:] if keep else line
    folder_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    body = _translate(line.lstrip("/"))
    prefix = "" if anchored else "(?:.*/)?"
    return Rule(re.compile(prefix + body, re.DOTALL), folder_only, keep) if line else None


def _translate(glob: str) -> str:
    """Return the regular expression of one gitignore glob, without anchors."""
    out, i = "", 0
    while i < len(glob):
        char = glob[i]
        if glob.startswith("**/", i):
            out, i = out + "(?:.*/)?", i + 3
        elif glob.startswith("/**", i) and i + 3 == len(glob):
            out, i = out + "/.*", i + 3
        elif char == "*":
            out, i = out + "[^/]*", i + 1
        elif char == "?":
            out, i = out + "[^/]", i + 1
        elif char == "[" and (end := glob.find("]", i + 2)) > 0:
            inner = glob[i + 1 : end].replace("\\", "\\\\")
            out, i = out + f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]", end + 1
        elif char == "\\" and i + 1 < len(glob):
            out, i = out + re.escape(glob[i + 1]), i + 2
        else:
            out, i = out + re.escape(char), i + 1
    return out
