"""Headless Chromium, driven through its debugging pipe: opens a page, asks it, takes its picture."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """A browser with one page; to be used in a `with` statement.

    said: what pages wrote to the console, uncaught errors among it. asked: addresses that pages requested,
    but for what lies in them (data:, blob:).
    """

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False):
        self.width, self.height, self.dark = width, height, dark
        self.said: list[str] = []
        self.asked: list[str] = []

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # the browser reads file descriptor 3 and writes 4
        command = f'exec chromium "$@" 3<&{to_browser} 4>&{from_browser}'
        flags = [*FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", *flags],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._number, self._session = b"", 0, None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.look(self.width, self.dark)
        return self

    def __exit__(self, *error):
        self.call("Browser.close")
        self._process.wait(30)
        os.close(self._out)
        os.close(self._in)
        self._folder.cleanup()

    def look(self, width: int, dark: bool = False) -> None:
        """Make the window so many pixels wide, a phone's below 600; dark: what the user prefers."""
        self.width, self.dark = width, dark
        size = {"width": width, "height": self.height, "deviceScaleFactor": 1}
        self.call("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, page: Path, seconds: float = 300, figures: bool = True) -> None:
        """Open a file, and wait until it has drawn its figures, if it has any. Raises TimeoutError.

        figures: whether to wait for these. What was said and asked before is forgotten.
        """
        self.said.clear()
        self.asked.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.wait('document.readyState === "complete"', seconds)
        if figures:
            self.wait(
                '!document.querySelector(".plot") || "drawn" in document.documentElement.dataset', seconds
            )

    def wait(self, condition: str, seconds: float = 300) -> None:
        """Wait until an expression is true. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not self.ask(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"after {seconds} s it is not true that {condition}; console: {self.said}")
            time.sleep(0.05)

    def ask(self, expression: str):
        """Return the value of a JavaScript expression, of a promise what it resolves to."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", expression))
        return found["result"].get("value")

    def picture(self, file: Path, whole: bool = False) -> None:
        """Write what the window shows as PNG; whole: all of the page, however long."""
        part = {"captureBeyondViewport": True, **self._clip()} if whole else {}
        made = self.call("Page.captureScreenshot", format="png", **part)
        Path(file).write_bytes(base64.b64decode(made["data"]))

    def _clip(self) -> dict:
        height = self.ask("document.documentElement.scrollHeight")
        return {"clip": {"x": 0, "y": 0, "width": self.width, "height": height, "scale": 1}}

    def print(self, file: Path) -> None:
        """Write the page as PDF."""
        made = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        Path(file).write_bytes(base64.b64decode(made["data"]))

    def call(self, method: str, **params) -> dict:
        """Return what the browser answers to a command of its debugging protocol. Raises RuntimeError."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _message(self) -> dict:
        while b"\0" not in self._rest:
            part = os.read(self._in, 1 << 20)
            if not part:
                raise RuntimeError("chromium ended")
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled":
                self.said.append(" ".join(str(each.get("value")) for each in params["args"]))
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.said.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded":
                self.said.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                if not params["request"]["url"].startswith(("data:", "blob:")):
                    self.asked.append(params["request"]["url"])
        return message
