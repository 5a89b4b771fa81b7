"""Progress of work that several threads do together."""

from __future__ import annotations

import threading

from pipeline.progress import finish, say


class Counted:
    """Work that several threads do together: each says what it has done, who watches sees the sum."""

    def __init__(self, what: str, total: int):
        self.what, self.total, self.done, self._lock = what, total, 0, threading.Lock()

    def add(self, n: int = 1) -> None:
        """Say that `n` more are done."""
        with self._lock:
            self.done += n
            say(self.what, self.done, self.total)

    def __enter__(self) -> Counted:
        say(self.what, 0, self.total)
        return self

    def __exit__(self, *error) -> None:
        finish(self.what)
