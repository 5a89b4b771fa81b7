"""How the state of a run is shown: a live line on a terminal, or plain lines."""

from __future__ import annotations

import atexit
import os
import re
import threading
import time
from typing import TextIO

from pipeline.live.events import RunState

HEARTBEAT = 60.0  # seconds after which plain lines say how far the run is although no job ended
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def view_on(stream: TextIO, state: RunState, nocolor: bool = False) -> Lines:
    """Return the view for a stream: a live line if it is a terminal that can draw one, plain lines if not."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return Line(state, stream, nocolor)
    return Lines(state, stream)


def plain(text: str) -> str:
    """Return a text without what would move a terminal's cursor."""
    return CONTROL.sub("", text)


class Lines:
    """Plain log lines: one for each job that ends, and one a minute in between."""

    def __init__(self, state: RunState, stream: TextIO):
        self.state, self.stream = state, stream
        self._stopped, self._started = threading.Event(), False
        self._said = time.monotonic()

    def start(self) -> None:
        """Say what there is to do; called again it does nothing."""
        if self._started:
            return
        self._started = True
        atexit.register(self.stop)
        self.write(f"{self.state.planned.total()} jobs to do")
        self._begin()

    def _begin(self) -> None:
        threading.Thread(target=self._heartbeat, daemon=True).start()

    def _heartbeat(self) -> None:
        while not self._stopped.wait(1.0):
            if time.monotonic() - self._said >= HEARTBEAT:
                self.write(" | ".join(self.state.words()))

    def ended(self, result: str) -> None:
        """A job ended well."""
        parts = self.state.words()[:-1]  # the last is the result
        self.write(" | ".join([result, *parts]))

    def write(self, text: str, error: bool = False) -> None:
        """Write lines; once the run has begun with the time of day."""
        self._said = time.monotonic()
        when = f"{time.strftime('%H:%M:%S')} " if self._started else ""
        for line in text.splitlines():
            self.stream.write(f"{when}{plain(line)}\n")
        self.stream.flush()

    def stop(self) -> None:
        """Say how it ended; called again it does nothing."""
        if self._started and not self._stopped.is_set():
            self._stopped.set()
            self._end()
            self.write(self.state.ending())

    def _end(self) -> None:
        """What else there is to stop."""


class Line(Lines):
    """One line at the bottom of the terminal, drawn anew twice a second."""

    def __init__(self, state: RunState, stream: TextIO, nocolor: bool):
        super().__init__(state, stream)
        from rich.console import Console

        self.console, self.live = Console(file=stream, highlight=False, no_color=nocolor), None

    def _begin(self) -> None:
        from rich.live import Live

        options = {"redirect_stdout": False, "redirect_stderr": False, "transient": True}
        self.live = Live(get_renderable=self._draw, console=self.console, refresh_per_second=2, **options)
        self.live.start()

    def _draw(self):
        from rich.text import Text

        line = Text(no_wrap=True, overflow="ellipsis")
        for number, part in enumerate(self.state.words()):
            line.append(" | " if number else "", style="dim")
            line.append(plain(part), style="bold" if number == 0 else "")
        return line

    def ended(self, result: str) -> None:
        """The line itself says it."""

    def write(self, text: str, error: bool = False) -> None:
        """Write above the line."""
        from rich.text import Text

        self.console.print(Text(plain(text), style="red" if error else ""))

    def _end(self) -> None:
        if self.live is not None:
            self.live.stop()
