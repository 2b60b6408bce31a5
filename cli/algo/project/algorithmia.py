"""`algorithmia.conf`: a project of Algorithmia, read into what an `algo.toml` says."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

from algo.project.errors import EntrypointMissing, ManifestInvalid
from algo.project.manifest import Algorithm, Manifest, Serving, check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from algo.project.models import Remote

FILE = "algorithmia.conf"
# What its service gave a call by default, and took of a body.
_SERVING = Serving(timeout="300s", max_body="10MB")
# What a project ships of `data://` lies here; a large file of it is a model, a layer of its own.
DATA = "data"
_LARGE = 10_000_000
_MOST_WEIGHTS = 60
# The names of its languages, of all years: `python3-1`, `python-2.x-1`, `anaconda3x`, `node-5.x-1`.
_LANGUAGES = {
    "python": "python",
    "anaconda": "python",
    "javascript": "javascript",
    "java": "java",
    "scala": "scala",
    "node": "javascript",
    "ruby": "ruby",
    "rust": "rust",
    "r": "r",
}
# Where its templates put the code, by the language; `*` is the algorithm's name in any spelling.
_LAYOUTS = {
    "python": ("src/*.py", "src/Algorithm.py"),
    "javascript": ("src/*.js", "src/Algorithm.js"),
    "ruby": ("src/*.rb", "src/algorithm.rb"),
    "r": ("src/*.r", "src/*.R", "src/Algorithm.r", "src/Algorithm.R"),
    "rust": ("src/lib.rs", "src/main.rs"),
    "java": (
        "src/main/java/algorithmia/*/*.java",
        "src/main/java/com/algorithmia/algorithm/Algorithm.java",
    ),
    "scala": (
        "src/main/scala/algorithmia/*/*.scala",
        "src/main/scala/com/algorithmia/Algorithm.scala",
        "src/main/scala/com/algorithmia/*.scala",
    ),
}
_FUNCTIONS = {"r": "algorithm"}


def read(path: Path) -> Manifest:
    """Read the `algorithmia.conf` at `path`; what it does not say is found in its folder.

    Raises:
        ManifestInvalid: It is no JSON object, or names a language that nothing runs.
        EntrypointMissing: There is no file of the algorithm's name.
        BadName: No name can be made of its own.
    """
    said = _object(path)
    root = path.parent
    username, algoname = _text(said, "username"), _text(said, "algoname")
    language = _language(_named(said), root)
    entry = _entry(root, language, algoname)
    name = check_name(f"{component(username) or 'local'}/{component(algoname) or _of(entry)}")
    return Manifest(
        Algorithm(
            name=name,
            language=language,
            entrypoint=f"{entry}:{_FUNCTIONS.get(language, 'apply')}",
            version=_text(said, "version"),
            written_for="algorithmia",
        ),
        models=_weights(root),
        serving=_SERVING,
    )


def with_version(text: str, version: str) -> str:
    """Return the text of an `algorithmia.conf` with `version` in it, its other lines as they are.

    Raises:
        ValueError: It is no JSON.
    """
    said = json.loads(text.removeprefix("\ufeff"))
    value = json.dumps(version)
    if "version" in said:
        return re.sub(r'("version"\s*:\s*)"[^"]*"', lambda found: found[1] + value, text, count=1)
    if not said:
        return f'{{"version": {value}}}\n'
    indent = re.search(r"\n([ \t]+)\"", text)
    line = f',\n{indent[1]}"version": {value}\n' if indent else f', "version": {value}'
    return f"{text[: text.rindex('}')].rstrip()}{line}}}{text[text.rindex('}') + 1 :]}"


def language_of(path: Path) -> str:
    """Return what the `algorithmia.conf` at `path` calls its language, in lower case.

    Raises:
        ManifestInvalid: It is no JSON object.
    """
    return _named(_object(path)).lower()


def component(text: str) -> str:
    """Return what a repository can be called of a name of Algorithmia: `My_Algo-2` as it is."""
    kept = {".", "_", "-"}
    text = re.sub(r"[^a-z0-9]+", lambda run: run[0] if run[0] in kept else "-", text.lower())
    return text.strip("._-")[:100].strip("._-")


def _object(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ManifestInvalid(
            f"{FILE} is not UTF-8 at byte {error.start}", hint="save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{FILE} is not JSON: {error}", hint=f"correct {FILE}") from error
    if not isinstance(said, dict):
        raise ManifestInvalid(f"{FILE} holds no JSON object", hint=f"correct {FILE}")
    return said


def _text(said: dict[str, Any], key: str) -> str:
    """Return what a key says; one that is missing, or holds no text, says nothing."""
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def _named(said: dict[str, Any]) -> str:
    """Return the language, whose key its templates for Python misspelt."""
    return _text(said, "language") or _text(said, "langauge")


def _language(name: str, root: Path) -> str:
    """Return our name of a language, that of the files there are where none is named."""
    if not name:
        there = (one for one, globs in _LAYOUTS.items() if any(root.glob(globs[0])))
        return next(there, "python")
    family = re.match(r"[a-z]*", name.lower())
    if family and family[0] in _LANGUAGES:
        return _LANGUAGES[family[0]]
    near = difflib.get_close_matches(name.lower(), _LANGUAGES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(_LANGUAGES))}"
    raise ManifestInvalid(f"{FILE}: nothing runs the language {name!r}", hint=hint)


def _entry(root: Path, language: str, algoname: str) -> str:
    """Return the file of the algorithm, relative to `root`.

    Raises:
        EntrypointMissing: None is called like it; the nearest is named.
    """
    called = algoname or root.resolve().name
    found: list[Path] = []
    for pattern in _LAYOUTS[language]:
        files = sorted(file for file in root.glob(pattern) if file.is_file())
        found += files
        for file in files:
            if "*" not in pattern or _plain(file.stem) == _plain(called):
                return file.relative_to(root).as_posix()
    code = [file for file in found if not file.stem.lower().endswith(("_test", "test", "__init__"))]
    if len(code) == 1 and (not algoname or language in {"java", "scala"}):
        return code[0].relative_to(root).as_posix()
    wanted, *others = (pattern.replace("*", called) for pattern in _LAYOUTS[language])
    near = difflib.get_close_matches(called.lower(), [one.stem.lower() for one in code], n=1)
    nearest = next((one for one in code if near and one.stem.lower() == near[0]), None)
    nearest = nearest or (code[0] if len(code) == 1 else None)
    hint = f"create {wanted}, or correct algoname in {FILE}"
    if nearest is not None:
        shown = nearest.relative_to(root).as_posix()
        hint = f'did you mean {shown}? Then write "algoname": "{nearest.stem}" into {FILE}'
    elif moved := _elsewhere(root, (wanted, *others)):
        place, target = moved
        hint = f"did you mean {place}? Then: mkdir -p {target.rpartition('/')[0]}"
        hint += f" && mv {place} {target}"
    raise EntrypointMissing(f"{wanted}, the file of the algorithm, is not there", hint=hint)


def _elsewhere(root: Path, wanted: Sequence[str]) -> tuple[str, str] | None:
    """Return a file that no layout has and is called much like one `wanted`, and that one."""
    for target in wanted:
        stem, _, suffix = target.rpartition("/")[2].rpartition(".")
        places = (root.glob(f"*.{suffix}"), (root / "src").rglob(f"*.{suffix}"))
        files = (one for place in places for one in place if one.is_file())
        known = {one.stem.lower(): one.relative_to(root).as_posix() for one in sorted(files)}
        near = difflib.get_close_matches(stem.lower(), known, n=1)
        if near:
            return known[near[0]], target
    return None


def _weights(root: Path) -> dict[str, str | Remote]:
    """Return the large files of the data that comes with the project, by names of their own."""
    found: dict[str, str | Remote] = {}
    files = (one for one in (root / DATA).glob("*/**/*") if one.is_file() and not one.is_symlink())
    for path in sorted(one for one in files if one.stat().st_size >= _LARGE)[:_MOST_WEIGHTS]:
        name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "weights"
        name = name if name not in found else f"{name}-{len(found) + 1}"
        found[name] = path.relative_to(root).as_posix()
    return found


def _plain(name: str) -> str:
    """Return a name as its spellings have it in common: a module has no hyphen."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _of(entry: str) -> str:
    return component(entry.rsplit("/", 1)[-1].rsplit(".", 1)[0]) or "algorithm"
