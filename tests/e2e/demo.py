"""The main job in a minute: scaffold, serve, edit live, publish, verify, run by digest.

Every line it shows is the real output of a real command; `--svg` exports what was shown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tests.e2e.load import Load
from tests.e2e.served import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "acme/digits"
EDIT_FROM = '"digit": '
LOAD_PER_SECOND = 200
WIDTH = 104
# A long table is shown by its beginning.
MOST_LINES = 12
DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})")


class DemoFailed(Exception):
    """A step of the demo did not do what it should."""


@dataclass(slots=True)
class Demo:
    """One run of the demo in a folder of its own."""

    folder: Path
    algo: str
    engine: str
    registry: str
    cosign: str
    console: Console = field(
        default_factory=lambda: Console(record=True, width=WIDTH, highlight=False)
    )

    @property
    def project(self) -> Path:
        """The scaffolded project."""
        return self.folder / "digits"

    def say(self, text: str) -> None:
        """Show a remark between commands."""
        self._line(Text(f"# {text}", style="dim"))

    def run(self, *arguments: str, cwd: Path | None = None, shown: Sequence[str] = ()) -> str:
        """Run `algo` with `arguments`, show what it said, and return its stdout.

        Raises:
            DemoFailed: The exit code is not 0.
        """
        self._prompt("algo", shown or arguments)
        command = [self.algo, *arguments]
        done = subprocess.run(
            command, cwd=cwd or self.project, text=True, capture_output=True, check=False
        )
        self._show(done.stderr)
        self._show(done.stdout)
        if done.returncode:
            raise DemoFailed(f"algo {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout

    def _prompt(self, program: str, arguments: Sequence[str]) -> None:
        line = " ".join([program, *(_quoted(argument) for argument in arguments)])
        self.console.print()
        self._line(Text.assemble(("$ ", "green"), (line, "bold")))

    def _show(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()]
        for line in lines[:MOST_LINES]:
            self._line(Text(line))
        if len(lines) > MOST_LINES:
            self._line(Text(f"… {len(lines) - MOST_LINES} lines more", style="dim"))

    def _line(self, text: Text) -> None:
        self.console.print(text, no_wrap=True, overflow="ellipsis", crop=True)

    def scaffold(self) -> None:
        """Init and train on the real scans."""
        template = ("--template", "python/sklearn")
        self.run("init", NAME, *template, cwd=self.folder)
        self.run("exec", "--", "python", "train.py")

    def serve_and_edit(self) -> None:
        """Serve, call, and edit the code under load."""
        self._prompt("algo", ("serve", "--engine", self.engine))
        sample = json.dumps(json.loads(self._sample().read_text())[0]["input"])
        with Served.start([self.algo, "serve", "--engine", self.engine], self.project) as served:
            self._show(f"ready at {served.url} after {served.ready_seconds:.1f} s")
            with Load(served.url, sample.encode(), per_second=LOAD_PER_SECOND) as load:
                time.sleep(0.5)
                milliseconds = self._edit(served, load)
                time.sleep(0.5)
            self.say(
                f"edited src/digits.py under {LOAD_PER_SECOND} requests a second: "
                f"new answer after {milliseconds:.0f} ms,"
            )
            self.say(f"{load.total} requests sent, {load.failed} failed")
            if load.failed:
                raise DemoFailed(f"{load.failed} requests failed: {load.failures[:3]}")
        self._show(f"stopped after {served.stop_seconds:.1f} s")

    def _edit(self, served: Served, load: Load) -> float:
        source = self.project / "src" / "digits.py"
        text = source.read_text()
        if EDIT_FROM not in text:
            raise DemoFailed("the scaffold's code is not what the demo edits")
        began = time.perf_counter()
        source.write_text(text.replace(EDIT_FROM, '"edited": True, ' + EDIT_FROM, 1))
        load.wait_for(b'"edited"', timeout=10)
        milliseconds = (time.perf_counter() - began) * 1000
        for line in served.wait_for_reloads(1):
            self._show(line)
        source.write_text(text)
        served.wait_for_reloads(2)
        return milliseconds

    def _sample(self) -> Path:
        for path in sorted((self.project / "cases").glob("*.json")):
            document = json.loads(path.read_text())
            if isinstance(document, list) and "input" in document[0]:
                return path
        raise DemoFailed("the scaffold has no list of cases")

    def ship(self) -> None:
        """Test, publish, verify and run again from the registry by digest."""
        engine = ("--engine", self.engine)
        self.run("test", *engine)
        self.run("publish", "--yes", *(engine if self.engine == "virtualenv" else ()))
        self.run("verify", f"{NAME}:1.0.0")
        if self.registry:
            self._ship_to_registry()

    def _ship_to_registry(self) -> None:
        target = f"{self.registry}/{NAME}"
        published = self.run("publish", "--to", target, "--version", "1.0.0", "--yes")
        found = DIGEST.search(published)
        if not found:
            raise DemoFailed("publish named no digest")
        reference = f"{target}@{found[1]}"
        key = self.folder / "algo.pub"
        key.write_text(self.run("keys", "export"))
        if self.cosign:
            self._cosign(key, reference)
        image = json.dumps(json.loads(self._sample().read_text())[0]["input"])
        engine = ("--engine", self.engine)
        self.run("run", reference, "-d", image, *engine, shown=("run", reference, "-d", "IMAGE"))

    def _cosign(self, key: Path, reference: str) -> None:
        arguments = ("verify", "--insecure-ignore-tlog", "--key", str(key), reference)
        self._prompt("cosign", (*arguments[:3], "algo.pub", reference))
        done = subprocess.run(
            [self.cosign, *arguments], text=True, capture_output=True, check=False
        )
        self._show(done.stderr)
        if done.returncode:
            raise DemoFailed(f"cosign refused: {done.stderr}")


def _quoted(argument: str) -> str:
    return f"'{argument}'" if " " in argument or "{" in argument else argument


def engine_answers() -> bool:
    """Tell whether a Docker Engine answers."""
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False
    )
    return asked.returncode == 0


def set_up_cosign() -> str:
    """Return the cosign that the set-up fetched, empty when it could not be had."""
    from tests.machine.say import MachineError
    from tests.machine.tools import tool

    try:
        return str(tool("cosign3"))
    except MachineError:
        return ""


def main() -> int:
    """Run the demo; the exit code is 0 when every step did what it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algo", default=str(Path(sys.executable).with_name("algo")))
    parser.add_argument("--engine", choices=("docker", "virtualenv"))
    parser.add_argument("--registry", default=os.environ.get("ALGO_MACHINE_REGISTRY", ""))
    parser.add_argument("--cosign", default="", help="default: the one that was set up")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    engine = options.engine or ("docker" if engine_answers() else "virtualenv")
    cosign = options.cosign or (set_up_cosign() if options.registry else "")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="algo-demo-") as folder:
        os.environ.setdefault("ALGO_HOME", str(Path(folder) / "home"))
        os.environ["NO_COLOR"] = "1"
        demo = Demo(Path(folder), options.algo, engine, options.registry, cosign)
        if engine == "virtualenv":
            demo.say("no Docker Engine answers: the virtualenv engine and the embedded store")
        try:
            demo.scaffold()
            demo.serve_and_edit()
            demo.ship()
        except (DemoFailed, AssertionError, TimeoutError) as failure:
            demo.console.print(Text(f"demo failed: {failure}", style="red"))
            return 1
        demo.say(f"done in {time.perf_counter() - began:.0f} s")
        if options.svg:
            options.svg.write_text(demo.console.export_svg(title="algo"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
