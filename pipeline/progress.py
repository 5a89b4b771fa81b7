"""Progress of long work: a bar on a terminal, plain log lines elsewhere, and a small file for who watches.

A command that writes a log (`--log results/logs/x.log`) keeps `results/logs/x.progress` beside it while it
works: who it is, how far it is. It goes when the work is done; after an error it stays, and says which.
`pipeline.live` reads it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("nasflow")
INTERVAL = 10.0  # seconds between log lines
WRITTEN = 1.0  # seconds between writings of the progress file
SUFFIX = ".progress"
_file: ProgressFile | None = None


class ProgressFile:
    """What a command says of itself while it works; JSON, replaced whole at each writing.

    Keys: command, pid, host, started and updated (seconds since 1970), state ("running" or "failed"), error
    (of a failure), and parts: what is under way, the outermost first, each {done, total, began, first}; first
    is how much was done when the part began to be watched. Where the file cannot be written the work goes on
    without it.
    """

    def __init__(self, path: Path, command: str):
        self.path, self._lock, self._last = Path(path), threading.Lock(), 0.0
        self.content = {"command": command, "pid": os.getpid(), "host": socket.gethostname()}
        self.content |= {"started": time.time(), "state": "running", "parts": {}}
        self._write()

    def say(self, what: str, done: int, total: int | None) -> None:
        """Note how far a part is; written once a second at most, so it costs little in a fast loop."""
        if time.monotonic() - self._last < WRITTEN:
            return
        with self._lock:
            part = self.content["parts"].get(what)
            if part is None or done < part["done"]:
                part = self.content["parts"][what] = {"began": time.time(), "first": done}
            part |= {"done": done, "total": total}
            self._write()

    def finish(self, what: str) -> None:
        """A part is done: another one is what the work is at. Only what `say` has shown is written."""
        with self._lock:
            if self.content["parts"].pop(what, None) is not None:
                self._write()

    def fail(self, error: str) -> None:
        """Leave the file behind, with what went wrong."""
        with self._lock:
            self.content |= {"state": "failed", "error": error}
            self._write()

    def remove(self) -> None:
        """The work is done."""
        with suppress(OSError):
            self.path.unlink()

    def _write(self) -> None:
        self._last = time.monotonic()
        self.content["updated"] = time.time()
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self.content))
            os.replace(part, self.path)


@contextmanager
def reported(log_file: Path | None, command: str) -> Iterator[None]:
    """Keep a progress file beside a command's log while the block runs; after an error it stays.

    log_file: None for a command without one, which keeps none.
    """
    global _file
    if log_file is None:
        yield
        return
    _file = file = ProgressFile(log_file.with_suffix(SUFFIX), command)
    try:
        yield
    except BaseException as error:
        file.fail(" ".join(str(error).split()) or f"stopped ({type(error).__name__})")
        raise
    else:
        file.remove()
    finally:
        _file = None


def say(what: str, done: int, total: int | None = None) -> None:
    """Tell who watches how far the work is; nothing is logged."""
    if _file is not None:
        _file.say(what, done, total)


def finish(what: str) -> None:
    """Tell who watches that this part is done."""
    if _file is not None:
        _file.finish(what)


def track(items: Iterable, what: str, total: int | None = None) -> Iterator:
    """Yield `items`, saying how many are done and how long the rest takes."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if _file is None and sys.stderr.isatty():  # with a file others may draw on this terminal
        yield from _bar(items, what, total)
    else:
        yield from _lines(items, what, total)


def _bar(items, what, total):
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=what, total=total, console=Console(stderr=True), transient=True)


def _lines(items, what, total):
    start = said = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        say(what, done, total)
        if now - said >= INTERVAL:
            said = now
            left = f", {clock((now - start) / done * (total - done))} left" if total and done else ""
            log.info("%s: %d%s done%s", what, done, f"/{total}" if total else "", left)
        yield item
    finish(what)
    count = f" of {total}" if total else ""
    log.info("%s: all%s done in %s", what, count, clock(time.monotonic() - start))


def clock(seconds: float) -> str:
    """Return a duration as m:ss, or h:mm:ss."""
    minutes, rest = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
