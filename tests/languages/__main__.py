"""Write docs/languages.md: `python -m tests.languages`. Runs every case in every language.

The sizes are those of images that it builds, for which it needs an engine.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.languages.cases import CASES, LIMITS, Case
from tests.languages.language import ROOT, Language, languages
from tests.languages.served import served
from tests.languages.sizes import layers, table

if TYPE_CHECKING:
    from tests.runtimes.conftest import GatewayProcess

PAGE = ROOT / "docs" / "languages.md"
HEAD = """# Languages

Written by `python -m tests.languages`, which asks the same of the same program in every
language, through the gateway ([the suite](../tests/languages/README.md)). The rest of the suite
(prints, deadlines, workers that exit, garbage on the pipes) has no table: it passes in each, or
the tests fail. How an algorithm is written: [Go](go.md), [Rust](rust.md).
"""
INTEGERS = """
## Integers beyond 2^53

JSON has no limit to them. A number of JavaScript and R is a double, which holds those up to 2^53.
In JavaScript an integer that a number does not hold exactly is a `BigInt`: `typeof` tells, and it
takes no part in arithmetic with numbers (`TypeError: Cannot mix BigInt and other types`). A
`BigInt` in a result is written as the integer that it is. In TypeScript the type says which it
is: `bigint` takes every integer; `number` is rounded, as by `JSON.parse`; a `number` with
`@integer` is refused where it would be. R rounds. In the other languages an untyped input has
integers of 64 bits at least, and a type has its own range.
"""
IMAGES = """
## Images

The image of that program for linux/amd64, by its layers. No toolchain of a compiled language is in
it. Debian, the gateway and Python, which runs that, are in each, and stored and sent once. How fast
each is and how long it takes to start is in [performance](performance.md).
"""


def main() -> int:
    """Run the cases and write the page."""
    found = languages()
    lacking = [f"{language.name}: {language.lacking}" for language in found if language.lacking]
    if lacking:
        print(f"not installed: {', '.join(lacking)}", file=sys.stderr)
        return 1
    passed = {language.name: results(language) for language in found}
    lines = [HEAD, f"| | {' | '.join(passed)} |", f"|{'---|' * (len(passed) + 1)}"]
    for case in CASES:
        marks = (mark(name, case.name, passed[name][case.name]) for name in passed)
        lines.append(f"| {case.name} | {' | '.join(marks)} |")
    lines += [INTEGERS, IMAGES, *table({language.name: layers(language) for language in found})]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wrong = [
        (language, case)
        for language, found in passed.items()
        for case, right in found.items()
        if right == (case in LIMITS.get(language, {}))
    ]
    return 1 if wrong else 0


def mark(language: str, case: str, right: bool) -> str:
    """Return a cell of the table."""
    why = LIMITS.get(language, {}).get(case, "")
    return "yes" if right else f"no: {why}" if why else "**no**"


def results(language: Language) -> dict[str, bool]:
    """Return which cases pass."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "app"
        shutil.copytree(language.program, app)
        with served(language, app) as service:
            return {case.name: passes(language.name, case, service) for case in CASES}


def passes(language: str, case: Case, service: GatewayProcess) -> bool:
    """Tell whether a case passes."""
    try:
        case.check(service)
    except AssertionError as error:
        if case.name not in LIMITS.get(language, {}):
            print(f"{case.name}: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
