"""Headless Chromium, driven over the WebDriver protocol (W3C) by plain HTTP."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.machine.say import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 30.0
ATTEMPTS = 5
WAIT_SECONDS = 15.0
# A page that a test opens asks for nothing else in the world.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"),
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Control": "\ue009", "Tab": "\ue004", "Space": " ", "Down": "\ue015"}


class Browser:
    """One tab; every method raises `MachineError` with the driver's own words."""

    def __init__(self, driver: str, session: str) -> None:
        self._http = httpx.Client(base_url=driver, timeout=60, trust_env=False)
        self._session = session

    def open(self, url: str) -> None:
        """Go to `url` and wait until it has loaded."""
        self._do("POST", "/url", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript and return what it returns; a promise is waited for."""
        return self._do("POST", "/execute/sync", script=script, args=list(arguments))

    def until(self, script: str, *arguments: object) -> Any:
        """Run JavaScript until it returns something true, and return that."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := self.run(f"return {script}", *arguments)):
            if time.monotonic() > deadline:
                shown = self.run("return document.body.innerText")
                raise MachineError(f"{script} stayed {found!r}; the page shows:\n{shown}")
            time.sleep(0.05)
        return found

    def text(self, selector: str) -> str:
        """Return the text that an element shows."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        """Click on an element, as a person does: it must be there to be hit."""
        self._do("POST", f"/element/{self._find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Put `text` into an element in place of what is there."""
        found = self._find(selector)
        self._do("POST", f"/element/{found}/clear")
        self._do("POST", f"/element/{found}/value", text=text)

    def attach(self, selector: str, file: Path) -> None:
        """Choose `file` in a file input."""
        self._do("POST", f"/element/{self._find(selector)}/value", text=str(file))

    def press(self, *names: str) -> None:
        """Press keys together, where the focus is (`KEYS`)."""
        keys = [KEYS.get(name, name) for name in names]
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._do("POST", "/actions", actions=[source])

    def draw(self, selector: str, *points: tuple[float, float]) -> None:
        """Draw a line on an element, through points from 0 to 1 of its width and height."""
        box = self.run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]",
            selector,
        )
        places = [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in points]
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 30} for x, y in places
        ]
        down = {"type": "pointerDown", "button": 0}
        actions = [moves[0], down, *moves[1:], {"type": "pointerUp", "button": 0}]
        source = {"type": "pointer", "id": "mouse", "actions": actions}
        self._do("POST", "/actions", actions=[source])

    def size(self, width: int, height: int) -> None:
        """Let the page see a screen of this size, in CSS pixels: narrower than any window."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Let the page see what a user prefers: `color_scheme="dark"`."""
        listed = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.devtools("Emulation.setEmulatedMedia", features=listed)

    def devtools(self, command: str, **parameters: object) -> Any:
        """Send a command of Chromium's own protocol."""
        return self._do("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page, as PNG."""
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """Return what the page's console complained about since the last time."""
        entries = self._do("POST", "/se/log", type="browser")
        return [f"{entry['level']} {entry['message']}" for entry in entries]

    def _find(self, selector: str) -> str:
        found = self._do("POST", "/element", using="css selector", value=selector)
        return str(found[ELEMENT])

    def _do(self, method: str, path: str, **body: object) -> Any:
        answer = self._http.request(method, f"/session/{self._session}{path}", json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise MachineError(f"{path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def close(self) -> None:
        """Close the tab and the browser."""
        self._http.request("DELETE", f"/session/{self._session}")
        self._http.close()


def installed() -> bool:
    """Tell whether Chromium and its driver are here."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser with a new, empty profile.

    Raises:
        MachineError: Chromium is not installed, or does not start.
    """
    driver = shutil.which("chromedriver")
    if driver is None:
        raise MachineError("chromedriver is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process, url = _start(driver)
        try:
            opened = Browser(url, _session(url, Path(profile)))
            try:
                yield opened
            finally:
                opened.close()
        finally:
            _end(process)


def _start(driver: str) -> tuple[subprocess.Popen[str], str]:
    """Return chromedriver and its address.

    It wants the same port in both families of addresses, and ends when another has one of them.
    """
    for _ in range(ATTEMPTS):
        process = subprocess.Popen(
            [driver, "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return process, f"http://127.0.0.1:{found[1]}"
        _end(process)
    raise MachineError("chromedriver does not start")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()


def _session(url: str, profile: Path) -> str:
    binary = shutil.which("chromium")
    options = {"binary": binary, "args": [*FLAGS, f"--user-data-dir={profile}"]}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options}
    wanted |= {"goog:loggingPrefs": {"browser": "ALL"}}
    body = {"capabilities": {"alwaysMatch": wanted}}
    answer = httpx.post(f"{url}/session", json=body, timeout=START_SECONDS, trust_env=False)
    value = answer.json()["value"]
    if answer.is_error:
        raise MachineError(f"Chromium does not start: {value['message'].splitlines()[0]}")
    return str(value["sessionId"])
