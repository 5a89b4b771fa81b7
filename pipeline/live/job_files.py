"""What a job left beside its log: how far it is, its result, its error."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.progress import SUFFIX, clock

LONGEST = 160  # characters of a result that are shown
TAIL = 8192  # bytes of a log that are looked at
LINE = re.compile(r"^\d\d:\d\d:\d\d ([A-Z]+) (.*)$")


@dataclass(frozen=True)
class Progress:
    """What a command says in its progress file (`pipeline.progress.ProgressFile`).

    what, done, total: the outermost part under way, None where it says nothing. seconds_left: of that part,
    by its rate so far; None if unknown. silent: seconds since the file or the log was written. gone: the
    process was on this machine and is no longer there, so it was killed. error: of a failed one.
    """

    command: str
    state: str
    started: float
    silent: float
    gone: bool = False
    what: str | None = None
    done: int | None = None
    total: int | None = None
    seconds_left: float | None = None
    error: str | None = None

    def words(self) -> str:
        """Return "120/200 epochs, 0:40 left", or how long it has been at work."""
        if self.what is None:
            return clock(time.time() - self.started)
        of = f"/{self.total}" if self.total else ""
        left = f", {clock(self.seconds_left)} left" if self.seconds_left is not None else ""
        return f"{self.done}{of} {self.what}{left}"


def read_progress(log: Path | str) -> Progress | None:
    """Return what the job with this log says of itself; None if it says nothing (not begun, or done)."""
    path, now = Path(log).with_suffix(SUFFIX), time.time()
    try:
        content = json.loads(path.read_text())
        silent = now - max(_time(path), _time(log))
        outermost = next(iter(content["parts"].items()), None)
        found = Progress(
            content["command"],
            content["state"],
            content["started"],
            max(silent, 0.0),
            gone=content["host"] == socket.gethostname() and not _alive(content["pid"]),
            error=content.get("error"),
        )
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not ours
        return None
    if outermost is None:
        return found
    what, part = outermost
    made, spent = part["done"] - part["first"], content["updated"] - part["began"]
    left = None
    if part["total"] and made > 0 and spent > 0:
        left = max(spent / made * (part["total"] - part["done"]) - (now - content["updated"]), 0.0)
    more = {"what": what, "done": part["done"], "total": part["total"], "seconds_left": left}
    return Progress(**{**vars(found), **more})


def result_of(log: Path | str) -> str | None:
    """Return the last thing that a job's log says, its beginning if it is long; None if there is nothing."""
    said = [lines[0] for level, lines in _entries(log) if level in ("INFO", "WARNING")]
    if not said:
        return None
    return said[-1] if len(said[-1]) <= LONGEST else f"{said[-1][: LONGEST - 1]}…"


def error_of(log: Path | str) -> str | None:
    """Return the last error in a job's log; None if it ended without a word."""
    said = whole_error(log)
    return said[0] if said else None


def whole_error(log: Path | str) -> list[str]:
    """Return the last error in a job's log with the lines that belong to it (a bug's trace), or none."""
    said = [lines for level, lines in _entries(log) if level in ("ERROR", "CRITICAL")]
    return said[-1] if said else []


def _entries(log: Path | str) -> list[tuple[str, list[str]]]:
    """Return (level, lines) of what the end of a log says; the first line without time and level."""
    try:
        with open(log, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(handle.tell() - TAIL, 0))
            text = handle.read().decode(errors="replace")
    except OSError:
        return []
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            found.append((match[1], [match[2]]))
        elif found:
            found[-1][1].append(line)
    return found


def _time(path: Path | str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
