"""Progress of long work: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized

log = logging.getLogger("nasflow")
INTERVAL = 10.0  # seconds between log lines


def track(items: Iterable, what: str, total: int | None = None) -> Iterator:
    """Yield `items`, saying how many are done and how long the rest takes."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
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
        if now - said >= INTERVAL:
            said = now
            left = f", {_clock((now - start) / done * (total - done))} left" if total and done else ""
            log.info("%s: %d%s done%s", what, done, f"/{total}" if total else "", left)
        yield item
    count = f" of {total}" if total else ""
    log.info("%s: all%s done in %s", what, count, _clock(time.monotonic() - start))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
